package engine

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/work"
)

// eraseAttempts is how often an erasure is tried: with the growing pauses in
// between, for ten days.
const eraseAttempts = 1000

// createErasure makes the job of an erasure and, with a confirmation, sends it
// on its way.
func (e *Engine) createErasure(ctx context.Context, c privacyd.Caller, g grant, draft *privacyd.Job, with *privacyd.Confirmation) (job *privacyd.Job, created bool, err error) {
	if known, err := e.underWay(ctx, draft); err != nil || known != nil {
		return known, false, err
	}
	if with != nil && mayConfirm(c) { // refused before there is a job
		if err := e.checkConfirmation(ctx, c, g, draft, *with); err != nil {
			return nil, false, err
		}
	}
	plan, err := e.planJob(ctx, draft, g.Workspace)
	if err != nil {
		return nil, false, err
	}
	if err := e.keepPlan(ctx, plan, g.Workspace.ID, c.ID()); err != nil {
		return nil, false, err
	}
	err = e.Tx.InTx(ctx, func(ctx context.Context) error {
		job, created, err = e.findOrAsk(ctx, c, g, draft, plan)
		waits := err == nil && job.State == privacyd.JobPendingApproval && job.WaitingOn == privacyd.WaitConfirmation
		if err == nil && created && !mayConfirm(c) {
			err = e.tellProposed(ctx, job)
		}
		if !waits || with == nil || !mayConfirm(c) {
			return err
		}
		return e.confirm(ctx, c, g, job, *with)
	})
	return job, created, err
}

// underWay is the job that was made before by the same request, or for the same
// and has not ended: asked again it is given, though its plan may be out of date
// by now and who goes may be gone. One that waits for its confirmation is not.
func (e *Engine) underWay(ctx context.Context, draft *privacyd.Job) (*privacyd.Job, error) {
	var job *privacyd.Job
	err := e.Tx.InTx(ctx, func(ctx context.Context) (err error) {
		same := *draft
		if err := e.sealSubject(ctx, &same); err != nil {
			return err
		}
		job, err = e.sameJob(ctx, &same)
		return err
	})
	if err != nil || job == nil {
		return nil, err
	}
	if job.State == privacyd.JobPendingApproval && job.WaitingOn == privacyd.WaitConfirmation {
		return nil, nil
	}
	return job, nil
}

// mayConfirm tells whether a caller is a person: what cannot be undone API
// tokens only propose.
func mayConfirm(c privacyd.Caller) bool {
	return c.Kind == privacyd.CallerAccount && c.Door != privacyd.DoorMCP || c.Kind == privacyd.CallerOperator && c.Door != privacyd.DoorMCP
}

func actionOf(t privacyd.JobType) privacyd.Action {
	rules, _ := t.Rules()
	return rules.Action
}

func (e *Engine) findOrAsk(ctx context.Context, c privacyd.Caller, g grant, job *privacyd.Job, plan *privacyd.Plan) (*privacyd.Job, bool, error) {
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
	return job, true, e.ask(ctx, c, g, job, plan)
}

// ask makes the job of an erasure, in a transaction. Without a confirmation it
// waits for one; code plan_held when nothing of it may be erased.
func (e *Engine) ask(ctx context.Context, c privacyd.Caller, g grant, job *privacyd.Job, plan *privacyd.Plan) error {
	job.State, job.WaitingOn, job.PlanHash = privacyd.JobPendingApproval, privacyd.WaitConfirmation, plan.Hash
	if plan.WhollyHeld {
		return plan.Runnable()
	}
	auditID, err := e.record(ctx, e.jobEvent(c, g.Role, job, "create"))
	if err != nil {
		return err
	}
	if err := e.Jobs.InsertJob(ctx, job, auditID); err != nil {
		return err
	}
	return e.keepKey(ctx, job, job.ID)
}

// ConfirmJob confirms the plan of an erasure that waits for it: a signed-in
// person who may ask for it, or the operator. Irreversible when there is no
// grace period. Codes: plan_not_found, plan_expired, plan_changed, plan_grown
// (look at the new plan), plan_held, plan_blocked, confirm_*, password_wrong,
// job_not_waiting, confirmation_needs_person. Audit: TYPE.confirm.
func (e *Engine) ConfirmJob(ctx context.Context, c privacyd.Caller, workspace, id string, with privacyd.Confirmation) (*privacyd.Job, error) {
	g, job, err := e.erasureOf(ctx, c, workspace, id)
	if err != nil {
		return nil, err
	}
	if !mayConfirm(c) {
		return nil, e.deny(ctx, c, g, actionOf(job.Type), privacyd.Errorf(privacyd.ClassForbidden, "confirmation_needs_person",
			"What cannot be undone is confirmed by a signed-in person, not by an API token. The job waits for one."))
	}
	if err := e.checkConfirmation(ctx, c, g, job, with); err != nil {
		return nil, err
	}
	err = e.Tx.InTx(ctx, func(ctx context.Context) error {
		if job, err = e.lockJob(ctx, id); err != nil {
			return err
		}
		return e.confirm(ctx, c, g, job, with)
	})
	return job, err
}

// erasureOf finds a job that erases, of a workspace in which the caller may ask
// for such.
func (e *Engine) erasureOf(ctx context.Context, c privacyd.Caller, workspace, id string) (grant, *privacyd.Job, error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionReadJobs)
	if err != nil {
		return g, nil, err
	}
	job, err := e.jobOf(ctx, g, id)
	if err != nil {
		return g, nil, err
	}
	if !job.Type.Erases() {
		return g, nil, privacyd.Errorf(privacyd.ClassConflict, "job_not_waiting", "This job erases nothing: there is nothing to confirm.")
	}
	g, err = e.authorise(ctx, c, workspace, actionOf(job.Type))
	return g, job, err
}

// checkConfirmation compares what is confirmed with what would happen now.
func (e *Engine) checkConfirmation(ctx context.Context, c privacyd.Caller, g grant, job *privacyd.Job, with privacyd.Confirmation) error {
	rules, _ := job.Type.Rules()
	if with.PlanHash == "" {
		return rules.Check(with, "", 0)
	}
	shown, err := e.planSeen(ctx, g.Workspace.ID, with.PlanHash, c.ID(), "")
	if err != nil {
		return err
	}
	now, err := e.planJob(ctx, job, g.Workspace)
	if err != nil {
		return err
	}
	if err := shown.StillAsShown(now); err != nil {
		if keep := e.keepPlan(ctx, now, g.Workspace.ID, c.ID()); keep != nil {
			return keep
		}
		return &RefusedPlan{now, err}
	}
	if err := now.Runnable(); err != nil {
		return &RefusedPlan{now, err}
	}
	if c.Kind == privacyd.CallerOperator || c.Door == privacyd.DoorCLI {
		return nil // the hash was typed
	}
	name, err := e.nameOf(ctx, job, g.Workspace)
	if err != nil {
		return err
	}
	if err := rules.Check(with, name, shown.Totals().Deleted); err != nil {
		return err
	}
	return e.checkPassword(ctx, c, rules, with.Password)
}

// checkPassword asks once more who is there, where the rules do. Codes
// password_wrong, sign_in_again, too_many_attempts.
func (e *Engine) checkPassword(ctx context.Context, c privacyd.Caller, rules privacyd.Rules, password string) error {
	asked := false
	for _, p := range rules.Proofs {
		asked = asked || p == privacyd.ProofPassword
	}
	if !asked {
		return nil
	}
	return e.reauthenticate(ctx, c, password)
}

// nameOf is what a person types to confirm: the name of whom or what goes; the
// id of a person without a name.
func (e *Engine) nameOf(ctx context.Context, job *privacyd.Job, w privacyd.Workspace) (string, error) {
	if job.Subject == nil {
		return w.Name, nil
	}
	for _, d := range e.Datasets {
		kind := subjectKind(d, job.Subject.Kind)
		key, err := datasetKey(d, w)
		if err != nil {
			return "", err
		}
		if kind == nil || key == "" {
			continue
		}
		name, found, err := subjectName(ctx, d, kind, datamap.Scope{Workspace: key, SubjectKind: kind.Kind, SubjectID: job.Subject.ID})
		if err != nil || found && name != "" {
			return name, err
		}
	}
	return job.Subject.ID, nil
}

func subjectName(ctx context.Context, d Dataset, kind *datamap.SubjectKind, scope datamap.Scope) (name string, found bool, err error) {
	selection, ok, err := d.Graph.Select(kind.Collection, scope)
	if err != nil || !ok {
		return "", false, err
	}
	snapshot, err := d.Source.Snapshot(ctx)
	if err != nil {
		return "", false, err
	}
	defer snapshot.Close() //nolint:errcheck // it was only read
	enough := errors.New("found")
	err = snapshot.Read(ctx, selection, func(row datamap.Row) error {
		fields := map[string]any{}
		if err := json.Unmarshal(row.JSON, &fields); err != nil {
			return err
		}
		for _, f := range selection.Fields {
			if f.Column == kind.Name {
				name, _ = fields[f.Name].(string)
			}
		}
		found = true
		return enough
	})
	if errors.Is(err, enough) {
		err = nil
	}
	return name, found, err
}

// confirm writes the confirmation and sends the job on its way.
func (e *Engine) confirm(ctx context.Context, c privacyd.Caller, g grant, job *privacyd.Job, with privacyd.Confirmation) error {
	if job.State != privacyd.JobPendingApproval || job.WaitingOn != privacyd.WaitConfirmation {
		return privacyd.Errorf(privacyd.ClassConflict, "job_not_waiting", "This job is %s: it does not wait for a confirmation.", job.State)
	}
	now := e.Now()
	job.PlanHash, job.ConfirmedBy, job.ConfirmedAt = with.PlanHash, c.ID(), &now
	job.ApprovedBy, job.ErrorCode, job.ErrorMessage = "", "", ""
	if err := e.waitForHolds(ctx, job, with.Wait); err != nil {
		return err
	}
	settings, err := e.States.Settings(ctx, g.Workspace.ID)
	if err != nil {
		return err
	}
	if settings.Approval {
		job.WaitingOn = privacyd.WaitApproval
		if err := e.tellWanted(ctx, job, privacyd.WhyApproval); err != nil {
			return err
		}
		return e.saveJob(ctx, c, g.Role, job, "confirm")
	}
	return e.schedule(ctx, c, g, job, "confirm")
}

// schedule begins the grace period, or queues a job that has none.
func (e *Engine) schedule(ctx context.Context, c privacyd.Caller, g grant, job *privacyd.Job, verb string) error {
	job.WaitingOn, job.State = "", privacyd.JobQueued
	at := e.Now()
	if grace := e.graceOf(job.Type); grace > 0 {
		end := at.Add(grace)
		job.State, job.ExecuteAfter = privacyd.JobScheduled, &end
		at = end
	}
	if err := e.tellScheduled(ctx, job); err != nil {
		return err
	}
	auditID, err := e.record(ctx, e.jobEvent(c, g.Role, job, verb))
	if err != nil {
		return err
	}
	if err := e.Jobs.UpdateJob(ctx, job, auditID); err != nil {
		return err
	}
	if job.Type == privacyd.JobWorkspaceDeletion {
		if err := e.States.SetWorkspaceState(ctx, job.WorkspaceID, privacyd.WorkspaceReadOnly, job.ID, auditID); err != nil {
			return err
		}
	}
	return e.enqueueErasure(ctx, job.ID, at)
}

func (e *Engine) enqueueErasure(ctx context.Context, jobID string, at time.Time) error {
	return e.Queue.Enqueue(ctx, work.Item{Kind: WorkErase, Key: jobID, At: at, MaxAttempts: eraseAttempts})
}

// cancelErasure takes a cancelled job off its way. A workspace that was to be
// deleted is open again.
func (e *Engine) cancelErasure(ctx context.Context, c privacyd.Caller, g grant, job *privacyd.Job) error {
	if err := e.reopen(ctx, c, g, job); err != nil {
		return err
	}
	if err := e.tellCancelled(ctx, job); err != nil {
		return err
	}
	return e.Queue.Cancel(ctx, WorkErase, job.ID)
}

// reopen opens the workspace that a job has closed, if it has.
func (e *Engine) reopen(ctx context.Context, c privacyd.Caller, g grant, job *privacyd.Job) error {
	if job.Type != privacyd.JobWorkspaceDeletion {
		return nil
	}
	state, by, err := e.States.WorkspaceState(ctx, job.WorkspaceID)
	if err != nil || state != privacyd.WorkspaceReadOnly || by != job.ID {
		return err
	}
	auditID, err := e.record(ctx, privacyd.AuditEvent{
		WorkspaceID: job.WorkspaceID, Caller: c, Role: g.Role, Action: "workspace.reopen", Outcome: privacyd.OutcomeDone,
		Target: privacyd.Target{Type: "workspace", ID: job.WorkspaceID},
	})
	if err != nil {
		return err
	}
	return e.States.SetWorkspaceState(ctx, job.WorkspaceID, privacyd.WorkspaceActive, "", auditID)
}

// graceOf is how long a type of job waits between confirmation and execution.
func (e *Engine) graceOf(t privacyd.JobType) time.Duration {
	rules, _ := t.Rules()
	if rules.Grace > 0 && e.Grace > 0 {
		return e.Grace
	}
	return rules.Grace
}
