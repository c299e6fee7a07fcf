package northwind_test

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

// TestMarkersOfABuyer puts a marker into every text about a real customer, in
// its orders too, which are kept for the books, and looks for them everywhere
// when she is erased.
func TestMarkersOfABuyer(t *testing.T) {
	p := northwind(t)
	if p == nil {
		return
	}
	text, err := os.ReadFile("northwind.map.yaml")
	if err != nil {
		t.Fatal(err)
	}
	b := enginetest.NewBeside(t, sqldbtest.SQLite(t), p.Address, string(text))
	traces, m := b.Trace(), enginetest.NewMarkers(t)
	for _, key := range []string{"ALFKI", "ANATR"} {
		b.Plant(m, key, datamap.Scope{Workspace: key, SubjectKind: "buyer", SubjectID: key})
	}
	w, err := b.CreateWorkspace(t.Context(), enginetest.Operator, engine.NewWorkspace{Slug: "alfki", Name: "Alfki", DatasetKeys: map[string]string{"northwind": "ALFKI"}})
	if err != nil {
		t.Fatal(err)
	}
	her, him := m.Texts("ALFKI"), m.Texts("ANATR")
	if missing := m.Missing("A", traces.Find(slices.Concat(her, him))); len(missing) > 0 || len(her) < 40 {
		t.Fatalf("of %d markers these are not there: %q", len(her), missing)
	}
	r := engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: &privacyd.Subject{Kind: "buyer", ID: "ALFKI"}}
	b.Export(enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectExport, Subject: r.Subject})
	plan, job := b.Erase(r)
	if job.State != privacyd.JobCompleted {
		t.Fatalf("the job is %s: %s", job.State, job.ErrorMessage)
	}
	want := "6 rows of orders are kept for 10 years: legal obligation, Art. 17(3)(b) GDPR; customer_id, ship_name, ship_address, ship_city, ship_region, ship_postal_code and ship_country are blanked or replaced."
	if !slices.Contains(plan.Sentences(), want) {
		t.Errorf("the plan says %q", plan.Sentences())
	}
	for _, line := range m.Say(traces.Find(her)) {
		t.Error(line)
	}
	if missing := m.Missing("ANATR", traces.Find(him)); len(missing) > 0 {
		t.Errorf("of another customer these are gone: %q", missing)
	}
}
