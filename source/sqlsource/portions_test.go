package sqlsource_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/source/sqlsource"
	"github.com/privacyd/privacyd/store/sqldb"
)

const portionMap = `
dataset: desk
workspace: {collection: orgs, key: id}
collections:
  orgs: {fields: {id: system}}
  talks:
    fields: {id: system, org: system, closed: system, at: system}
    links: [{to: orgs, on: {org: id}, relation: belongs}]
    clock: {resolved: closed, resolved_at: at}
  lines:
    fields: {id: system, talk: system}
    links: [{to: talks, on: {talk: id}, relation: belongs}]
  files:
    fields: {id: system, line: system, blob: internal}
    links: [{to: lines, on: {line: id}, relation: belongs}]
    files: [{column: blob, bucket: uploads}]
`

// talks makes so many rows with a clock, each with two lines, of which each has
// a file; and the steps that erase all but the last.
func talks(t *testing.T, db *sqldb.DB, n int, more ...string) ([]*datamap.Step, *datamap.ClockCheck) {
	t.Helper()
	exec(t, db, "CREATE TABLE orgs (id INT PRIMARY KEY)", "INSERT INTO orgs VALUES (1)",
		"CREATE TABLE talks (id INT PRIMARY KEY, org INT REFERENCES orgs (id), closed BOOLEAN, at TIMESTAMPTZ)",
		"CREATE TABLE lines (id INT PRIMARY KEY, talk INT)", "CREATE TABLE files (id INT PRIMARY KEY, line INT, blob TEXT)",
		fmt.Sprintf("INSERT INTO talks SELECT n, 1, TRUE, '2025-01-01' FROM generate_series(1, %d) n", n),
		fmt.Sprintf("INSERT INTO lines SELECT n, 1 + n / 2 FROM generate_series(0, %d) n", 2*n-1),
		fmt.Sprintf("INSERT INTO files SELECT n, n, 'f' || n FROM generate_series(0, %d) n", 2*n-1))
	exec(t, db, more...)
	g := graph(t, portionMap)
	keys := [][]string{}
	for i := 1; i < n; i++ {
		keys = append(keys, []string{fmt.Sprint(i)})
	}
	plan, err := g.Erasure(datamap.EraseScope{Scope: datamap.Scope{Workspace: "1"}, Rows: &datamap.RowScope{Collection: "talks", Keys: keys}})
	if err != nil {
		t.Fatal(err)
	}
	return plan.Steps, &datamap.ClockCheck{Collection: g.Collection("talks"), Keys: keys, Due: func(r datamap.ClockRow) bool { return r.Resolved }}
}

var linked = []string{"CREATE INDEX ON lines (talk)", "CREATE INDEX ON files (line)"}

// Rows with a clock go so many at a time, each with all that belongs to it, where
// that is found through indexes. What is added meanwhile goes, too.
func TestPortions(t *testing.T) {
	const slowly = `CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.05); RETURN OLD; END';
		CREATE TRIGGER slowly BEFORE DELETE ON lines FOR EACH ROW EXECUTE FUNCTION slowly()`
	guards := []string{"ALTER TABLE lines ADD FOREIGN KEY (talk) REFERENCES talks (id)", "ALTER TABLE files ADD FOREIGN KEY (line) REFERENCES lines (id)"}
	for name, c := range map[string]struct {
		talks   int
		more    []string
		added   string // when files are told for the first time
		batches int    // at least
		most    int
	}{
		"indexed":                      {talks: 121, more: append(guards, linked...), batches: 2, most: 12},
		"nothing keeps others out":     {talks: 121, more: linked, batches: 2, most: 12},
		"no index":                     {talks: 121, batches: 1, most: 12},
		"a line is added meanwhile":    {talks: 121, more: linked, added: "INSERT INTO lines VALUES (1000, 3)", batches: 2, most: 9},
		"a guarded one is":             {talks: 121, more: append(guards, linked...), added: "INSERT INTO files VALUES (1000, 3, 'late')", batches: 1, most: 9},
		"a statement takes too long":   {talks: 7, more: append(linked, slowly), batches: 1, most: 12},
		"a file is added to one":       {talks: 121, more: linked, added: "INSERT INTO files VALUES (1000, 3, 'late')", batches: 1, most: 9},
		"a partition is beside others": {talks: 121, more: append(linked, "CREATE TABLE more () INHERITS (files)", "INSERT INTO more VALUES (1000, 3, 'f')"), batches: 1, most: 9},
	} {
		t.Run(name, func(t *testing.T) {
			db, e := beside(t)
			e.MaxRows = 0
			steps, check := talks(t, db, c.talks, c.more...)
			var once sync.Once
			told, gone, batches := map[string]bool{}, int64(0), 0
			batch := sqlsource.Batch{
				Still: check,
				Files: func(_ context.Context, files []datamap.File) error {
					once.Do(func() {
						if c.added != "" {
							exec(t, db, c.added)
						}
					})
					for _, f := range files {
						told[f.Key] = true
					}
					return nil
				},
				Timed: func(rows int64, _ time.Duration) { batches++; gone += rows },
			}
			n, err := e.RunAll(t.Context(), steps, batch)
			if err != nil || n != gone || batches < c.batches || batches > c.most {
				t.Errorf("%d rows went, of which %d were told, in %d batches, %v", n, gone, batches, err)
			}
			last := 2*c.talks - 2
			for table, want := range map[string][]string{"talks": {jsonID(c.talks)}, "lines": {jsonID(last), jsonID(last + 1)}, "files": {jsonID(last), jsonID(last + 1)}} {
				if diff := cmp.Diff(want, ids(t, db, table)); diff != "" {
					t.Errorf("left in %s: %s", table, diff)
				}
			}
			if told["f0"] != true || told[fmt.Sprint("f", last)] || len(told) < last {
				t.Errorf("%d files were told", len(told))
			}
		})
	}
}

func jsonID(n int) string { return fmt.Sprintf(`{"id":%d}`, n) }

func graph(t *testing.T, text string) *datamap.Graph {
	t.Helper()
	m, err := datamap.Parse("test.map.yaml", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	g, err := datamap.Compile(m)
	if err != nil {
		t.Fatal(err)
	}
	return g
}
