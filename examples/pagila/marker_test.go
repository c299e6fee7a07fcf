package pagila_test

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// TestMarkersOfACustomer puts a marker into every text about a real customer,
// her address too, and looks for them everywhere when she is erased; then rentals
// go by date, and the store, with another customer.
func TestMarkersOfACustomer(t *testing.T) {
	each(t, func(t *testing.T, s *shops) {
		text, err := os.ReadFile("pagila.map.yaml")
		must(t, err)
		b := enginetest.NewBeside(t, sqldbtest.Postgres(t), s.Address, string(text))
		traces, m := b.Trace(), enginetest.NewMarkers(t)
		for who, id := range map[string]string{"her": "1", "him": "2"} {
			b.Plant(m, who, datamap.Scope{Workspace: "1", SubjectKind: "contact", SubjectID: id})
		}
		b.Plant(m, "far", datamap.Scope{Workspace: "2", SubjectKind: "contact", SubjectID: "4"})
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
		eraseOldRentals(t, b, w)
		_, job = b.Erase(engine.NewJob{Workspace: w.ID, Type: privacyd.JobWorkspaceDeletion})
		b.Pass(31 * privacyd.Day)
		b.Run()
		if job, err = b.GetJob(t.Context(), enginetest.Operator, w.ID, job.ID); err != nil || job.State != privacyd.JobCompleted {
			t.Fatalf("the job is %s: %s, %v", job.State, job.ErrorMessage, err)
		}
		him, far := m.Texts("him.customers"), m.Texts("far") // at his address there are others
		found := traces.Find(slices.Concat(him, far))
		if missing := m.Missing("him.customers", found); len(missing) != len(him) {
			t.Errorf("of %d markers only these are gone with the store: %q", len(him), missing)
		}
		if missing := m.Missing("far", found); len(missing) > 0 || len(far) < 7 {
			t.Errorf("of another store's customer these are gone: %q", missing)
		}
	})
}

// eraseOldRentals erases what was returned before a day; only that, and only of
// the store.
func eraseOldRentals(t *testing.T, b *enginetest.Bench, w privacyd.Workspace) {
	t.Helper()
	var before time.Time
	must(t, b.Product.DB.QueryRowContext(t.Context(), "SELECT min(return_date) + interval '5 days' FROM rental").Scan(&before))
	rentals := func(store int, when string) int {
		return b.Product.Count("rental JOIN customer USING (customer_id)", fmt.Sprintf("store_id = %d AND return_date %s '%s'", store, when, before.Format(time.RFC3339Nano)))
	}
	goes, stays, far := rentals(1, "<"), rentals(1, ">="), rentals(2, "<")
	_, job := b.Erase(engine.NewJob{Workspace: w.ID, Type: privacyd.JobBulkDeletion, Before: &before})
	if job.State != privacyd.JobCompleted || goes == 0 || job.Result.Records["rentals"] != int64(goes) {
		t.Fatalf("of %d rentals the job is %s: %s %+v", goes, job.State, job.ErrorMessage, job.Result)
	}
	if rentals(1, "<") != 0 || rentals(1, ">=") != stays || rentals(2, "<") != far {
		t.Errorf("of %d old rentals %d are left, of %d others %d, and of %d elsewhere %d", goes, rentals(1, "<"), stays, rentals(1, ">="), far, rentals(2, "<"))
	}
}
