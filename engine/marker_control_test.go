package engine_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// TestMarkersAreFoundWherever puts one text into each kind of place and looks
// for it: where nothing were found, the tests of erasures would prove nothing.
func TestMarkersAreFoundWherever(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		k := newMarked(t, b)
		ctx, text := t.Context(), k.m.Of("in every place")
		put(t, b, k.w,
			[2]string{"contacts/c", `{"id":"c","name":"` + text + `"}`},
			[2]string{"contacts/d", `{"id":"d","email":"d.own@example.net"}`})
		_, err := b.Attach(ctx, k.admin, k.w.ID, engine.Attachment{ID: "file", RecordType: "contact", RecordID: "d", Filename: "a"}, strings.NewReader(text))
		b.Must(err)
		_, err = b.PlaceHold(ctx, k.admin, engine.NewHold{
			Workspace: k.w.ID, Target: privacyd.HoldTarget{Type: privacyd.HoldSubject, Subject: aContact("d")}, Reason: text,
		})
		b.Must(err)
		w, err := b.CreateWorkspace(ctx, enginetest.Operator, engine.NewWorkspace{Slug: "named", Name: text})
		b.Must(err)
		_, err = b.AddMember(ctx, enginetest.Operator, w.ID, k.admin.Email, privacyd.RoleAdmin)
		b.Must(err)
		b.Export(b.Member(privacyd.RoleAdmin, k.w), engine.NewJob{Workspace: k.w.ID, Type: privacyd.JobDataExport})
		b.Export(k.admin, engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport}) // tells of it by mail
		_, _, err = b.CreateToken(ctx, k.admin, k.w.ID, text, []privacyd.Action{privacyd.ActionReadRecords})
		b.Must(err)
		b.Log.InfoContext(ctx, "said", "who", text)
		b.Must(os.WriteFile(filepath.Join(b.Folder, "ledger", "left"), []byte(text), 0o600))
		want := []string{
			enginetest.InArchive, enginetest.InAudit, enginetest.InBlob, enginetest.InFile, enginetest.InLog, enginetest.InMail,
			enginetest.InPage, enginetest.InSealed, enginetest.InTable,
		}
		if b.DB.Dialect == sqldb.Postgres {
			want = slices.DeleteFunc(want, func(kind string) bool { return kind == enginetest.InPage })
		}
		if got := kinds(k.traces.Find([]string{text})); !slices.Equal(got, want) {
			t.Errorf("found in places of the kinds %q, want %q", got, want)
		}
	})
}

// TestMarkersWithoutSecureDelete erases a person from an SQLite file that does
// not overwrite: she must be found in its pages and nowhere else.
func TestMarkersWithoutSecureDelete(t *testing.T) {
	db := sqldbtest.SQLite(t)
	if _, err := db.Exec(t.Context(), "PRAGMA secure_delete = off"); err != nil {
		t.Fatal(err)
	}
	b := enginetest.New(t, db)
	k := newMarked(t, b)
	job := confirmed(t, b, engine.NewJob{Workspace: k.w.ID, Type: privacyd.JobSubjectDeletion, Subject: k.her()})
	if job.State != privacyd.JobCompleted {
		t.Fatalf("the job is %s: %s", job.State, job.ErrorMessage)
	}
	if got := kinds(k.traces.Find(k.m.Texts("her"))); !slices.Equal(got, []string{enginetest.InPage}) {
		t.Errorf("found in places of the kinds %q, want pages alone", got)
	}
}

// TestMarkersThatStay tells apart what rightly stays: others' own texts, which
// are on the review list, what is held, and what the ledger keeps.
func TestMarkersThatStay(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		k := newMarked(t, b)
		put(t, b, k.w,
			[2]string{"tickets/hers", k.m.Fill(`{"id":"hers","title":"a refund","body":"<~her.email~@example.net> waits"}`)},
			[2]string{"messages/of-another", k.m.Fill(`{"id":"of-another","conversation_id":"~other.open.id~","direction":"inbound","body":"Ask ~her.email~@example.net"}`)},
		)
		held := k.conversation("her.resolved.id")
		held.Type = privacyd.HoldConversation
		_, err := b.PlaceHold(t.Context(), k.admin, engine.NewHold{Workspace: k.w.ID, Target: held, Reason: "a claim"})
		b.Must(err)
		job := confirmed(t, b, engine.NewJob{Workspace: k.w.ID, Type: privacyd.JobSubjectDeletion, Subject: k.her()})
		if job.State != privacyd.JobCompleted || job.Result.Held == 0 {
			t.Fatalf("the job is %s: %s %+v", job.State, job.ErrorMessage, job.Result)
		}
		list, err := b.ReviewList(t.Context(), k.admin, k.w.ID, job.ID, 0, 0)
		b.Must(err)
		reviewed := map[string]bool{}
		for _, r := range list {
			reviewed["table "+r.Collection+"."+r.Column] = true
		}
		found := k.traces.Find([]string{k.m.Of("her.email")})[k.m.Of("her.email")]
		for _, at := range found {
			if strings.HasPrefix(at, enginetest.InTable) && !reviewed[at] && !strings.HasPrefix(at, "table contacts.") {
				t.Errorf("her address is in %s and on no list", at)
			}
		}
		for _, at := range []string{"table tickets.body", "table messages.body"} {
			if !reviewed[at] || !slices.Contains(found, at) {
				t.Errorf("%s is not on the list: %+v", at, list)
			}
		}
		for what, stays := range map[string]bool{"her.resolved inbound.body": true, "her.open inbound.body": false, "her.file.filename": false} {
			if (len(k.traces.Find([]string{k.m.Of(what)})) > 0) != stays {
				t.Errorf("%s is there: %v", what, !stays)
			}
		}
	})
}
