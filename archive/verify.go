package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
)

// ProblemCode is what kind of thing is wrong with an archive.
type ProblemCode string

// The problems that Verify finds.
const (
	ProblemNotAnArchive  ProblemCode = "not_an_archive"       // not a ZIP file at all
	ProblemTruncated     ProblemCode = "truncated"            // its end is missing
	ProblemAppended      ProblemCode = "appended_data"        // something follows its end
	ProblemDirectory     ProblemCode = "directory_damaged"    // the list of files cannot be read
	ProblemLayout        ProblemCode = "layout_changed"       // headers, order or gaps are not what privacyd writes
	ProblemChanged       ProblemCode = "archive_changed"      // the checksum over all bytes does not fit
	ProblemManifest      ProblemCode = "manifest_invalid"     // missing or unreadable
	ProblemFormat        ProblemCode = "format_unknown"       // another version of the format
	ProblemFileMissing   ProblemCode = "file_missing"         // in the manifest, not in the archive
	ProblemFileExtra     ProblemCode = "file_extra"           // in the archive, not in the manifest
	ProblemDuplicate     ProblemCode = "file_duplicate"       // the same path twice
	ProblemPath          ProblemCode = "path_unsafe"          // unpacking it could write elsewhere
	ProblemDamaged       ProblemCode = "file_damaged"         // it cannot be unpacked
	ProblemSize          ProblemCode = "size_mismatch"        // against the manifest
	ProblemHash          ProblemCode = "hash_mismatch"        // against the manifest
	ProblemRecords       ProblemCode = "records_mismatch"     // against the manifest
	ProblemData          ProblemCode = "data_invalid"         // no JSON array, or no CSV
	ProblemAttachment    ProblemCode = "attachment_missing"   // a record names a file that is not there
	ProblemUnreferenced  ProblemCode = "attachment_unknown"   // no record names the file
	ProblemMissingListed ProblemCode = "missing_inconsistent" // the list of missing files does not fit the records
)

// Problem is one thing that is wrong.
type Problem struct {
	Path    string      `json:"path,omitempty"` // in the archive; empty: the archive as a whole
	Code    ProblemCode `json:"code"`
	Message string      `json:"message"` // for people, with the remedy
}

const (
	maxReported = 1000
	maxShown    = 300 // bytes of a name from the archive
)

// Report is what Verify found. Long lists are cut; the counts are whole.
type Report struct {
	OK           bool          `json:"ok"`
	Files        int64         `json:"files"`             // checked and sound
	Records      int64         `json:"records"`           // counted in sound files
	Bytes        int64         `json:"bytes"`             // of the archive
	Missing      []MissingFile `json:"missing,omitempty"` // the first 1,000
	MissingCount int64         `json:"missing_count"`
	Problems     []Problem     `json:"problems,omitempty"` // the first 1,000
	ProblemCount int64         `json:"problem_count"`
	Manifest     *Manifest     `json:"-"` // nil when it could not be read
}

const (
	remedyAgain = "Download the archive again; if that does not help, make a new export."
	remedyTrust = "Do not unpack it; ask for a new export."
)

// Verify checks every byte of an archive: files against the manifest, records
// against their counts, names, order and headers against the format. An archive
// that lists missing attachments is sound; the report lists them too. progress
// may be nil. The error is about reading r or ctx; what is wrong with the
// archive is in the report.
func Verify(ctx context.Context, r io.ReaderAt, size int64, progress func(done, total int64)) (Report, error) {
	if progress == nil {
		progress = func(int64, int64) {}
	}
	v := &verifier{
		ctx: ctx, size: size, progress: progress, report: Report{Bytes: size},
		medium: &medium{r: r, sum: sha256.New()},
	}
	v.run()
	if err := ctx.Err(); err != nil {
		return v.report, fmt.Errorf("verifying the archive: %w", err)
	}
	if err := v.medium.err; err != nil {
		return v.report, fmt.Errorf("reading the archive: %w", err)
	}
	v.report.OK = v.report.ProblemCount == 0
	progress(size, size)
	return v.report, nil
}

// medium reads the archive and digests it on the way, as far as it is read from
// front to back.
type medium struct {
	r    io.ReaderAt
	sum  hash.Hash
	next int64
	err  error // the first error that is not an end
}

// ReadAt implements io.ReaderAt.
func (m *medium) ReadAt(p []byte, at int64) (int, error) {
	n, err := m.r.ReadAt(p, at)
	if err != nil && !errors.Is(err, io.EOF) && m.err == nil {
		m.err = err
	}
	if skip := m.next - at; skip >= 0 && skip < int64(n) {
		_, _ = m.sum.Write(p[skip:n])
		m.next = at + int64(n)
	}
	return n, err
}

// verifier holds what is known while an archive is verified.
type verifier struct {
	ctx      context.Context
	size     int64
	medium   *medium
	progress func(done, total int64)
	report   Report
	table    *table
	visited  []bool // by slot of the table: named by the manifest
	named    []bool // by slot: named by a record
	partial  []bool // by slot: incomplete, says the manifest
	layout   bool   // a change of layout is reported already
	pathKeys bool   // some collection says where its files are
	lost     lost
	buffer   []byte
}

func (v *verifier) problem(path string, code ProblemCode, format string, args ...any) {
	v.report.ProblemCount++
	if len(v.report.Problems) < maxReported {
		v.report.Problems = append(v.report.Problems, Problem{Path: shown(path), Code: code, Message: fmt.Sprintf(format, args...)})
	}
}

// shown makes a path from an untrusted archive fit for a terminal.
func shown(path string) string {
	path = strings.Map(cleanRuneOrSlash, strings.ToValidUTF8(path, "_"))
	if len(path) > maxShown {
		path = cut(path, maxShown) + "…"
	}
	return path
}

func cleanRuneOrSlash(r rune) rune {
	if strings.ContainsRune("/\\:", r) {
		return r
	}
	return cleanRune(r)
}

func (v *verifier) run() {
	d, err := findDirectory(v.medium.r, v.size)
	if err != nil {
		v.structural(err)
		return
	}
	d.r = v.medium.r
	if d.end != v.size {
		v.problem("", ProblemAppended, "%d bytes follow the end of the archive. %s", v.size-d.end, remedyTrust)
	}
	if err := v.list(d); err != nil {
		v.structural(err)
		return
	}
	v.table.directory.r = v.medium
	if v.manifest() {
		v.unlisted()
		v.missing()
	}
	v.whole(d)
}

// structural reports an error that ends the verification.
func (v *verifier) structural(err error) {
	switch {
	case errors.Is(err, errNoZip):
		v.problem("", ProblemNotAnArchive, "This is not an export archive: %v. Check that it is the right file, and that the download was finished.", err)
	case errors.Is(err, errTruncated):
		v.problem("", ProblemTruncated, "The archive is cut short: %v. %s", err, remedyAgain)
	case errors.Is(err, errDirectory):
		v.problem("", ProblemDirectory, "The archive cannot be read: %v. %s", err, remedyAgain)
	case v.medium.err == nil:
		v.medium.err = err
	}
}

// list goes through the directory: names, order, gaps.
func (v *verifier) list(d directory) error {
	next := int64(0)
	t, err := newTable(d, func(f found) {
		if !safePath(f.name) && !f.folder() {
			v.problem(f.name, ProblemPath, "The path of this file is not safe to unpack. %s", remedyTrust)
		}
		if !f.exact || f.offset != next {
			v.changed(f.name)
		}
		next = f.offset + f.span()
	})
	if err != nil {
		return err
	}
	if next != d.start {
		v.changed("")
	}
	if err := t.twice(func(path string) {
		v.problem(path, ProblemDuplicate, "The archive has this path more than once. %s", remedyTrust)
	}); err != nil {
		return err
	}
	v.table = t
	v.visited, v.named, v.partial = make([]bool, len(t.slots)), make([]bool, len(t.slots)), make([]bool, len(t.slots))
	return nil
}

// changed reports, once, that the archive is not as it was written.
func (v *verifier) changed(path string) {
	if v.layout {
		return
	}
	v.layout = true
	v.problem(path, ProblemLayout, "The archive was altered, or packed again by another program: headers, order or gaps are not those that it was written with. "+
		"Check the files alone if you packed it yourself; otherwise get the original again.")
}

// whole compares the digest over everything before the end records with the
// one in the archive's comment.
func (v *verifier) whole(d directory) {
	before := d.start + d.size
	end := appendEnd(nil, d.entries, d.start, d.size, d.comment)
	stored := make([]byte, d.end-before)
	if _, err := v.medium.r.ReadAt(stored, before); err != nil && !errors.Is(err, io.EOF) {
		v.structural(err)
		return
	}
	if !bytes.Equal(end, stored) || len(d.comment) != commentSize || !strings.HasPrefix(d.comment, commentPrefix) {
		v.changed("")
		return
	}
	if err := v.digest(before); err != nil {
		v.structural(err)
		return
	}
	if d.comment[len(commentPrefix):] != hex.EncodeToString(v.medium.sum.Sum(nil)) {
		v.problem("", ProblemChanged, "The checksum over the whole archive does not fit: some byte of it was changed. %s", remedyAgain)
	}
}

// digest reads on to the given place, where it has not been read in order.
func (v *verifier) digest(upTo int64) error {
	buffer := make([]byte, 256<<10)
	for v.medium.next < upTo {
		if err := v.ctx.Err(); err != nil {
			return err
		}
		n := min(int64(len(buffer)), upTo-v.medium.next)
		if _, err := v.medium.ReadAt(buffer[:n], v.medium.next); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		v.progress(min(v.medium.next, v.size), v.size)
	}
	return nil
}
