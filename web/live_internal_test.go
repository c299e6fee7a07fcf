package web

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

// TestTheServerIsHeard has a page hear that the server is there while nothing
// changes, again and again.
func TestTheServerIsHeard(t *testing.T) {
	b := enginetest.NewSQLite(t)
	b.NewWorkspace("acme")
	me := signedInAs(t, b, "admin@acme.example.com")
	d := &door{engine: b.Engine, stop: make(chan struct{}), beat: time.Millisecond}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.SetPathValue("workspace", "acme")
		if err := d.events(w, r); err != nil {
			t.Error(err)
		}
	}))
	defer s.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, http.NoBody)
	b.Must(err)
	r.AddCookie(me.cookie)
	answer, err := s.Client().Do(r)
	b.Must(err)
	defer answer.Body.Close() //nolint:errcheck // it was only read
	beats := 0
	for lines := bufio.NewScanner(answer.Body); beats < 3 && lines.Scan(); {
		if lines.Text() == "event: beat" {
			beats++
		}
	}
	if beats < 3 {
		t.Errorf("only %d beats were heard", beats)
	}
}

// TestWhatAPageShowsIsFollowed has more newer jobs of another kind than a page
// shows: the exports are followed all the same, and a contact knows its deletion.
func TestWhatAPageShowsIsFollowed(t *testing.T) {
	b := enginetest.NewSQLite(t)
	w := b.NewWorkspace("acme")
	_, _, err := b.CreateJob(t.Context(), enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport})
	b.Must(err)
	for i := range 60 {
		id := fmt.Sprint("c-", i)
		_, err := b.PutRecord(t.Context(), enginetest.Operator, w.ID, "contacts", id, fmt.Appendf(nil, `{"id":%q}`, id))
		b.Must(err)
		_, _, err = b.CreateJob(t.Context(), enginetest.Operator, engine.NewJob{
			Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: &privacyd.Subject{Kind: "contact", ID: id},
		})
		b.Must(err)
	}
	me := signedInAs(t, b, "admin@acme.example.com")
	d := &door{engine: b.Engine}
	look := func() string {
		r := httptest.NewRequest(http.MethodGet, "/w/acme/jobs/events?kind=exports", http.NoBody)
		r.SetPathValue("workspace", "acme")
		r.AddCookie(me.cookie)
		text, err := d.look(r.WithContext(t.Context()))
		b.Must(err)
		return text
	}
	before := look()
	b.Run()
	if after := look(); after == before {
		t.Errorf("the end of the export is not seen: %q", after)
	}
	for _, id := range []string{"c-0", "c-59"} {
		if page := me.do(t, http.MethodGet, "/w/acme/contact?id="+id, nil); page.Code != http.StatusOK {
			t.Errorf("status %d", page.Code)
		}
		admin := b.Member(privacyd.RoleAdmin, w)
		job, err := b.PendingDeletion(t.Context(), admin, w.ID, privacyd.Subject{Kind: "contact", ID: id})
		if b.Must(err); job == nil || job.Subject.ID != id {
			t.Errorf("the deletion of %s is not found: %v", id, job)
		}
	}
}
