package datamap

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What an erasure of each kind does, by each map, stands under
// testdata/erasure for a person to read. UPDATE=1 writes it anew.
func TestErasureGolden(t *testing.T) {
	maps := map[string]string{
		"embedded": "../records/records.map.yaml", "privacyd": "../store/privacyd.map.yaml",
		"pagila":    "../examples/pagila/pagila.map.yaml",
		"northwind": "../examples/northwind/northwind.map.yaml", "chinook": "../examples/chinook/chinook.map.yaml",
		"chatwoot": "testdata/valid/chatwoot.yaml", "helpdesk": "testdata/valid/helpdesk.yaml", "everything": "testdata/valid/everything.yaml",
		"links": "testdata/valid/links.yaml",
	}
	for name, file := range maps {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join("testdata", "erasure", name+".txt"), sayScopes(t, mustCompile(t, string(text))))
		})
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

// scopes gives an erasure of every kind that a map allows.
func scopes(g *Graph) map[string]EraseScope {
	all := map[string]EraseScope{"1 workspace": {Scope: Scope{Workspace: "W"}}}
	for _, k := range g.Map.Subjects {
		all["2 "+k.Kind+" in a workspace"] = EraseScope{Scope: Scope{Workspace: "W", SubjectKind: k.Kind, SubjectID: "P"}}
		if k.Span == SpanAll {
			all["3 "+k.Kind+" everywhere"] = EraseScope{Scope: Scope{SubjectKind: k.Kind, SubjectID: "P"}}
		}
	}
	for _, c := range g.ClockCollections() {
		all["4 rows of "+c.Name] = EraseScope{Scope: Scope{Workspace: "W"}, Rows: &RowScope{Collection: c.Name, Keys: [][]string{rowKey(c, "R"), rowKey(c, "S")}}}
	}
	return all
}

func rowKey(c *Collection, name string) []string {
	key := make([]string, len(c.Key))
	for i := range key {
		key[i] = fmt.Sprint(name, i+1)
	}
	return key
}

func sayScopes(t *testing.T, g *Graph) string {
	var b strings.Builder
	all := scopes(g)
	for _, name := range sortedKeys(all) {
		e, err := g.Erasure(all[name])
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s\n%s\n", name[2:], sayErasure(e))
	}
	for _, q := range g.Quoted() {
		e, err := g.Unquote(quotedScope(q), q, [][]string{rowKey(q.Collection, "R")})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "rows that quote a person in %s, another one is held\n%s\n", sayQuoting(q), sayErasure(e))
	}
	return b.String()
}

func quotedScope(q Quoting) EraseScope {
	return EraseScope{
		Scope: Scope{Workspace: "W", SubjectKind: "contact", SubjectID: "P"},
		Held:  []RowRef{{Collection: q.Collection.Name, Key: rowKey(q.Collection, "H")}},
	}
}

func sayQuoting(q Quoting) string {
	var columns []string
	for _, f := range q.Fields {
		columns = append(columns, f.Column)
	}
	return q.Collection.Name + "." + strings.Join(columns, " or ")
}
