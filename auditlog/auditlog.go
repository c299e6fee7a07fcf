// Package auditlog is a log that cannot be altered unseen and can still forget.
//
// An entry is a leaf: one line of sorted-key JSON that holds codes, numbers and
// times, and of everything personal only salted digests, as in SD-JWT (RFC
// 9901). What the digests stand for are disclosures, sealed with the key of the
// person they are about. When that key is destroyed the person can no longer be
// read in the log, and not be linked from entry to entry, while every leaf and
// all that is proven about leaves stays as it was.
//
// A Sequencer gives each entry its place in the RFC 6962 tree of its log and
// signs the tree's root as a checkpoint (C2SP tlog-checkpoint). A View reads a
// log as it stood at its newest checkpoint, with proofs.
//
// It must never let anything personal or any free text into a leaf, and knows
// nothing of databases, of keys or of privacy law. It imports the standard
// library and golang.org/x/mod alone. Open leaf.go first, then log.go; for the
// tree sequence.go, then integrate.go.
package auditlog

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"time"
)

// Errors that callers tell apart.
var (
	// ErrPublic: what was to be public is not a code, number, time or hash, nor an
	// id of ours (UUIDv7).
	ErrPublic = errors.New("the leaf of an audit entry holds codes, ids of ours, whole numbers, times, booleans and hashes only")
	// ErrLeaf: bytes that are not a leaf as this package writes them.
	ErrLeaf = errors.New("that is not the leaf of an audit entry")
	// ErrHash: a leaf that is not the one its stored hash was made of.
	ErrHash = errors.New("the leaf does not match its hash")
	// ErrDisclosure: a disclosure that is not one of its leaf's.
	ErrDisclosure = errors.New("the disclosure does not belong to its leaf")
)

// Record is what happened, as the caller knows it.
type Record struct {
	Log        string         // a workspace's id; empty: the instance's own log
	Action     string         // a code such as "workspace.export"
	Outcome    string         // a code such as "done"
	TargetType string         // a code such as "job", or empty
	At         time.Time      // when; kept to the microsecond, in UTC
	Public     map[string]any // stays readable for ever: see ErrPublic; maps of such values may be nested once
	Private    []Claim        // can be erased
}

// Claim is something personal about an entry.
type Claim struct {
	Name  string // a code, unique in its entry
	Value any    // what encoding/json can write
	Owner Owner
}

// Owner is whose key seals a claim.
type Owner struct {
	Log      string // the workspace that knows the person; empty: the instance
	Kind, ID string // the person; both empty: the log's own key
}

// Names of claims and public values with a meaning of their own in CSV.
const (
	ClaimActor      = "actor" // a name
	ClaimActorEmail = "actor_email"
	ClaimTargetID   = "target_id"
	ClaimTargetName = "target_name"
	ClaimIP         = "ip"
	ClaimChanges    = "changes"
	ClaimSubject    = "subject" // the person whom the target is about, as kind:id
	PublicActorKind = "actor_kind"
	claimOwner      = "_owner"
)

// Entry is what is stored of an entry, never changed and never deleted.
type Entry struct {
	ID         string // UUIDv7; listings are in the order of ids, the tree is in that of commits
	Log        string
	At         time.Time // microseconds, UTC
	Action     string
	Outcome    string
	TargetType string
	Leaf       []byte
	LeafHash   [32]byte // SHA-256 of 0x00 and the leaf, as RFC 6962 has it
}

// SealedDisclosure holds the disclosures of one entry that belong to one
// owner. It is what an erasure deletes.
type SealedDisclosure struct {
	EntryID string
	Owner   string // the owner's reference: keyed hashes, nothing personal
	Sealed  []byte
	Form    int // how what is sealed is laid out; 0: as it was once
	Digests int // how many digests of the leaf it accounts for; not read back
}

// Disclosed is a disclosure that an erasure found, and where its entry is.
type Disclosed struct {
	EntryID string // if the entry is in no tree
	Owner   string
	Row     int64    // its number in the database
	Placed  bool     // the entry is in a tree
	At      Position // if Placed
}

// Gone is an entry from which disclosures were erased.
type Gone struct {
	Position
	Digests int // of its leaf, that nothing can be given for any more; 0: not known
}

// Stored is an entry with what is left of its disclosures.
type Stored struct {
	Entry
	Disclosures []SealedDisclosure
}

// LateAfter is how much later than its time an entry is made that is late: as
// nearly none is, those of a time are found by their ids.
const LateAfter = 24 * time.Hour

// Query narrows a listing. The zero value is the whole instance log.
type Query struct {
	Log         string
	From, Until time.Time // of At; From included, Until not; zero: open
	Action      string
	TargetType  string
	Before      string // an entry's id: list older ones
	NotBefore   string // an id, or what one begins with: list no older ones
	Limit       int    // 0: all
}

// Entries is where entries are kept. auditlogtest.Run says what it must do.
type Entries interface {
	// Insert adds an entry and its disclosures, both or neither, in the
	// transaction of ctx where there is one.
	Insert(ctx context.Context, e Entry, d []SealedDisclosure) error
	// Newest gives the greatest id below one, of any log; empty: there is none.
	Newest(ctx context.Context, below string) (id string, err error)
	// Nth gives the id of the n-th entry that List would give; empty: there are not
	// as many. Of q it takes Log, Action and Before.
	Nth(ctx context.Context, q Query, n int) (id string, err error)
	// Late gives an id that is greater than those of all late entries of a log whose
	// ids are below before and not below from; empty: there are none. Late is what
	// was written more than LateAfter after it happened.
	Late(ctx context.Context, log, before, from string) (id string, err error)
	// Pages tells in which pages, of so many entries by their indexes, an epoch of
	// a log has any that a query asks for by its ids and its action. Not known: it
	// may be all of them.
	Pages(ctx context.Context, q Query, epoch int, size int64) (pages []int64, known bool, err error)
	// List gives the entries of one log, the newest (greatest id) first.
	List(ctx context.Context, q Query) iter.Seq2[Stored, error]
}

// Sealer seals for an owner whom it knows by a reference.
type Sealer interface {
	// Reference gives the owner's reference: always the same, and nothing
	// personal can be recognised in it.
	Reference(log, kind, id string) string
	// SealFor seals; erased means that the owner's key was destroyed, so that
	// nothing may be kept of them.
	SealFor(ctx context.Context, reference string, aad, plaintext []byte) (sealed []byte, erased bool, err error)
	// OpenFor opens; erased means that the key was destroyed.
	OpenFor(ctx context.Context, reference string, aad, sealed []byte) (plaintext []byte, erased bool, err error)
}

// Opened is an entry as a reader with the keys sees it.
type Opened struct {
	ID         string
	Log        string
	At         time.Time
	Action     string
	Outcome    string
	TargetType string
	Public     map[string]any             // strings, int64 and booleans, and maps of them
	Private    map[string]json.RawMessage // claim → its value
	Erased     []string                   // claims that can no longer be read, sorted
	Erasing    bool                       // an erasure is under way: a key is destroyed, what it sealed still to be deleted

	Leaf        []byte
	LeafHash    [32]byte
	Disclosures []string // as RFC 9901 writes them; what was erased is not among them
}
