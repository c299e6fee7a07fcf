package sourcetest

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/source/sqlsource"
)

// Runner erases the rows of one step, or of several.
type Runner interface {
	Run(ctx context.Context, step *datamap.Step, batch sqlsource.Batch) (int64, error)
	RunAll(ctx context.Context, steps []*datamap.Step, batch sqlsource.Batch) (int64, error)
}

// Eraser erases rows of a source.
type Eraser interface {
	Runner
	Count(ctx context.Context, step *datamap.Step) (datamap.Tally, error)
	Left(ctx context.Context, step *datamap.Step) (int64, error)
	Identifiers(ctx context.Context, person datamap.Selection, ids []datamap.Identity) ([]sqlsource.Identifier, error)
	Search(ctx context.Context, g *datamap.Graph, workspace string, ids []sqlsource.Identifier, found func(sqlsource.Hit) error) error
	ClockRows(ctx context.Context, sel datamap.Selection, before time.Time, fn func(sqlsource.ClockRow) error) error
	Keys(ctx context.Context, sel datamap.Selection, fn func(key []string) error) error
	Named(ctx context.Context, g *datamap.Graph, bucket string, keys []string) ([]string, error)
}

// RunErasing runs the suite of sources that erase.
func RunErasing(t *testing.T, open func(t *testing.T) Source) {
	suite := []struct {
		name string
		test func(t *testing.T, s Source)
	}{
		{"persons", func(t *testing.T, s Source) { ErasePersons(t, s, 7) }},
		{"workspaces", workspaces},
		{"agents", agents},
		{"guard fails", faults("guard")},
		{"files fail", faults("files")},
		{"done fails", faults("done")},
		{"rolled back", rolledBack},
		{"counts", counts},
		{"inserted", inserted},
		{"moved", moved},
		{"edited", edited},
		{"held", held},
		{"searched", searched},
		{"identified", identified},
		{"clocks", clocks},
		{"named", named},
	}
	for _, part := range suite {
		t.Run(part.name, func(t *testing.T) { part.test(t, open(t)) })
	}
}

func (s Source) eraser(t testing.TB) Eraser {
	t.Helper()
	e, err := s.Eraser()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func erasure(t testing.TB, g *datamap.Graph, scope datamap.EraseScope) datamap.Erasure {
	t.Helper()
	e, err := g.Erasure(scope)
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Blockers) > 0 {
		t.Fatalf("blocked: %v", e.Blockers)
	}
	return e
}

// erase runs every step, and looks whether each did what was counted and left
// nothing.
func erase(t testing.TB, s Source, e datamap.Erasure, batch sqlsource.Batch) int64 {
	t.Helper()
	r := s.eraser(t)
	all, err := r.RunAll(t.Context(), e.Steps, batch)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range e.Steps {
		left, err := r.Left(t.Context(), step)
		if err != nil || left != 0 {
			t.Errorf("%s %s: %d rows are left: %v", step.Action, step.Collection.Name, left, err)
		}
	}
	return all
}

func same(t testing.TB, got, expected contents) {
	t.Helper()
	if diff := cmp.Diff(expected, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// ErasePersons makes up a shop and erases its people one after the other; each
// time, every table must be what it was but for the rows of the one.
func ErasePersons(t *testing.T, s Source, seed uint64) {
	g := ShopGraph(t)
	fillShop(t, s, seed, shopSize{workspaces: 2, people: 8, talks: 6, posts: 24})
	for _, p := range dump(t, s, g)["people"] {
		now, expected := dump(t, s, g), expect{dump(t, s, g)}
		id := p["id"].(float64)
		expected.person(id)
		if len(now["people"]) == len(expected.contents["people"]) {
			continue // gone with another
		}
		scope := datamap.EraseScope{Scope: datamap.Scope{Workspace: p["ws"].(string), SubjectKind: "contact", SubjectID: key(p["id"])}}
		erase(t, s, erasure(t, g, scope), sqlsource.Batch{})
		same(t, dump(t, s, g), expected.contents)
		if t.Failed() {
			t.Fatalf("after person %v", p["id"])
		}
	}
}

func workspaces(t *testing.T, s Source) {
	g := ShopGraph(t)
	fillShop(t, s, 11, shopSize{workspaces: 3, people: 8, talks: 6, posts: 24})
	for _, ws := range []string{"b", "a"} {
		expected := expect{dump(t, s, g)}
		expected.workspace(ws)
		erase(t, s, erasure(t, g, datamap.EraseScope{Scope: datamap.Scope{Workspace: ws}}), sqlsource.Batch{})
		same(t, dump(t, s, g), expected.contents)
	}
}

func agents(t *testing.T, s Source) {
	g := ShopGraph(t)
	fillShop(t, s, 13, shopSize{workspaces: 2, people: 4, talks: 6, posts: 6})
	expected := expect{dump(t, s, g)}
	expected.agent(1)
	erase(t, s, erasure(t, g, datamap.EraseScope{Scope: datamap.Scope{SubjectKind: "agent", SubjectID: "1"}}), sqlsource.Batch{})
	same(t, dump(t, s, g), expected.contents)
}
