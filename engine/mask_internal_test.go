package engine

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func aMasker() *masker {
	m := &masker{known: newKnown(1000), own: map[string]bool{}}
	for _, id := range []Identifier{
		{Kind: identityName, Value: "Katya Kowalski"},
		{Kind: identityName, Value: "Jean-Luc O'Neill"},
		{Kind: identityName, Value: "Ada"},
		{Kind: identityName, Value: "李 小龙"},
		{Kind: "email", Value: "katya.k@example.org"},
		{Kind: identityPhone, Value: "+31 20 555 1001"},
		{Kind: "external_id", Value: "visitor-7919"},
		{Kind: "external_id", Value: "short"},
		{Kind: identityName, Value: "Ben Rossi"},
		{Kind: "email", Value: "ben@example.org"},
	} {
		m.learn(id, false)
	}
	m.learn(Identifier{Kind: identityName, Value: "Ben Rossi"}, true)
	m.learn(Identifier{Kind: "email", Value: "ben@example.org"}, true)
	return m
}

func TestMask(t *testing.T) {
	m := aMasker()
	for _, c := range []struct {
		text, want string
		n          int
	}{
		{"", "", 0},
		{"Where is my invoice?", "Where is my invoice?", 0},
		{"Ask Katya Kowalski, please.", "Ask [another person], please.", 1},
		{"ask katya kowalski and KATYA  KOWALSKI!", "ask [another person] and [another person]!", 2},
		{"Katya alone, or Kowalski", "Katya alone, or Kowalski", 0},
		{"Katya Kowalskis house", "Katya Kowalskis house", 0},
		{"Jean-Luc O'Neill was there", "[another person] was there", 1},
		{"Ada was there", "Ada was there", 0},
		{"(李 小龙)", "([another person])", 1},
		{"to katya.k@example.org.", "to [another person].", 1},
		{"to notkatya.k@example.org", "to notkatya.k@example.org", 0},
		{"call +31205551001 or 0031 (20) 555-1001", "call [another person] or [another person]", 2},
		{"order 31205551009", "order 31205551009", 0},
		{"visitor-7919 short", "[another person] short", 1},
		{"Ben Rossi <ben@example.org>", "Ben Rossi <ben@example.org>", 0},
		{"Ben Rossi and Katya Kowalski", "Ben Rossi and [another person]", 1},
	} {
		if got, n := m.mask(c.text); got != c.want || n != c.n {
			t.Errorf("%q became %q, %d times", c.text, got, n)
		}
	}
}

func TestMaskJSON(t *testing.T) {
	o := &others{masker: *aMasker()}
	for in, want := range map[string]string{
		`null`:                     `null`,
		`12.50`:                    `12.50`,
		`"a <b> & Katya Kowalski"`: `"a <b> & [another person]"`,
		`{"n": 1.0, "Katya Kowalski": ["Katya Kowalski", {"x":"é \"katya kowalski\""}], "y": "\u00e9"}`: `{"n": 1.0, "Katya Kowalski": ["[another person]", {"x":"é \"[another person]\""}], "y": "\u00e9"}`,
	} {
		if got, _ := o.maskJSON(json.RawMessage(in)); string(got) != want {
			t.Errorf("%s became %s", in, got)
		}
	}
}

// FuzzMask masks any text: what is known is gone, and the rest is as it was.
func FuzzMask(f *testing.F) {
	f.Add("Ask Katya Kowalski at +31 20 555 1001", "\xff")
	f.Add("", "katya kowalski katya kowalski")
	m := aMasker()
	o := &others{masker: *m}
	f.Fuzz(func(t *testing.T, before, after string) {
		text := before + " Katya Kowalski " + after
		masked, n := m.mask(text)
		if !utf8.ValidString(text) {
			return
		}
		if n == 0 || strings.Contains(masked, " Katya Kowalski ") {
			t.Errorf("%q became %q", text, masked)
		}
		raw, err := json.Marshal(map[string]any{before: []string{after, text}})
		if err != nil {
			t.Fatal(err)
		}
		edited, _ := o.maskJSON(raw)
		if !json.Valid(edited) {
			t.Errorf("%s became %s", raw, edited)
		}
		row, err := editFields(raw, func(_ string, v json.RawMessage) json.RawMessage { return v })
		if err != nil || !json.Valid(row) {
			t.Errorf("%s became %s: %v", raw, row, err)
		}
	})
}
