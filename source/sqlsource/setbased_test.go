package sqlsource

import (
	"strconv"
	"strings"
	"testing"

	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// A query that looks a link up once a row takes hours where no index serves
// the link; one that joins whole sets takes seconds.
func TestLinksAreFollowedInSets(t *testing.T) {
	explain := map[sqldb.Dialect][2]string{sqldb.Postgres: {"EXPLAIN ", "SubPlan"}, sqldb.SQLite: {"EXPLAIN QUERY PLAN ", "CORRELATED"}}
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		fill(t, db)
		s, err := New(db.Reader(), db.Dialect).Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close() //nolint:errcheck // nothing was written
		for name, sel := range linked() {
			p, err := s.plan(t.Context(), sel)
			if err != nil {
				t.Fatal(err)
			}
			if text := planOf(t, db, explain[db.Dialect][0]+p.query); strings.Contains(text, explain[db.Dialect][1]) {
				t.Errorf("%s: %s\n%s", name, p.query, text)
			}
		}
	})
}

// What an erasure finds its rows by, and what it leaves out, is looked up in
// whole sets, too: rows that stay, that others still refer to, that nothing
// refers to any more.
func TestStepsAreFoundInSets(t *testing.T) {
	explain := map[sqldb.Dialect][2]string{sqldb.Postgres: {"EXPLAIN ", "SubPlan"}, sqldb.SQLite: {"EXPLAIN QUERY PLAN ", "CORRELATED"}}
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		fill(t, db)
		s, err := New(db.Reader(), db.Dialect).Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close() //nolint:errcheck // nothing was written
		for name, h := range harvests() {
			b := s.builder(t.Context())
			query, err := h.query(b, []string{"r.id"})
			if err != nil {
				t.Fatal(err)
			}
			if text := planOf(t, db, explain[db.Dialect][0]+query); strings.Contains(text, explain[db.Dialect][1]) {
				t.Errorf("%s: %s\n%s", name, query, text)
			}
		}
	})
}

func harvests() map[string]*harvester {
	sel := linked()
	talks, notes := sel["one hop"].Collection, sel["two hops"].Collection
	ways := func(name string) []datamap.Path { return sel[name].All[0].Any }
	many := &datamap.KeySet{Columns: []string{"id"}}
	for i := range 5000 {
		many.Values = append(many.Values, []string{strconv.Itoa(i)})
	}
	toMany := datamap.Path{Hops: ways("recursive")[0].Hops, Keys: many}
	person := ways("one hop")[0].Hops[0]
	step := func(c *datamap.Collection, all []datamap.Path, except ...datamap.Path) *datamap.Step {
		s := &datamap.Step{Collection: c, Table: c.Table, Action: datamap.Delete, Rows: datamap.Rows{All: []datamap.Condition{{Any: all}}}}
		if len(except) > 0 {
			s.Except = []datamap.Condition{{Any: except}}
		}
		return s
	}
	back := func(h datamap.Hop, to *datamap.Collection) datamap.Hop {
		return datamap.Hop{Link: h.Link, To: to, Reverse: true, Recursive: h.Recursive}
	}
	shared := step(person.To, []datamap.Path{{Hops: []datamap.Hop{back(person, talks)}, Keys: many}})
	shared.Referrers = []datamap.Hop{back(person, talks)}
	merged := ways("recursive")[0].Hops[1]
	return map[string]*harvester{
		"many keys":       {step: step(talks, []datamap.Path{toMany})},
		"but many":        {step: step(talks, ways("one hop"), toMany)},
		"but some rows":   {step: step(notes, ways("polymorphic"), datamap.Path{Hops: ways("two hops")[0].Hops[:1], Rows: &datamap.Rows{Except: []datamap.Condition{{Any: []datamap.Path{toMany}}}}})},
		"but merged ones": {step: step(person.To, []datamap.Path{{Column: "ws", Value: "w"}}, datamap.Path{Hops: []datamap.Hop{merged}, Keys: many}, datamap.Path{Hops: []datamap.Hop{back(merged, person.To)}, Keys: many})},
		"shared":          {step: shared},
		"leaves":          {step: step(person.To, []datamap.Path{{Column: "ws", Value: "w"}}), leaves: true, links: []*datamap.Link{merged.Link}},
	}
}

func fill(t *testing.T, db *sqldb.DB) {
	t.Helper()
	series := "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 20000) SELECT "
	statements := []string{
		"CREATE TABLE people (id BIGINT, ws TEXT, merged_into BIGINT)", "INSERT INTO people " + series + "x, 'w', NULL FROM c",
		"CREATE TABLE talks (id BIGINT, ws TEXT, person_id BIGINT)", "INSERT INTO talks " + series + "x, 'w', x FROM c",
		"CREATE TABLE notes (id BIGINT, kind TEXT, ref BIGINT)", "INSERT INTO notes " + series + "x, 'talk', x FROM c", "ANALYZE",
	}
	if db.Dialect == sqldb.Postgres {
		statements = append([]string{"CREATE SCHEMA privacyd"}, statements...)
	}
	for _, statement := range statements {
		if _, err := db.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func linked() map[string]datamap.Selection {
	collection := func(table string) *datamap.Collection {
		return &datamap.Collection{Name: table, Table: table, Key: []string{"id"}, Fields: []*datamap.Field{{Column: "id", Name: "id"}}}
	}
	people, talks, notes := collection("people"), collection("talks"), collection("notes")
	hop := func(to *datamap.Collection, column, kind string) datamap.Hop {
		l := &datamap.Link{On: []datamap.ColumnPair{{Column: column, Target: "id"}}}
		if kind != "" {
			l.When = []datamap.TypeMatch{{Column: "kind", Value: kind}}
		}
		return datamap.Hop{Link: l, To: to}
	}
	merged := hop(people, "merged_into", "")
	merged.Recursive = true
	person := hop(people, "person_id", "")
	sel := func(c *datamap.Collection, paths ...datamap.Path) datamap.Selection {
		return datamap.Selection{Collection: c, Fields: c.Fields, All: []datamap.Condition{{Any: paths}}}
	}
	to := func(column string, hops ...datamap.Hop) datamap.Path {
		return datamap.Path{Hops: hops, Column: column, Value: "7"}
	}
	return map[string]datamap.Selection{
		"one hop":     sel(talks, to("id", person)),
		"two hops":    sel(notes, to("ws", hop(talks, "ref", "talk"), person)),
		"recursive":   sel(talks, to("id", person, merged)),
		"polymorphic": sel(notes, to("id", hop(talks, "ref", "talk"), person), to("id", hop(people, "ref", "person"))),
	}
}

func planOf(t *testing.T, db *sqldb.DB, query string) string {
	t.Helper()
	rows, err := db.Query(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // it was only read
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for rows.Next() {
		values, into := make([]string, len(columns)), make([]any, len(columns))
		for i := range into {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		text.WriteString(values[len(values)-1] + "\n")
	}
	return text.String()
}
