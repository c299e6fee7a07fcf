package privacyd

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"time"
)

// PlanLife is how long a plan can be confirmed.
const PlanLife = 24 * time.Hour

// Plan is what an erasure will do, before it does it: pure, hashable, and for a
// person to read (Sentences). It is what a dry run gives.
type Plan struct {
	Hash        string              `json:"hash"` // hex SHA-256; see PlanBasis
	Type        JobType             `json:"type"`
	WorkspaceID string              `json:"workspace_id,omitempty"` // empty: an account in all its workspaces
	Subject     *Subject            `json:"subject,omitempty"`
	Before      *time.Time          `json:"before,omitempty"` // of a bulk deletion
	MadeAt      time.Time           `json:"made_at"`
	ExpiresAt   time.Time           `json:"expires_at"` // it can be confirmed until then
	Maps        []PlanMap           `json:"maps"`
	Collections []PlannedCollection `json:"collections"` // in the order in which they are erased
	Holds       []PlanHold          `json:"holds,omitempty"`
	WhollyHeld  bool                `json:"wholly_held,omitempty"`   // nothing would be erased: confirming is refused
	Blockers    []Blocker           `json:"blockers,omitempty"`      // with one of them nothing runs
	Unindexed   []MissingIndex      `json:"unindexed,omitempty"`     // it runs, but slowly
	Seconds     int64               `json:"seconds,omitempty"`       // about how long it will take; 0: not estimated
	Grace       int64               `json:"grace_seconds,omitempty"` // between confirmation and execution
	Notes       []string            `json:"notes,omitempty"`         // sentences
	Abandoned   []WorkspaceName     `json:"abandoned,omitempty"`     // of an account's deletion: workspaces without any other member
}

// PlanMap is a data map that a plan was made with.
type PlanMap struct {
	Dataset string `json:"dataset"`
	Hash    string `json:"hash"` // hex SHA-256 of the map's canonical form
}

// Fate is what an erasure does to rows. The words are those of data maps.
type Fate string

// The fates.
const (
	FateDelete  Fate = "delete"
	FateNull    Fate = "null"    // the fields named are blanked
	FateReplace Fate = "replace" // the fields named get a text that is about nobody
	FateKeep    Fate = "keep"    // on a ground of Art. 17(3)
)

// PlannedCollection is what happens to the rows of one collection that are in
// the plan's scope. A collection occurs once for each fate.
type PlannedCollection struct {
	Dataset    string   `json:"dataset"`
	Collection string   `json:"collection"`
	Fate       Fate     `json:"fate" enum:"delete,null,replace,keep"`
	Mentions   bool     `json:"mentions,omitempty"` // the rows are others' and only name what goes
	Quotes     bool     `json:"quotes,omitempty"`   // the rows are nobody's, or others', and quote the person
	Fields     []string `json:"fields,omitempty"`   // blanked or replaced
	Ground     Ground   `json:"ground,omitempty"`   // of keeping
	Until      string   `json:"until,omitempty"`    // of keeping: an ISO 8601 duration; empty: while the ground stands
	Rows       int64    `json:"rows"`               // without those that are held
	Files      int64    `json:"files,omitempty"`
	Bytes      int64    `json:"bytes,omitempty"` // of the files, as far as known
	Held       int64    `json:"held,omitempty"`  // rows that stay under a legal hold
}

// PlanHold is a hold that a plan goes round.
type PlanHold struct {
	ID       string    `json:"id"`
	Type     HoldType  `json:"type"`
	Ground   Ground    `json:"ground"`
	ReviewAt time.Time `json:"review_at"`
}

// Blocker keeps a plan from running until somebody has mended it.
type Blocker struct {
	Code       string `json:"code"`
	Dataset    string `json:"dataset,omitempty"`
	Collection string `json:"collection,omitempty"`
	Message    string `json:"message"`
	Remedy     string `json:"remedy"`

	Workspaces []WorkspaceName `json:"workspaces,omitempty"` // of last_admin: those that would have no admin
}

// MissingIndex is a link on a plan's path without an index.
type MissingIndex struct {
	Dataset    string `json:"dataset"`
	Collection string `json:"collection"`
	Statement  string `json:"statement"` // the SQL that makes it
	// RowsRead is about how many rows are read for want of it; 0: not known.
	RowsRead int64 `json:"rows_read,omitempty"`
}

// StoredPlan is a plan that somebody was shown, sealed by its maker.
type StoredPlan struct {
	Scope     string // a workspace's id, or an account's
	Hash      string
	ShownTo   string // account id, token id, or "operator"
	Sealed    []byte
	MadeAt    time.Time
	ExpiresAt time.Time
}

// PlanBasis is what a plan's hash covers: the maps, whom or what it is about,
// and what happens to each collection. Counts, holds and time are not in it.
type PlanBasis struct {
	Type        JobType
	WorkspaceID string
	Before      *time.Time // of a bulk deletion
	Datasets    []DatasetBasis
}

// DatasetBasis is the part of a basis that lies in one dataset.
type DatasetBasis struct {
	Dataset string
	MapHash string   // of a product's map
	Roots   []string // salted identities (RootIdentity) of the rows that lead to all others, in any order
	Steps   []byte   // a canonical form of every disposition, in the order of the run
}

// Hash gives the plan's hash: hex SHA-256. Two bases that say the same have the
// same one.
func (b PlanBasis) Hash() string {
	h := sha256.New()
	put := func(parts ...string) { h.Write(framed(parts...)) }
	before := ""
	if b.Before != nil {
		before = b.Before.UTC().Format(time.RFC3339Nano)
	}
	put("privacyd plan v1", string(b.Type), b.WorkspaceID, before)
	datasets := slices.Clone(b.Datasets)
	slices.SortStableFunc(datasets, func(x, y DatasetBasis) int { return cmp.Compare(x.Dataset, y.Dataset) })
	for _, d := range datasets {
		roots := slices.Clone(d.Roots)
		slices.Sort(roots)
		put(d.Dataset, d.MapHash, string(d.Steps))
		h.Write(framed(slices.Compact(roots)...))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// RootIdentity is how a root row enters a plan's hash: a keyed hash, so that
// nobody who sees the plan's hash can find out by trying whom it is about.
func RootIdentity(salt []byte, dataset, collection string, key []string) string {
	m := hmac.New(sha256.New, salt)
	m.Write(framed(append([]string{"privacyd root v1", dataset, collection}, key...)...))
	return hex.EncodeToString(m.Sum(nil))
}

// framed joins parts so that no two different lists give the same bytes.
func framed(parts ...string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(parts)))
	for _, p := range parts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(p)))
		b = append(b, p...)
	}
	return b
}

// Grown tells whether a count has grown by so much since it was shown that it
// has to be shown again: by more than 10 and more than 1 %.
func Grown(before, now int64) bool { return now-before > max(10, before/100) }

// PlanTotals is a plan in a few numbers.
type PlanTotals struct {
	Deleted  int64 `json:"deleted"`
	Blanked  int64 `json:"blanked"` // also replaced
	Kept     int64 `json:"kept"`
	Held     int64 `json:"held"`
	Mentions int64 `json:"mentions"` // of those blanked or kept: others' rows
	Files    int64 `json:"files"`
	Bytes    int64 `json:"bytes"`
}

// Totals adds up the plan's counts.
func (p *Plan) Totals() PlanTotals {
	var t PlanTotals
	for _, c := range p.Collections {
		switch c.Fate {
		case FateDelete:
			t.Deleted += c.Rows
		case FateKeep:
			t.Kept += c.Rows
		default:
			t.Blanked += c.Rows
		}
		if c.Mentions {
			t.Mentions += c.Rows
		}
		t.Held, t.Files, t.Bytes = t.Held+c.Held, t.Files+c.Files, t.Bytes+c.Bytes
	}
	return t
}

// Runnable tells whether the plan may be confirmed at all. Codes: plan_blocked,
// plan_held.
func (p *Plan) Runnable() error {
	if len(p.Blockers) > 0 {
		b := p.Blockers[0]
		return Errorf(ClassRefused, "plan_blocked", "This cannot run: %s %s", b.Message, b.Remedy)
	}
	if p.WhollyHeld {
		return Errorf(ClassRefused, "plan_held",
			"A legal hold covers all of it, so nothing may be erased. Release the hold first, or wait for it.")
	}
	return nil
}

// StillAsShown compares the plan that somebody confirms with the one made at
// that moment. Codes: plan_expired after 24 hours, plan_changed when it would
// do something else, plan_grown when a count has grown by more than 10 and more
// than 1 %. The remedy for all is to look at the new plan.
func (p *Plan) StillAsShown(now *Plan) error {
	switch {
	case !now.MadeAt.Before(p.ExpiresAt):
		return Errorf(ClassRefused, "plan_expired", "The plan is older than 24 hours. Look at the new one and confirm that.")
	case p.Hash != now.Hash:
		return Errorf(ClassRefused, "plan_changed", "The plan is not what it was when it was shown. Look at the new one and confirm that.")
	case p.grownTo(now):
		return Errorf(ClassRefused, "plan_grown", "More would be erased than was shown. Look at the new plan and confirm that.")
	}
	return nil
}

// planned tells the entries of a plan's collections apart.
type planned struct {
	dataset, collection string
	fate                Fate
	mentions, quotes    bool
}

func (p *Plan) grownTo(now *Plan) bool {
	rows, files := p.counts()
	newRows, newFiles := now.counts()
	for at, n := range newRows {
		if Grown(rows[at], n) || Grown(files[at], newFiles[at]) {
			return true
		}
	}
	before, after := p.Totals(), now.Totals()
	return Grown(before.Deleted, after.Deleted) || Grown(before.Blanked, after.Blanked) || Grown(before.Files, after.Files)
}

func (p *Plan) counts() (rows, files map[planned]int64) {
	rows, files = map[planned]int64{}, map[planned]int64{}
	for _, c := range p.Collections {
		if c.Fate == FateKeep {
			continue
		}
		at := planned{c.Dataset, c.Collection, c.Fate, c.Mentions, c.Quotes}
		rows[at] += c.Rows
		files[at] += c.Files
	}
	return rows, files
}
