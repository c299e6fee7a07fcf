package archive_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/archive"
)

var errFull = errors.New("the disk is full")

// fullDisk takes so many bytes and no more.
type fullDisk struct{ room int }

func (d *fullDisk) Write(p []byte) (int, error) {
	n := min(len(p), d.room)
	d.room -= n
	if n < len(p) {
		return n, errFull
	}
	return n, nil
}

// fill writes an archive with wide entries and entries in spools, and gives the
// first error.
func fill(w *archive.Writer) error {
	defer w.Abort()
	c, err := w.Collection("messages", nil)
	if err != nil {
		return err
	}
	text, _ := big(700_000, true)
	record := []byte(`{"text":"` + sum(text) + strings.Repeat(sum(text[:100]), 10_000) + `"}`)
	for range 4 {
		if err := c.Record(record); err != nil {
			return err
		}
		if _, _, _, err := w.Attachment(context.Background(), "a", time.Time{}, bytes.NewReader(text)); err != nil {
			return err
		}
		if err := w.Missing(archive.MissingFile{Collection: "messages", ID: "1"}); err != nil {
			return err
		}
	}
	if err := c.Close(); err != nil {
		return err
	}
	_, err = w.Close(info())
	return err
}

func TestEveryFullDiskIsTold(t *testing.T) {
	var whole bytes.Buffer
	must(t, fill(archive.NewWriter(&whole, archive.Options{})))
	total := whole.Len()
	for room := 0; room < total; room += total/41 + 1 {
		if err := fill(archive.NewWriter(&fullDisk{room}, archive.Options{})); !errors.Is(err, errFull) {
			t.Errorf("room for %d of %d bytes: %v", room, total, err)
		}
	}
	for room := total - 200; room < total; room += 7 {
		if err := fill(archive.NewWriter(&fullDisk{room}, archive.Options{})); !errors.Is(err, errFull) {
			t.Errorf("room for %d of %d bytes: %v", room, total, err)
		}
	}
}

// spools counts what is open and lets the n-th action on any of them fail.
type spools struct{ left, open int }

func (s *spools) act() error {
	s.left--
	if s.left == 0 {
		return errFull
	}
	return nil
}

func (s *spools) make() (archive.Spool, error) {
	if err := s.act(); err != nil {
		return nil, err
	}
	s.open++
	return &spool{of: s}, nil
}

type spool struct {
	bytes.Buffer
	of     *spools
	closed bool
}

func (s *spool) Write(p []byte) (int, error) {
	if err := s.of.act(); err != nil {
		return 0, err
	}
	return s.Buffer.Write(p)
}

func (s *spool) Rewind() (io.Reader, error) {
	return &spoolReader{s.of, bytes.NewReader(s.Bytes())}, s.of.act()
}

func (s *spool) Close() error {
	if !s.closed {
		s.closed = true
		s.of.open--
	}
	return nil
}

type spoolReader struct {
	of *spools
	r  io.Reader
}

func (s *spoolReader) Read(p []byte) (int, error) {
	if err := s.of.act(); err != nil {
		return 0, err
	}
	return s.r.Read(p)
}

func TestEverySpoolFailureIsTold(t *testing.T) {
	for n := 1; ; n++ {
		s := &spools{left: n}
		err := fill(archive.NewWriter(io.Discard, archive.Options{Spool: s.make}))
		if s.open != 0 {
			t.Fatalf("action %d fails: %d spools are left open", n, s.open)
		}
		if s.left > 0 {
			must(t, err)
			if n < 20 {
				t.Errorf("only %d actions on spools", n)
			}
			return
		}
		if !errors.Is(err, errFull) {
			t.Fatalf("action %d fails: %v", n, err)
		}
	}
}

// An error stays: nobody can finish an archive after one.
func TestErrorsStay(t *testing.T) {
	w := archive.NewWriter(&fullDisk{10}, archive.Options{})
	defer w.Abort()
	if _, _, _, err := w.Attachment(context.Background(), "a", noon, strings.NewReader("content")); !errors.Is(err, errFull) {
		t.Fatalf("attachment: %v", err)
	}
	if _, err := w.Collection("contacts", nil); !errors.Is(err, errFull) {
		t.Errorf("collection: %v", err)
	}
	if _, err := w.Close(info()); !errors.Is(err, errFull) {
		t.Errorf("close: %v", err)
	}
}

// A damaged blob is not the end of an export: what was read stays, is marked,
// and the file is listed as missing.
func TestSourceThatBreaks(t *testing.T) {
	broken := func(n int) io.Reader {
		content, _ := big(n, true)
		return io.MultiReader(bytes.NewReader(content), iotest.ErrReader(errDisk))
	}
	var out bytes.Buffer
	w := archive.NewWriter(&out, archive.Options{})
	defer w.Abort()
	c, err := w.Collection("attachments", []archive.FieldInfo{idField, {Name: "path", Encoding: archive.EncodingArchivePath}})
	must(t, err)
	path, _, _, err := w.Attachment(context.Background(), "small.bin", noon, broken(1000))
	if path != "" || !errors.Is(err, archive.ErrSource) || !errors.Is(err, errDisk) {
		t.Errorf("small: %q, %v", path, err)
	}
	must(t, c.Record([]byte(`{"id":"1","path":null}`)))
	must(t, w.Missing(archive.MissingFile{Collection: "attachments", ID: "1", Name: "small.bin", Reason: "blob_damaged"}))
	path, _, size, err := w.Attachment(context.Background(), "wide.bin", noon, broken(3<<20))
	if path != "attachments/0000001-wide.bin" || size != 3<<20 || !errors.Is(err, archive.ErrSource) {
		t.Errorf("wide: %q, %d bytes, %v", path, size, err)
	}
	must(t, c.Record([]byte(`{"id":"2","path":"`+path+`"}`)))
	must(t, w.Missing(archive.MissingFile{Collection: "attachments", ID: "2", Name: "wide.bin", Reason: "blob_damaged"}))
	must(t, c.Close())
	summary, err := w.Close(info())
	must(t, err)
	if summary.Files != 0 || summary.Missing != 2 {
		t.Errorf("summary %+v", summary)
	}
	sound(t, out.Bytes())
}

func TestAttachmentEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	w := archive.NewWriter(io.Discard, archive.Options{})
	defer w.Abort()
	content, _ := big(3<<20, false)
	r := io.MultiReader(bytes.NewReader(content), readerFunc(func([]byte) (int, error) {
		cancel()
		return 0, errDisk // what a source does whose context has ended
	}))
	_, _, _, err := w.Attachment(ctx, "a", noon, r)
	if !errors.Is(err, context.Canceled) || errors.Is(err, archive.ErrSource) {
		t.Errorf("got %v", err)
	}
	if _, err := w.Close(info()); !errors.Is(err, context.Canceled) {
		t.Errorf("close: %v", err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestWriterRefuses(t *testing.T) {
	tests := map[string]struct {
		do   func(w *archive.Writer) error
		code string
	}{
		"a collection twice":        {openTwice("a", "a"), "archive_path_duplicate"},
		"a collection but for case": {openTwice("a", "A"), "archive_path_duplicate"},
		"a collection upwards":      {openTwice("../a", "b"), "archive_path_unsafe"},
		"a collection with a slash": {openTwice("a/b", "b"), "archive_path_unsafe"},
		"a collection without name": {openTwice(" ", "b"), "archive_path_unsafe"},
		"the manifest":              {file("manifest.json"), "archive_path_duplicate"},
		"data":                      {file("data/x.json"), "archive_path_duplicate"},
		"an absolute file":          {file("/etc/passwd"), "archive_path_unsafe"},
		"a device":                  {file("audit/nul.json"), "archive_path_unsafe"},
		"no object":                 {record(`[1]`), "archive_record_invalid"},
		"two lines":                 {record("{\n}"), "archive_record_invalid"},
		"open at the end":           {leaveOpen, "archive_collection_open"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := archive.NewWriter(io.Discard, archive.Options{})
			defer w.Abort()
			if err := test.do(w); privacyd.CodeOf(err) != test.code {
				t.Errorf("got %v, want %s", err, test.code)
			}
		})
	}
}

func openTwice(a, b string) func(*archive.Writer) error {
	return func(w *archive.Writer) error {
		if _, err := w.Collection(a, nil); err != nil {
			return err
		}
		_, err := w.Collection(b, nil)
		return err
	}
}

func file(path string) func(*archive.Writer) error {
	return func(w *archive.Writer) error { return w.File(path, strings.NewReader("x")) }
}

func record(text string) func(*archive.Writer) error {
	return func(w *archive.Writer) error {
		c, err := w.Collection("a", nil)
		if err != nil {
			return err
		}
		return c.Record([]byte(text))
	}
}

func leaveOpen(w *archive.Writer) error {
	if _, err := w.Collection("a", nil); err != nil {
		return err
	}
	_, err := w.Close(archive.Info{})
	return err
}
