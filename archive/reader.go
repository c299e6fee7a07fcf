package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/privacyd/privacyd"
)

// Reader reads an archive for import. It checks the checksums of what it reads,
// but only Verify looks at the whole archive.
type Reader struct {
	table    *table
	manifest *Manifest
	data     map[string]FileInfo // the collections' files
}

// Open reads an archive's directory and manifest. An archive that was unpacked
// and packed again by another program opens too. Codes: archive_invalid,
// archive_format_unknown.
func Open(r io.ReaderAt, size int64) (*Reader, error) {
	d, err := findDirectory(r, size)
	if err != nil {
		return nil, invalid(err)
	}
	t, err := newTable(d, func(found) {})
	if err != nil {
		return nil, invalid(err)
	}
	reader := &Reader{table: t, data: map[string]FileInfo{}}
	reader.manifest, err = t.manifest(manifestLists{file: func(f FileInfo) error {
		if len(f.Path) > len(dataFolder) && f.Path[:len(dataFolder)] == dataFolder {
			reader.data[f.Path] = f
		}
		if len(reader.data) > maxCollections {
			return fmt.Errorf("%w: it has too many collections", errManifest)
		}
		return nil
	}})
	if err != nil {
		return nil, invalid(err)
	}
	return reader, nil
}

// invalid turns what is wrong with a file into an error for people, and leaves
// errors of the medium and errors for people alone.
func invalid(err error) error {
	var known *privacyd.Error
	if errors.As(err, &known) {
		return err
	}
	for _, damage := range []error{errNoZip, errTruncated, errDirectory, errDamaged, errManifest, errNotJSON, errTooLarge, errChanged} {
		if errors.Is(err, damage) {
			return privacyd.Errorf(privacyd.ClassInvalid, "archive_invalid",
				"The file is not a sound export archive: %w. Check it with “privacyd archive verify”, or get it again.", err)
		}
	}
	return fmt.Errorf("reading the archive: %w", err)
}

var (
	errNoManifest = fmt.Errorf("%w: it has no manifest.json", errManifest)
	errChanged    = errors.New("its SHA-256 is not the one in the manifest")
)

// manifest makes one pass over manifest.json.
func (t *table) manifest(lists manifestLists) (*Manifest, error) {
	f, _, ok, err := t.find(manifestPath)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, errNoManifest
	}
	c, err := t.directory.content(f)
	if err != nil {
		return nil, fmt.Errorf("manifest.json: %w", err)
	}
	m, err := parseManifest(newJSONReader(c, maxManifestValue), lists)
	if err != nil {
		return nil, fmt.Errorf("manifest.json: %w", err)
	}
	return m, nil
}

// Manifest tells what the archive says about itself.
func (r *Reader) Manifest() *Manifest { return r.manifest }

// Missing lists the attachments that are not in the archive.
func (r *Reader) Missing() iter.Seq2[MissingFile, error] {
	return listOf(r.table, func(do func(MissingFile) error) manifestLists { return manifestLists{missing: do} })
}

// Files lists the files of the archive, in the order of the manifest.
func (r *Reader) Files() iter.Seq2[FileInfo, error] {
	return listOf(r.table, func(do func(FileInfo) error) manifestLists { return manifestLists{file: do} })
}

var errStop = errors.New("the caller has seen enough")

func listOf[T any](t *table, lists func(func(T) error) manifestLists) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		_, err := t.manifest(lists(func(v T) error {
			if !yield(v, nil) {
				return errStop
			}
			return nil
		}))
		if err != nil && !errors.Is(err, errStop) {
			var none T
			yield(none, invalid(err))
		}
	}
}

// Records reads a collection's records one at a time; each is valid until the
// next. Any JSON array will do, whatever its lines. The last thing given may be
// an error that the whole did not fit its checksum: act on the records only
// when the loop has ended without one. Code collection_not_found.
func (r *Reader) Records(name string) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		err := r.records(name, func(record json.RawMessage) error {
			if !yield(record, nil) {
				return errStop
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStop) {
			yield(nil, invalid(err))
		}
	}
}

func (r *Reader) records(name string, do func(json.RawMessage) error) error {
	path := dataFolder + name + ".json"
	collection := r.manifest.collection(path)
	if collection == nil {
		return privacyd.Errorf(privacyd.ClassNotFound, "collection_not_found",
			"The archive has no JSON collection %.60q. Its manifest lists those it has.", name)
	}
	in, err := r.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	sum := sha256.New()
	j := newJSONReader(io.TeeReader(in, sum), MaxRecord)
	if err := j.elements(do); err != nil {
		return about(path, err)
	}
	if err := j.end(); err != nil {
		return about(path, err)
	}
	if info, listed := r.data[path]; !listed || !sameSum(info.SHA256, sum.Sum(nil)) {
		return about(path, errChanged)
	}
	return nil
}

func about(path string, err error) error { return fmt.Errorf("%s: %w", path, err) }

func sameSum(text string, sum []byte) bool {
	want, err := hex.DecodeString(text)
	return err == nil && bytes.Equal(want, sum)
}

// Open reads one file of the archive, checking its size and CRC-32 on the way:
// a damaged file ends with an error instead of io.EOF. Code archive_file_not_found.
func (r *Reader) Open(path string) (io.ReadCloser, error) {
	f, _, ok, err := r.table.find(path)
	if err != nil {
		return nil, invalid(err)
	}
	if !ok || !safePath(path) {
		return nil, privacyd.Errorf(privacyd.ClassNotFound, "archive_file_not_found",
			"The archive does not have the file that is asked for. Its manifest lists those it has.")
	}
	c, err := r.table.directory.content(f)
	if err != nil {
		return nil, invalid(err)
	}
	return c, nil
}
