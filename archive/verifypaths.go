package archive

import (
	"encoding/json"
	"fmt"
	"hash/maphash"
	"strings"
)

// watch gives a check of each record: the files that it names must be there.
func (v *verifier) watch(collection *CollectionInfo) func(json.RawMessage) error {
	fields, key := fileFields(collection)
	if len(fields) == 0 {
		return func(json.RawMessage) error { return nil }
	}
	v.pathKeys = true
	return func(record json.RawMessage) error {
		var id string
		without := int64(0)
		err := eachMember(record, func(name, value []byte) {
			if string(name) == key {
				id = scalarText(value)
			}
			if fields[string(name)] {
				without += v.paths(value)
			}
		})
		if without > 0 {
			v.lost.record(collection, id, without)
		}
		return err
	}
}

// fileFields gives the fields that name files, and the key where it is one field.
func fileFields(collection *CollectionInfo) (fields map[string]bool, key string) {
	fields = map[string]bool{}
	keys := 0
	for _, f := range collection.Fields {
		if f.Encoding == EncodingArchivePath {
			fields[f.Name] = true
		}
		if f.Key {
			keys++
			key = f.Name
		}
	}
	if keys != 1 {
		key = ""
	}
	return fields, key
}

// paths marks the files that a value names and counts those that are not wholly
// there, null included.
func (v *verifier) paths(value []byte) (without int64) {
	var many []*string
	if len(value) > 0 && value[0] == '[' {
		_ = json.Unmarshal(value, &many)
	} else {
		var one *string
		_ = json.Unmarshal(value, &one)
		many = []*string{one}
	}
	for _, path := range many {
		if path == nil || v.mark(*path) {
			without++
		}
	}
	return without
}

// mark notes that a record names the file, and tells whether it is incomplete.
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
	seed        maphash.Seed
	listed      map[string][]uint64 // by collection: hashes of the ids
	total       int
	collections map[string]*lostOf // those whose records say where their files are
}

type lostOf struct {
	keyed   bool            // ids can be compared
	files   int64           // that records do without
	records map[uint64]bool // hashes of the ids of those records
}

const maxListedMissing = 5_000_000

func (l *lost) list(m MissingFile) error {
	if l.listed == nil {
		l.seed, l.listed = maphash.MakeSeed(), map[string][]uint64{}
	}
	if l.total++; l.total > maxListedMissing || len(l.listed) > maxCollections {
		return fmt.Errorf("%w: it lists more missing files than can be", errManifest)
	}
	l.listed[m.Collection] = append(l.listed[m.Collection], maphash.String(l.seed, m.ID))
	return nil
}

func (l *lost) prepare(m *Manifest) {
	l.collections = map[string]*lostOf{}
	for _, c := range m.Collections {
		of := &lostOf{records: map[uint64]bool{}}
		fields, key := fileFields(c)
		if len(fields) == 0 || c.Format != "json" {
			of = nil
		} else {
			of.keyed = key != ""
		}
		l.collections[c.Name] = of
	}
}

// record remembers a record without its files. Where nothing is missing there is
// nothing to compare.
func (l *lost) record(collection *CollectionInfo, id string, files int64) {
	of := l.collections[collection.Name]
	if of == nil || len(l.listed[collection.Name]) == 0 {
		return
	}
	of.files += files
	if of.keyed {
		of.records[maphash.String(l.seed, id)] = true
	}
}

// missing reports missing files that belong to no record without a file.
func (v *verifier) missing() {
	for name, ids := range v.lost.listed {
		of, known := v.lost.collections[name]
		wrong := int64(0)
		switch {
		case !known:
			wrong = int64(len(ids))
		case of != nil && of.keyed:
			for _, id := range ids {
				if !of.records[id] {
					wrong++
				}
			}
		}
		if known && of != nil {
			wrong = max(wrong, int64(len(ids))-of.files)
		}
		if wrong > 0 {
			v.problem(manifestPath, ProblemMissingListed,
				"The manifest lists %d missing files of %s that belong to no record without a file. %s", wrong, shown(name), remedyTrust)
		}
	}
}
