package datamap

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd"
)

// mustParse reads a map from text.
func mustParse(t testing.TB, text string) *Map {
	t.Helper()
	m, err := Parse("test.yaml", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func mustCompile(t testing.TB, text string) *Graph {
	t.Helper()
	g, err := Compile(mustParse(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// example gives the text of a file under testdata.
func example(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func examples(t testing.TB, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files %s: %v", pattern, err)
	}
	for i, f := range files {
		files[i], _ = filepath.Rel("testdata", f)
	}
	return files
}

func TestValidMapsCompile(t *testing.T) {
	for _, file := range examples(t, "valid/*.yaml") {
		t.Run(file, func(t *testing.T) {
			g := mustCompile(t, example(t, file))
			if len(g.Collections()) != len(g.Map.Collections) || len(g.Map.Hash) != 64 {
				t.Errorf("got %d of %d collections, hash %q", len(g.Collections()), len(g.Map.Collections), g.Map.Hash)
			}
		})
	}
}

// Each file under testdata/invalid has one fault, or a few; beside it stands
// the text that its author sees. UPDATE=1 writes the texts anew.
func TestInvalidMapsSayWhatToDo(t *testing.T) {
	for _, file := range examples(t, "invalid/*.yaml") {
		t.Run(file, func(t *testing.T) {
			got := refusal(t, filepath.Base(file), example(t, file))
			golden := filepath.Join("testdata", strings.TrimSuffix(file, ".yaml")+".txt")
			if os.Getenv("UPDATE") != "" {
				if err := os.WriteFile(golden, []byte(got+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got+"\n"); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// refusal gives the message with which a map is refused.
func refusal(t testing.TB, name, text string) string {
	t.Helper()
	m, err := Parse(name, strings.NewReader(text))
	if err == nil {
		_, err = Compile(m)
	}
	if privacyd.CodeOf(err) != "map_invalid" || privacyd.ClassOf(err) != privacyd.ClassInvalid {
		t.Fatalf("got %v, want map_invalid", err)
	}
	return err.Error()
}

func TestDefaults(t *testing.T) {
	m := mustParse(t, `
dataset: app
workspace: {collection: shops, key: id}
collections:
  shops: {fields: {id: system, owner: user.name, pin: secret, row: internal}}
`)
	c := m.Collections[0]
	want := []*Field{
		{Column: "id", Name: "id", Category: "system", Whose: WhoseNone, Provenance: Provided},
		{Column: "owner", Name: "owner", Category: "user.name", Whose: WhoseSubject, Provenance: Provided},
		{Column: "pin", Name: "pin", Category: "system.authentication", Whose: WhoseNone, Provenance: Provided, Secret: true},
		{Column: "row", Name: "row", Category: "system.operations", Whose: WhoseNone, Provenance: Provided, Internal: true},
	}
	if diff := cmp.Diff(want, c.Fields); diff != "" {
		t.Error(diff)
	}
	if c.Table != "shops" || len(c.Key) != 1 || c.Key[0] != "id" || c.Disposition.Kind != Delete {
		t.Errorf("got table %q, key %v, disposition %q", c.Table, c.Key, c.Disposition.Kind)
	}
}

func TestDispositions(t *testing.T) {
	tests := map[string]*Disposition{
		"delete":                                 {Kind: Delete},
		"null":                                   {Kind: Null},
		`"null"`:                                 {Kind: Null},
		`{replace: "Deleted user"}`:              {Kind: Replace, With: "Deleted user"},
		"{keep: legal_claims}":                   {Kind: Keep, Ground: "legal_claims"},
		"{keep: legal_obligation, until: P1Y6M}": {Kind: Keep, Ground: "legal_obligation", Until: "P1Y6M"},
	}
	for text, want := range tests {
		t.Run(text, func(t *testing.T) {
			m := mustParse(t, `
dataset: app
workspace: {collection: shops, key: id}
collections:
  shops: {fields: {id: system, note: {category: user.content, disposition: `+text+`}}}
`)
			if diff := cmp.Diff(want, m.Collections[0].Fields[1].Disposition); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A row that only mentions a person outlives it.
func TestDispositionOf(t *testing.T) {
	row := &Collection{Disposition: Disposition{Kind: Delete}}
	kept := &Collection{Disposition: Disposition{Kind: Keep, Ground: "legal_claims"}}
	tests := []struct {
		c    *Collection
		l    *Link
		want DispositionKind
	}{
		{row, &Link{Relation: Belongs}, Delete},
		{row, &Link{Relation: Mentions}, Null},
		{kept, &Link{Relation: Mentions}, Keep},
		{row, &Link{Relation: Mentions, Disposition: &Disposition{Kind: Delete}}, Delete},
	}
	for i, test := range tests {
		if got := test.c.DispositionOf(test.l).Kind; got != test.want {
			t.Errorf("%d: got %s, want %s", i, got, test.want)
		}
	}
}

func TestHashTellsMeaningNotWriting(t *testing.T) {
	const base = `
dataset: app
workspace: {collection: shops, key: id}
collections:
  shops:
    fields: {id: system, name: user.name}
ignored: {a: one, b: two}
`
	hash := mustParse(t, base).Hash
	same := map[string]string{
		"comments":       "# shops\n" + base,
		"quotes":         strings.ReplaceAll(base, "user.name", `"user.name"`),
		"order":          strings.Replace(base, "{a: one, b: two}", "{b: two, a: one}", 1),
		"default stated": strings.Replace(base, "user.name", "{category: user.name, whose: subject}", 1),
	}
	for name, text := range same {
		if got := mustParse(t, text).Hash; got != hash {
			t.Errorf("%s: another hash", name)
		}
	}
	other := map[string]string{
		"whose":       strings.Replace(base, "user.name", "{category: user.name, whose: other}", 1),
		"disposition": strings.Replace(base, "  shops:\n", "  shops:\n    disposition: null\n", 1),
		"ignored":     strings.Replace(base, "two", "three", 1),
		"field order": strings.Replace(base, "{id: system, name: user.name}", "{name: user.name, id: system}", 1),
	}
	for name, text := range other {
		if got := mustParse(t, text).Hash; got == hash {
			t.Errorf("%s: the same hash", name)
		}
	}
}

func TestConditionFault(t *testing.T) {
	tests := map[string]bool{
		"status = 'open'":                                  true,
		`"State" is not null and (n > 3)`:                  true,
		"name = 'it''s; -- fine'":                          true,
		"tags[1] = 'a' or created_at::date > '2020-01-01'": true,
		"1=1) or (1=1":                                     false,
		"a = 1; drop table x":                              false,
		"a = 1 -- x":                                       false,
		"a = 1 /* x":                                       false,
		"a = 'x":                                           false,
		"a in (select id from b)":                          false,
		"a = $1":                                           false,
		"a = :b":                                           false,
		"a = $$x$$":                                        false,
		"a = E'\\''":                                       false,
		`a = '\' or 1=1'`:                                  false,
		"[a] = 1":                                          false,
		"`a` = 1":                                          false,
		"  ":                                               false,
	}
	for sql, good := range tests {
		if fault := conditionFault(sql); (fault == "") != good {
			t.Errorf("%s: %q", sql, fault)
		}
	}
}
