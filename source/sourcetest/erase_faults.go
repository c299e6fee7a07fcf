package sourcetest

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/source/sqlsource"
)

var errInjected = errors.New("injected")

// faults lets a callback fail at its second call and starts again, so that one
// batch goes at a time and each of them fails once: everything must end as if
// nothing had happened.
func faults(kind string) func(t *testing.T, s Source) {
	return func(t *testing.T, s Source) {
		g := ShopGraph(t)
		fillShop(t, s, 17, shopSize{workspaces: 2, people: 6, talks: 4, posts: 16})
		expected := expect{dump(t, s, g)}
		expected.workspace("a")
		e := erasure(t, g, datamap.EraseScope{Scope: datamap.Scope{Workspace: "a"}})
		failures := 0
		for !(&failing{kind: kind, after: 2}).run(t, s, e) {
			failures++
			untouched(t, dump(t, s, g), expected.contents)
		}
		same(t, dump(t, s, g), expected.contents)
		if failures < 2 {
			t.Errorf("there were %d failures only", failures)
		}
	}
}

// failing is a Batch whose callbacks of a kind fail from a call on. Rows that
// were announced as done before then must be gone.
type failing struct {
	kind  string
	after int
}

func (f *failing) call(kind string) error {
	if kind != f.kind {
		return nil
	}
	if f.after--; f.after <= 0 {
		return errInjected
	}
	return nil
}

// run erases until a callback fails; true: none did.
func (f *failing) run(t *testing.T, s Source, e datamap.Erasure) bool {
	t.Helper()
	batch := sqlsource.Batch{
		Guard: func(context.Context) error { return f.call("guard") },
		Files: func(context.Context, []datamap.File) error { return f.call("files") },
		Done:  func(context.Context, int64) error { return f.call("done") },
	}
	r := s.eraser(t)
	for _, step := range e.Steps {
		_, err := r.Run(t.Context(), step, batch)
		if errors.Is(err, errInjected) {
			return false
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return true
}

// untouched tells whether all that is expected in the end is there all along.
// Rows that are to be changed may not be so yet.
func untouched(t *testing.T, now, expected contents) {
	t.Helper()
	for table, rows := range expected {
		if table == "bills" {
			continue
		}
		for _, r := range rows {
			if !has(now[table], r) {
				t.Fatalf("%s: %v is gone or changed", table, r)
			}
		}
	}
}

func has(rows []record, r record) bool {
	for _, other := range rows {
		if cmp.Equal(other, r) {
			return true
		}
	}
	return false
}

// rolledBack: in privacyd's own database a batch whose end fails has not
// happened; in a product's, it has, and the next run goes on from there.
func rolledBack(t *testing.T, s Source) {
	g := ShopGraph(t)
	fillShop(t, s, 17, shopSize{workspaces: 1, people: 6, talks: 4, posts: 16})
	e := erasure(t, g, datamap.EraseScope{Scope: datamap.Scope{Workspace: "a"}})
	for _, step := range e.Steps {
		if step.Action != datamap.Delete {
			continue
		}
		before := dump(t, s, g)
		done := int64(0)
		_, err := s.eraser(t).Run(t.Context(), step, sqlsource.Batch{Done: func(_ context.Context, n int64) error {
			done += n
			return errInjected
		}})
		if err == nil {
			continue // no rows
		}
		gone := int64(len(before[step.Table]) - len(dump(t, s, g)[step.Table]))
		if want := map[bool]int64{true: 0, false: done}[s.Own]; !errors.Is(err, errInjected) || gone != want || done == 0 {
			t.Errorf("%s: %d gone, %d announced: %v", step.Table, gone, done, err)
		}
		if _, err := s.eraser(t).Run(t.Context(), step, sqlsource.Batch{}); err != nil {
			t.Fatal(err)
		}
	}
}

// accounts: what was counted before is what went, and what was announced.
func counts(t *testing.T, s Source) {
	g := ShopGraph(t)
	fillShop(t, s, 19, shopSize{workspaces: 2, people: 9, talks: 6, posts: 30})
	e := erasure(t, g, datamap.EraseScope{Scope: datamap.Scope{Workspace: "a"}})
	for _, step := range e.Steps {
		if step.Referrers != nil {
			continue // its rows went with others
		}
		r := s.eraser(t)
		counted, err := r.Count(t.Context(), step)
		rows, files := counted.Rows, counted.Files
		if err != nil {
			t.Fatal(err)
		}
		var announced, named int64
		n, err := r.Run(t.Context(), step, sqlsource.Batch{
			Files: func(_ context.Context, f []datamap.File) error { named += int64(len(f)); return nil },
			Done:  func(_ context.Context, n int64) error { announced += n; return nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		if step.Action == datamap.Keep && len(step.Set) == 0 {
			rows = 0
		}
		if n != rows || announced != rows || named < files || step.Orphans == nil && named != files {
			t.Errorf("%s %s: %d rows and %d files counted, %d gone, %d announced, %d files named", step.Action, step.Collection.Name, rows, files, n, announced, named)
		}
	}
}
