package archive

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
)

// ErrSource is in the error of Attachment when the content could not be read to
// its end. The archive is unharmed: list the file with Missing and go on. Every
// other error of a Writer is final.
var ErrSource = errors.New("the content of a file could not be read")

const missingShown = 100 // in README.html

// Writer writes one archive to a stream that need not seek. It is for one
// goroutine at a time; only Written may be called from others.
//
// Collections may stay open while attachments are written, so that a record can
// carry the path of its file. Always call Abort when done: after Close it does
// nothing.
type Writer struct {
	zip         *zipWriter
	options     Options
	collections []*CollectionInfo
	paths       map[string]string // by lower case; without attachments, whose numbers make them unique
	attachments int64             // numbers given
	complete    int64             // attachments wholly there
	missing     frames
	shown       []MissingFile
	open        []*entry
	err         error // the first final error
	closed      bool
}

// NewWriter begins an archive on w.
func NewWriter(w io.Writer, o Options) *Writer {
	if o.Spool == nil {
		o.Spool = newMemorySpool
	}
	return &Writer{
		zip: newZipWriter(w, o), options: o,
		missing: frames{open: o.Spool}, paths: map[string]string{},
	}
}

// Written tells how many bytes of the archive were written so far. It may be
// called at any time from any goroutine.
func (w *Writer) Written() int64 { return w.zip.offset.Load() }

// fail remembers the first final error.
func (w *Writer) fail(err error) error {
	if err != nil && w.err == nil {
		w.err = err
	}
	return err
}

// usable tells why nothing more can be written, if so.
func (w *Writer) usable() error {
	if w.err == nil && w.closed {
		return privacyd.Errorf(privacyd.ClassInternal, "archive_closed", "The archive is already closed.")
	}
	return w.err
}

// claim takes a path for a file. Two names that differ only in case count as
// one, because on many machines they are.
func (w *Writer) claim(path string) error {
	if err := w.usable(); err != nil {
		return err
	}
	if !plainPath(path) {
		return privacyd.Errorf(privacyd.ClassInternal, "archive_path_unsafe",
			"A file of the archive has an unsafe path. Use letters, digits, dots, hyphens and underscores, with single slashes between.")
	}
	folded := strings.ToLower(path)
	if _, taken := w.paths[folded]; taken {
		return privacyd.Errorf(privacyd.ClassInternal, "archive_path_duplicate",
			"The archive has a file %s already. Give every file its own path.", path)
	}
	w.paths[folded] = path
	return nil
}

func (w *Writer) create(path string) (*entry, error) {
	if err := w.claim(path); err != nil {
		return nil, err
	}
	e, err := w.zip.create(path, "", w.stamp(time.Time{}), false)
	if err != nil {
		return nil, w.fail(err)
	}
	w.open = append(w.open, e)
	return e, nil
}

// stamp is the time of a file, in Unix seconds.
func (w *Writer) stamp(t time.Time) int64 {
	if t.IsZero() {
		t = w.options.Modified
	}
	if t.IsZero() {
		t = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return t.Unix()
}

func (w *Writer) finished(e *entry) {
	for i, other := range w.open {
		if other == e {
			w.open = append(w.open[:i], w.open[i+1:]...)
			return
		}
	}
}

// CollectionWriter writes data/<name>.json: a JSON array, one record a line.
type CollectionWriter struct {
	w      *Writer
	entry  *entry
	info   *CollectionInfo
	closed bool
}

// Collection begins data/<name>.json. The name may hold letters, digits, dots,
// hyphens and underscores.
func (w *Writer) Collection(name string, fields []FieldInfo) (*CollectionWriter, error) {
	info := &CollectionInfo{Name: name, Path: dataFolder + name + ".json", Format: "json", Fields: fields}
	e, err := w.begin(info)
	if err != nil {
		return nil, err
	}
	return &CollectionWriter{w: w, entry: e, info: info}, nil
}

func (w *Writer) begin(info *CollectionInfo) (*entry, error) {
	if strings.Contains(info.Name, "/") {
		return nil, privacyd.Errorf(privacyd.ClassInternal, "archive_path_unsafe",
			"The collection %q cannot be a file name. Take the slash out of its name.", info.Name)
	}
	e, err := w.create(info.Path)
	if err != nil {
		return nil, err
	}
	if info.Fields == nil {
		info.Fields = []FieldInfo{}
	}
	w.collections = append(w.collections, info)
	return e, nil
}

// Record adds one JSON object without line breaks. The bytes are copied.
func (c *CollectionWriter) Record(object []byte) error {
	if err := c.usable(); err != nil {
		return err
	}
	if n := len(object); n < 2 || object[0] != '{' || object[n-1] != '}' || n > MaxRecord || bytes.IndexByte(object, '\n') >= 0 {
		return c.w.fail(privacyd.Errorf(privacyd.ClassInternal, "archive_record_invalid",
			"A record of %s is not one JSON object on one line of at most %d MiB.", c.info.Name, MaxRecord>>20))
	}
	separator := ",\n"
	if c.info.Records == 0 {
		separator = "[\n"
	}
	if _, err := io.WriteString(c.entry, separator); err != nil {
		return c.w.fail(err)
	}
	if _, err := c.entry.Write(object); err != nil {
		return c.w.fail(err)
	}
	c.info.Records++
	return nil
}

func (c *CollectionWriter) usable() error {
	if c.closed {
		return privacyd.Errorf(privacyd.ClassInternal, "archive_closed", "The collection %s is already closed.", c.info.Name)
	}
	return c.w.usable()
}

// Close ends the collection. A second call does nothing.
func (c *CollectionWriter) Close() error {
	if c.closed {
		return nil
	}
	c.closed = true
	if err := c.w.usable(); err != nil {
		return err
	}
	end := "\n]\n"
	if c.info.Records == 0 {
		end = "[]\n"
	}
	if _, err := io.WriteString(c.entry, end); err != nil {
		return c.w.fail(err)
	}
	return c.w.endCollection(c.entry, c.info)
}

func (w *Writer) endCollection(e *entry, info *CollectionInfo) error {
	w.finished(e)
	_, err := e.close(info.Records, false)
	return w.fail(err)
}

// Attachment writes r to attachments/<number>-<cleaned name> and tells the path,
// the hex SHA-256 and the size. An error with ErrSource in it is r's: then the
// path is empty, or that of what could be read, which the manifest calls
// incomplete.
func (w *Writer) Attachment(ctx context.Context, name string, modified time.Time, r io.Reader) (path, sha256 string, size int64, err error) {
	if err := w.usable(); err != nil {
		return "", "", 0, err
	}
	path = attachmentPath(w.attachments+1, name)
	original := name
	if strings.HasSuffix(path, "-"+name) {
		original = ""
	}
	e, err := w.zip.create(path, cut(original, maxManifestText), w.stamp(modified), true)
	if err != nil {
		return "", "", 0, w.fail(err)
	}
	done, err := w.fill(ctx, e, r)
	if done.name == "" {
		return "", "", 0, err
	}
	w.attachments++
	if err == nil {
		w.complete++
	}
	return path, hex.EncodeToString(done.sha256[:]), done.plain, err
}

// fill copies r into e and closes e; without a name in listed, e left no trace.
func (w *Writer) fill(ctx context.Context, e *entry, r io.Reader) (listed, error) {
	err := copyInto(ctx, e, r)
	switch {
	case err == nil:
		done, err := e.close(-1, false)
		return done, w.fail(err)
	case errors.Is(err, ErrSource) && e.lane == nil:
		e.discard()
		return listed{}, err
	case errors.Is(err, ErrSource):
		done, closing := e.close(-1, true)
		if closing != nil {
			return done, w.fail(closing)
		}
		return done, err
	default:
		e.discard()
		return listed{}, w.fail(err)
	}
}

// copyInto reads straight into e's block, so that content is copied once.
func copyInto(ctx context.Context, e *entry, r io.Reader) error {
	empty := 0
	for {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("writing a file into the archive: %w", err)
		}
		room, err := e.room()
		if err != nil {
			return err
		}
		n, err := r.Read(room)
		if n < 0 || n > len(room) {
			return fmt.Errorf("%w: a reader that counts wrongly", ErrSource)
		}
		e.filled(n)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return sourceError(ctx, err)
		case n > 0:
			empty = 0
		default:
			if empty++; empty > 100 {
				return fmt.Errorf("%w: %w", ErrSource, io.ErrNoProgress)
			}
		}
	}
}

// sourceError keeps a cancelled context from passing for a damaged file.
func sourceError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("writing a file into the archive: %w", ctx.Err())
	}
	return fmt.Errorf("%w: %w", ErrSource, err)
}

// Missing lists an attachment whose content is not in the archive.
func (w *Writer) Missing(file MissingFile) error {
	if err := w.usable(); err != nil {
		return err
	}
	for _, text := range []*string{&file.Collection, &file.ID, &file.Name, &file.Reason} {
		*text = cut(*text, maxManifestText)
	}
	line, err := readableJSON(file, "")
	if err != nil {
		return w.fail(fmt.Errorf("listing a missing file: %w", err))
	}
	if len(w.shown) < missingShown {
		w.shown = append(w.shown, file)
	}
	return w.fail(w.missing.add(line))
}

// File writes any other file, e.g. about.json or audit/log.ndjson. The paths
// of the format itself are refused.
func (w *Writer) File(path string, r io.Reader) error {
	if path == manifestPath || path == readmePath || strings.HasPrefix(path, dataFolder) || strings.HasPrefix(path, attachmentRoot) {
		return privacyd.Errorf(privacyd.ClassInternal, "archive_path_duplicate",
			"The path %s belongs to the archive itself. Choose another.", path)
	}
	if err := w.claim(path); err != nil {
		return err
	}
	_, err := w.file(path, r)
	return err
}

func (w *Writer) file(path string, r io.Reader) (listed, error) {
	e, err := w.zip.create(path, "", w.stamp(time.Time{}), true)
	if err != nil {
		return listed{}, w.fail(err)
	}
	done, err := w.fill(context.Background(), e, r)
	return done, w.fail(err)
}

// Abort gives back everything the writer holds. What was written so far is not
// a usable archive. After Close it does nothing.
func (w *Writer) Abort() {
	if w.closed {
		return
	}
	w.closed = true
	for _, e := range w.open {
		e.discard()
	}
	w.open = nil
	w.zip.close()
	w.missing.close()
}
