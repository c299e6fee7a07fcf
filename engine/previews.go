package engine

import (
	"context"

	"github.com/privacyd/privacyd"
)

// RefusedPlan is the refusal of a confirmation, with the plan as it would run
// now: kept for whoever asked, so that it can be confirmed.
type RefusedPlan struct {
	Plan *privacyd.Plan
	Err  error
}

// Error implements error.
func (r *RefusedPlan) Error() string { return r.Err.Error() }

// Unwrap gives the refusal.
func (r *RefusedPlan) Unwrap() error { return r.Err }

// PreviewOfJob gives the plan of an erasure that has not begun, as it would run
// now: for whoever is to confirm or approve it. It can be confirmed for 24
// hours. Who may ask for the job may see it. Codes: job_not_found,
// job_not_waiting. Audit: TYPE.preview.
func (e *Engine) PreviewOfJob(ctx context.Context, c privacyd.Caller, workspace, id string) (*privacyd.Plan, error) {
	g, job, err := e.erasureOf(ctx, c, workspace, id)
	if err != nil {
		return nil, err
	}
	if job.State.Ended() || job.State == privacyd.JobRunning {
		return nil, privacyd.Errorf(privacyd.ClassConflict, "job_not_waiting",
			"This job is %s: there is nothing left to plan. Its result and its receipt say what it did.", job.State)
	}
	plan, err := e.planJob(ctx, job, g.Workspace)
	if err != nil {
		return nil, err
	}
	if err := e.recordAlone(ctx, e.jobEvent(c, g.Role, job, "preview")); err != nil {
		return nil, err
	}
	return plan, e.keepPlan(ctx, plan, g.Workspace.ID, c.ID())
}

// waitForHolds has a job that was confirmed wait as a whole while a hold is on
// a part of it, or do the rest and keep what is held.
func (e *Engine) waitForHolds(ctx context.Context, job *privacyd.Job, wait bool) error {
	r := &erasureRun{e: e, job: job}
	if err := r.load(ctx); err != nil {
		return err
	}
	if r.state.Phase != "" || r.state.Wait == wait {
		return nil // it has begun, or is as it should be
	}
	if !wait {
		return e.Runs.DeleteErasureRun(ctx, job.ID)
	}
	sealed, err := e.sealJSON(ctx, scopeOwner(""), "erasure run", erasureState{Wait: true})
	if err != nil {
		return err
	}
	return e.Runs.PutErasureRun(ctx, job.ID, sealed)
}
