package engine

import (
	"context"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
)

// Finder looks for persons and files in the database of a dataset.
type Finder interface {
	Identifiers(ctx context.Context, sel datamap.Selection, of []datamap.Identity) ([]Identifier, error)
	Search(ctx context.Context, g *datamap.Graph, workspace string, ids []Identifier, found func(Hit) error) error
	Named(ctx context.Context, g *datamap.Graph, bucket string, keys []string) ([]string, error)
}

// Eraser erases in the database of a dataset. It is made for one job.
type Eraser interface {
	Finder
	Keys(ctx context.Context, sel datamap.Selection, each func(key []string) error) error
	Count(ctx context.Context, step *datamap.Step) (datamap.Tally, error)
	Left(ctx context.Context, step *datamap.Step) (rows int64, err error)               // that Run would still find
	RunAll(ctx context.Context, steps []*datamap.Step, b Batch) (rows int64, err error) // in their order
	ClockRows(ctx context.Context, sel datamap.Selection, before time.Time, each func(ClockRow) error) error
	TruncateLog(ctx context.Context) (done bool, err error) // false: somebody reads an older state
}

// What goes into an Eraser and comes out of it.
type (
	Batch      = datamap.Batch
	Identifier = datamap.Identifier
	Hit        = datamap.Hit
	ClockRow   = datamap.ClockRow
)

// Plans keeps plans that somebody was shown, for a day.
type Plans interface {
	PutPlan(ctx context.Context, p privacyd.StoredPlan) error
	Plan(ctx context.Context, scope, hash, shownTo string, now time.Time) (privacyd.StoredPlan, error)
	DeletePlans(ctx context.Context, now time.Time) error
	DeletePlan(ctx context.Context, scope, hash string) error
}

// Holds keeps legal holds.
type Holds interface {
	InsertHold(ctx context.Context, h *privacyd.Hold, auditID string) error
	LockHolds(ctx context.Context) error // of all workspaces
	ReleaseHold(ctx context.Context, h *privacyd.Hold, auditID string) error
	Hold(ctx context.Context, workspaceID, id string) (*privacyd.Hold, error)
	Holds(ctx context.Context, workspaceID, before string, limit int) ([]*privacyd.Hold, error)
	StandingHolds(ctx context.Context, workspaceID string) ([]*privacyd.Hold, error)
	HoldsPlaced(ctx context.Context, workspaceID string) (int64, error)
}

// Approvals keeps what second persons decided.
type Approvals interface {
	InsertApproval(ctx context.Context, a privacyd.Approval, auditID string) error
	Approvals(ctx context.Context, jobID string) ([]privacyd.Approval, error)
}

// Receipts keeps receipts as they are given out.
type Receipts interface {
	InsertReceipt(ctx context.Context, r privacyd.StoredReceipt, auditID string) error
	Receipt(ctx context.Context, id string) (privacyd.StoredReceipt, error)
	ReceiptOfJob(ctx context.Context, jobID string) (privacyd.StoredReceipt, error)
	ReceiptsPage(ctx context.Context, workspaceID string, q privacyd.PageQuery) (privacyd.Page[privacyd.StoredReceipt], error)
}

// Purges keeps the files that erasures have to delete.
type Purges interface {
	QueuePurges(ctx context.Context, purges []privacyd.Purge) error
	ArmPurges(ctx context.Context, jobID string, now time.Time) error
	ClaimPurges(ctx context.Context, now, again time.Time, limit int) ([]privacyd.Purge, error)
	FinishPurge(ctx context.Context, p privacyd.Purge, state privacyd.PurgeState, now time.Time) error
	FailPurge(ctx context.Context, p privacyd.Purge, code string, again time.Time) error
	NextPurge(ctx context.Context) (*time.Time, error)
	CountPurges(ctx context.Context, jobID string) (privacyd.PurgeCounts, error)
	DeletePurges(ctx context.Context, before time.Time) error
}

// ErasureRuns keeps what an erasure must still know after its process died, and
// which erasures this database knows of.
type ErasureRuns interface {
	ErasureRun(ctx context.Context, jobID string) (sealed []byte, err error) // nil: none
	PutErasureRun(ctx context.Context, jobID string, sealed []byte) error
	DeleteErasureRun(ctx context.Context, jobID string) error
	DeleteFailedRuns(ctx context.Context, before time.Time) error
	KnownErasures
	InsertReviewItems(ctx context.Context, jobID string, items []privacyd.ReviewItem) error
	ReviewItems(ctx context.Context, jobID string, after int64, limit int) ([]privacyd.ReviewItem, error)
}

// KnownErasures keeps which marks of the suppression ledger this database knows
// of.
type KnownErasures interface {
	RecordErasure(ctx context.Context, sequence int64, jobID string, at time.Time) error
	ErasureSequence(ctx context.Context) (known, told int64, err error)
	KnowsErasure(ctx context.Context, sequence int64) (bool, error)
	BeginReplay(ctx context.Context, sequence int64, jobID, replayJobID string, at time.Time) error
	ReplayOf(ctx context.Context, sequence int64) (jobID string, err error)
	EndReplay(ctx context.Context, replayJobID string) error
	ForgetErasures(ctx context.Context) error
}

// SubjectJobs finds and clears what privacyd's own tables know of a person.
type SubjectJobs interface {
	PersonLogs
	WorkspaceJobs
	ExportsOf
	JobsOf(ctx context.Context, ref string) ([]*privacyd.Job, error)
	ForgetSubject(ctx context.Context, workspaceID string, refs []string) error
	ForgetAccount(ctx context.Context, accountID, somebody string) error
	SignOut(ctx context.Context, accountID string) error
}

// PersonLogs finds the audit logs that tell of a person, whom they know by the
// reference of the key.
type PersonLogs interface {
	LogsWith(ctx context.Context, owner string) (logs []string, err error)
}

// ExportsOf finds the archives that may hold what an erasure takes.
type ExportsOf interface {
	ExportsWith(ctx context.Context, workspaces, refs []string) ([]*privacyd.Job, error)
	ExportedWorkspaces(ctx context.Context) ([]string, error)
	WorkspacesWith(ctx context.Context, accountID string) ([]string, error)
}

// WorkspaceJobs finds the jobs that are still to be done, and clears what
// privacyd's own tables know of a workspace.
type WorkspaceJobs interface {
	ClearWorkspace(ctx context.Context, workspaceID, jobID, auditID string) error
	UnfinishedJobs(ctx context.Context, workspaceID string) ([]*privacyd.Job, error)
	DueReminders(ctx context.Context, now time.Time) ([]*privacyd.Job, error)
}

// States keeps settings and whether workspaces and accounts are on their way
// out.
type States interface {
	Settings(ctx context.Context, workspaceID string) (privacyd.Settings, error)
	PutSettings(ctx context.Context, workspaceID string, s privacyd.Settings, auditID string) error
	WorkspaceState(ctx context.Context, workspaceID string) (privacyd.WorkspaceState, string, error)
	SetWorkspaceState(ctx context.Context, workspaceID string, s privacyd.WorkspaceState, jobID, auditID string) error
	AccountState(ctx context.Context, accountID string) (privacyd.AccountState, string, error)
	LeaveAccount(ctx context.Context, accountID, jobID, auditID string) error
	StayAccount(ctx context.Context, accountID string) error
}
