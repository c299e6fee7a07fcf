package privacyd

import (
	"regexp"
	"time"
)

// Workspace is one customer organisation: the unit of export, deletion and
// permission.
type Workspace struct {
	ID          string            `json:"id"` // UUIDv7
	Slug        string            `json:"slug"`
	Name        string            `json:"name"`
	DatasetKeys map[string]string `json:"dataset_keys,omitempty"` // dataset name → the key by which it knows this workspace
	CreatedAt   time.Time         `json:"created_at"`
	Audit       *Audited          `json:"audit,omitempty"` // in the answer to what made it, or made the caller a member
}

// WorkspaceName is a workspace where another thing names it.
type WorkspaceName struct {
	ID   string `json:"id"`
	Slug string `json:"slug"`
	Name string `json:"name"`
}

// Named is the workspace as other things name it.
func (w Workspace) Named() WorkspaceName { return WorkspaceName{w.ID, w.Slug, w.Name} }

var slugPattern = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$`)

// ValidSlug tells whether s can be a workspace's slug: 1 to 63 lower-case
// letters, digits and inner hyphens.
func ValidSlug(s string) bool { return slugPattern.MatchString(s) }

// Subject is the person whom data is about, of a kind that a data map names.
type Subject struct {
	Kind string `json:"kind"` // "contact", "account", …
	ID   string `json:"id"`   // the dataset's own id
}
