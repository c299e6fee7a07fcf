package engine

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/datamap"
)

// Transactor runs fn in one transaction of privacyd's own database. What takes
// part: every port called with fn's context.
type Transactor interface {
	InTx(ctx context.Context, fn func(ctx context.Context) error) error
}

// Accounts keeps accounts.
type Accounts interface {
	InsertAccount(ctx context.Context, a privacyd.Account, passwordHash, auditID string) error
	AdoptAccount(ctx context.Context, id, name, passwordHash, auditID string) error
	Account(ctx context.Context, id string) (privacyd.Account, error)
	AccountByEmail(ctx context.Context, email string) (a privacyd.Account, passwordHash string, err error)
}

// WorkspaceLocks keeps transactions that lock the same workspace apart.
type WorkspaceLocks interface {
	LockWorkspace(ctx context.Context, id string) error
	LockWorkspaces(ctx context.Context) error // all of them
}

// Workspaces keeps workspaces and their members.
type Workspaces interface {
	WorkspaceLocks
	InsertWorkspace(ctx context.Context, w privacyd.Workspace, auditID string) error
	Workspace(ctx context.Context, ref string) (privacyd.Workspace, error)
	WorkspaceByDatasetKey(ctx context.Context, dataset, key string) (bool, error)
	Workspaces(ctx context.Context, accountID string) ([]privacyd.Workspace, error)
	InsertMember(ctx context.Context, m privacyd.Member, auditID string) error
	MemberRole(ctx context.Context, workspaceID, accountID string) (privacyd.Role, error)
	SetDatasetKey(ctx context.Context, workspaceID, dataset, key string) error
}

// Sessions keeps sessions, one-time links and API tokens under the hashes of
// their secrets.
type Sessions interface {
	Tokens
	InsertSession(ctx context.Context, s privacyd.Session, hash, about []byte, auditID string) error
	Session(ctx context.Context, hash []byte, now time.Time) (privacyd.Session, error)
	DeleteExpiredSessions(ctx context.Context, now time.Time) error
	InsertSignInLink(ctx context.Context, hash []byte, accountID string, expires time.Time, auditID string) error
	TakeSignInLink(ctx context.Context, hash []byte, now time.Time) (accountID string, err error)
}

// Tokens keeps API tokens under the hashes of their secrets.
type Tokens interface {
	InsertToken(ctx context.Context, t privacyd.Token, hash []byte, auditID string) error
	Token(ctx context.Context, hash []byte) (privacyd.Token, error)
	TokenLabels(ctx context.Context, workspaceID string, ids []string) (map[string]string, error)
	TokensPage(ctx context.Context, workspaceID string, q privacyd.PageQuery) (privacyd.Page[privacyd.Token], error)
	TouchToken(ctx context.Context, id string, at time.Time) error
	TakeToken(ctx context.Context, workspaceID, id string) (privacyd.Token, error)
}

// Jobs keeps jobs.
type Jobs interface {
	InsertJob(ctx context.Context, j *privacyd.Job, auditID string) error
	UpdateJob(ctx context.Context, j *privacyd.Job, auditID string) error
	UpdateJobProgress(ctx context.Context, id string, p privacyd.Progress) error
	LockJob(ctx context.Context, id string) (*privacyd.Job, error)
	Job(ctx context.Context, id string) (*privacyd.Job, error)
	Jobs(ctx context.Context, workspaceID, before string, limit int) ([]*privacyd.Job, error)
}

// JobLookup finds jobs by what they are about and by idempotency keys.
type JobLookup interface {
	InsertJobKey(ctx context.Context, workspaceID string, keyHash []byte, jobID string, at time.Time) error
	DeleteJobKeys(ctx context.Context, before time.Time) error
	JobByKey(ctx context.Context, workspaceID string, keyHash []byte) (*privacyd.Job, error)
	PendingJob(ctx context.Context, like *privacyd.Job) (*privacyd.Job, error)
	RunningJobs(ctx context.Context, workspaceID string, t privacyd.JobType, without string) (int, error)
	FindJobs(ctx context.Context, workspaceID string, f privacyd.JobFilter) ([]*privacyd.Job, error)
}

// Exports keeps what is known of finished archives.
type Exports interface {
	InsertExportFile(ctx context.Context, f privacyd.ExportFile, auditID string) error
	ExportFile(ctx context.Context, jobID string) (privacyd.ExportFile, error)
	ExpiredExports(ctx context.Context, now time.Time) (jobIDs []string, err error)
	DeleteExportFile(ctx context.Context, jobID string) error
}

// AuditLog records actions in the caller's transaction.
type AuditLog interface {
	Append(ctx context.Context, r auditlog.Record) (id string, err error)
	List(ctx context.Context, q auditlog.Query) iter.Seq2[auditlog.Opened, error]
	Before(ctx context.Context, q auditlog.Query) (id string, err error)
	Nth(ctx context.Context, q auditlog.Query, n int) (id string, err error)
	View(ctx context.Context, log string) (*auditlog.View, error)
	Unplaced(ctx context.Context, log string) (entryID string, err error)
}

// Sequencer puts entries into the trees of their logs and signs checkpoints,
// soon after they have committed.
type Sequencer interface {
	Wait(ctx context.Context, entryID string) error
	Lag(ctx context.Context) (oldest time.Duration, waiting int64, err error)
	Reconcile(ctx context.Context) (found int, err error)
}

// Signer makes and checks the signature of download links.
type Signer interface {
	Sign(message []byte) []byte
	Verify(message, mac []byte) bool
}

// Blobs keeps files, each encrypted with the key of its workspace.
type Blobs interface {
	Create(ctx context.Context, workspace, key string) (BlobWriter, error)
	BlobReader
	Delete(ctx context.Context, key string) error
	List(ctx context.Context, prefix string) iter.Seq2[string, error]
}

// BlobReader opens files.
type BlobReader interface {
	Open(ctx context.Context, workspace, key string) (Blob, error)
}

// BlobWriter writes one file, of which nothing can be seen before Commit.
type BlobWriter interface {
	io.Writer
	Commit() (size int64, sha256 string, err error)
	Abort()
}

// Blob is an open file.
type Blob interface {
	io.ReadSeekCloser
	Size() int64
}

// Dataset is a place where records live, and its map.
type Dataset struct {
	Name   string
	Graph  *datamap.Graph
	Source Source
	Files  map[string]BlobReader // bucket → where its files are
	Own    bool                  // its key of a workspace is the workspace's id
	Place  string
}

// Source reads the records of one database. Datasets that share a Source are
// read in one snapshot.
type Source interface {
	Snapshot(ctx context.Context) (Snapshot, error)
	Catalog(ctx context.Context) (datamap.Catalog, error)
	TableRows(ctx context.Context, table string) (int64, error) // about how many, where the catalogue does not tell
	Workspaces(ctx context.Context, g *datamap.Graph) ([]datamap.WorkspaceRow, error)
	Eraser() (Eraser, error) // code source_forbidden where it is open for reading only
}

// Snapshot is one consistent view of a source.
type Snapshot interface {
	Describe(ctx context.Context, s datamap.Selection) ([]datamap.FieldType, error)
	Estimate(ctx context.Context, s datamap.Selection) (int64, error)
	Read(ctx context.Context, s datamap.Selection, each func(datamap.Row) error) error
	Time() time.Time
	Close() error
}
