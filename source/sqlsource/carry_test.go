package sqlsource

import (
	"strings"
	"testing"

	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// family are steps for a person's talks, their lines and the lines' marks, each
// found by the links that lead to the person's row, which goes last.
func family() []*datamap.Step {
	var steps []*datamap.Step
	path := datamap.Path{Column: "owner", Value: "jane"}
	for i, table := range []string{"people", "talks", "lines", "marks"} {
		c := &datamap.Collection{Name: table, Table: table, Key: []string{"id"}}
		if i > 0 {
			to := steps[0].Collection
			up := datamap.Hop{Link: &datamap.Link{To: to.Table, On: []datamap.ColumnPair{{Column: "up", Target: "id"}}}, To: to}
			path.Hops = append([]datamap.Hop{up}, path.Hops...)
		}
		rows := datamap.Rows{All: []datamap.Condition{{Any: []datamap.Path{path}}}}
		steps = append([]*datamap.Step{{Collection: c, Table: table, Action: datamap.Delete, Rows: rows}}, steps...)
	}
	return steps
}

// What a step links to is known from the step above it, however long the way
// to the person is: it is neither looked up again nor, where the database keeps
// rows from being added, looked for again.
func TestEachStepLeadsToTheNext(t *testing.T) {
	db := sqldbtest.Postgres(t)
	execute(t, db, "CREATE SCHEMA privacyd", "CREATE TABLE people (id INT PRIMARY KEY, owner TEXT)",
		"CREATE TABLE talks (id INT PRIMARY KEY, up INT REFERENCES people)", "CREATE TABLE lines (id INT PRIMARY KEY, up INT REFERENCES talks)",
		"CREATE TABLE marks (id INT PRIMARY KEY, up INT REFERENCES lines)", "INSERT INTO people VALUES (1, 'jane')")
	e, err := Own(db).Eraser()
	if err != nil {
		t.Fatal(err)
	}
	steps := family()
	g := &group{e: e, steps: steps}
	defer g.close()
	if few, err := g.find(t.Context()); !few || err != nil {
		t.Fatal(few, err)
	}
	for i, step := range steps[:len(steps)-1] {
		above := steps[i+1]
		if !leads(step.All[0].Any[0], above) || !e.guarded(step, steps[i+1:]) {
			t.Errorf("%s do not lead to %s", step.Table, above.Table)
		}
		query, err := g.question(g.snapshot.builder(t.Context()), step)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(query, above.Table) {
			t.Errorf("%s are read again for %s: %s", above.Table, step.Table, query)
		}
	}
}

// Rows that only resemble those that a path leads to are others.
func TestPathsThatLeadElsewhere(t *testing.T) {
	const talks, people = 2, 3 // of the steps
	for name, change := range map[string]func(steps []*datamap.Step){
		"another value":  func(s []*datamap.Step) { s[people].All[0].Any[0].Value = "joe" },
		"another column": func(s []*datamap.Step) { s[people].All[0].Any[0].Column = "friend" },
		"some keys":      func(s []*datamap.Step) { s[people].All[0].Any[0].Keys = &datamap.KeySet{Columns: []string{"id"}} },
		"not all":        func(s []*datamap.Step) { s[people].Except = s[people].All },
		"two ways": func(s []*datamap.Step) {
			s[people].All[0].Any = append(s[people].All[0].Any, datamap.Path{Column: "id", Value: "1"})
		},
		"further up": func(s []*datamap.Step) { s[people].All[0].Any[0].Hops = s[talks].All[0].Any[0].Hops },
		"back":       func(s []*datamap.Step) { s[talks].All[0].Any[0].Hops[0].Reverse = true },
	} {
		steps := family()
		if change(steps); leads(steps[talks].All[0].Any[0], steps[people]) {
			t.Errorf("%s: it leads there", name)
		}
	}
}
