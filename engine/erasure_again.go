package engine

import (
	"context"

	"github.com/privacyd/privacyd"
)

// VerifyAgain has it looked again for a person of whom verification still found
// something, after somebody has removed that: it erases nothing itself. The job
// then completes with another issue of its receipt, or has failed again. Who
// may ask for the job, as a person. Codes: job_not_found, job_not_verifiable,
// confirmation_needs_person. Audit: TYPE.verify.
func (e *Engine) VerifyAgain(ctx context.Context, c privacyd.Caller, workspace, id string) (*privacyd.Job, error) {
	g, job, err := e.erasureOf(ctx, c, workspace, id)
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

func (e *Engine) verifyAgain(ctx context.Context, c privacyd.Caller, g grant, job *privacyd.Job) error {
	state, err := e.runState(ctx, job.ID)
	if err != nil {
		return err
	}
	if job.State != privacyd.JobFailed || !state.leftBehind() {
		return privacyd.Errorf(privacyd.ClassConflict, "job_not_verifiable",
			"This job is %s: only the deletion of a person of whom something was still found within the last 30 days can be verified again.", job.State)
	}
	state.Phase, state.Entry, state.Recheck = phaseVerify, "", true
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

// leftBehind tells whether a run ended with something of a person still there:
// what it knows is kept, sealed, so that it can be looked for again.
func (s *erasureState) leftBehind() bool { return s.Residue > 0 && s.Subject != "" }

// recheck looks again for whom the job was about, whose id the job has
// forgotten by now. It changes no rows.
func (r *erasureRun) recheck(ctx context.Context) error {
	about := privacyd.Subject{Kind: r.job.Subject.Kind, ID: r.state.Subject}
	r.job.Subject = &about
	err := r.guarded(ctx, func(ctx context.Context) error { return r.e.Reviews.DeleteReviewItem(ctx, r.job.ID, 0) })
	if err != nil {
		return err
	}
	if _, err := r.verifyOnce(ctx, true); err != nil {
		return err
	}
	r.state.Verified = r.e.Now()
	return r.save(ctx, phaseFinish)
}
