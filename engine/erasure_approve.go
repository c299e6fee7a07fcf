package engine

import (
	"context"
	"errors"

	"github.com/privacyd/privacyd"
)

// ApproveJob decides, as a second person, on a plan that another one confirmed;
// a refusal cancels the job. Admins. Codes: approval_not_asked, approval_own,
// plan_changed, plan_grown, plan_not_found (neither looked at it within 24
// hours), approval_needs_person. Audit: TYPE.approve, TYPE.refuse.
func (e *Engine) ApproveJob(ctx context.Context, c privacyd.Caller, workspace, id, planHash string, approve bool) (*privacyd.Job, error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionApprove)
	if err != nil {
		return nil, err
	}
	if c.Kind != privacyd.CallerAccount {
		return nil, e.deny(ctx, c, g, privacyd.ActionApprove, privacyd.Errorf(privacyd.ClassForbidden, "approval_needs_person",
			"An approval is given by a second signed-in admin, so that four eyes have seen the plan."))
	}
	job, err := e.jobOf(ctx, g, id)
	if err != nil {
		return nil, err
	}
	if approve {
		now, err := e.planJob(ctx, job, g.Workspace)
		if err != nil {
			return nil, err
		}
		if err := e.checkApproval(ctx, c, g, job, now); err != nil {
			return nil, err
		}
	}
	err = e.Tx.InTx(ctx, func(ctx context.Context) error {
		if job, err = e.lockJob(ctx, id); err != nil {
			return err
		}
		return e.decide(ctx, c, g, job, planHash, approve)
	})
	return job, err
}

// checkApproval compares what would happen now with what the second person was
// shown, or else the first.
func (e *Engine) checkApproval(ctx context.Context, c privacyd.Caller, g grant, job *privacyd.Job, now *privacyd.Plan) error {
	if now.Hash != job.PlanHash {
		return privacyd.Errorf(privacyd.ClassRefused, "plan_changed",
			"The plan is no more what was confirmed. Cancel the job, or have it confirmed again.")
	}
	shown, err := e.planSeen(ctx, g.Workspace.ID, job.PlanHash, c.ID(), job.ConfirmedBy)
	if err != nil {
		return err
	}
	if err := shown.StillAsShown(now); err != nil {
		return errors.Join(&RefusedPlan{now, err}, e.keepPlan(ctx, now, g.Workspace.ID, c.ID()))
	}
	return nil
}

// planSeen is the plan with a hash as the first of some people was shown it who
// was; "" is anybody. Code plan_not_found.
func (e *Engine) planSeen(ctx context.Context, workspaceID, hash string, by ...string) (plan *privacyd.Plan, err error) {
	for _, who := range by {
		if plan, err = e.shownPlan(ctx, workspaceID, workspaceID, hash, who); privacyd.CodeOf(err) != "plan_not_found" {
			return plan, err
		}
	}
	return plan, err
}

func (e *Engine) decide(ctx context.Context, c privacyd.Caller, g grant, job *privacyd.Job, planHash string, approve bool) error {
	if err := job.Decide(c.AccountID, planHash); err != nil {
		return err
	}
	verb := "refuse"
	if approve {
		verb = "approve"
	}
	auditID, err := e.record(ctx, e.jobEvent(c, g.Role, job, verb))
	if err != nil {
		return err
	}
	err = e.Approvals.InsertApproval(ctx, privacyd.Approval{
		JobID: job.ID, PlanHash: planHash, DecidedBy: c.AccountID, Approved: approve, At: e.Now(),
	}, auditID)
	if err != nil {
		return err
	}
	if !approve {
		job.CancelledBy = c.ID()
		if err := e.endWaiting(ctx, job); err != nil {
			return err
		}
		if err := e.saveJob(ctx, c, g.Role, job, "cancel"); err != nil {
			return err
		}
		return e.cancelErasure(ctx, c, g, job)
	}
	job.ApprovedBy = c.ID()
	return e.schedule(ctx, c, g, job, "schedule")
}
