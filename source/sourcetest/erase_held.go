package sourcetest

import (
	"testing"

	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/source/sqlsource"
)

// held rows stay, with what belongs to them and what they belong to, whether
// the scope is a person, some rows or a workspace.
func held(t *testing.T, s Source) {
	s.exec(t, shopTables(s.Dialect)...)
	s.exec(t,
		"INSERT INTO workspaces VALUES ('a', 'A')", "INSERT INTO agents VALUES (1, 'x')", "INSERT INTO seats VALUES ('a', 1)",
		"INSERT INTO pictures VALUES (5, 'p5')",
		"INSERT INTO people VALUES (1, 'a', 'J', 'j@x.example', NULL, NULL, NULL, 5), (2, 'a', 'K', 'k@x.example', NULL, NULL, NULL, NULL)",
		"INSERT INTO talks VALUES ('a', 1, 1, 1, 'open', NULL, NULL), ('a', 2, 1, 1, 'open', NULL, NULL), ('a', 3, 2, 1, 'open', NULL, NULL)",
		"INSERT INTO posts VALUES (10, 'a', 1, NULL, '', 'u10', 0), (11, 'a', NULL, 10, '', NULL, 0), (12, 'a', NULL, 11, '', NULL, 0)",
		"INSERT INTO posts VALUES (13, 'a', 1, NULL, '', 'u13', 0), (14, 'a', NULL, 10, '', NULL, 0), (15, 'a', 2, NULL, '', NULL, 0), (16, 'a', 3, NULL, '', NULL, 0)",
		"INSERT INTO likes VALUES (12, 2), (13, 2), (16, 1), (16, 2)")
	g := ShopGraph(t)
	hold := []datamap.RowRef{{Collection: "posts", Key: []string{"11"}}}
	scopes := []struct {
		scope        datamap.EraseScope
		posts, likes []string
		talks        []string
		people       []string
	}{
		{
			datamap.EraseScope{Scope: datamap.Scope{Workspace: "a"}, Rows: &datamap.RowScope{Collection: "talks", Keys: [][]string{{"a", "1"}}}},
			[]string{`{"id":10}`, `{"id":11}`, `{"id":12}`, `{"id":15}`, `{"id":16}`},
			[]string{`{"post_id":12}`, `{"post_id":16}`, `{"post_id":16}`},
			[]string{`{"no":1}`, `{"no":2}`, `{"no":3}`},
			[]string{`{"id":1}`, `{"id":2}`},
		},
		{
			datamap.EraseScope{Scope: datamap.Scope{Workspace: "a", SubjectKind: "contact", SubjectID: "1"}},
			[]string{`{"id":10}`, `{"id":11}`, `{"id":12}`, `{"id":16}`},
			[]string{`{"post_id":12}`, `{"post_id":16}`},
			[]string{`{"no":1}`, `{"no":3}`},
			[]string{`{"id":1}`, `{"id":2}`},
		},
		{
			datamap.EraseScope{Scope: datamap.Scope{Workspace: "a"}},
			[]string{`{"id":10}`, `{"id":11}`, `{"id":12}`},
			[]string{`{"post_id":12}`},
			[]string{`{"no":1}`},
			[]string{`{"id":1}`, `{"id":2}`},
		},
	}
	for _, c := range scopes {
		c.scope.Held = hold
		erase(t, s, erasure(t, g, c.scope), sqlsource.Batch{})
		want(t, s.all(t, "posts", "id"), c.posts)
		want(t, s.all(t, "likes", "post_id"), c.likes)
		want(t, s.all(t, "talks", "no"), c.talks)
		want(t, s.all(t, "people", "id"), c.people)
		want(t, s.all(t, "pictures", "id"), []string{`{"id":5}`})
	}
	want(t, s.all(t, "workspaces", "id"), []string{`{"id":"a"}`})
	for _, step := range erasure(t, g, datamap.EraseScope{Scope: datamap.Scope{Workspace: "a"}}).Steps {
		if _, err := s.eraser(t).Run(t.Context(), step, sqlsource.Batch{}); err != nil {
			t.Fatal(err)
		}
	}
	want(t, s.all(t, "posts", "id"), []string(nil))
	want(t, s.all(t, "workspaces", "id"), []string(nil))
	want(t, s.all(t, "pictures", "id"), []string(nil))
}
