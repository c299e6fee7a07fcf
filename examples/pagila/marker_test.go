package pagila_test

import (
	"os"
	"slices"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// TestMarkersOfACustomer puts a marker into every text about a real customer,
// her address too, and looks for them everywhere when she is erased.
func TestMarkersOfACustomer(t *testing.T) {
	each(t, func(t *testing.T, s *shops) {
		text, err := os.ReadFile("pagila.map.yaml")
		must(t, err)
		b := enginetest.NewBeside(t, sqldbtest.Postgres(t), s.Address, string(text))
		traces, m := b.Trace(), enginetest.NewMarkers(t)
		for who, id := range map[string]string{"her": "1", "him": "2"} {
			b.Plant(m, who, datamap.Scope{Workspace: "1", SubjectKind: "contact", SubjectID: id})
		}
		w, err := b.CreateWorkspace(t.Context(), enginetest.Operator, engine.NewWorkspace{Slug: "store", Name: "Store", DatasetKeys: map[string]string{"pagila": "1"}})
		must(t, err)
		her, him := m.Texts("her"), m.Texts("him")
		if missing := m.Missing("h", traces.Find(slices.Concat(her, him))); len(missing) > 0 || len(her) < 7 {
			t.Fatalf("of %d markers these are not there: %q", len(her), missing)
		}
		r := engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: &privacyd.Subject{Kind: "contact", ID: "1"}}
		b.Export(enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectExport, Subject: r.Subject})
		plan, job := b.Erase(r)
		if job.State != privacyd.JobCompleted {
			t.Fatalf("the job is %s: %s", job.State, job.ErrorMessage)
		}
		if !slices.Contains(plan.Sentences(), "1 row of customers is deleted.") {
			t.Errorf("the plan says %q", plan.Sentences())
		}
		for _, line := range m.Say(traces.Find(her)) {
			t.Error(line)
		}
		if missing := m.Missing("him", traces.Find(him)); len(missing) > 0 {
			t.Errorf("of another customer these are gone: %q", missing)
		}
	})
}
