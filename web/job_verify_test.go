package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

// leftBehind deletes a contact whose address somebody wrote where it is not
// expected, so that verification finds it.
func (p *product) leftBehind(t *testing.T) *privacyd.Job {
	t.Helper()
	p.flow(t, "ask ann@example.net")
	_, job := p.Erase(engine.NewJob{
		Workspace: p.workspace.ID, Type: privacyd.JobSubjectDeletion, Subject: &privacyd.Subject{Kind: "contact", ID: "c-1"},
	})
	if job.ErrorCode != "residue_found" {
		t.Fatalf("the job is %s: %s", job.State, job.ErrorMessage)
	}
	return job
}

func (p *product) flow(t *testing.T, status string) {
	t.Helper()
	_, err := p.engine.PutRecord(t.Context(), privacyd.Caller{Kind: privacyd.CallerOperator}, "acme", "flows", "f-1", []byte(`{"id":"f-1","status":"`+status+`"}`))
	must(t, err)
}

func TestWhatWasLeftIsVerifiedAgain(t *testing.T) {
	p := newProduct(t)
	job := p.leftBehind(t)
	b, at := p.as(t, "admin"), "/w/acme/jobs/"+job.ID
	expect(t, b.get(at), "Failed", "flows.status: 1", `id="verify"`, "Verifying deletes nothing itself")
	expect(t, b.get(at+"/progress"), `id="verify"`)
	if w := p.as(t, "agent").get(at); strings.Contains(w.Body.String(), `id="verify"`) {
		t.Error("an agent is offered what is refused to agents")
	}
	for _, role := range []string{"agent", "auditor", "stranger"} {
		if w := p.as(t, role).post(at+"/verify", nil); w.Code != http.StatusForbidden && w.Code != http.StatusNotFound {
			t.Errorf("%s may verify: status %d", role, w.Code)
		}
	}
	for _, c := range []struct {
		status string
		want   []string
	}{
		{"ask ann@example.net", []string{"Failed", "flows.status: 1", `id="verify"`}},
		{"ask her", []string{"Done", "looking again found nothing left"}},
	} {
		p.flow(t, c.status)
		leads(t, b.post(at+"/verify", nil), at)
		expect(t, b.get(at), "looked again for what was left", `hx-get="`+at+`/progress"`)
		if again := leads(t, b.post(at+"/verify", nil), at); again != at+"?faster" {
			t.Errorf("asking while it is looked leads to %q", again)
		}
		p.Run()
		expect(t, b.get(at), c.want...)
	}
	expect(t, b.get(at), "2 times: the server stopped, something was not available, or it was verified again")
	if w := b.get(at); strings.Contains(w.Body.String(), `id="verify"`) {
		t.Error("what is verified can be verified")
	}
	w := b.post(at+"/verify", url.Values{})
	if w.Code != http.StatusConflict {
		t.Errorf("verifying what is verified: status %d", w.Code)
	}
	expect(t, w, "job_not_verifiable")
}

func TestWhoWasLookedForIsForgotten(t *testing.T) {
	p := newProduct(t)
	job := p.leftBehind(t)
	p.Pass(engine.VerifiableFor + privacyd.Day)
	must(t, p.RunSweep(t.Context(), "", nil))
	if w := p.as(t, "admin").get("/w/acme/jobs/" + job.ID); strings.Contains(w.Body.String(), `id="verify"`) {
		t.Error("nobody knows any more by what to look, and it is offered")
	}
}
