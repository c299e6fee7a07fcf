package archive_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/archive"
	"pgregory.net/rapid"
)

// object draws any JSON object.
func object() *rapid.Generator[map[string]any] {
	value := rapid.OneOf(
		rapid.String().AsAny(), rapid.Bool().AsAny(), rapid.Just[any](nil),
		rapid.Custom(func(r *rapid.T) any {
			return json.Number(rapid.StringMatching(`-?[1-9][0-9]{0,30}(\.[0-9]{1,30})?`).Draw(r, "number"))
		}),
		rapid.SliceOfN(rapid.String(), 0, 3).AsAny(), rapid.MapOfN(rapid.String(), rapid.String(), 0, 3).AsAny(),
	)
	return rapid.MapOfN(rapid.String(), value, 0, 6)
}

func TestRecordsComeBackAsTheyWent(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		tb := testingTB{t, r}
		var want []string
		for _, o := range rapid.SliceOfN(object(), 0, 20).Draw(r, "records") {
			raw, err := json.Marshal(o)
			must(tb, err)
			want = append(want, string(raw))
		}
		var out bytes.Buffer
		w := archive.NewWriter(&out, archive.Options{})
		defer w.Abort()
		collection(tb, w, "things", want...)
		_, err := w.Close(info())
		must(tb, err)
		if diff := cmp.Diff(want, recordsOf(tb, out.Bytes(), "things")); diff != "" {
			tb.Errorf("other records (-want +have):\n%s", diff)
		}
	})
}

func recordsOf(t testing.TB, data []byte, name string) (records []string) {
	t.Helper()
	r, err := archive.Open(bytes.NewReader(data), int64(len(data)))
	must(t, err)
	for record, err := range r.Records(name) {
		must(t, err)
		records = append(records, string(record))
	}
	return records
}

// Somebody may have taken an archive apart, laid the JSON out for reading, and
// packed it again: it still imports, with the manifest's checksum corrected.
func TestAnyArrayWillDo(t *testing.T) {
	tests := map[string]struct {
		json string
		want []string
	}{
		"empty":            {"[]", nil},
		"empty with space": {" [ \n ] ", nil},
		"one line":         {`[{"id":1},{"id":2}]`, []string{`{"id":1}`, `{"id":2}`}},
		"laid out":         {"[\n  {\n    \"id\": 1\n  }\n]", []string{"{\n    \"id\": 1\n  }"}},
		"scalars":          {`[1 , -2.5e3,"a\\\"]",true,null,[[]]]`, []string{"1", "-2.5e3", `"a\\\"]"`, "true", "null", "[[]]"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, recordsOf(t, withData(t, test.json), "contacts")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// withData puts other content into data/contacts.json, with its checksum.
func withData(t testing.TB, content string) []byte {
	t.Helper()
	var old string
	for _, p := range apart(t, sample(t)) {
		if p.name == data1 {
			old = sum(p.content)
		}
	}
	parts := edit(data1, func([]byte) []byte { return []byte(content) })(apart(t, sample(t)))
	return together(t, edit("manifest.json", swap(old, sum([]byte(content))))(parts))
}

func TestBrokenDataIsNotRead(t *testing.T) {
	for _, broken := range []string{
		"", "{}", "[", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1]]", "[1]x", `[{"a":}]`, `["a]`, "[tru]", "[01]", `[{]}`, "[\x00]",
	} {
		t.Run(broken, func(t *testing.T) {
			data := withData(t, broken)
			r, err := archive.Open(bytes.NewReader(data), int64(len(data)))
			must(t, err)
			var last error
			for _, err := range r.Records("contacts") {
				last = err
			}
			if privacyd.CodeOf(last) != "archive_invalid" {
				t.Errorf("got %v", last)
			}
		})
	}
}

func TestRecordsEndWithAWrongSum(t *testing.T) {
	data := together(t, edit(data1, swap("zoe@", "joe@"))(apart(t, sample(t))))
	r, err := archive.Open(bytes.NewReader(data), int64(len(data)))
	must(t, err)
	var last error
	n := 0
	for _, err := range r.Records("contacts") {
		last = err
		n++
	}
	if n != 3 || privacyd.CodeOf(last) != "archive_invalid" {
		t.Errorf("%d records and %v", n, last)
	}
}

func TestReaderLists(t *testing.T) {
	data := sample(t)
	r, err := archive.Open(bytes.NewReader(data), int64(len(data)))
	must(t, err)
	var paths []string
	for f, err := range r.Files() {
		must(t, err)
		paths = append(paths, f.Path)
	}
	want := []string{
		"data/contacts.json", "data/tickets.json", "attachments/0000001-passwd", "attachments/0000002-photo.jpg",
		"data/attachments.json", "audit/entries.json", "README.html",
	}
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Error(diff)
	}
	for m, err := range r.Missing() {
		must(t, err)
		if m.ID != "a9" {
			t.Errorf("missing %+v", m)
		}
	}
	in, err := r.Open("attachments/0000002-photo.jpg")
	must(t, err)
	content, err := io.ReadAll(in)
	must(t, errors.Join(err, in.Close()))
	if string(content) != strings.Repeat("photo.jpg", 50) {
		t.Errorf("content %q", content)
	}
}

func TestReaderRefuses(t *testing.T) {
	data := sample(t)
	r, err := archive.Open(bytes.NewReader(data), int64(len(data)))
	must(t, err)
	if _, err := r.Open("../x"); privacyd.CodeOf(err) != "archive_file_not_found" {
		t.Errorf("open: %v", err)
	}
	for _, err := range r.Records("nothing") {
		if privacyd.CodeOf(err) != "collection_not_found" {
			t.Errorf("records: %v", err)
		}
	}
	if _, err := archive.Open(strings.NewReader("no zip"), 6); privacyd.CodeOf(err) != "archive_invalid" {
		t.Errorf("no zip: %v", err)
	}
	later := together(t, edit("manifest.json", swap("privacyd-archive/1", "privacyd-archive/2"))(apart(t, data)))
	if _, err := archive.Open(bytes.NewReader(later), int64(len(later))); privacyd.CodeOf(err) != "archive_format_unknown" {
		t.Errorf("later format: %v", err)
	}
}
