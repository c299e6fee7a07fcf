package records

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/privacyd/privacyd/vault"
)

// FuzzJSON holds the scanner to encoding/json: what it takes is valid, keeps
// its meaning, and is as compact as can be.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		`{"a": [1, -0.5e+10, true, null, "x\u00e9\ud83d\ude00\n\""], "": {}}`, `[`, `"\u0000"`, `"\ud800"`, `01`, `-`, `1e`, `{"a":1,}`, "\"\x01\"", `tru`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			return
		}
		sc := &scanner{s: s}
		raw, err := sc.raw()
		if err == nil {
			err = sc.end()
		}
		if valid := json.Valid([]byte(s)); err == nil != valid {
			// What we refuse beyond JSON: U+0000, half pairs and great depth.
			if err == nil || err.code == "json_invalid" || err.code == "json_truncated" {
				t.Fatalf("valid: %v; we say: %v", valid, err)
			}
			return
		}
		if err != nil {
			return
		}
		var want bytes.Buffer
		if err := json.Compact(&want, []byte(s)); err != nil || want.String() != raw {
			t.Fatalf("got %q, want %q", raw, want.String())
		}
	})
}

// FuzzText checks that a string means what encoding/json takes it to mean, and
// that what we write is read as the same.
func FuzzText(f *testing.F) {
	f.Add(`"x\u00e9\ud83d\ude00\n\"\/\b"`)
	f.Add("\"\x7f\u2028\"")
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			return
		}
		got, err := (&scanner{s: s}).text()
		if err != nil {
			return
		}
		var again string
		if err := json.Unmarshal(appendText(nil, got), &again); err != nil || again != got {
			t.Fatalf("%q is written as %s", got, appendText(nil, got))
		}
		var want string
		if err := json.NewDecoder(strings.NewReader(s)).Decode(&want); err != nil || want != got {
			t.Fatalf("got %q, want %q (%v)", got, want, err)
		}
	})
}

// FuzzRecord checks that any line is either refused with a code and without a
// word of its own, or becomes a row that its bytes give again.
func FuzzRecord(f *testing.F) {
	for _, c := range collections {
		f.Add(`{"collection":"` + c.Name + `","record":{"id":"1"}}`)
	}
	f.Add(`{"collection":"contacts","record":{"id":"1","tags":["a"],"identities":[{"kind":"x","value":"y"}],"created_at":"2026-01-01T00:00:00Z"}}`)
	f.Add(`{"collection":"messages","record":{"id":"1","conversation_id":"2","direction":"inbound","author_id":"3","ai_metadata":{"a":1}}}`)
	f.Add(`{"collection":"attachments","record":{"id":"1","record_type":"contact","record_id":"2","content_base64":"AA==","size":1}}`)
	f.Fuzz(func(t *testing.T, s string) {
		name, record, err := envelope(s)
		if err != nil {
			sound(t, err)
			return
		}
		c := Find(name)
		if c == nil {
			sound(t, unknownCollection(name))
			return
		}
		r, err := c.parse(&scanner{s: record})
		if err != nil {
			sound(t, err)
			return
		}
		r.at = at48(3, 7)
		again, bad := decodeRow(r.appendTo(nil), len(c.Fields))
		if bad != nil {
			t.Fatal(bad)
		}
		if diff := cmp.Diff(r.values, again.values, cmp.AllowUnexported(value{})); diff != "" || again.at != r.at {
			t.Fatal(diff)
		}
	})
}

func sound(t *testing.T, f *flaw) {
	if f.code == "" || f.what == "" || !utf8.ValidString(f.what) || strings.ContainsRune(f.what, 0) {
		t.Fatalf("%+v", f)
	}
}

// FuzzLines checks that lines are those that bytes.Split gives, but for blank
// space around them.
func FuzzLines(f *testing.F) {
	f.Add([]byte("a\r\nb\n\n c"))
	f.Add([]byte("\ufeffa\n\ufeffb"))
	f.Fuzz(func(t *testing.T, b []byte) {
		l := newLines(bytes.NewReader(b))
		want := bytes.Split(bytes.TrimPrefix(b, []byte("\ufeff")), []byte("\n"))
		for i, w := range want {
			got, err := l.next()
			if errors.Is(err, io.EOF) && i == len(want)-1 && len(w) == 0 {
				return
			}
			if err != nil || got != string(bytes.Trim(w, " \t\r\n")) || l.number != uint64(i+1) {
				t.Fatalf("line %d: %q, %v", i+1, got, err)
			}
		}
	})
}

func FuzzDecodeRow(f *testing.F) {
	f.Add([]byte("id\x00\x01\x00\x02\x02"), 3)
	f.Fuzz(func(t *testing.T, b []byte, n int) {
		if n < 1 || n > 20 {
			return
		}
		if r, err := decodeRow(b, n); err == nil && len(r.values) != n {
			t.Fatal("another number of values")
		}
	})
}

// TestSorter sorts with so little memory that every few strings make a run,
// and runs are merged more than once.
func TestSorter(t *testing.T) {
	spool := vault.NewSpool(t.TempDir())
	rapid.Check(t, func(r *rapid.T) {
		s := newSorter(func() (Spool, error) { return spool() })
		defer s.close()
		s.memory = rapid.IntRange(1, 200).Draw(r, "memory")
		in := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 20), 0, 300).Draw(r, "strings")
		for _, b := range in {
			if err := s.add(b); err != nil {
				r.Fatal(err)
			}
		}
		var out []string
		if err := s.each(func(b []byte) error { out = append(out, string(b)); return nil }); err != nil {
			r.Fatal(err)
		}
		if diff := cmp.Diff(sortedStrings(in), out); diff != "" {
			r.Fatal(diff)
		}
	})
}

func sortedStrings(in [][]byte) []string {
	var all []string
	for _, b := range in {
		all = append(all, string(b))
	}
	slices.Sort(all)
	return all
}
