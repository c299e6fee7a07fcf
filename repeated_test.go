package privacyd_test

import (
	"encoding/json"
	"runtime"
	"strings"
	"testing"

	"github.com/privacyd/privacyd"
)

func TestRepeatedFields(t *testing.T) {
	for text, want := range map[string]string{
		`{"a": 1, "a": 2}`:                           "a",
		`{"a": 1, "A": 2}`:                           "A",
		`{"a": {"b": "a", "B": 1}}`:                  "B",
		`{"a": {"b": {"c": 1, "C": 2}}}`:             "",
		`{"a": {"b": {"c": 1, "d": [], "c": 2}}}`:    "c",
		`[{"a": 1}, {"a": 1}]`:                       "",
		`{"list": [{"a": 1, "b": {}, "\u0061": 2}]}`: "a",
		`{"a": "b", "b": "a", "c": ["a", "a"]}`:      "",
		`{"": 1, "": 2}`:                             "",
		`{} {"a": 1}`:                                "",
		``:                                           "",
		`{"a": `:                                     "",
	} {
		name, found := privacyd.RepeatedField([]byte(text))
		if name != want || found != (want != "" || text == `{"": 1, "": 2}`) {
			t.Errorf("%s: %q %v", text, name, found)
		}
	}
}

// TestDeepNestingIsNotFollowed: a request of a few MiB of brackets must not
// cost the server a hundred times that.
func TestDeepNestingIsNotFollowed(t *testing.T) {
	const size = 1 << 20
	for _, open := range []string{"[", `{"":`} {
		text := []byte(strings.Repeat(open, size/len(open)))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		name, found := privacyd.RepeatedField(text)
		runtime.ReadMemStats(&after)
		if found {
			t.Errorf("%s: %q", open, name)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 12*size {
			t.Errorf("%s: %d bytes were taken for %d", open, used, size)
		}
	}
}

// TestDeepestNesting: what the decoder takes is looked into, to its end.
func TestDeepestNesting(t *testing.T) {
	const depth = 10_000
	for lists, found := range map[int]bool{depth - 1: true, depth: false} {
		text := strings.Repeat("[", lists) + `{"a": 1, "a": 2}` + strings.Repeat("]", lists)
		if _, got := privacyd.RepeatedField([]byte(text)); got != found || json.Valid([]byte(text)) != found {
			t.Errorf("below %d lists: found %v, valid %v", lists, got, json.Valid([]byte(text)))
		}
	}
}

// FuzzRepeatedFields holds the finding against what the decoder keeps: where
// nothing is there twice, writing it again loses nothing.
func FuzzRepeatedFields(f *testing.F) {
	for _, seed := range []string{`{"a":1,"a":2}`, `[{"a":{"b":[1,{"c":null}]}}]`, `{"a":"\ud800"}`, `7`, `{"a":1}{"a":2}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		_, found := privacyd.RepeatedField(text)
		if !json.Valid(text) || found {
			return
		}
		var kept any
		if err := json.Unmarshal(text, &kept); err != nil {
			return // a number too large for it
		}
		again, err := json.Marshal(kept)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := fieldsIn(t, again), fieldsIn(t, text); got != want {
			t.Errorf("%d of %d fields of %q", got, want, text)
		}
	})
}

// fieldsIn counts the names in a JSON text: those before a colon.
func fieldsIn(t *testing.T, text []byte) (n int) {
	t.Helper()
	inText := false
	for i := 0; i < len(text); i++ {
		switch {
		case inText && text[i] == '\\':
			i++
		case text[i] == '"':
			inText = !inText
		case text[i] == ':' && !inText:
			n++
		}
	}
	return n
}
