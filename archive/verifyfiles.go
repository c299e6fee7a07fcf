package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/privacyd/privacyd"
)

// manifest checks the manifest and, as it lists them, the files. It tells
// whether the whole list could be read.
func (v *verifier) manifest() bool {
	own, slot, ok, err := v.table.find(manifestPath)
	if err != nil {
		v.structural(err)
		return false
	}
	if ok {
		v.visited[slot] = true
		v.before(own)
		v.after(own)
	}
	head, err := v.table.manifest(manifestLists{missing: v.listMissing, file: v.note})
	if err != nil {
		v.badManifest(err)
		return false
	}
	v.report.Manifest = head
	v.lost.prepare(head)
	if _, err := v.table.manifest(manifestLists{file: v.file}); err != nil {
		v.badManifest(err)
		return false
	}
	return true
}

func (v *verifier) badManifest(err error) {
	switch {
	case v.ctx.Err() != nil || v.medium.err != nil:
	case privacyd.CodeOf(err) == "archive_format_unknown":
		v.problem(manifestPath, ProblemFormat, "%s", privacyd.MessageOf(err))
	default:
		v.problem(manifestPath, ProblemManifest, "The manifest cannot be read: %v. %s", err, remedyAgain)
	}
}

func (v *verifier) listMissing(m MissingFile) error {
	v.report.MissingCount++
	if len(v.report.Missing) < maxReported {
		v.report.Missing = append(v.report.Missing, MissingFile{
			Collection: shown(m.Collection), ID: shown(m.ID), Name: shown(m.Name), Reason: shown(m.Reason),
		})
	}
	return v.lost.list(m)
}

// file checks one file that the manifest lists.
func (v *verifier) file(want FileInfo) error {
	if err := v.ctx.Err(); err != nil {
		return err
	}
	f, slot, ok, err := v.table.find(want.Path)
	switch {
	case err != nil:
		return err
	case !ok:
		v.problem(want.Path, ProblemFileMissing, "The manifest lists this file, but the archive does not have it. %s", remedyAgain)
		return nil
	case v.visited[slot]:
		v.problem(want.Path, ProblemDuplicate, "The manifest lists this file twice. %s", remedyTrust)
		return nil
	}
	v.visited[slot] = true
	v.before(f)
	defer v.after(f)
	if f.plain != want.Bytes {
		v.problem(want.Path, ProblemSize, "The file has %d bytes, the manifest says %d. %s", f.plain, want.Bytes, remedyAgain)
		return nil
	}
	return v.content(f, want)
}

// note remembers what must be known of a file before records are read.
func (v *verifier) note(f FileInfo) error {
	if !f.Incomplete {
		return nil
	}
	_, slot, ok, err := v.table.find(f.Path)
	if ok {
		v.partial[slot] = true
	}
	return err
}

// before compares the file's local header with the directory.
func (v *verifier) before(f found) { v.compare(f, f.offset, f.appendLocal(nil)) }

// after compares what follows the content with the directory.
func (v *verifier) after(f found) {
	if f.streamed {
		v.compare(f, f.offset+f.span()-descriptorSize, f.appendDescriptor(nil))
	}
}

func (v *verifier) compare(f found, at int64, want []byte) {
	have := make([]byte, len(want))
	if _, err := v.medium.ReadAt(have, at); err != nil || !bytes.Equal(have, want) {
		v.changed(f.name)
	}
}

func (v *verifier) content(f found, want FileInfo) error {
	c, err := v.table.directory.content(f)
	if err != nil {
		return v.damaged(f, err)
	}
	sum := sha256.New()
	in := io.TeeReader(&watched{v: v, r: c}, sum)
	collection := v.report.Manifest.collection(f.name)
	records, dataErr := v.records(in, collection)
	if dataErr != nil && !isDataError(dataErr) {
		return v.damaged(f, dataErr)
	}
	// Whatever is wrong with the records, the checksum is over all of the file.
	if v.buffer == nil {
		v.buffer = make([]byte, 128<<10)
	}
	if _, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{in}, v.buffer); err != nil {
		return v.damaged(f, err)
	}
	switch {
	case !sameSum(want.SHA256, sum.Sum(nil)):
		v.problem(f.name, ProblemHash, "The content is not what it was when the archive was made: its SHA-256 does not fit the manifest. %s", remedyAgain)
	case dataErr != nil:
		v.problem(f.name, ProblemData, "The file cannot be used: %v. Make a new export, and tell whoever runs privacyd.", dataErr)
	case collection != nil && (records != collection.Records || want.Records == nil || *want.Records != records):
		v.problem(f.name, ProblemRecords, "The file has %d records, the manifest says %s. %s", records, said(collection, want), remedyTrust)
	default:
		v.report.Files++
		v.report.Records += records
	}
	return nil
}

func said(collection *CollectionInfo, want FileInfo) string {
	if want.Records == nil {
		return fmt.Sprintf("%d for the collection and nothing for the file", collection.Records)
	}
	if *want.Records != collection.Records {
		return fmt.Sprintf("%d for the collection and %d for the file", collection.Records, *want.Records)
	}
	return fmt.Sprint(collection.Records)
}

// damaged reports a file that cannot be unpacked; other errors end everything.
func (v *verifier) damaged(f found, err error) error {
	if !errors.Is(err, errDamaged) {
		return err
	}
	v.problem(f.name, ProblemDamaged, "The file cannot be unpacked: %v. %s", err, remedyAgain)
	return nil
}

func isDataError(err error) bool {
	return errors.Is(err, errNotJSON) || errors.Is(err, errTooLarge) || errors.Is(err, errNotCSV)
}

// records counts what a collection's file holds.
func (v *verifier) records(in io.Reader, collection *CollectionInfo) (int64, error) {
	switch {
	case collection == nil:
		return 0, nil
	case collection.Format == "csv":
		return countCSV(in)
	}
	n := int64(0)
	watch := v.watch(collection)
	j := newJSONReader(in, MaxRecord)
	err := j.elements(func(record json.RawMessage) error {
		n++
		return watch(record)
	})
	if err != nil {
		return n, err
	}
	return n, j.end()
}

// unlisted reports what the archive has beside the manifest's files.
func (v *verifier) unlisted() {
	for slot, visited := range v.visited {
		if visited && (!v.pathKeys || v.named[slot]) {
			continue
		}
		f, err := v.table.directory.entryAt(v.table.slots[slot].at)
		if err != nil {
			v.structural(err)
			return
		}
		switch {
		case !visited:
			v.problem(f.name, ProblemFileExtra, "The archive has this file, but its manifest does not list it. %s", remedyTrust)
		case strings.HasPrefix(f.name, attachmentRoot) && !v.partial[slot]:
			v.problem(f.name, ProblemUnreferenced, "No record names this attachment. Make a new export, and tell whoever runs privacyd.")
		}
	}
}

// watched ends reading when the context ends, and tells of progress.
type watched struct {
	v *verifier
	r io.Reader
}

// Read implements io.Reader.
func (w *watched) Read(p []byte) (int, error) {
	if err := w.v.ctx.Err(); err != nil {
		return 0, err
	}
	w.v.progress(min(w.v.medium.next, w.v.size), w.v.size)
	return w.r.Read(p)
}
