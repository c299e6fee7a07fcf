package engine_test

import (
	"strings"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

// TestNothingIsWrittenElsewhere has the database's place move to a country that
// a workspace leaves out: whatever would put its data there is refused and
// audited; another workspace's is not, and neither is letting go of it.
func TestNothingIsWrittenElsewhere(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w, other := b.NewWorkspace("acme"), b.NewWorkspace("beta")
		b.Allowed = privacyd.Countries{privacyd.EEA, "CH"}
		at := privacyd.Place{Name: "db", Kind: privacyd.PlaceDatabase, Uses: []string{"database"}, Country: "DE"}
		b.Places = []privacyd.Place{at}
		narrow(t, b, w.ID, "DE")
		at.Country = "CH"
		b.Places = []privacyd.Place{at}
		for _, of := range []privacyd.Workspace{w, other} {
			admin := b.Member(privacyd.RoleAdmin, of)
			contact := &privacyd.Subject{Kind: "contact", ID: "c-001"}
			for name, write := range map[string]func() error{
				"workspace.export": func() error {
					_, _, err := b.CreateJob(t.Context(), admin, engine.NewJob{Workspace: of.ID, Type: privacyd.JobDataExport})
					return err
				},
				"subject.export": func() error {
					_, _, err := b.CreateJob(t.Context(), admin, engine.NewJob{Workspace: of.ID, Type: privacyd.JobSubjectExport, Subject: contact})
					return err
				},
				"records.write": func() error {
					_, err := b.PutRecord(t.Context(), admin, of.ID, "contacts", "new", []byte(`{"id":"new"}`))
					return err
				},
				"audit.write": func() error {
					_, err := b.RecordActions(t.Context(), admin, of.ID, engine.NewActions{Entries: []engine.ProductAction{{Action: "app.invoice.send", Actor: engine.ProductActor{Kind: "system"}}}})
					return err
				},
			} {
				err, want := write(), ""
				if of.ID == w.ID {
					want = "place_country_refused"
				}
				denied := strings.Contains(strings.Join(b.Audited(of.ID), "\n"), name+" denied")
				if privacyd.CodeOf(err) != want || denied != (want != "") {
					t.Errorf("%s: %s: %v, audited as denied: %t", of.Slug, name, err, denied)
				}
			}
		}
		if _, job := b.Erase(engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: &privacyd.Subject{Kind: "contact", ID: "c-001"}}); job.State != privacyd.JobCompleted {
			t.Errorf("an erasure is %s: %s", job.State, job.ErrorMessage)
		}
	})
}
