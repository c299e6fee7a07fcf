package privacyd

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// ReceiptFormat names the form of receipts that this version makes and checks.
const ReceiptFormat = "privacyd-receipt-1"

// Receipt shows what an erasure did and how that was verified. It is signed and
// holds nothing personal, so that it can be kept and shown when the person is
// long forgotten.
type Receipt struct {
	Format       string              `json:"format"` // ReceiptFormat
	ID           string              `json:"id"`     // UUIDv7
	Issue        int                 `json:"issue"`  // from 1; a later one takes the place of the earlier, with what is known by then
	WorkspaceID  string              `json:"workspace_id,omitempty"`
	JobID        string              `json:"job_id"`
	Operation    JobType             `json:"operation"`
	SubjectKind  string              `json:"subject_kind,omitempty"`
	PlanHash     string              `json:"plan_hash"`
	Maps         []PlanMap           `json:"maps"`
	RequestedAt  time.Time           `json:"requested_at"`
	ConfirmedAt  *time.Time          `json:"confirmed_at,omitempty"`
	StartedAt    time.Time           `json:"started_at"`
	EndedAt      time.Time           `json:"ended_at"`
	IssuedAt     time.Time           `json:"issued_at"`
	Collections  []ReceiptCollection `json:"collections"`
	Holds        []ReceiptHold       `json:"holds,omitempty"`
	Files        ReceiptFiles        `json:"files"`
	Exports      int64               `json:"exports_expired"`           // earlier exports with what was erased
	ExpiredJobs  []string            `json:"expired_exports,omitempty"` // ids of those exports' jobs
	Recipients   []ReceiptRecipient  `json:"recipients,omitempty"`
	Abandoned    []string            `json:"workspaces_without_members,omitempty"` // ids: the account was the only member
	LogsNotCut   []string            `json:"logs_not_cut,omitempty"`               // datasets in SQLite files whose write-ahead log still has pages as they were
	Verification ReceiptVerification `json:"verification"`
	Restore      *ReceiptRestore     `json:"restore,omitempty"`
	Audit        ReceiptAudit        `json:"audit"`
	Signature    *ReceiptSignature   `json:"signature,omitempty"`
}

// ReceiptCollection is what happened in one collection.
type ReceiptCollection struct {
	Dataset    string `json:"dataset"`
	Collection string `json:"collection"`
	Fate       Fate   `json:"fate"`
	Mentions   bool   `json:"mentions,omitempty"`  // others' rows that named what went
	Quotes     bool   `json:"quotes,omitempty"`    // nobody's or others' rows that quoted who went
	Before     int64  `json:"before"`              // rows in the erasure's scope when it began
	Done       int64  `json:"done"`                // rows that were deleted, blanked or replaced
	After      int64  `json:"after"`               // rows that verification still found in the scope, or that are kept
	Held       int64  `json:"held,omitempty"`      // of those: under a legal hold
	Recounted  bool   `json:"recounted,omitempty"` // of rows that are kept: they were counted again; else After is how many there were before
	Files      int64  `json:"files,omitempty"`
	Ground     Ground `json:"ground,omitempty"` // of keeping
	Until      string `json:"until,omitempty"`  // of keeping: an ISO 8601 duration
}

// ReceiptHold is a legal hold that the erasure went round.
type ReceiptHold struct {
	Type     HoldType  `json:"type"`
	Ground   Ground    `json:"ground"`
	ReviewAt time.Time `json:"review_at"`
}

// FilesState says whether files went in time.
type FilesState string

// The states of an erasure's files.
const (
	FilesNone    FilesState = "none"    // there were none
	FilesPending FilesState = "pending" // the deadline is not over
	FilesMet     FilesState = "met"     // all went in time
	FilesLate    FilesState = "late"    // all went, some after the deadline
	FilesOverdue FilesState = "overdue" // the deadline is over and some are left
)

// ReceiptFiles is what became of the files that the erased rows named.
type ReceiptFiles struct {
	State    FilesState `json:"state"`
	Queued   int64      `json:"queued"`
	Deleted  int64      `json:"deleted"`
	Shared   int64      `json:"shared,omitempty"`   // left, since rows that stay name them too
	Deadline *time.Time `json:"deadline,omitempty"` // 24 hours after the rows
	LastAt   *time.Time `json:"last_at,omitempty"`  // when the last one went
}

// FilesStateAt says where an erasure's files stand at now: queued of them had
// to go by the deadline, gone are gone or shared, the last at last.
func FilesStateAt(queued, gone int64, deadline, last, now time.Time) FilesState {
	switch {
	case queued == 0:
		return FilesNone
	case gone < queued && now.After(deadline):
		return FilesOverdue
	case gone < queued:
		return FilesPending
	case last.After(deadline):
		return FilesLate
	default:
		return FilesMet
	}
}

// ReceiptRecipient is an organisation to which the data had been disclosed and
// which has to be told of the erasure, Art. 19 GDPR.
type ReceiptRecipient struct {
	Name   string     `json:"name"`
	ToldAt *time.Time `json:"told_at,omitempty"` // nil: still to be told
}

// VerificationResult is what looking again found.
type VerificationResult string

// The results. Only a clean one completes an erasure.
const (
	VerificationClean   VerificationResult = "clean"
	VerificationResidue VerificationResult = "residue"
)

// ReceiptVerification is how the erasure was checked.
type ReceiptVerification struct {
	At          time.Time          `json:"at"`
	Result      VerificationResult `json:"result"`
	Workspaces  int64              `json:"workspaces"`  // searched
	Collections int64              `json:"collections"` // searched
	Identifiers []string           `json:"identifiers"` // kinds that were searched for, such as email
	Residue     int64              `json:"residue"`     // rows in which something was found
	Review      int64              `json:"review"`      // rows of others that may mention the person, for somebody to look at
}

// ReceiptRestore says until when a restored backup is kept from bringing back
// what was erased.
type ReceiptRestore struct {
	Sequence int64     `json:"sequence"` // of the mark in the suppression ledger
	Until    time.Time `json:"until"`    // when the mark expires: the age of the oldest backup
}

// ReceiptAudit is the entry of the audit log that records the erasure.
type ReceiptAudit struct {
	Entry string `json:"entry"`           // UUIDv7
	Proof string `json:"proof,omitempty"` // its inclusion proof, a C2SP tlog-proof
}

// ReceiptSignature is an Ed25519 signature (RFC 8032) of the receipt's
// canonical form without this member; see SignReceipt.
type ReceiptSignature struct {
	Algorithm string `json:"algorithm"` // Ed25519
	KeyID     string `json:"key_id"`    // see KeyID
	Value     string `json:"value"`     // base64
}

// StoredReceipt is one issue of a receipt.
type StoredReceipt struct {
	ID          string
	Issue       int
	JobID       string
	WorkspaceID string // empty: an account in all its workspaces
	Operation   JobType
	Deleted     int64  // records
	File        []byte // as it is given out, signed
	IssuedAt    time.Time
}

// Deleted counts the records that an erasure deleted.
func (r Receipt) Deleted() (n int64) {
	for _, c := range r.Collections {
		if c.Fate == FateDelete {
			n += c.Done
		}
	}
	return n
}

const (
	receiptAlgorithm = "Ed25519"
	receiptPrefix    = "privacyd receipt v1\n" // so that it signs nothing else
)

// KeyID names an instance's public key: 16 hex digits of its SHA-256, the same
// as in the origins of its audit logs.
func KeyID(public ed25519.PublicKey) string {
	sum := sha256.Sum256(public)
	return hex.EncodeToString(sum[:8])
}

// SignReceipt gives the file that people keep: the receipt with its signature,
// as indented JSON.
//
// What is signed is the line "privacyd receipt v1" and the receipt without its
// signature in canonical form: JSON in UTF-8 without white space, members
// sorted by name, whole numbers only, and nothing escaped in a text but the
// quotation mark, the backslash and the line feed (as \n).
func SignReceipt(r Receipt, key ed25519.PrivateKey) ([]byte, error) {
	r.Format, r.Signature = ReceiptFormat, nil
	r.Maps, r.Collections = append([]PlanMap{}, r.Maps...), append([]ReceiptCollection{}, r.Collections...)
	r.Verification.Identifiers = append([]string{}, r.Verification.Identifiers...)
	tree, err := receiptTree(r)
	if err != nil {
		return nil, fmt.Errorf("sign a receipt: %w", err)
	}
	message, err := canonicalJSON([]byte(receiptPrefix), tree)
	if err != nil {
		return nil, fmt.Errorf("sign a receipt: %w", err)
	}
	public, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("sign a receipt: the key has no public half")
	}
	tree["signature"] = map[string]any{
		"algorithm": receiptAlgorithm, "key_id": KeyID(public),
		"value": base64.StdEncoding.EncodeToString(ed25519.Sign(key, message)),
	}
	text, err := json.MarshalIndent(tree, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("sign a receipt: %w", err)
	}
	return append(text, '\n'), nil
}

// receiptTree is a receipt as the values that JSON knows.
func receiptTree(r Receipt) (map[string]any, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	return parseTree(text)
}
