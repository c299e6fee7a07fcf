package archive

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/privacyd/privacyd"
)

// Manifest is manifest.json without its two long lists, the missing files and
// the files, which are only ever streamed.
type Manifest struct {
	Format       string            `json:"format"`
	Product      string            `json:"product"`
	Workspace    Workspace         `json:"workspace"`
	Kind         string            `json:"kind"`
	ExportFormat string            `json:"export_format"`
	Subject      *Subject          `json:"subject,omitempty"`
	SnapshotTime time.Time         `json:"snapshot_time"`
	CreatedAt    time.Time         `json:"created_at"`
	Datasets     []Dataset         `json:"datasets"`
	Redactions   []Redaction       `json:"redactions,omitempty"`
	AuditPending bool              `json:"audit_pending,omitempty"` // audit/log.ndjson lacks the newest entries
	Collections  []*CollectionInfo `json:"collections"`
}

// CollectionInfo is what the manifest says about a collection.
type CollectionInfo struct {
	Name    string      `json:"name"`
	Path    string      `json:"path"`
	Format  string      `json:"format"` // json, csv
	Records int64       `json:"records"`
	Fields  []FieldInfo `json:"fields"`
}

// FileInfo is what the manifest says about one file.
type FileInfo struct {
	Path       string `json:"path"`
	Records    *int64 `json:"records,omitempty"`
	Bytes      int64  `json:"bytes"`
	SHA256     string `json:"sha256"`                  // hex, of the content
	Original   string `json:"original_name,omitempty"` // of an attachment whose name was cleaned
	Incomplete bool   `json:"incomplete,omitempty"`    // the content broke off when it was read
}

const (
	maxManifestValue = 8 << 20  // one member
	maxManifestHead  = 16 << 20 // all members but the long lists
	maxManifestLine  = 1 << 17  // one element of a long list
	maxManifestText  = 4 << 10  // a name, an id or a reason in those
	maxCollections   = 10_000
)

// manifestLists receive what a pass over the manifest finds; nil skips.
type manifestLists struct {
	missing func(MissingFile) error
	file    func(FileInfo) error
}

// parseManifest reads the manifest once. Whatever it holds, memory stays small.
func parseManifest(j *jsonReader, lists manifestLists) (*Manifest, error) {
	members := map[string]json.RawMessage{}
	seen := map[string]bool{}
	room := maxManifestHead
	err := j.members(func(name string) error {
		if seen[name] {
			return fmt.Errorf("%w: it has %q twice", errManifest, name)
		}
		seen[name] = true
		switch {
		case name == "missing":
			return eachElement(j, lists.missing)
		case name == "files":
			return eachElement(j, lists.file)
		case len(seen) > 100:
			return fmt.Errorf("%w: it has too many members", errManifest)
		}
		value, err := j.next()
		if err != nil {
			return err
		}
		if room -= len(value); room < 0 {
			return errTooLarge
		}
		members[name] = append(json.RawMessage(nil), value...)
		return nil
	})
	if err == nil {
		err = j.end()
	}
	if err != nil {
		return nil, err
	}
	if !seen["missing"] || !seen["files"] {
		return nil, fmt.Errorf("%w: its lists of files or of missing files are not there", errManifest)
	}
	return decodeManifest(members)
}

var errManifest = errors.New("it is not what privacyd writes")

func eachElement[T any](j *jsonReader, do func(T) error) error {
	whole := j.limit
	j.limit = maxManifestLine
	defer func() { j.limit = whole }()
	return j.elements(func(raw json.RawMessage) error {
		if do == nil {
			return nil
		}
		var v T
		if err := json.Unmarshal(raw, &v); err != nil {
			return fmt.Errorf("%w: %w", errManifest, err)
		}
		return do(v)
	})
}

func decodeManifest(members map[string]json.RawMessage) (*Manifest, error) {
	whole, err := json.Marshal(members)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errManifest, err)
	}
	m := &Manifest{}
	var version struct{ Format string }
	if err := json.Unmarshal(whole, &version); err != nil {
		return nil, fmt.Errorf("%w: %w", errManifest, err)
	}
	if version.Format != FormatVersion {
		return nil, privacyd.Errorf(privacyd.ClassInvalid, "archive_format_unknown",
			"The archive has the format %.60q; this version reads %s. Use the version of privacyd that wrote it, or a newer one.",
			version.Format, FormatVersion)
	}
	if err := json.Unmarshal(whole, m); err != nil {
		return nil, fmt.Errorf("%w: %w", errManifest, err)
	}
	return m, m.check()
}

func (m *Manifest) check() error {
	if len(m.Collections) > maxCollections {
		return fmt.Errorf("%w: it has %d collections", errManifest, len(m.Collections))
	}
	names := map[string]bool{}
	for _, c := range m.Collections {
		if c == nil || c.Path != dataFolder+c.Name+"."+c.Format || (c.Format != "json" && c.Format != "csv") || names[c.Path] {
			return fmt.Errorf("%w: a collection is wrong or there twice", errManifest)
		}
		names[c.Path] = true
	}
	return nil
}

// collection finds a collection by its path.
func (m *Manifest) collection(path string) *CollectionInfo {
	for _, c := range m.Collections {
		if c.Path == path {
			return c
		}
	}
	return nil
}
