package engine

import (
	"context"

	"github.com/privacyd/privacyd"
)

// askOwnDeletion is CreateJob for the deletion of the caller's own account:
// confirmed by a person it begins, else a job waits for that. Codes:
// own_account_only, requester_invalid, with a confirmation those of
// DeleteAccount. Audit: account_deletion.create.
func (e *Engine) askOwnDeletion(ctx context.Context, c privacyd.Caller, r NewJob) (*privacyd.Job, bool, error) {
	if err := e.itself(ctx, c, privacyd.ActionDeleteAccount); err != nil {
		return nil, false, err
	}
	if pending, err := e.leavingJob(ctx, c.AccountID); err != nil || pending != nil {
		return pending, false, err
	}
	if _, err := e.authorise(ctx, c, r.Workspace, privacyd.ActionReadWorkspace); err != nil {
		return nil, false, err
	}
	if normal, err := privacyd.NormalEmail(r.RequestedBy); r.RequestedBy != "" && (err != nil || normal != c.Email) {
		return nil, false, privacyd.Errorf(privacyd.ClassInvalid, "requester_invalid",
			"Nobody asks for the deletion of an account but its holder: requested_by is your own e-mail address, or left out.")
	}
	if r.Confirm != nil && mayConfirm(c) {
		job, err := e.DeleteAccount(ctx, c, *r.Confirm)
		return job, err == nil, err
	}
	return e.proposeDeletion(ctx, c)
}

func (e *Engine) proposeDeletion(ctx context.Context, c privacyd.Caller) (job *privacyd.Job, created bool, err error) {
	draft := accountJob(c.AccountID)
	plan, err := e.planJob(ctx, draft, privacyd.Workspace{})
	if err != nil {
		return nil, false, err
	}
	if err := e.keepPlan(ctx, plan, c.AccountID, c.AccountID); err != nil {
		return nil, false, err
	}
	if draft.ID, err = newID(); err != nil {
		return nil, false, err
	}
	draft.State, draft.WaitingOn, draft.PlanHash = privacyd.JobPendingApproval, privacyd.WaitConfirmation, plan.Hash
	draft.CreatedAt = e.Now()
	err = e.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := e.sealSubject(ctx, draft); err != nil {
			return err
		}
		known, err := e.Lookup.PendingJob(ctx, draft)
		if job, err = e.withSubject(ctx, known, err); err != nil || job != nil {
			return err
		}
		auditID, err := e.record(ctx, e.jobEvent(c, "", draft, "create"))
		if err != nil {
			return err
		}
		job, created = draft, true
		return e.Jobs.InsertJob(ctx, draft, auditID)
	})
	return job, created, err
}

// takeProposal has the deletion of an account go on as the job that was
// proposed for it, if one was; verb is what happens to it then. The subject is
// sealed already.
func (e *Engine) takeProposal(ctx context.Context, job *privacyd.Job) (verb string, err error) {
	known, err := e.Lookup.PendingJob(ctx, job)
	if err != nil || known == nil || known.State != privacyd.JobPendingApproval {
		return "create", err
	}
	job.ID, job.CreatedAt = known.ID, known.CreatedAt
	return "confirm", nil
}

// putDeletion writes the job of a deletion that takeProposal has looked at.
func (e *Engine) putDeletion(ctx context.Context, job *privacyd.Job, verb, auditID string) error {
	if verb == "confirm" {
		return e.Jobs.UpdateJob(ctx, job, auditID)
	}
	return e.Jobs.InsertJob(ctx, job, auditID)
}

// ownJob is a job that is about the caller's own account, whatever the
// workspace; nil when the id names no such.
func (e *Engine) ownJob(ctx context.Context, c privacyd.Caller, id string) (*privacyd.Job, error) {
	if c.Kind != privacyd.CallerAccount {
		return nil, nil
	}
	job, err := e.Jobs.Job(ctx, id)
	if job, err = e.withSubject(ctx, job, err); err != nil {
		if privacyd.ClassOf(err) == privacyd.ClassNotFound {
			err = nil
		}
		return nil, err
	}
	if job.Type != privacyd.JobAccountDeletion || job.WorkspaceID != "" || job.Subject == nil || job.Subject.ID != c.AccountID {
		return nil, nil
	}
	return job, nil
}

// cancelOwn cancels the deletion of the caller's own account, proposed or on
// its way.
func (e *Engine) cancelOwn(ctx context.Context, c privacyd.Caller, job *privacyd.Job) (*privacyd.Job, error) {
	leaving, err := e.leavingJob(ctx, c.AccountID)
	switch {
	case err != nil:
		return nil, err
	case leaving != nil && leaving.ID == job.ID:
		return e.CancelAccountDeletion(ctx, c)
	case job.State == privacyd.JobCancelled:
		return job, nil
	case job.State.Ended():
		return nil, privacyd.Errorf(privacyd.ClassConflict, "job_not_cancellable", "This job is %s: there is nothing left to cancel.", job.State)
	}
	id := job.ID
	err = e.Tx.InTx(ctx, func(ctx context.Context) error {
		locked, err := e.Jobs.LockJob(ctx, id)
		if job, err = e.withSubject(ctx, locked, err); err != nil {
			return err
		}
		if job.State != privacyd.JobPendingApproval {
			return privacyd.Errorf(privacyd.ClassConflict, "job_changed", "The job went on meanwhile. Look at it, and cancel it again.")
		}
		job.CancelAsked, job.CancelledBy = true, c.AccountID
		e.end(job, privacyd.JobCancelled)
		return e.saveJob(ctx, c, "", job, "cancel")
	})
	return job, err
}
