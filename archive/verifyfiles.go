package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
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
		v.report.Missing = append(v.report.Missing, m)
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
		case strings.HasPrefix(f.name, attachmentRoot):
			v.problem(f.name, ProblemUnreferenced, "No record names this attachment. Make a new export, and tell whoever runs privacyd.")
		}
	}
}

// watch gives a check of each record: the files that it names must be there.
func (v *verifier) watch(collection *CollectionInfo) func(json.RawMessage) error {
	fields := map[string]bool{}
	for _, f := range collection.Fields {
		if f.Encoding == EncodingArchivePath {
			fields[f.Name] = true
		}
	}
	if len(fields) == 0 {
		return func(json.RawMessage) error { return nil }
	}
	v.pathKeys = true
	return func(record json.RawMessage) error {
		var id string
		without := false
		err := eachMember(record, func(name, value []byte) {
			switch {
			case string(name) == "id":
				id = scalarText(value)
			case fields[string(name)]:
				without = v.paths(value) || without
			}
		})
		if without {
			v.lost.record(collection.Name, id)
		}
		return err
	}
}

// paths marks the files that a value names and tells whether one is not wholly
// there, null included.
func (v *verifier) paths(value []byte) bool {
	var many []*string
	if len(value) > 0 && value[0] == '[' {
		_ = json.Unmarshal(value, &many)
	} else {
		var one *string
		_ = json.Unmarshal(value, &one)
		many = []*string{one}
	}
	without := len(many) == 0
	for _, path := range many {
		if path == nil {
			without = true
			continue
		}
		without = v.mark(*path) || without
	}
	return without
}

func (v *verifier) mark(path string) (incomplete bool) {
	_, slot, ok, err := v.table.find(path)
	if err != nil || !ok || !strings.HasPrefix(path, attachmentRoot) {
		v.problem(path, ProblemAttachment, "A record names this file, but the archive does not have it. %s", remedyAgain)
		return false
	}
	v.named[slot] = true
	return v.partial[slot]
}

func scalarText(value []byte) string {
	var s string
	if json.Unmarshal(value, &s) == nil {
		return s
	}
	return string(value)
}

// lost compares the manifest's missing files with the records that have none.
type lost struct {
	seed    maphash.Seed
	judged  map[string]bool // collections whose records say where their files are and have an id
	listed  []lostFile
	records map[uint64]bool
}

type lostFile struct {
	collection string
	hash       uint64
}

const maxListedMissing = 5_000_000

func (l *lost) list(m MissingFile) error {
	if l.records == nil {
		l.seed, l.records = maphash.MakeSeed(), map[uint64]bool{}
	}
	if len(l.listed) >= maxListedMissing {
		return fmt.Errorf("%w: it lists more missing files than can be", errManifest)
	}
	l.listed = append(l.listed, lostFile{collection: m.Collection, hash: l.hash(m.Collection, m.ID)})
	return nil
}

func (l *lost) hash(collection, id string) uint64 {
	return maphash.String(l.seed, collection+"\x00"+id)
}

func (l *lost) prepare(m *Manifest) {
	l.judged = map[string]bool{}
	for _, c := range m.Collections {
		id, path := false, false
		for _, f := range c.Fields {
			id = id || f.Name == "id"
			path = path || f.Encoding == EncodingArchivePath
		}
		l.judged[c.Name] = id && path && c.Format == "json"
	}
}

// record remembers a record without its file. When nothing is missing there is
// nothing to compare.
func (l *lost) record(collection, id string) {
	if l.records != nil && l.judged[collection] {
		l.records[l.hash(collection, id)] = true
	}
}

// missing reports missing files that belong to no record without a file.
func (v *verifier) missing() {
	for _, m := range v.lost.listed {
		exists, known := v.lost.judged[m.collection]
		if !known || (exists && !v.lost.records[m.hash]) {
			v.problem(manifestPath, ProblemMissingListed,
				"The manifest lists a missing file of %s that belongs to no record without a file. %s", shown(m.collection), remedyTrust)
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
