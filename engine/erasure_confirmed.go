package engine

import (
	"context"
	"slices"

	"github.com/privacyd/privacyd"
)

// notConfirmed says that a run may not go on as the plan is now.
type notConfirmed struct {
	why  error
	wait privacyd.Wait
}

func (n *notConfirmed) Error() string { return n.why.Error() }
func (n *notConfirmed) Unwrap() error { return n.why }

// stillConfirmed compares the plan with the one that was confirmed. What the
// system itself asked for was confirmed by nobody, and what is run again after a
// restore before the restore.
func (r *erasureRun) stillConfirmed(ctx context.Context, plan *privacyd.Plan) error {
	if r.state.Replays { // it was in nobody's way when it was erased first
		plan.Blockers = slices.DeleteFunc(plan.Blockers, func(b privacyd.Blocker) bool { return b.Code == "last_admin" })
	}
	if err := plan.Runnable(); err != nil {
		wait := privacyd.WaitBlocker
		if plan.WhollyHeld {
			wait = privacyd.WaitHold
		}
		return &notConfirmed{err, wait}
	}
	if r.state.Wait && plan.Totals().Held > 0 {
		return &notConfirmed{privacyd.Errorf(privacyd.ClassRefused, "plan_held",
			"A legal hold covers a part of it, and it was asked to wait for that."), privacyd.WaitHold}
	}
	rules, _ := r.job.Type.Rules()
	if rules.System || r.state.Replays || plan.Hash == r.job.PlanHash {
		return nil
	}
	if err := r.e.keepPlan(ctx, plan, planScope(r.job), r.job.RequestedBy); err != nil {
		return err
	}
	return &notConfirmed{privacyd.Errorf(privacyd.ClassRefused, "plan_changed",
		"The plan is no more what was confirmed. Look at the new one and confirm that."), privacyd.WaitConfirmation}
}

// planAgain makes the plan again of a job that waited for a person after it had
// begun.
func (r *erasureRun) planAgain(ctx context.Context) error {
	plan, err := r.e.planJob(ctx, r.job, r.workspace)
	if err != nil {
		return err
	}
	if err := r.stillConfirmed(ctx, plan); err != nil {
		return err
	}
	return r.braked(ctx, plan)
}

// braked stops a retention run that by now would take more than the workspace
// allows, unless a person confirmed it a short time ago.
func (r *erasureRun) braked(ctx context.Context, plan *privacyd.Plan) error {
	now := r.e.Now()
	if r.job.Type != privacyd.JobRetentionRun || r.job.ConfirmedAt != nil && now.Sub(*r.job.ConfirmedAt) < privacyd.PlanLife {
		return nil
	}
	versions, err := r.e.Retention.Policies(ctx, r.workspace.ID)
	if err != nil {
		return err
	}
	effect, err := r.e.retentionEffect(ctx, grant{Workspace: r.workspace}, versions, now)
	if err != nil || !effect.Braked {
		return err
	}
	if err := r.e.keepPlan(ctx, plan, planScope(r.job), r.job.RequestedBy); err != nil {
		return err
	}
	return &notConfirmed{privacyd.Errorf(privacyd.ClassRefused, codeBraked,
		"By now the run would take more of the workspace than its settings allow at once. Look at the plan and confirm it."), privacyd.WaitConfirmation}
}

// codeBraked is why a retention run waits that would take too much.
const codeBraked = "retention_braked"
