package privacyd

import "time"

// Outcome of an audited action.
type Outcome string

// The outcomes.
const (
	OutcomeDone   Outcome = "done"
	OutcomeDenied Outcome = "denied"
	OutcomeFailed Outcome = "failed"
	OutcomeIntent Outcome = "intent" // an effect outside the database is about to happen
)

// Target is what an action was done to. Type is a code ("job", "contact"); ID
// and Name may be personal and are sealed.
type Target struct {
	Type    string
	ID      string
	Name    string
	Subject *Subject // set when the target is a person: the disclosure is sealed with that person's key
}

// AuditEvent is what engine asks the audit log to record.
type AuditEvent struct {
	WorkspaceID string // empty: the instance's own log
	Caller      Caller
	Role        Role // of the caller in that workspace, where it has one
	Action      string
	Outcome     Outcome
	Target      Target
	Changes     map[string]Change // settings before and after
	At          time.Time
	Marks       map[string]string // ids of ours and SHA-256 in hex, that are not personal and stay readable for ever
	Facts       map[string]int64  // counts that are not personal and stay readable for ever
	Code        string            // the error code of a denied or failed action
}

// Change is one setting before and after.
type Change struct {
	Before any `json:"before"`
	After  any `json:"after"`
}

// AuditEntry is an entry of the audit log as a reader with the keys sees it.
// What was erased is empty and Erased says so.
type AuditEntry struct {
	ID          string            `json:"id"` // UUIDv7
	WorkspaceID string            `json:"workspace_id,omitempty"`
	At          time.Time         `json:"timestamp" doc:"When it happened, as whoever wrote the entry says. A product may write of what was long ago."`
	RecordedAt  time.Time         `json:"recorded_at" doc:"When the entry was written, by this server's clock."`
	Action      string            `json:"action"`
	Outcome     Outcome           `json:"outcome"`
	ActorKind   CallerKind        `json:"actor_kind"`
	ActorRole   Role              `json:"actor_role,omitempty"`
	Actor       string            `json:"actor"`
	ActorEmail  string            `json:"actor_email,omitempty"`
	TargetType  string            `json:"target_type,omitempty"`
	TargetID    string            `json:"target_id,omitempty"`
	TargetName  string            `json:"target_name,omitempty"`
	Subject     string            `json:"subject,omitempty"`  // the person whom the target is about, as kind:id
	Operator    string            `json:"operator,omitempty"` // the operating-system user who acted as the actor
	IP          string            `json:"ip,omitempty"`
	Door        Door              `json:"door,omitempty"`
	Code        string            `json:"code,omitempty"`
	Facts       map[string]int64  `json:"facts,omitempty"`
	Details     map[string]any    `json:"details,omitempty"` // what else is public of it: of entries about the log itself
	Changes     map[string]Change `json:"changes,omitempty"`
	Checkpoint  CheckpointState   `json:"checkpoint,omitempty"` // empty: it was not asked for
	Erased      bool              `json:"erased,omitempty"`     // a disclosure's key is gone
	Unreadable  bool              `json:"unreadable,omitempty"` // the entry fails its check: nothing but the id is known
}

// AuditFilter narrows a listing. The zero value lists everything, newest first.
type AuditFilter struct {
	From, Until time.Time // From included, Until not
	Action      string
	TargetType  string
	Actor       string // name, e-mail, id or kind; case does not count
	Target      string // type, id, or the person it is about as kind:id
	Before      string // entry id: list older ones
	Limit       int
	Look        int // entries to open for a page at most, 1 to 10,000; 0: 10,000
}

// CheckpointState says whether a signed checkpoint covers an entry: nobody can
// then take it back unseen.
type CheckpointState string

// The states of an entry.
const (
	CheckpointSigned  CheckpointState = "signed"
	CheckpointPending CheckpointState = "pending" // it is committed, and will be covered
)

// Audited says which entry of the audit log records a change.
type Audited struct {
	Entry      string          `json:"entry"` // UUIDv7
	Checkpoint CheckpointState `json:"checkpoint" enum:"signed,pending" doc:"signed: a signed checkpoint covers the entry."`
}

// AuditKnown is by what an owner of disclosures is known: an id or e-mail address
// that a product gave. Both are keyed hashes.
type AuditKnown struct{ As, Owner string }

// AuditKey is what is kept of a key under which a product wrote entries: keyed
// hashes, and the ids of the entries, 16 bytes each.
type AuditKey struct {
	Hash, Content, Entries []byte
}
