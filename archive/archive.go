// Package archive writes, checks and reads export archives: one ZIP file (with
// ZIP64 where it is needed) that holds a workspace's or a person's records as
// JSON or CSV, their attachments, a README.html for people and a manifest.json
// that gives every file's size, record count and SHA-256.
//
// It knows the format alone. It must never open a database, decide who may
// export what, or keep anything that grows with the export in memory: the
// manifest and the ZIP directory wait in spools. What it is given to write, it
// writes; that secrets are left out is the caller's duty, because only the data
// map knows them.
//
// Open writer.go first, then manifest.go for the format and verify.go for what
// makes an archive sound.
package archive

import (
	"io"
	"time"
)

// FormatVersion is the manifest's format. Readers refuse any other.
const FormatVersion = "privacyd-archive/1"

// EncodingArchivePath marks a field whose value is the path of a file in the
// archive (or an array of paths, or null where there is no file). Verify checks
// that every such path is there.
const EncodingArchivePath = "archive_path"

// The paths that the format itself takes.
const (
	manifestPath   = "manifest.json"
	readmePath     = "README.html"
	dataFolder     = "data/"
	attachmentRoot = "attachments/"
)

// MaxRecord is the largest record, in bytes, that a reader accepts.
const MaxRecord = 64 << 20

// Spool is a temporary file: written once, then read once from its beginning.
// Close removes it and may be called at any time.
type Spool interface {
	io.Writer
	Rewind() (io.Reader, error)
	Close() error
}

// Options say how to write an archive. The zero value works and keeps spools in
// memory.
type Options struct {
	Spool    func() (Spool, error) // nil: in memory, for archives known to be small
	Level    int                   // deflate, 1 (fast) to 9 (small); 0: 4, the fastest that stays small
	Workers  int                   // blocks compressed at the same time; 0: one for each processor
	Modified time.Time             // of the files that have no time of their own; zero: 1 January 1980
}

// FieldInfo describes one field of a collection in the manifest.
type FieldInfo struct {
	Name       string `json:"name"`
	Key        bool   `json:"key,omitempty"`        // part of what tells records apart
	Type       string `json:"type,omitempty"`       // the database's type
	Encoding   string `json:"encoding,omitempty"`   // how values are written, e.g. base64
	Category   string `json:"category,omitempty"`   // Fideslang
	Provenance string `json:"provenance,omitempty"` // provided, observed, derived
}

// MissingFile is an attachment whose content could not be put into the archive.
type MissingFile struct {
	Collection string `json:"collection"`
	ID         string `json:"id"` // of the record
	Name       string `json:"name"`
	Reason     string `json:"reason"` // a code or a sentence for people
}

// Workspace names the workspace that was exported.
type Workspace struct {
	ID   string `json:"id"`
	Slug string `json:"slug"`
	Name string `json:"name"`
}

// Subject names the person that a subject export is about.
type Subject struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
}

// Dataset is one data map that the export went by.
type Dataset struct {
	Name         string    `json:"name"`
	MapHash      string    `json:"map_hash"` // hex SHA-256
	SnapshotTime time.Time `json:"snapshot_time"`
}

// Redaction says what was left out of a subject export, or masked in it, for
// the sake of other people (Art. 15(4) GDPR).
type Redaction struct {
	Collection string `json:"collection"`
	Field      string `json:"field"`
	Action     string `json:"action"` // left_out, masked, review
	Reason     string `json:"reason"`
	Records    int64  `json:"records,omitempty"` // masked: in how many
	Masked     int64  `json:"masked,omitempty"`  // how many times
}

// Info is what the manifest and the README say about the whole export.
type Info struct {
	Product      string // name and version of what wrote the archive
	Workspace    Workspace
	Kind         string   // data_export, subject_export
	Format       string   // json, csv
	Subject      *Subject // of a subject export
	SnapshotTime time.Time
	CreatedAt    time.Time
	Datasets     []Dataset
	Redactions   []Redaction
	About        []Section // of a subject export: what Art. 15(1) and (2) GDPR ask for, for the README
	AuditPending bool      // the audit log in the archive lacks the newest entries: no signed checkpoint covered them
}

// Section is a heading and its lines in README.html.
type Section struct {
	Heading string
	Lines   []string
}

// Summary is what a finished archive holds.
type Summary struct {
	Records map[string]int64 // by collection
	Files   int64            // attachments
	Missing int64
	Bytes   int64 // of the archive
}
