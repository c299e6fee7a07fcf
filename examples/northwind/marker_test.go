package northwind_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// TestMarkersOfABuyer puts a marker into every text about a real customer, in
// its orders too, which are kept for the books, and looks for them everywhere
// when she is erased; then for those of another, whose workspace is deleted.
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
	for _, key := range []string{"ALFKI", "ANATR", "ANTON"} {
		b.Plant(m, key, datamap.Scope{Workspace: key, SubjectKind: "buyer", SubjectID: key})
	}
	w, err := b.CreateWorkspace(t.Context(), enginetest.Operator, engine.NewWorkspace{Slug: "alfki", Name: "Alfki", DatasetKeys: map[string]string{"northwind": "ALFKI"}})
	if err != nil {
		t.Fatal(err)
	}
	her, him, far := m.Texts("ALFKI"), m.Texts("ANATR"), m.Texts("ANTON")
	if missing := m.Missing("A", traces.Find(slices.Concat(her, him, far))); len(missing) > 0 || len(her) < 40 {
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
	deleteWorkspace(t, b, "ANATR")
	for _, line := range m.Say(traces.Find(him)) {
		t.Error(line)
	}
	if missing := m.Missing("ANTON", traces.Find(far)); len(missing) > 0 {
		t.Errorf("of another workspace these are gone: %q", missing)
	}
}

func deleteWorkspace(t *testing.T, b *enginetest.Bench, key string) {
	t.Helper()
	w, err := b.CreateWorkspace(t.Context(), enginetest.Operator, engine.NewWorkspace{Slug: strings.ToLower(key), Name: key, DatasetKeys: map[string]string{"northwind": key}})
	if err != nil {
		t.Fatal(err)
	}
	_, job := b.Erase(engine.NewJob{Workspace: w.ID, Type: privacyd.JobWorkspaceDeletion})
	b.Pass(31 * privacyd.Day)
	b.Run()
	if job, err = b.GetJob(t.Context(), enginetest.Operator, w.ID, job.ID); err != nil || job.State != privacyd.JobCompleted {
		t.Fatalf("the job is %s: %s, %v", job.State, job.ErrorMessage, err)
	}
}
