package archive_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd/archive"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func info() archive.Info {
	return archive.Info{
		Product: "privacyd 0.1.0", Workspace: archive.Workspace{ID: "0192aa00-0000-7000-8000-000000000001", Slug: "acme", Name: "Acme & Söhne <GmbH>"},
		Kind: "data_export", Format: "json", SnapshotTime: noon, CreatedAt: noon.Add(time.Minute),
		Datasets: []archive.Dataset{{Name: "records", MapHash: strings.Repeat("ab", 32), SnapshotTime: noon}},
	}
}

// must ends the test at the first error of a step that has to work.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var idField = archive.FieldInfo{Name: "id", Key: true, Type: "text", Category: "user.unique_id", Provenance: "provided"}

// collection writes records and closes the collection.
func collection(t testing.TB, w *archive.Writer, name string, records ...string) {
	t.Helper()
	c, err := w.Collection(name, []archive.FieldInfo{idField})
	must(t, err)
	for _, record := range records {
		must(t, c.Record([]byte(record)))
	}
	must(t, c.Close())
}

// sample is a small archive with something of everything.
func sample(t testing.TB) []byte {
	t.Helper()
	var out bytes.Buffer
	w := archive.NewWriter(&out, archive.Options{Modified: noon})
	defer w.Abort()
	collection(t, w, "contacts", `{"id":"c1","name":"Zoë","email":"zoe@example.com"}`, `{"id":"c2","name":"李 ]},[{\"","tags":[]}`)
	collection(t, w, "tickets")
	attachments(t, w)
	must(t, w.File("audit/entries.json", strings.NewReader("[]\n")))
	summary, err := w.Close(info())
	must(t, err)
	if summary.Bytes != int64(out.Len()) || summary.Files != 2 || summary.Missing != 1 || summary.Records["contacts"] != 2 {
		t.Fatalf("summary %+v of %d bytes", summary, out.Len())
	}
	return out.Bytes()
}

func attachments(t testing.TB, w *archive.Writer) {
	t.Helper()
	c, err := w.Collection("attachments", []archive.FieldInfo{idField, {Name: "path", Encoding: archive.EncodingArchivePath}})
	must(t, err)
	for i, name := range []string{"../../etc/passwd", "photo.jpg"} {
		path, _, _, err := w.Attachment(context.Background(), name, noon, strings.NewReader(strings.Repeat(name, 50)))
		must(t, err)
		must(t, c.Record(fmt.Appendf(nil, `{"id":"a%d","path":%q}`, i, path)))
	}
	must(t, c.Record([]byte(`{"id":"a9","path":null}`)))
	must(t, w.Missing(archive.MissingFile{Collection: "attachments", ID: "a9", Name: "lost.pdf", Reason: "blob_missing"}))
	must(t, c.Close())
}

func verify(t testing.TB, data []byte) archive.Report {
	t.Helper()
	report, err := archive.Verify(context.Background(), bytes.NewReader(data), int64(len(data)), nil)
	must(t, err)
	return report
}

func sound(t testing.TB, data []byte) archive.Report {
	t.Helper()
	report := verify(t, data)
	if !report.OK {
		t.Fatalf("not sound: %+v", report.Problems)
	}
	return report
}

func TestSample(t *testing.T) {
	report := sound(t, sample(t))
	if report.Files != 7 || report.Records != 5 || report.MissingCount != 1 || report.Missing[0].Name != "lost.pdf" {
		t.Fatalf("report %+v", report)
	}
}

func TestRead(t *testing.T) {
	data := sample(t)
	r, err := archive.Open(bytes.NewReader(data), int64(len(data)))
	must(t, err)
	if name := r.Manifest().Workspace.Name; name != info().Workspace.Name {
		t.Errorf("workspace %q", name)
	}
	var ids []string
	for record, err := range r.Records("contacts") {
		must(t, err)
		var c struct{ ID string }
		must(t, json.Unmarshal(record, &c))
		ids = append(ids, c.ID)
	}
	if strings.Join(ids, " ") != "c1 c2" {
		t.Errorf("records %q", ids)
	}
}

// big gives n bytes of JSON-like or random content with its hash.
func big(n int, opaque bool) ([]byte, string) {
	random := rand.New(rand.NewPCG(1, uint64(n)))
	b := make([]byte, 0, n+200)
	for len(b) < n {
		if opaque {
			b = append(b, byte(random.Uint32()))
		} else {
			b = fmt.Appendf(b, `{"id":"m%d","body":"message number %d says hello","at":%d},`, random.IntN(1e6), len(b), random.IntN(1e9))
		}
	}
	b = b[:n]
	sum := sha256.Sum256(b)
	return b, hex.EncodeToString(sum[:])
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}
