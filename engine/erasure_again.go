package engine

import (
	"context"
	"maps"

	"github.com/privacyd/privacyd"
)

// VerifyAgain has it looked again whether what verification still found is gone,
// after somebody has removed that: it erases nothing itself. The job then
// completes with another issue of its receipt, or has failed again. Who may ask
// for the job, as a person; of an account's deletion the operator, under any
// workspace. Codes: job_not_found, job_not_verifiable,
// confirmation_needs_person. Audit: TYPE.verify.
func (e *Engine) VerifyAgain(ctx context.Context, c privacyd.Caller, workspace, id string) (*privacyd.Job, error) {
	g, job, err := e.verifiable(ctx, c, workspace, id)
	if err != nil {
		return nil, err
	}
	if !mayConfirm(c) {
		return nil, e.deny(ctx, c, g, actionOf(job.Type), privacyd.Errorf(privacyd.ClassForbidden, "confirmation_needs_person",
			"That somebody was erased is said again at the word of a signed-in person, not of an API token."))
	}
	err = e.Tx.InTx(ctx, func(ctx context.Context) error {
		if job, err = e.lockJob(ctx, id); err != nil {
			return err
		}
		return e.verifyAgain(ctx, c, g, job)
	})
	return job, err
}

// verifiable finds the job of an erasure that the caller may ask for.
func (e *Engine) verifiable(ctx context.Context, c privacyd.Caller, workspace, id string) (grant, *privacyd.Job, error) {
	job, err := e.instanceJob(ctx, c, id)
	if err != nil || job != nil {
		return grant{}, job, err
	}
	if c.Kind != privacyd.CallerOperator {
		return e.erasureOf(ctx, c, workspace, id)
	}
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionReadJobs) // the workspace itself may be what was deleted
	if err != nil {
		return g, nil, err
	}
	if job, err = e.jobOf(ctx, g, id); err == nil && !job.Type.Erases() {
		err = privacyd.Errorf(privacyd.ClassConflict, "job_not_verifiable", "This job erases nothing: there is nothing to verify.")
	}
	return g, job, err
}

// instanceJob is the deletion of an account, for whoever runs the server: it is
// a job of no workspace. Nil for anybody or anything else.
func (e *Engine) instanceJob(ctx context.Context, c privacyd.Caller, id string) (*privacyd.Job, error) {
	if c.Kind != privacyd.CallerOperator || c.Only != "" {
		return nil, nil
	}
	job, err := e.Jobs.Job(ctx, id)
	if job, err = e.withSubject(ctx, job, err); err != nil {
		if privacyd.ClassOf(err) == privacyd.ClassNotFound {
			err = nil
		}
		return nil, err
	}
	if job.Type != privacyd.JobAccountDeletion || job.WorkspaceID != "" {
		return nil, nil
	}
	return job, nil
}

func (e *Engine) verifyAgain(ctx context.Context, c privacyd.Caller, g grant, job *privacyd.Job) error {
	if job.Type == privacyd.JobRetentionRun {
		return privacyd.Errorf(privacyd.ClassConflict, "job_not_verifiable",
			"What a retention run has left is still due, and goes with the next one: it is verified then.")
	}
	state, err := e.runState(ctx, job.ID)
	if err != nil {
		return err
	}
	if job.State != privacyd.JobFailed || !state.leftBehind() {
		return privacyd.Errorf(privacyd.ClassConflict, "job_not_verifiable",
			"This job is %s: only a deletion of which something was still found within the last 30 days can be verified again.", job.State)
	}
	state.Phase, state.Recheck = phaseVerify, true
	r := &erasureRun{e: e, job: job, state: state}
	if err := r.keepState(ctx); err != nil {
		return err
	}
	job.State, job.ErrorCode, job.ErrorMessage, job.EndedAt = privacyd.JobQueued, "", "", nil
	if err := e.saveJob(ctx, c, g.Role, job, "verify"); err != nil {
		return err
	}
	return e.enqueueErasure(ctx, job.ID, e.Now())
}

// Verifiable tells whether VerifyAgain has something to look for. Who may read
// jobs. Codes: job_not_found.
func (e *Engine) Verifiable(ctx context.Context, c privacyd.Caller, workspace, id string) (bool, error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionReadJobs)
	if err != nil {
		return false, err
	}
	job, err := e.jobOf(ctx, g, id)
	if err != nil || job.State != privacyd.JobFailed || !job.Type.Erases() || job.Type == privacyd.JobRetentionRun {
		return false, err
	}
	state, err := e.runState(ctx, job.ID)
	return state.leftBehind(), err
}

// leftBehind tells whether a run ended with something still there: what it knows
// is kept, sealed, so that it can be looked for again. Of a retention run the
// next one does that.
func (s *erasureState) leftBehind() bool {
	return s.Recheck || s.Residue > 0 && (s.Subject != "" || s.Keys != nil)
}

// rememberWhom keeps what the job or the workspace have forgotten when it is
// looked again.
func (r *erasureRun) rememberWhom() {
	switch r.job.Type {
	case privacyd.JobRetentionRun:
	case privacyd.JobSubjectDeletion, privacyd.JobAccountDeletion:
		r.state.Subject = r.job.Subject.ID
	default:
		if r.state.Keys = maps.Clone(r.workspace.DatasetKeys); r.state.Keys == nil {
			r.state.Keys = map[string]string{}
		}
	}
}

// recheck looks again for whom or what the job was about, which the job has
// forgotten by now. It changes no rows.
func (r *erasureRun) recheck(ctx context.Context) error {
	if r.job.Subject != nil {
		r.job.Subject = &privacyd.Subject{Kind: r.job.Subject.Kind, ID: r.state.Subject}
	}
	if r.state.Keys != nil {
		r.workspace.DatasetKeys = r.state.Keys
	}
	err := r.guarded(ctx, func(ctx context.Context) error { return r.e.Reviews.DeleteReviewItem(ctx, r.job.ID, 0) })
	if err != nil {
		return err
	}
	if r.ofRows() {
		err = r.lookAtRows(ctx)
	} else {
		_, err = r.verifyOnce(ctx, true)
	}
	if err != nil {
		return err
	}
	r.state.Verified, r.state.Entry = r.e.Now(), "" // another one says what came of it
	return r.save(ctx, phaseFinish)
}

// keepRecheck has an erasure that was only verified again, in vain, be what it
// was: one that can be verified again.
func (e *Engine) keepRecheck(ctx context.Context, job *privacyd.Job, state erasureState) error {
	state.Phase = phaseFinish
	r := &erasureRun{e: e, job: job, state: state}
	return r.keepState(ctx)
}

// onlyVerified refuses to cancel a job that only looks again: what it erased is
// gone, and it is to say whether that is all. Code job_not_cancellable.
func (e *Engine) onlyVerified(ctx context.Context, job *privacyd.Job) error {
	if !job.Type.Erases() || job.StartedAt == nil {
		return nil
	}
	state, err := e.runState(ctx, job.ID)
	if err == nil && state.Recheck {
		err = privacyd.Errorf(privacyd.ClassConflict, "job_not_cancellable", "This job only looks again for what it had left: there is nothing to cancel.")
	}
	return err
}
