package sourcetest

import (
	"testing"

	"github.com/privacyd/privacyd/datamap"
)

// office is a small product: two workspaces, contacts that were merged,
// conversations with composite keys, comments on two kinds of record, and
// documents that name people inside JSON.
func office() []string {
	return []string{
		"CREATE TABLE people (id BIGINT PRIMARY KEY, ws TEXT, merged_into BIGINT, deleted SMALLINT)",
		"INSERT INTO people VALUES (1, 'a', NULL, 0), (2, 'a', 1, 0), (3, 'a', 2, 0), (4, 'a', 5, 0), (5, 'a', 4, 0), (6, 'b', NULL, 0), (7, 'a', 1, 1), (42, 'a', NULL, 0)",
		"CREATE TABLE talks (ws TEXT, no BIGINT, person_id BIGINT, PRIMARY KEY (ws, no))",
		"INSERT INTO talks VALUES ('a', 1, 1), ('a', 2, 3), ('a', 3, 4), ('b', 1, 6), ('b', 2, NULL)",
		"CREATE TABLE notes (id BIGINT PRIMARY KEY, kind TEXT, talk_ws TEXT, ref TEXT)",
		"INSERT INTO notes VALUES (1, 'talk', 'a', '1'), (2, 'talk', 'b', '1'), (3, 'person', NULL, '1'), (4, 'person', NULL, '2'), (5, 'other', NULL, '1')",
		"CREATE TABLE docs (id BIGINT PRIMARY KEY, doc TEXT)",
		`INSERT INTO docs VALUES (1, '{"author": {"id": 1}, "people": [{"id": 2}, {"x": 1}, {"id": 3}]}'),
			(2, '{"author": {"id": "1"}, "people": {"id": 1}}'), (3, NULL), (4, '{"author": [{"id": 1}], "people": [{"id": 1}]}')`,
	}
}

type tables struct{ people, talks, notes, docs *datamap.Collection }

func officeTables() tables {
	collection := func(table string, key ...string) *datamap.Collection {
		c := &datamap.Collection{Name: table, Table: table, Key: key}
		for _, k := range key {
			c.Fields = append(c.Fields, &datamap.Field{Column: k, Name: k})
		}
		return c
	}
	return tables{collection("people", "id"), collection("talks", "ws", "no"), collection("notes", "id"), collection("docs", "id")}
}

func link(on ...datamap.ColumnPair) *datamap.Link { return &datamap.Link{On: on} }

func pair(column, target string) datamap.ColumnPair {
	return datamap.ColumnPair{Column: column, Target: target}
}

func paths(all ...datamap.Path) []datamap.Condition { return []datamap.Condition{{Any: all}} }

type scopeCase struct {
	name string
	from *datamap.Collection
	all  []datamap.Condition
	want []string
}

// sets are cases whose paths end at sets of rows, or are followed back.
func sets(x tables, merged, toPerson, author, named datamap.Hop) []scopeCase {
	keys := func(columns []string, values ...[]string) *datamap.KeySet {
		return &datamap.KeySet{Columns: columns, Values: values}
	}
	noTalks := [][]string{{"a", "1 OR 1=1"}, {"a", "01"}, {`a"},{'`, "1"}, {"a"}}
	id := []string{"id"}
	but := func(p ...datamap.Path) datamap.Path { return datamap.Path{Rows: &datamap.Rows{Except: paths(p...)}} }
	back := func(h datamap.Hop, to *datamap.Collection) datamap.Hop {
		return datamap.Hop{Link: h.Link, To: to, Recursive: h.Recursive, Reverse: true}
	}
	hops := func(h ...datamap.Hop) []datamap.Hop { return h }
	one := datamap.Path{Keys: keys(id, []string{"1"})}
	return []scopeCase{
		{"a set of keys", x.people, paths(datamap.Path{Keys: keys(id, []string{"2"}, []string{"6"}, []string{"02"}, []string{"99"})}), []string{`{"id":2}`, `{"id":6}`}},
		{"composite keys", x.talks, paths(datamap.Path{Keys: keys([]string{"ws", "no"}, append(noTalks, []string{"a", "3"}, []string{"b", "1"})...)}), []string{`{"ws":"a","no":3}`, `{"ws":"b","no":1}`}},
		{"no keys", x.talks, paths(datamap.Path{Keys: keys([]string{"ws", "no"}, noTalks...)}), nil},
		{"a hop to a set", x.talks, paths(datamap.Path{Hops: hops(toPerson, merged), Keys: keys(id, []string{"4"}, []string{"6"})}), []string{`{"ws":"a","no":3}`, `{"ws":"b","no":1}`}},
		{"a hop to any row", x.talks, paths(datamap.Path{Hops: hops(toPerson)}), []string{`{"ws":"a","no":1}`, `{"ws":"a","no":2}`, `{"ws":"a","no":3}`, `{"ws":"b","no":1}`}},
		{"no hop to any row", x.talks, paths(but(datamap.Path{Hops: hops(toPerson)})), []string{`{"ws":"b","no":2}`}},
		{"no hop to a set", x.talks, paths(but(datamap.Path{Hops: hops(toPerson), Keys: keys(id, []string{"1"}, []string{"6"})})), []string{`{"ws":"a","no":2}`, `{"ws":"a","no":3}`, `{"ws":"b","no":2}`}},
		{"not the row itself", x.people, paths(but(one, datamap.Path{Column: "ws", Value: "a"})), []string{`{"id":6}`}},
		{"not where it is NULL", x.people, paths(but(datamap.Path{Column: "merged_into", Value: "1"})), []string{`{"id":1}`, `{"id":3}`, `{"id":42}`, `{"id":4}`, `{"id":5}`, `{"id":6}`}},
		{"not merged", x.people, paths(but(datamap.Path{Hops: hops(merged), Column: "id", Value: "1"})), []string{`{"id":42}`, `{"id":4}`, `{"id":5}`, `{"id":6}`}},
		{"rows of rows", x.talks, paths(datamap.Path{Hops: hops(toPerson), Rows: &datamap.Rows{All: paths(datamap.Path{Column: "ws", Value: "a"}), Except: paths(one)}}), []string{`{"ws":"a","no":2}`, `{"ws":"a","no":3}`}},
		{"neither of two sets of rows", x.people, paths(but(datamap.Path{Rows: &datamap.Rows{All: paths(datamap.Path{Column: "ws", Value: "a"}), Except: paths(one)}})), []string{`{"id":1}`, `{"id":6}`}},
		{"back", x.people, paths(datamap.Path{Hops: hops(back(toPerson, x.talks)), Column: "ws", Value: "a"}), []string{`{"id":1}`, `{"id":3}`, `{"id":4}`}},
		{"nobody back", x.people, paths(but(datamap.Path{Hops: hops(back(toPerson, x.talks))})), []string{`{"id":2}`, `{"id":42}`, `{"id":5}`, `{"id":7}`}},
		{"back again and again", x.people, paths(datamap.Path{Hops: hops(back(merged, x.people)), Column: "id", Value: "3"}), []string{`{"id":1}`, `{"id":2}`, `{"id":3}`}},
		{"not back again and again", x.people, paths(but(datamap.Path{Hops: hops(back(merged, x.people)), Column: "id", Value: "4"})), []string{`{"id":1}`, `{"id":2}`, `{"id":3}`, `{"id":42}`, `{"id":6}`, `{"id":7}`}},
		{"back out of JSON", x.people, paths(datamap.Path{Hops: hops(back(named, x.docs))}), []string{`{"id":2}`, `{"id":3}`, `{"id":1}`}},
		{"nobody back out of JSON", x.people, paths(but(datamap.Path{Hops: hops(back(named, x.docs))}, datamap.Path{Hops: hops(back(author, x.docs))})), []string{`{"id":42}`, `{"id":4}`, `{"id":5}`, `{"id":6}`, `{"id":7}`}},
	}
}

func scopes(t *testing.T, s Source) {
	s.exec(t, office()...)
	x := officeTables()
	alive := *x.people
	alive.Where = "deleted = 0 -- not the others"
	merged := datamap.Hop{Link: link(pair("merged_into", "id")), To: x.people, Recursive: true}
	toPerson := datamap.Hop{Link: link(pair("person_id", "id")), To: x.people}
	onTalk := datamap.Hop{To: x.talks, Link: &datamap.Link{
		On: []datamap.ColumnPair{pair("talk_ws", "ws"), pair("ref", "no")}, When: []datamap.TypeMatch{{Column: "kind", Value: "talk"}},
	}}
	onPerson := datamap.Hop{To: x.people, Link: &datamap.Link{
		On: []datamap.ColumnPair{pair("ref", "id")}, When: []datamap.TypeMatch{{Column: "kind", Value: "person"}},
	}}
	author := datamap.Hop{To: x.people, Link: link(datamap.ColumnPair{Column: "doc", JSONPath: "$.author.id", Target: "id"})}
	named := datamap.Hop{To: x.people, Link: link(datamap.ColumnPair{Column: "doc", JSONPath: "$.people[*].id", Target: "id"})}
	hops := func(h ...datamap.Hop) []datamap.Hop { return h }
	to := func(column, value string, h ...datamap.Hop) datamap.Path {
		return datamap.Path{Hops: h, Column: column, Value: value}
	}
	cases := []scopeCase{
		{"own column", x.people, paths(to("ws", "b")), []string{`{"id":6}`}},
		{"predicate", &alive, paths(to("ws", "b"), to("merged_into", "1")), []string{`{"id":2}`, `{"id":6}`}},
		{"two conditions", x.people, append(paths(to("ws", "a")), paths(to("id", "6"))...), nil},
		{"no path", x.people, []datamap.Condition{{}}, nil},
		{"another spelling of a number", x.people, paths(to("id", "042")), nil},
		{"no number", x.people, paths(to("id", "1 OR 1=1")), nil},
		{"a quote", x.people, paths(to("ws", `a' OR 'a'='a`)), nil},
		{"a backslash", x.people, paths(to("ws", `a\' OR 1=1 --`)), nil},
		{"one hop", x.talks, paths(to("id", "1", toPerson)), []string{`{"ws":"a","no":1}`}},
		{"a hop to a workspace", x.talks, paths(to("ws", "b", toPerson)), []string{`{"ws":"b","no":1}`}},
		{"merged", x.people, paths(to("id", "1", merged)), []string{`{"id":1}`, `{"id":2}`, `{"id":3}`, `{"id":7}`}},
		{"merged in a circle", x.people, paths(to("id", "5", merged)), []string{`{"id":4}`, `{"id":5}`}},
		{"a hop and merged", x.talks, paths(to("id", "1", toPerson, merged)), []string{`{"ws":"a","no":1}`, `{"ws":"a","no":2}`}},
		{
			"polymorphic with composite key", x.notes, paths(to("ws", "a", onTalk), to("id", "2", onPerson)),
			[]string{`{"id":1}`, `{"id":4}`},
		},
		{"three hops", x.notes, paths(datamap.Path{Hops: hops(onTalk, toPerson, merged), Column: "id", Value: "6"}), []string{`{"id":2}`}},
		{"inside JSON", x.docs, paths(to("id", "1", author)), []string{`{"id":1}`, `{"id":2}`}},
		{"in an array inside JSON", x.docs, paths(to("id", "3", named)), []string{`{"id":1}`}},
		{"either inside JSON", x.docs, paths(to("id", "1", named), to("id", "1", author)), []string{`{"id":1}`, `{"id":2}`, `{"id":4}`}},
	}
	cases = append(cases, sets(x, merged, toPerson, author, named)...)
	snapshot := s.open(t)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			sel := datamap.Selection{Collection: c.from, Table: c.from.Table, Fields: c.from.Fields, All: c.all}
			want(t, sorted(Records(t, snapshot, sel)), sorted(c.want))
			if _, err := snapshot.Estimate(t.Context(), sel); err != nil {
				t.Error(err)
			}
		})
	}
}
