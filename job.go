package privacyd

import (
	"slices"
	"time"
)

// JobType names an operation.
type JobType string

// The job types. What each of them takes and does is in operation.go.
const (
	JobDataExport        JobType = "data_export"
	JobSubjectExport     JobType = "subject_export"
	JobSubjectDeletion   JobType = "subject_deletion"
	JobAccountDeletion   JobType = "account_deletion"
	JobWorkspaceDeletion JobType = "workspace_deletion"
	JobBulkDeletion      JobType = "bulk_deletion"
	JobRetentionRun      JobType = "retention_run"
)

// JobTypes lists every job type in the order of the documentation.
func JobTypes() []JobType {
	return []JobType{
		JobDataExport, JobSubjectExport, JobSubjectDeletion, JobAccountDeletion,
		JobWorkspaceDeletion, JobBulkDeletion, JobRetentionRun,
	}
}

// Export tells whether the job type only reads.
func (t JobType) Export() bool { return t == JobDataExport || t == JobSubjectExport }

// JobState is where a job stands.
type JobState string

// The states of a job.
const (
	JobPendingApproval JobState = "pending_approval"
	JobScheduled       JobState = "scheduled" // the grace period
	JobQueued          JobState = "queued"
	JobRunning         JobState = "running"
	JobBlocked         JobState = "blocked" // a hold or a named blocker
	JobCompleted       JobState = "completed"
	JobCancelled       JobState = "cancelled"
	JobFailed          JobState = "failed"
	JobExpired         JobState = "expired" // an export past its life
)

var transitions = map[JobState][]JobState{
	JobPendingApproval: {JobScheduled, JobQueued, JobCancelled, JobBlocked, JobFailed},
	JobScheduled:       {JobQueued, JobCancelled, JobBlocked, JobPendingApproval},
	JobQueued:          {JobRunning, JobCancelled, JobBlocked, JobFailed, JobPendingApproval},
	JobRunning:         {JobQueued, JobCompleted, JobCancelled, JobFailed, JobBlocked, JobPendingApproval},
	JobBlocked:         {JobPendingApproval, JobScheduled, JobQueued, JobCancelled, JobFailed},
	JobCompleted:       {JobExpired},
	JobFailed:          {JobQueued},
}

// MayBecome tells whether next may follow s. Running may become queued again
// when the process that ran it died, failed when an erasure is verified again,
// and an erasure goes back to pending_approval when its plan is no more what was
// confirmed.
func (s JobState) MayBecome(next JobState) bool { return slices.Contains(transitions[s], next) }

// Ended tells whether nothing more happens to a job by itself, but for expiry.
func (s JobState) Ended() bool {
	return s == JobCompleted || s == JobCancelled || s == JobFailed || s == JobExpired
}

// Cancellable tells whether a job of type t may be cancelled in state s.
func (s JobState) Cancellable(t JobType) bool {
	switch s {
	case JobPendingApproval, JobScheduled, JobQueued, JobBlocked:
		return true
	case JobRunning:
		return t.Export() || t == JobBulkDeletion || t == JobRetentionRun
	default:
		return false
	}
}

// Format is the form of an export.
type Format string

// The formats: JSON is everything, CSV is contacts and conversations.
const (
	FormatJSON Format = "json"
	FormatCSV  Format = "csv"
)

// Wait says what a job in pending_approval or blocked waits for.
type Wait string

// What jobs wait for.
const (
	WaitConfirmation Wait = "confirmation" // a signed-in person who may confirms the plan
	WaitApproval     Wait = "approval"     // a second person approves it
	WaitHold         Wait = "hold"         // a legal hold is released
	WaitBlocker      Wait = "blocker"      // somebody mends what is in the way
)

// Progress is how far a job is. Total is 0 while it is not known.
type Progress struct {
	Done  int64  `json:"done"`
	Total int64  `json:"total"`
	Unit  string `json:"unit"`  // "records"
	Bytes int64  `json:"bytes"` // of the archive so far
}

// JobResult is what a job came to. It holds counts, never personal data.
type JobResult struct {
	Records map[string]int64 `json:"records,omitempty"` // collection → records exported, or rows deleted
	Files   int64            `json:"files"`             // exported, or on their way to be deleted
	Missing int64            `json:"missing"`           // attachments whose blob is lost; the manifest names them
	Bytes   int64            `json:"bytes"`             // of the finished archive; of an erasure, of the files that go, as far as known
	SHA256  string           `json:"sha256,omitempty"`

	AuditPending bool `json:"audit_pending,omitempty" doc:"No signed checkpoint covered the newest audit entries yet: those of an export's archive are left out of its log, that of an erasure is not proven in its receipt, which is issued anew once it is."`

	// Of erasures alone.
	Changed        map[string]int64 `json:"changed,omitempty"`        // collection → rows of which fields were blanked or replaced
	Kept           map[string]int64 `json:"kept,omitempty"`           // collection → rows kept on a ground of Art. 17(3)
	Held           int64            `json:"held,omitempty"`           // rows that stayed under a legal hold
	FilesDeadline  *time.Time       `json:"files_deadline,omitempty"` // when the last file is gone at the latest
	FilesState     FilesState       `json:"files_state,omitempty" enum:"none,pending,met,late,overdue"`
	Residue        int64            `json:"residue,omitempty"` // rows in which verification still found the person
	Review         int64            `json:"review,omitempty"`  // rows on the review list: others' texts that may mention them
	ReviewListed   int64            `json:"review_listed,omitempty" doc:"How many of these rows are on the list, where it does not take all."`
	ExportsExpired int64            `json:"exports_expired,omitempty"` // earlier exports that held what was erased
	ExpiredExports []string         `json:"expired_exports,omitempty" doc:"Ids of the jobs of those exports; of an account, in all workspaces."`
	ReceiptID      string           `json:"receipt_id,omitempty"`
}

// Job is an operation on its way.
type Job struct {
	ID             string     `json:"id"`           // UUIDv7
	WorkspaceID    string     `json:"workspace_id"` // empty: an account in all its workspaces
	Type           JobType    `json:"type"`
	State          JobState   `json:"state"`
	WaitingOn      Wait       `json:"waiting_on,omitempty"`
	Subject        *Subject   `json:"subject,omitempty"` // its id is gone once the person is erased
	Format         Format     `json:"format,omitempty"`
	Before         *time.Time `json:"before,omitempty"`    // bulk_deletion: what had its last message before
	PlanHash       string     `json:"plan_hash,omitempty"` // of the plan that is, or was, to be confirmed
	RequestedBy    string     `json:"requested_by"`        // account id, or "operator"
	ConfirmedBy    string     `json:"confirmed_by,omitempty"`
	ConfirmedAt    *time.Time `json:"confirmed_at,omitempty"`
	ApprovedBy     string     `json:"approved_by,omitempty"`
	IdempotencyKey string     `json:"-"`
	Progress       Progress   `json:"progress"`
	Result         *JobResult `json:"result,omitempty"`
	ErrorCode      string     `json:"error_code,omitempty"`
	ErrorMessage   string     `json:"error_message,omitempty"`
	CancelAsked    bool       `json:"cancel_requested,omitempty"`
	CancelledBy    string     `json:"cancelled_by,omitempty"`
	CreatedAt      time.Time  `json:"created_at"`
	ExecuteAfter   *time.Time `json:"execute_after,omitempty"` // the end of the grace period
	RemindAt       *time.Time `json:"remind_at,omitempty"`     // when those concerned are told of it next
	StartedAt      *time.Time `json:"started_at,omitempty"`
	EndedAt        *time.Time `json:"ended_at,omitempty"`
	ExpiresAt      *time.Time `json:"expires_at,omitempty"` // of a finished export
	Runs           int        `json:"runs"`                 // how often it was begun

	SubjectRef    string `json:"-"` // a keyed hash of the subject, by which its jobs are found; empty: Subject.ID is stored as it is
	SubjectSealed []byte `json:"-"` // the subject's id, sealed with the person's key
}

// Pending tells whether the job still has something to do.
func (j *Job) Pending() bool { return !j.State.Ended() }

// ExportFile is the finished, encrypted archive of a job.
type ExportFile struct {
	JobID       string
	WorkspaceID string
	BlobKey     string // where the archive lies in the exports bucket
	Name        string // the file name that a browser is offered; no personal data
	Size        int64  // bytes of the archive itself, not of its encrypted form
	SHA256      string // hex, of the archive
	CreatedAt   time.Time
	ExpiresAt   time.Time
}
