package archive_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"runtime"
	"slices"
	"testing"

	"github.com/privacyd/privacyd/archive"
)

// look does with an archive all that a reader can do.
func look(t testing.TB, data []byte) archive.Report {
	t.Helper()
	report, err := archive.Verify(context.Background(), bytes.NewReader(data), int64(len(data)), nil)
	must(t, err)
	r, err := archive.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		if report.OK {
			t.Errorf("verified, but cannot be opened: %v", err)
		}
		return report
	}
	for _, c := range r.Manifest().Collections {
		for _, err := range r.Records(c.Name) {
			if err != nil && report.OK && c.Format == "json" {
				t.Errorf("verified, but cannot be read: %v", err)
			}
		}
	}
	for f, err := range r.Files() {
		if err != nil {
			break
		}
		if in, err := r.Open(f.Path); err == nil {
			_, _ = io.Copy(io.Discard, in)
		}
	}
	return report
}

func FuzzBytes(f *testing.F) {
	data := sample(f)
	f.Add(data)
	f.Add(together(f, apart(f, data)))
	f.Add(data[:len(data)/2])
	f.Fuzz(func(t *testing.T, changed []byte) {
		if look(t, changed).OK && !slices.Equal(changed[:min(len(changed), 30)], data[:30]) && len(changed) < 500 {
			t.Errorf("%d bytes pass for an archive", len(changed))
		}
	})
}

// A change to the manifest alone, with all the ZIP structures right.
func FuzzManifest(f *testing.F) {
	parts := apart(f, sample(f))
	f.Add(parts[len(parts)-1].content)
	f.Add([]byte(`{"format":"privacyd-archive/1","collections":[null],"missing":[],"files":[]}`))
	f.Add([]byte(`{"format":"privacyd-archive/1","collections":[],"missing":[{"collection":1}],"files":[{"path":"data/contacts.json"}]}`))
	f.Fuzz(func(t *testing.T, manifest []byte) {
		if look(t, together(t, edit("manifest.json", func([]byte) []byte { return manifest })(slices.Clone(parts)))).OK {
			t.Error("an archive that was packed again passes")
		}
	})
}

// Any array that encoding/json takes is read with the same elements, and nothing
// that it refuses is taken.
func FuzzRecords(f *testing.F) {
	for _, seed := range []string{`[]`, `[1,"a\"b",{"c":[null]}]`, "[{}\n,\n{} ]", `[1,]`, `["\\"]`, `[`, `[tru]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		data := withData(t, string(content))
		r, err := archive.Open(bytes.NewReader(data), int64(len(data)))
		must(t, err)
		var got [][]byte
		var last error
		for record, err := range r.Records("contacts") {
			last = err
			got = append(got, bytes.Clone(record))
		}
		var want []json.RawMessage
		valid := json.Unmarshal(content, &want) == nil && bytes.HasPrefix(bytes.TrimLeft(content, " \t\r\n"), []byte("["))
		if valid != (last == nil) {
			t.Fatalf("valid is %v, but the reader says %v", valid, last)
		}
		if valid && !slices.EqualFunc(want, got, func(a json.RawMessage, b []byte) bool { return bytes.Equal(bytes.TrimSpace(a), b) }) {
			t.Errorf("want %s, got %s", want, got)
		}
	})
}

// A small file that unpacks to a big one, and a manifest with one endless text,
// must not fill the memory.
func TestBombs(t *testing.T) {
	huge := bytes.Repeat([]byte("a"), 80<<20)
	tests := map[string]func([]part) []part{
		"a text in the manifest":   edit("manifest.json", func([]byte) []byte { return slices.Concat([]byte(`{"format":"`), huge, []byte(`"}`)) }),
		"a name in the manifest":   edit("manifest.json", func([]byte) []byte { return slices.Concat([]byte(`{"`), huge, []byte(`":1}`)) }),
		"a number in the manifest": edit("manifest.json", func([]byte) []byte { return slices.Concat([]byte(`{"a":`), bytes.Repeat([]byte("1"), 80<<20)) }),
		"brackets in the manifest": edit("manifest.json", func([]byte) []byte { return slices.Concat([]byte(`{"a":`), bytes.Repeat([]byte("["), 80<<20)) }),
		"a record":                 edit(data1, func([]byte) []byte { return slices.Concat([]byte(`["`), huge, []byte(`"]`)) }),
	}
	for name, bomb := range tests {
		t.Run(name, func(t *testing.T) {
			data := together(t, bomb(apart(t, sample(t))))
			before := allocated()
			if look(t, data).OK {
				t.Error("it passes")
			}
			if used := (allocated() - before) >> 20; used > 500 {
				t.Errorf("%d MiB were allocated on the way", used)
			}
		})
	}
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}
