package datamap

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"
)

func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("map.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("map.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// tree reads YAML as plain values, with text for keys as JSON has it.
func tree(text string) (any, error) {
	var v any
	if err := yaml.Load([]byte(text), &v); err != nil {
		return nil, err
	}
	return withTextKeys(v), nil
}

func withTextKeys(v any) any {
	switch x := v.(type) {
	case map[any]any:
		m := map[string]any{}
		for k, e := range x {
			m[fmt.Sprint(k)] = withTextKeys(e)
		}
		return m
	case map[string]any:
		for k, e := range x {
			x[k] = withTextKeys(e)
		}
	case []any:
		for i, e := range x {
			x[i] = withTextKeys(e)
		}
	}
	return v
}

// agree holds the schema and the parser against each other.
func agree(t *testing.T, s *jsonschema.Schema, text string, v any) {
	t.Helper()
	encoded, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(encoded))
	if err != nil {
		t.Fatal(err)
	}
	refused := s.Validate(doc)
	_, p := parse("x.yaml", strings.NewReader(text))
	if p.hasForm() != (refused != nil) {
		t.Errorf("the schema says %v, the parser %v, of\n%s", refused, p.err(), text)
	}
}

func TestSchemaAgreesWithExamples(t *testing.T) {
	s := compiledSchema(t)
	// What only YAML has is only the parser's to refuse.
	yamlOnly := []string{"merge_key.yaml", "tag.yaml"}
	for _, file := range append(examples(t, "valid/*.yaml"), examples(t, "invalid/*.yaml")...) {
		t.Run(file, func(t *testing.T) {
			text := example(t, file)
			v, err := tree(text)
			if err != nil || slices.Contains(yamlOnly, filepath.Base(file)) {
				if refusal(t, file, text) == "" {
					t.Error("accepted")
				}
				return
			}
			agree(t, s, text, v)
		})
	}
}

// wrongs are values of every kind, one of which is wrong nearly everywhere.
func wrongs() []any {
	return []any{
		nil, "", "x", "X y", `a"b`, strings.Repeat("x", 2001), 5, -1, true, false,
		[]any{},
		map[string]any{},
		[]any{"x"},
		map[string]any{"x": "y"},
		"system", "null", "P",
	}
}

// Every value of a map that has every word is replaced, removed and given a
// neighbour that nobody knows.
func TestSchemaAgreesWithAlteredMaps(t *testing.T) {
	s := compiledSchema(t)
	root, err := tree(example(t, "valid/everything.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	alter(root, func() {
		if t.Failed() {
			return
		}
		text, err := yaml.Dump(root)
		if err != nil {
			t.Fatal(err)
		}
		agree(t, s, string(text), root)
	})
}

// alter calls look once for each change of one value inside v, and undoes it.
func alter(v any, look func()) {
	switch x := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(x)) {
			old := x[k]
			for _, w := range wrongs() {
				x[k] = w
				look()
			}
			delete(x, k)
			look()
			x[k] = old
			alter(old, look)
		}
		x["zz top;"] = "system"
		look()
		delete(x, "zz top;")
	case []any:
		for i, old := range x {
			for _, w := range wrongs() {
				x[i] = w
				look()
			}
			x[i] = old
			alter(old, look)
		}
	}
}

// The schema repeats words that stand in code; they must not drift apart.
func TestSchemaHasTheSameWords(t *testing.T) {
	var doc struct {
		Defs map[string]struct {
			Enum    []string
			Pattern string
		} `json:"$defs"`
	}
	if err := json.Unmarshal(Schema(), &doc); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Categories(), doc.Defs["category"].Enum); diff != "" {
		t.Error(diff)
	}
	for name, pattern := range map[string]string{
		"name": namePattern.String(), "column": columnPattern.String(), "table": tablePattern.String(), "path": pathPattern.String(),
	} {
		if doc.Defs[name].Pattern != pattern {
			t.Errorf("%s: the schema has %s, the parser %s", name, doc.Defs[name].Pattern, pattern)
		}
	}
	if !slices.IsSorted(Categories()) {
		t.Error("categories are not sorted")
	}
}
