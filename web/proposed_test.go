package web_test

import (
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

// TestAProposalNamesItsToken shows what the program is called that asked for a
// deletion.
func TestAProposalNamesItsToken(t *testing.T) {
	p := newProduct(t)
	_, secret, err := p.engine.CreateToken(t.Context(), enginetest.Operator, "acme", "Help desk <1>", []privacyd.Action{privacyd.ActionDeleteSubject})
	must(t, err)
	program, err := p.engine.Authenticate(t.Context(), secret)
	must(t, err)
	job, _, err := p.engine.CreateJob(t.Context(), program, engine.NewJob{
		Workspace: "acme", Type: privacyd.JobSubjectDeletion, Subject: &privacyd.Subject{Kind: "contact", ID: "c-1"},
	})
	must(t, err)
	b := p.as(t, "admin")
	for _, path := range []string{"/w/acme/jobs/" + job.ID, "/w/acme/jobs/" + job.ID + "/plan", "/w/acme/jobs"} {
		expect(t, b.get(path), "API token “Help desk &lt;1&gt;”")
	}
}
