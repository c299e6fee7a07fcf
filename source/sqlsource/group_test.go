package sqlsource_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/source/sqlsource"
)

// below is a step for the rows of a table that link to those of another one.
func below(table, column string, to *datamap.Step, target string) *datamap.Step {
	step := stepOn(table)
	p := to.All[0].Any[0]
	p.Hops = append([]datamap.Hop{{Link: &datamap.Link{To: to.Table, On: []datamap.ColumnPair{{Column: column, Target: target}}}, To: to.Collection}}, p.Hops...)
	step.All = []datamap.Condition{{Any: []datamap.Path{p}}}
	return step
}

// Of two links that lead to one table, one may lead to a row that the other
// cannot: what it links to there is NULL.
func TestEachLinkHasItsTarget(t *testing.T) {
	db, e := beside(t)
	e.MaxRows = 0
	exec(t, db, "CREATE TABLE people (id INT PRIMARY KEY, owner TEXT)", "INSERT INTO people VALUES (1, 'jane'), (2, 'joe')",
		"CREATE TABLE talks (id INT PRIMARY KEY, thread TEXT, person INT)",
		"CREATE TABLE lines (id INT PRIMARY KEY, talk INT)", "CREATE TABLE mails (id INT PRIMARY KEY, thread TEXT)",
		"INSERT INTO talks VALUES (1, NULL, 1), (2, 'b', 1), (3, 'c', 2)",
		"INSERT INTO lines VALUES (1, 1), (2, 2), (3, 3), (4, NULL)", "INSERT INTO mails VALUES (1, ''), (2, 'b'), (3, 'c'), (4, NULL)")
	people := stepOn("people")
	talks := below("talks", "person", people, "id")
	steps := []*datamap.Step{below("lines", "talk", talks, "id"), below("mails", "thread", talks, "thread"), talks, people}
	if n, err := e.RunAll(t.Context(), steps, sqlsource.Batch{}); err != nil || n != 6 {
		t.Errorf("%d rows went: %v", n, err)
	}
	for table, want := range map[string][]string{"talks": {"3"}, "lines": {"3", "4"}, "mails": {"1", "3", "4"}} {
		for i := range want {
			want[i] = `{"id":` + want[i] + `}`
		}
		if diff := cmp.Diff(want, ids(t, db, table)); diff != "" {
			t.Errorf("%s: %s", table, diff)
		}
	}
}
