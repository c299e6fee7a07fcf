package sourcetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/source/sqlsource"
)

// searched: every place where an identifier stands as a whole is found, and
// nothing else, in one workspace or in all.
func searched(t *testing.T, s Source) {
	g := ShopGraph(t)
	fillShop(t, s, 23, shopSize{workspaces: 2, people: 10, talks: 4, posts: 10})
	s.exec(t,
		"INSERT INTO posts VALUES (1000, 'a', NULL, NULL, 'Ask JANE@mail.example. Thanks', NULL, 0), (1001, 'a', NULL, NULL, 'Ask mary-jane@mail.example', NULL, 0)",
		"INSERT INTO posts VALUES (1002, 'b', NULL, NULL, 'jane@mail.example', NULL, 0), (1003, 'a', NULL, NULL, '', 'x/H-1234567.png', 0), (1004, 'b', NULL, NULL, '<h1>H-1234567</h1>', NULL, 0)",
		`INSERT INTO docs VALUES (900, 'a', '{"to": ["x", {"m": "a\njane@mail.example"}], "no": 1.2}'), (901, 'a', '{"jane@mail.example": 1}')`,
		`INSERT INTO docs VALUES (902, 'a', '{"phone": "+31 20 5559999 "}'), (903, 'a', '{"phone": "+31 20 55599991"}')`,
		"INSERT INTO notes VALUES ('file-jane@mail.example', 'a', 'other', '1', NULL), ('file jane@mail.example', 'a', 'other', '1', NULL)")
	ids := []sqlsource.Identifier{{Kind: "email", Value: "Jane@mail.example"}, {Kind: "phone", Value: "+31 20 5559999"}, {Kind: "handle", Value: "H-1234567"}, {Kind: "handle", Value: "short"}}
	inA := []string{
		"docs [900] doc", "docs [901] doc", "docs [902] doc", "notes [file jane@mail.example] id", "posts [1000] body", "posts [1003] blob",
	}
	for workspace, places := range map[string][]string{"a": inA, "": append(inA, "posts [1002] body", "posts [1004] body"), "c": nil} {
		var found []string
		err := s.eraser(t).Search(t.Context(), g, workspace, ids, func(h sqlsource.Hit) error {
			found = append(found, fmt.Sprint(h.Collection, " ", h.Key, " ", h.Column))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		want(t, sorted(found), sorted(slices.Clone(places)))
	}
}

// identified: the keys and the identifiers of all of a person's rows.
func identified(t *testing.T, s Source) {
	g := ShopGraph(t)
	fillShop(t, s, 23, shopSize{workspaces: 1, people: 2})
	s.exec(t, "UPDATE people SET merged_into = NULL",
		`INSERT INTO people VALUES (900, 'a', 'J', 'j@x.example', '555', '["one", 2, null, "one"]', NULL, NULL)`,
		`INSERT INTO people VALUES (901, 'a', 'J', 'j@x.example', NULL, 'no JSON', 900, NULL), (902, 'a', 'J', 'jj@x.example', '', '[]', 901, NULL)`)
	e := erasure(t, g, datamap.EraseScope{Scope: datamap.Scope{Workspace: "a", SubjectKind: "contact", SubjectID: "902"}})
	var keys []string
	err := s.eraser(t).Keys(t.Context(), e.Roots[0], func(key []string) error {
		keys = append(keys, key...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want(t, sorted(keys), []string{"900", "901", "902"})
	got, err := s.eraser(t).Identifiers(t.Context(), e.Roots[0], g.SubjectKind("contact").Identities)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(got, func(a, b sqlsource.Identifier) int {
		return slices.Compare([]string{a.Kind, a.Value}, []string{b.Kind, b.Value})
	})
	want(t, got, []sqlsource.Identifier{
		{Kind: "email", Value: "j@x.example"}, {Kind: "email", Value: "jj@x.example"}, {Kind: "handle", Value: "2"}, {Kind: "handle", Value: "one"}, {Kind: "phone", Value: "555"},
	})
}

// clocks: who is due for a look, by the last activity or else the resolution.
func clocks(t *testing.T, s Source) {
	g := ShopGraph(t)
	fillShop(t, s, 29, shopSize{workspaces: 2})
	at := time.Date(2024, 2, 29, 12, 0, 0, 123456000, time.UTC)
	micros := at.UnixMicro()
	for no, row := range []string{
		fmt.Sprintf("'resolved', %d, %d", micros, micros-1), fmt.Sprintf("'resolved', %d, %d", micros-10, micros), fmt.Sprintf("'resolved', %d, NULL", micros-1),
		fmt.Sprintf("'resolved', %d, NULL", micros), "'resolved', NULL, NULL", fmt.Sprintf("'open', NULL, %d", micros-5), fmt.Sprintf("NULL, %d, NULL", micros-7),
	} {
		s.exec(t, fmt.Sprintf("INSERT INTO talks VALUES ('a', %d, NULL, NULL, %s)", no, row), fmt.Sprintf("INSERT INTO talks VALUES ('b', %d, NULL, NULL, %s)", no, row))
	}
	sel, err := g.Clocked("a", "talks")
	if err != nil {
		t.Fatal(err)
	}
	for _, before := range []time.Time{at, {}} {
		got := map[string]sqlsource.ClockRow{}
		err := s.eraser(t).ClockRows(t.Context(), sel, before, func(r sqlsource.ClockRow) error {
			got[r.Key[1]] = r
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		expected := map[string]sqlsource.ClockRow{
			"0": {Key: []string{"a", "0"}, Resolved: true, ResolvedAt: at, LastActivity: at.Add(-time.Microsecond)},
			"2": {Key: []string{"a", "2"}, Resolved: true, ResolvedAt: at.Add(-time.Microsecond)},
			"5": {Key: []string{"a", "5"}, LastActivity: at.Add(-5 * time.Microsecond)},
			"6": {Key: []string{"a", "6"}, ResolvedAt: at.Add(-7 * time.Microsecond)},
		}
		if before.IsZero() {
			expected["1"] = sqlsource.ClockRow{Key: []string{"a", "1"}, Resolved: true, ResolvedAt: at.Add(-10 * time.Microsecond), LastActivity: at}
			expected["3"] = sqlsource.ClockRow{Key: []string{"a", "3"}, Resolved: true, ResolvedAt: at}
			expected["4"] = sqlsource.ClockRow{Key: []string{"a", "4"}, Resolved: true}
		}
		want(t, got, expected)
	}
}

// named: blobs that a row still names, in whichever collection and workspace.
func named(t *testing.T, s Source) {
	g := ShopGraph(t)
	fillShop(t, s, 31, shopSize{workspaces: 2, people: 6})
	s.exec(t, "INSERT INTO posts VALUES (900, 'a', NULL, NULL, '', 'up-1', 0), (901, 'b', NULL, NULL, '', 'up-1', 0), (902, 'b', NULL, NULL, '', 'it''s', 0), (903, 'b', NULL, NULL, '', 'hidden', 1)")
	for bucket, keys := range map[string][]string{"uploads": {"it's", "up-1"}, "pictures": nil, "other": nil} {
		got, err := s.eraser(t).Named(t.Context(), g, bucket, []string{"up-1", "up-2", "it's", "hidden", ""})
		if err != nil {
			t.Fatal(err)
		}
		want(t, sorted(got), keys)
	}
}
