package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/work"
)

// The kinds of work; the key of the first two is a job's id.
const (
	WorkExport = "export" // run an export
	WorkExpire = "expire" // delete a finished export
	WorkPurge  = "purge"  // daily: delete files that no record names any more
	WorkSweep  = "sweep"  // daily: delete archives that are overdue or that nobody knows

	WorkReconcile = "reconcile" // daily: look for audit entries that are in no tree
)

const (
	exportAttempts = 5
	maxPage        = 200
)

// NewJob asks for an operation.
type NewJob struct {
	Workspace      string // id or slug
	WorkspaceID    string // if not empty: must name the same workspace
	Type           privacyd.JobType
	Format         privacyd.Format        // exports; empty: json
	Subject        *privacyd.Subject      // subject_export, subject_deletion
	Before         *time.Time             // bulk_deletion: what had its last message before
	Confirm        *privacyd.Confirmation // of an erasure's plan; nil: the job waits for it
	RequestedBy    string                 // e-mail of the caller, or of the member for whom an admin acts; empty: the caller
	IdempotencyKey string                 // the same key again gives the same job
}

// CreateJob makes a job, or gives the one that is already pending for the same;
// created tells which. Who may depends on the type (role.go). The job of an
// erasure waits for the confirmation of its plan, unless that comes with the
// request. Codes: job_type_unknown, format_invalid, subject_invalid,
// subject_not_found, before_invalid, requester_invalid, plan_held; with a
// confirmation those of ConfirmJob. Audit: TYPE.create.
func (e *Engine) CreateJob(ctx context.Context, c privacyd.Caller, r NewJob) (job *privacyd.Job, created bool, err error) {
	if r.Type == privacyd.JobAccountDeletion {
		return e.askOwnDeletion(ctx, c, r)
	}
	rules, ok := r.Type.Rules()
	if !ok || rules.Own || rules.System {
		return nil, false, privacyd.Errorf(privacyd.ClassInvalid, "job_type_unknown",
			"A job's type is data_export, subject_export, subject_deletion, bulk_deletion, workspace_deletion or account_deletion.")
	}
	g, err := e.authorise(ctx, c, r.Workspace, rules.Action)
	if err != nil {
		return nil, false, err
	}
	if r.WorkspaceID != "" && r.WorkspaceID != g.Workspace.ID && r.WorkspaceID != g.Workspace.Slug {
		return nil, false, privacyd.Errorf(privacyd.ClassInvalid, "workspace_mismatch",
			"workspace_id names another workspace than the path. Leave it out, or make them equal.")
	}
	requester, err := e.requester(ctx, c, g, r.RequestedBy)
	if err != nil {
		return nil, false, err
	}
	wrong := e.checkJob(ctx, g, &r)
	if wrong != nil && (privacyd.CodeOf(wrong) != "subject_not_found" || !rules.Erases) {
		return nil, false, wrong
	}
	draft, err := e.draftJob(ctx, g, r, requester)
	if err != nil {
		return nil, false, err
	}
	if wrong != nil { // who goes may be gone already
		if job, err = e.underWay(ctx, draft); err == nil && job == nil {
			err = wrong
		}
		return job, false, err
	}
	if rules.Erases {
		return e.createErasure(ctx, c, g, draft, r.Confirm)
	}
	err = e.Tx.InTx(ctx, func(ctx context.Context) error {
		job, created, err = e.findOrInsertJob(ctx, c, g, draft)
		return err
	})
	return job, created, err
}

// draftJob is the job that a request asks for, before it is kept.
func (e *Engine) draftJob(_ context.Context, g grant, r NewJob, requester string) (*privacyd.Job, error) {
	id, err := newID()
	if err != nil {
		return nil, err
	}
	return &privacyd.Job{
		ID: id, WorkspaceID: g.Workspace.ID, Type: r.Type, State: privacyd.JobQueued, Subject: r.Subject, Format: r.Format, Before: r.Before,
		RequestedBy: requester, IdempotencyKey: r.IdempotencyKey, Progress: privacyd.Progress{Unit: "records"}, CreatedAt: e.Now(),
	}, nil
}

func (e *Engine) checkJob(ctx context.Context, g grant, r *NewJob) error {
	rules, _ := r.Type.Rules()
	if len(r.IdempotencyKey) > 200 {
		return privacyd.Errorf(privacyd.ClassInvalid, "idempotency_key_invalid", "An Idempotency-Key has at most 200 bytes.")
	}
	if err := checkFormat(r); err != nil {
		return err
	}
	if err := e.checkBefore(r); err != nil {
		return err
	}
	if !rules.Subject {
		r.Subject = nil
		return nil
	}
	if r.Subject == nil || r.Subject.Kind == "" || r.Subject.ID == "" {
		return privacyd.Errorf(privacyd.ClassInvalid, "subject_invalid",
			`A %s needs a subject: {"kind": "contact", "id": "…"}.`, r.Type)
	}
	return e.findSubject(ctx, g.Workspace, *r.Subject)
}

func checkFormat(r *NewJob) error {
	if !r.Type.Export() {
		r.Format = ""
		return nil
	}
	if r.Format == "" {
		r.Format = privacyd.FormatJSON
	}
	if r.Format != privacyd.FormatJSON && (r.Format != privacyd.FormatCSV || r.Type != privacyd.JobDataExport) {
		return privacyd.Errorf(privacyd.ClassInvalid, "format_invalid",
			"The format is json, or csv for data_export.")
	}
	return nil
}

func (e *Engine) checkBefore(r *NewJob) error {
	if r.Type != privacyd.JobBulkDeletion {
		r.Before = nil
		return nil
	}
	if r.Before == nil || r.Before.IsZero() || r.Before.After(e.Now()) {
		return privacyd.Errorf(privacyd.ClassInvalid, "before_invalid",
			"A bulk_deletion needs a date in the past: before, such as 2025-01-31.")
	}
	return nil
}

// requester says for whom a job is made. Code requester_invalid.
func (e *Engine) requester(ctx context.Context, c privacyd.Caller, g grant, email string) (string, error) {
	if email == "" {
		return c.ID(), nil
	}
	invalid := privacyd.Errorf(privacyd.ClassInvalid, "requester_invalid",
		"requested_by is your own e-mail address, or that of a member of this workspace for whom you, an admin, act.")
	normal, err := privacyd.NormalEmail(email)
	if err != nil {
		return "", invalid
	}
	if c.Kind == privacyd.CallerAccount && normal == c.Email {
		return c.AccountID, nil
	}
	if c.Kind == privacyd.CallerAccount && g.Role != privacyd.RoleAdmin {
		return "", invalid
	}
	a, _, err := e.Accounts.AccountByEmail(ctx, normal)
	if err == nil {
		_, err = e.Workspaces.MemberRole(ctx, g.Workspace.ID, a.ID)
	}
	if privacyd.ClassOf(err) == privacyd.ClassNotFound {
		return "", invalid
	}
	return a.ID, err
}

func (e *Engine) findOrInsertJob(ctx context.Context, c privacyd.Caller, g grant, job *privacyd.Job) (*privacyd.Job, bool, error) {
	// Two equal requests at once must not make two jobs.
	if err := e.Workspaces.LockWorkspace(ctx, g.Workspace.ID); err != nil {
		return nil, false, err
	}
	if err := e.sealSubject(ctx, job); err != nil {
		return nil, false, err
	}
	known, err := e.sameJob(ctx, job)
	if err != nil || known != nil {
		return known, false, err
	}
	auditID, err := e.record(ctx, e.jobEvent(c, g.Role, job, "create"))
	if err != nil {
		return nil, false, err
	}
	if err := e.Jobs.InsertJob(ctx, job, auditID); err != nil {
		return nil, false, err
	}
	if err := e.keepKey(ctx, job, job.ID); err != nil {
		return nil, false, err
	}
	return job, true, e.enqueueExport(ctx, job.ID)
}

// sameJob finds the job that an equal request got, by its key or because it is
// pending, and gives it the key too.
func (e *Engine) sameJob(ctx context.Context, job *privacyd.Job) (*privacyd.Job, error) {
	if job.IdempotencyKey != "" {
		known, err := e.Lookup.JobByKey(ctx, job.WorkspaceID, hashSecret(job.IdempotencyKey))
		if known, err = e.withSubject(ctx, known, err); err != nil {
			return nil, err
		}
		if known != nil {
			return known, e.sameRequest(ctx, known, job)
		}
	}
	pending, err := e.Lookup.PendingJob(ctx, job)
	if pending, err = e.withSubject(ctx, pending, err); err != nil || pending == nil {
		return nil, err
	}
	return pending, e.keepKey(ctx, job, pending.ID)
}

func (e *Engine) keepKey(ctx context.Context, asked *privacyd.Job, jobID string) error {
	if asked.IdempotencyKey == "" {
		return nil
	}
	if err := e.Lookup.InsertJobKey(ctx, asked.WorkspaceID, hashSecret(asked.IdempotencyKey), jobID, e.Now()); err != nil || asked.Subject == nil {
		return err
	}
	return e.Lookup.InsertJobKey(ctx, asked.WorkspaceID, e.keyFor(asked), jobID, e.Now())
}

// keyFor tells, by a keyed hash, of whom a request with an idempotency key was,
// when the job itself has forgotten them.
func (e *Engine) keyFor(asked *privacyd.Job) []byte {
	return hashSecret(asked.IdempotencyKey + " " + e.reference(ownerOf(asked.WorkspaceID, *asked.Subject)))
}

func (e *Engine) sameRequest(ctx context.Context, known, asked *privacyd.Job) error {
	same := known.Type == asked.Type && known.Format == asked.Format && (known.Subject == nil) == (asked.Subject == nil) && sameMoment(known.Before, asked.Before)
	switch {
	case !same || known.Subject == nil:
	case known.Subject.ID == "": // they are erased
		of, err := e.Lookup.JobByKey(ctx, asked.WorkspaceID, e.keyFor(asked))
		if err != nil {
			return err
		}
		same = of != nil && of.ID == known.ID
	default:
		same = *known.Subject == *asked.Subject
	}
	if !same {
		return privacyd.Errorf(privacyd.ClassConflict, "idempotency_key_reused",
			"This Idempotency-Key was used for another request. Send a new one.")
	}
	return nil
}

func sameMoment(a, b *time.Time) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.UnixMicro() == b.UnixMicro() // as it is stored
}

func (e *Engine) enqueueExport(ctx context.Context, jobID string) error {
	return e.Queue.Enqueue(ctx, work.Item{Kind: WorkExport, Key: jobID, At: e.Now(), MaxAttempts: exportAttempts})
}

// GetJob finds a job of a workspace. Admins and agents; an account the deletion
// of itself, the operator that of any. Code job_not_found.
func (e *Engine) GetJob(ctx context.Context, c privacyd.Caller, workspace, id string) (*privacyd.Job, error) {
	for _, find := range []func(context.Context, privacyd.Caller, string) (*privacyd.Job, error){e.ownJob, e.instanceJob} {
		if job, err := find(ctx, c, id); err != nil || job != nil {
			return job, err
		}
	}
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionReadJobs)
	if err != nil {
		return nil, err
	}
	return e.jobOf(ctx, g, id)
}

func (e *Engine) jobOf(ctx context.Context, g grant, id string) (*privacyd.Job, error) {
	job, err := e.Jobs.Job(ctx, id)
	if job, err = e.withSubject(ctx, job, err); err != nil {
		return nil, err
	}
	if job.WorkspaceID != g.Workspace.ID {
		return nil, privacyd.Errorf(privacyd.ClassNotFound, "job_not_found", "There is no such job in this workspace.")
	}
	return job, nil
}

// ListJobs lists a workspace's jobs, newest first: at most limit (1 to 200,
// 0: 50) that are older than the job with id before. Admins and agents.
func (e *Engine) ListJobs(ctx context.Context, c privacyd.Caller, workspace, before string, limit int) ([]*privacyd.Job, error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionReadJobs)
	if err != nil {
		return nil, err
	}
	if limit <= 0 || limit > maxPage {
		limit = 50
	}
	jobs, err := e.Jobs.Jobs(ctx, g.Workspace.ID, before, limit)
	if err != nil {
		return nil, err
	}
	for i := range jobs {
		if jobs[i], err = e.withSubject(ctx, jobs[i], nil); err != nil {
			return nil, err
		}
	}
	return jobs, nil
}

// end moves a job to a state that ends it.
func (e *Engine) end(job *privacyd.Job, s privacyd.JobState) {
	now := e.Now()
	job.State, job.WaitingOn, job.EndedAt = s, "", &now
}

// saveJob writes a changed job and its audit entry.
func (e *Engine) saveJob(ctx context.Context, c privacyd.Caller, role privacyd.Role, job *privacyd.Job, verb string) error {
	auditID, err := e.record(ctx, e.jobEvent(c, role, job, verb))
	if err != nil {
		return err
	}
	return e.Jobs.UpdateJob(ctx, job, auditID)
}

func (e *Engine) jobEvent(c privacyd.Caller, role privacyd.Role, job *privacyd.Job, verb string) privacyd.AuditEvent {
	event := privacyd.AuditEvent{
		WorkspaceID: job.WorkspaceID, Caller: c, Role: role, Action: fmt.Sprintf("%s.%s", job.Type, verb),
		Outcome: privacyd.OutcomeDone, Code: job.ErrorCode,
		Target: privacyd.Target{Type: "job", ID: job.ID, Subject: job.Subject},
	}
	if job.Subject != nil && job.Subject.ID == "" { // who it was has been erased
		event.Target.Subject = nil
	}
	if job.State == privacyd.JobFailed {
		event.Outcome = privacyd.OutcomeFailed
	}
	if r := job.Result; r != nil {
		event.Facts = map[string]int64{"files": r.Files, "missing": r.Missing, "bytes": r.Bytes}
		for _, n := range r.Records {
			event.Facts["records"] += n
		}
	}
	return event
}

// expireAt plans the end of a finished export's life.
func (e *Engine) expireAt(ctx context.Context, jobID string, at time.Time) error {
	return e.Queue.Enqueue(ctx, work.Item{Kind: WorkExpire, Key: jobID, At: at, MaxAttempts: 20})
}
