package sqlsource_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/source/sqlsource"
)

// TestStill erases rows with a clock of which one was reopened, one is locked by
// somebody and one is gone: nothing goes, and which they are is told.
func TestStill(t *testing.T) {
	db, e := beside(t)
	exec(t, db, "CREATE TABLE k (id INT PRIMARY KEY, owner TEXT, closed BOOLEAN, at TIMESTAMPTZ)",
		"INSERT INTO k SELECT n, 'jane', n <> 2, '2025-01-01' FROM generate_series(1, 5) n")
	step := stepOn("k")
	step.Collection.Clock = &datamap.Clock{Resolved: "closed", ResolvedAt: "at"}
	check := &datamap.ClockCheck{
		Collection: step.Collection, Keys: [][]string{{"1"}, {"2"}, {"3"}, {"9"}},
		Due: func(r datamap.ClockRow) bool { return r.Resolved && !r.ResolvedAt.IsZero() },
	}
	err := db.InTx(t.Context(), func(ctx context.Context) error {
		if _, err := db.Exec(ctx, "SELECT 1 FROM k WHERE id = 3 FOR UPDATE"); err != nil {
			return err
		}
		n, err := e.RunAll(context.Background(), []*datamap.Step{step}, sqlsource.Batch{Still: check})
		var not *datamap.NotDue
		if !errors.As(err, &not) || n != 0 {
			t.Fatalf("%d rows went: %v", n, err)
		}
		if diff := cmp.Diff(&datamap.NotDue{Changed: [][]string{{"2"}}, Locked: [][]string{{"3"}}}, not); diff != "" {
			t.Error(diff)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	check.Keys = [][]string{{"1"}, {"3"}, {"9"}}
	if n, err := e.RunAll(t.Context(), []*datamap.Step{step}, sqlsource.Batch{Still: check}); err != nil || n != 5 || len(check.Keys) != 0 {
		t.Errorf("%d rows went: %v; left to look at are %v", n, err, check.Keys)
	}
}
