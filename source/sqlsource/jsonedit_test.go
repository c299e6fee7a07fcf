package sqlsource

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReplaceAt(t *testing.T) {
	cases := []struct{ name, doc, path, match, want string }{
		{"a key", `{"author": {"id": 7, "n": "x"}}`, "$.author.id", "7", `{"author": {"id": null, "n": "x"}}`},
		{"a text", `{"author":{"id":"7"}}`, "$.author.id", "7", `{"author":{"id":null}}`},
		{"another's", `{"author":{"id":"8"}}`, "$.author.id", "7", `{"author":{"id":"8"}}`},
		{"an element's key", `{"p": [{"id": 7}, {"id": 8}, 3, {"x": 7}, {"id": 7}]}`, "$.p[*].id", "7", `{"p": [{"id": null}, {"id": 8}, 3, {"x": 7}, {"id": null}]}`},
		{"elements", `[ 7 , "7", 77, [7]]`, "$[*]", "7", `[ null , null, 77, [7]]`},
		{"an index", `{"p":[[1],[7]]}`, "$.p[1][0]", "7", `{"p":[[1],[null]]}`},
		{"an array where the path has a key", `{"p":[{"id":7}]}`, "$.p.id", "7", `{"p":[{"id":7}]}`},
		{"an object where the path has [*]", `{"p":{"id":7}}`, "$.p[*].id", "7", `{"p":{"id":7}}`},
		{"twice the same key", `{"id":7,"id":7}`, "$.id", "7", `{"id":null,"id":null}`},
		{"an escaped key", `{"\u0069d":7}`, "$.id", "7", `{"\u0069d":null}`},
		{"a quoted bracket", `{"a":"}]{\"","id":"7"}`, "$.id", "7", `{"a":"}]{\"","id":null}`},
		{"a number spelt otherwise", `{"id":-0}`, "$.id", "0", `{"id":null}`},
		{"null", `{"id":null}`, "$.id", "null", `{"id":null}`},
		{"cut short", `{"id":7`, "$.id", "7", `{"id":7`},
		{"no JSON", `id: 7`, "$.id", "7", `id: 7`},
		{"nothing", ``, "$.id", "7", ``},
	}
	for _, c := range cases {
		path, err := parsePath(c.path)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := replaceAt([]byte(c.doc), path, func(v string) bool { return v == c.match }, []byte("null"))
		if diff := cmp.Diff(c.want, string(got)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", c.name, diff)
		}
	}
}

func TestValuesAt(t *testing.T) {
	path, err := parsePath("$[*].value")
	if err != nil {
		t.Fatal(err)
	}
	got := valuesAt([]byte(`[{"kind": "webchat", "value": "v-1"}, {"value": 12}, {"value": null}, {"value": "\u00e9"}]`), path)
	if diff := cmp.Diff([]string{"v-1", "12", "é"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// FuzzReplaceAt: whatever the document, an edit keeps JSON what it is, and
// nothing that matched is left.
func FuzzReplaceAt(f *testing.F) {
	for _, doc := range []string{`{"a":[{"b":1}]}`, `[1,"1",[1]]`, `{"a":{"b":"1"}}`, `{`, `]`, `,`, `"\"`, ` 1 `, `{"a":1,}`} {
		f.Add(doc, "$.a[*].b")
		f.Add(doc, "$.a.b")
		f.Add(doc, "$[*]")
	}
	f.Fuzz(func(t *testing.T, doc, path string) {
		steps, err := parsePath(path)
		if err != nil {
			return
		}
		match := func(v string) bool { return v == "1" }
		edited, n := replaceAt([]byte(doc), steps, match, []byte(`"Deleted"`))
		if n == 0 && string(edited) != doc {
			t.Fatalf("%q became %q", doc, edited)
		}
		if !json.Valid([]byte(doc)) {
			return
		}
		if !json.Valid(edited) {
			t.Fatalf("%q became %q", doc, edited)
		}
		if slices.Contains(valuesAt(edited, steps), "1") {
			t.Fatalf("%q became %q", doc, edited)
		}
	})
}
