package engine

import (
	"context"

	"github.com/privacyd/privacyd"
)

// CancelJob cancels a job that has not begun, or asks a running one to stop.
// Who may ask for a job may cancel it. Codes: job_not_found,
// job_not_cancellable. Audit: TYPE.cancel.
func (e *Engine) CancelJob(ctx context.Context, c privacyd.Caller, workspace, id string) (job *privacyd.Job, err error) {
	if job, err = e.ownJob(ctx, c, id); err != nil {
		return nil, err
	}
	if job != nil {
		return e.cancelOwn(ctx, c, job)
	}
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionCancelJob)
	if err != nil {
		return nil, err
	}
	known, err := e.jobOf(ctx, g, id)
	if err != nil {
		return nil, err
	}
	rules, _ := known.Type.Rules()
	if g, err = e.authorise(ctx, c, workspace, rules.Action); err != nil {
		return nil, err
	}
	err = e.Tx.InTx(ctx, func(ctx context.Context) error {
		if job, err = e.lockJob(ctx, id); err != nil {
			return err
		}
		return e.cancel(ctx, c, g, job)
	})
	return job, err
}

func (e *Engine) cancel(ctx context.Context, c privacyd.Caller, g grant, job *privacyd.Job) error {
	if job.State == privacyd.JobCancelled || job.CancelAsked {
		return nil
	}
	if !job.State.Cancellable(job.Type) {
		return privacyd.Errorf(privacyd.ClassConflict, "job_not_cancellable", "This job is %s: there is nothing left to cancel.", job.State)
	}
	if err := e.onlyVerified(ctx, job); err != nil {
		return err
	}
	job.CancelAsked, job.CancelledBy = true, c.ID()
	if job.State != privacyd.JobRunning {
		if err := e.endWaiting(ctx, job); err != nil {
			return err
		}
	}
	if err := e.saveJob(ctx, c, g.Role, job, "cancel"); err != nil {
		return err
	}
	if job.Type.Erases() {
		return e.cancelErasure(ctx, c, g, job)
	}
	return e.Queue.Cancel(ctx, WorkExport, job.ID)
}
