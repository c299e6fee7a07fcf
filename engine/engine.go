// Package engine is what may happen: the use-cases of privacyd, one file an
// operation. Every exported method takes the context, the caller and a
// request; it authorises, decides, and writes the change of state, its audit
// entry and the work that follows in one transaction. Denied attempts are
// audited too.
//
// Permission, transitions and audit live here and nowhere else. It never
// imports a driver: databases, keys and files come in through the small
// interfaces of ports.go. Open jobs.go first, then export.go.
package engine

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/archive"
	"github.com/privacyd/privacyd/work"
)

// Engine runs the use-cases. All fields must be set; see ports.go for what
// each of them is.
type Engine struct {
	Tx          Transactor
	Accounts    Accounts
	Workspaces  Workspaces
	Sessions    Sessions
	Jobs        Jobs
	Lookup      JobLookup
	Exports     Exports
	Audit       AuditLog
	AuditKeys   AuditKeys
	Sequencer   Sequencer
	PublicKey   ed25519.PublicKey // of the key that signs checkpoints
	SettleFor   time.Duration     // how long a call waits for the checkpoint over what it did
	Visitors    time.Duration     // how long after its month the log knows the addresses of who is nobody known; default 90 days
	Erasures    AuditErasures
	Keys        Shredder
	People      People
	Secrets     Secrets
	Mailing     Mailing
	Notices     Notices
	Queue       work.Queue
	Blobs       Blobs // archives of exports and the embedded dataset's attachments
	Signer      Signer
	Plans       Plans
	Holds       Holds
	Approvals   Approvals
	Retention   Retention
	Receipts    Receipts
	ReceiptKey  ed25519.PrivateKey // signs receipts: the key of checkpoints
	Purges      Purges
	Reviews     Reviews
	Runs        ErasureRuns
	Own         SubjectJobs
	Disclosed   Disclosed
	States      States
	SoleAdmins  SoleAdmins
	Troubles    Troubles
	Ring        KeyRing
	Memos       Memos
	Described   Describer // nil: nothing is said of what lies under the engine
	Examiner    Examiner  // nil: Diagnose looks at nothing below the engine
	Plain       PlainSubjects
	Suppression Suppression
	BackupLife  time.Duration // of the oldest backup; 0: 90 days
	Grace       time.Duration // of account and workspace deletions; 0: 30 days
	Egress      Egress
	Processors  SubProcessors
	Legal       Legal
	Places      []privacyd.Place   // that hold or see data, as configured
	Surveyor    Surveyor           // nil: no provider is asked where places are
	Allowed     privacyd.Countries // where data may be; none: the EEA
	Spool       func() (archive.Spool, error)
	Datasets    []Dataset
	Records     Records // nil beside a product: there is no embedded dataset
	Now         func() time.Time
	Log         *slog.Logger
	Version     string        // of the product, for manifests
	ExportLife  time.Duration // how long a finished export can be downloaded
	HashCost    int           // of passwords, for bcrypt; 0: 12, and less in tests alone

	hashing sync.Mutex // one password at a time
	refused refusals
	readers readers
	sights  sightings
}

// newID makes an identifier of ours: UUIDv7, so that ids sort by time.
func newID() (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("make id: %w", err)
	}
	return id.String(), nil
}

const secretSize = 32 // bytes

// newSecret makes a secret with 256 bits of randomness, after a prefix that
// says what it is.
func newSecret(prefix string) (string, error) {
	b := make([]byte, secretSize)
	if _, err := rand.Read(b); err != nil {
		return "", fmt.Errorf("make secret: %w", err)
	}
	return prefix + encodeSecret(b), nil
}

func encodeSecret(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func decodeSecret(s string) ([]byte, error) { return base64.RawURLEncoding.DecodeString(s) }

// outcome runs fn without the caller's cancellation: it records what has
// happened already.
func outcome(ctx context.Context, fn func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	return fn(ctx)
}
