package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
)

// somebody stands where it said who did something, once that account is gone.
const somebody = privacyd.FormerAccount

// itself lets only a signed-in account pass, for what it does to itself.
func (e *Engine) itself(ctx context.Context, c privacyd.Caller, action privacyd.Action) error {
	if c.Kind == privacyd.CallerAccount {
		return nil
	}
	if c.Kind == privacyd.CallerAnonymous {
		return errNotSignedIn()
	}
	return e.deny(ctx, c, grant{}, action, privacyd.Errorf(privacyd.ClassForbidden, "own_account_only",
		"Only the person whose account it is may do that, signed in. With a command: --as E-MAIL."))
}

func accountJob(accountID string) *privacyd.Job {
	return &privacyd.Job{
		Type: privacyd.JobAccountDeletion, Subject: &privacyd.Subject{Kind: "account", ID: accountID}, RequestedBy: accountID,
		Progress: privacyd.Progress{Unit: "records"},
	}
}

// PreviewAccountDeletion gives the plan of deleting the caller's own account,
// with what is in the way. Audit: account_deletion.preview.
func (e *Engine) PreviewAccountDeletion(ctx context.Context, c privacyd.Caller) (*privacyd.Plan, error) {
	if err := e.itself(ctx, c, privacyd.ActionDeleteAccount); err != nil {
		return nil, err
	}
	job := accountJob(c.AccountID)
	plan, err := e.planJob(ctx, job, privacyd.Workspace{})
	if err != nil {
		return nil, err
	}
	return plan, e.showOwnPlan(ctx, c, job, plan)
}

// LeavingPlan gives the plan of the caller's pending deletion, as the page shows
// it that they see in its grace period. Nobody asks for it there, and whoever
// looks again sees nothing new: one entry a day says so, and another where the
// plan has become a new one. Audit: account_deletion.preview.
func (e *Engine) LeavingPlan(ctx context.Context, c privacyd.Caller) (*privacyd.Plan, error) {
	if err := e.itself(ctx, c, privacyd.ActionDeleteAccount); err != nil {
		return nil, err
	}
	job := accountJob(c.AccountID)
	plan, err := e.planJob(ctx, job, privacyd.Workspace{})
	if err != nil {
		return nil, err
	}
	now := e.Now()
	shown, err := e.Plans.Plan(ctx, c.AccountID, plan.Hash, c.AccountID, now)
	if err != nil && privacyd.CodeOf(err) != "plan_not_found" && privacyd.CodeOf(err) != "plan_expired" {
		return nil, err
	}
	if err == nil && shown.MadeAt.UTC().Truncate(privacyd.Day).Equal(now.UTC().Truncate(privacyd.Day)) {
		return plan, e.keepPlan(ctx, plan, c.AccountID, c.AccountID)
	}
	return plan, e.showOwnPlan(ctx, c, job, plan)
}

func (e *Engine) showOwnPlan(ctx context.Context, c privacyd.Caller, job *privacyd.Job, plan *privacyd.Plan) error {
	event := e.jobEvent(c, "", job, "preview")
	event.Target.ID = ""
	if err := e.recordAlone(ctx, event); err != nil {
		return err
	}
	return e.keepPlan(ctx, plan, c.AccountID, c.AccountID)
}

// DeleteAccount confirms the deletion of the caller's own account. The grace
// period begins: sessions and API tokens end, and signing in reaches only the
// page that says when it happens. Asking again gives the pending job. Codes:
// last_admin naming each workspace, password_wrong, confirm_*, plan_*. Audit:
// account_deletion.create; account_deletion.confirm where it was proposed, or
// where its plan changed meanwhile and is confirmed once more.
func (e *Engine) DeleteAccount(ctx context.Context, c privacyd.Caller, with privacyd.Confirmation) (*privacyd.Job, error) {
	if err := e.itself(ctx, c, privacyd.ActionDeleteAccount); err != nil {
		return nil, err
	}
	pending, err := e.leavingJob(ctx, c.AccountID)
	switch {
	case err != nil:
		return nil, err
	case pending != nil && pending.State == privacyd.JobPendingApproval && with.PlanHash != "":
		return e.confirmLeaving(ctx, c, pending, with)
	case pending != nil:
		return pending, nil
	}
	job := accountJob(c.AccountID)
	if err := e.checkAccountDeletion(ctx, c, job, with); err != nil {
		return nil, errors.Join(err, e.escalateLastAdmin(ctx, c, err))
	}
	if job.ID, err = newID(); err != nil {
		return nil, err
	}
	now := e.Now()
	job.CreatedAt, job.ConfirmedAt, job.ConfirmedBy, job.PlanHash = now, &now, c.AccountID, with.PlanHash
	return job, e.Tx.InTx(ctx, func(ctx context.Context) error { return e.leave(ctx, c, job) })
}

// confirmLeaving confirms the new plan of a deletion whose first one is no more
// true. It runs at once where the grace period is over.
func (e *Engine) confirmLeaving(ctx context.Context, c privacyd.Caller, job *privacyd.Job, with privacyd.Confirmation) (*privacyd.Job, error) {
	if err := e.checkAccountDeletion(ctx, c, job, with); err != nil {
		return nil, err
	}
	return e.changeLeaving(ctx, c, func(ctx context.Context, job *privacyd.Job) error {
		if job.State != privacyd.JobPendingApproval {
			return privacyd.Errorf(privacyd.ClassConflict, "job_not_waiting", "This job is %s: it does not wait for a confirmation.", job.State)
		}
		now := e.Now()
		job.PlanHash, job.ConfirmedBy, job.ConfirmedAt = with.PlanHash, c.AccountID, &now
		job.State, job.WaitingOn, job.ErrorCode, job.ErrorMessage = privacyd.JobScheduled, "", "", ""
		if job.ExecuteAfter == nil || !job.ExecuteAfter.After(now) {
			job.State, job.ExecuteAfter = privacyd.JobQueued, &now
		}
		if err := e.saveJob(ctx, c, "", job, "confirm"); err != nil {
			return err
		}
		return e.enqueueErasure(ctx, job.ID, *job.ExecuteAfter)
	})
}

func (e *Engine) checkAccountDeletion(ctx context.Context, c privacyd.Caller, job *privacyd.Job, with privacyd.Confirmation) error {
	rules, _ := job.Type.Rules()
	if err := rules.Check(with, "", 0); err != nil {
		return err
	}
	if err := e.checkPassword(ctx, c, rules, with.Password); err != nil {
		return err
	}
	shown, err := e.shownPlan(ctx, c.AccountID, "", with.PlanHash, c.AccountID)
	if err != nil {
		return err
	}
	plan, err := e.planJob(ctx, job, privacyd.Workspace{})
	if err != nil {
		return err
	}
	if err := shown.StillAsShown(plan); err != nil {
		return errors.Join(&RefusedPlan{plan, err}, e.keepPlan(ctx, plan, c.AccountID, c.AccountID))
	}
	for _, b := range plan.Blockers {
		if b.Code == "last_admin" {
			return &RefusedPlan{plan, errLastAdmin(b)}
		}
	}
	if err := plan.Runnable(); err != nil {
		return &RefusedPlan{plan, err}
	}
	return nil
}

func (e *Engine) leave(ctx context.Context, c privacyd.Caller, job *privacyd.Job) error {
	// Of two admins who leave at once one stays.
	if err := e.Workspaces.LockWorkspaces(ctx); err != nil {
		return err
	}
	if pending, err := e.leavingAlready(ctx, c.AccountID); err != nil || pending != nil {
		if pending != nil {
			*job = *pending
		}
		return err
	}
	blockers, err := e.accountBlockers(ctx, c.AccountID)
	if err == nil && len(blockers) > 0 {
		err = errLastAdmin(blockers[0])
	}
	if err != nil {
		return err
	}
	if err := e.sealSubject(ctx, job); err != nil {
		return err
	}
	verb, err := e.takeProposal(ctx, job)
	if err != nil {
		return err
	}
	end := e.Now().Add(e.graceOf(job.Type))
	job.State, job.ExecuteAfter = privacyd.JobScheduled, &end
	if err := e.tellScheduled(ctx, job); err != nil {
		return err
	}
	auditID, err := e.record(ctx, e.jobEvent(c, "", job, verb))
	if err != nil {
		return err
	}
	if err := e.putDeletion(ctx, job, verb, auditID); err != nil {
		return err
	}
	if err := e.States.LeaveAccount(ctx, c.AccountID, job.ID, auditID); err != nil {
		return err
	}
	return e.enqueueErasure(ctx, job.ID, end)
}

// leavingJob is the pending deletion of an account; nil when there is none.
// leavingAlready is leavingJob where the same person may ask twice at once: the
// second waits for the first.
func (e *Engine) leavingAlready(ctx context.Context, accountID string) (*privacyd.Job, error) {
	hash, err := e.People.Password(ctx, accountID)
	if err != nil {
		return nil, err
	}
	if _, err := e.People.LockPassword(ctx, accountID, hash); err != nil {
		return nil, err
	}
	return e.leavingJob(ctx, accountID)
}

func (e *Engine) leavingJob(ctx context.Context, accountID string) (*privacyd.Job, error) {
	state, jobID, err := e.States.AccountState(ctx, accountID)
	if err != nil || state != privacyd.AccountLeaving {
		return nil, err
	}
	job, err := e.Jobs.Job(ctx, jobID)
	return e.withSubject(ctx, job, err)
}

// AccountDeletion gives the pending deletion of the caller's own account; nil
// when there is none. It works in the grace period, too.
func (e *Engine) AccountDeletion(ctx context.Context, c privacyd.Caller) (*privacyd.Job, error) {
	if err := e.itself(ctx, c, privacyd.ActionDeleteAccount); err != nil {
		return nil, err
	}
	return e.leavingJob(ctx, c.AccountID)
}

// CancelAccountDeletion takes the deletion of the caller's own account back.
// Sessions and tokens stay ended. Code job_not_cancellable. Audit:
// account_deletion.cancel.
func (e *Engine) CancelAccountDeletion(ctx context.Context, c privacyd.Caller) (*privacyd.Job, error) {
	return e.changeLeaving(ctx, c, func(ctx context.Context, job *privacyd.Job) error {
		if job.State == privacyd.JobCancelled { // by the same person at the same moment
			return nil
		}
		if !job.State.Cancellable(job.Type) {
			return privacyd.Errorf(privacyd.ClassConflict, "job_not_cancellable", "This job is %s: there is nothing left to cancel.", job.State)
		}
		job.CancelAsked, job.CancelledBy = true, c.AccountID
		if err := e.endWaiting(ctx, job); err != nil {
			return err
		}
		if err := e.saveJob(ctx, c, "", job, "cancel"); err != nil {
			return err
		}
		return e.staysAfterAll(ctx, job)
	})
}

// DeleteAccountNow ends the grace period early: the holder may (Art. 12(3) GDPR
// knows no waiting time). A deletion that was blocked looks at once whether it
// still is. Codes: password_wrong, job_not_waiting, plan_changed. Audit:
// account_deletion.waive.
func (e *Engine) DeleteAccountNow(ctx context.Context, c privacyd.Caller, password string) (*privacyd.Job, error) {
	rules, _ := privacyd.JobAccountDeletion.Rules()
	if err := e.itself(ctx, c, privacyd.ActionDeleteAccount); err != nil {
		return nil, err
	}
	if err := e.checkPassword(ctx, c, rules, password); err != nil {
		return nil, err
	}
	return e.changeLeaving(ctx, c, func(ctx context.Context, job *privacyd.Job) error {
		if err := mayHurry(job); err != nil {
			return err
		}
		now := e.Now()
		job.State, job.ExecuteAfter, job.WaitingOn = privacyd.JobQueued, &now, ""
		if err := e.remindOf(ctx, job); err != nil {
			return err
		}
		if err := e.saveJob(ctx, c, "", job, "waive"); err != nil {
			return err
		}
		if err := e.Queue.Cancel(ctx, WorkErase, job.ID); err != nil {
			return err
		}
		return e.enqueueErasure(ctx, job.ID, now)
	})
}

func mayHurry(job *privacyd.Job) error {
	switch job.State {
	case privacyd.JobScheduled, privacyd.JobBlocked:
		return nil
	case privacyd.JobPendingApproval:
		return privacyd.Errorf(privacyd.ClassRefused, "plan_changed",
			"What would be deleted is no more what was confirmed. Look at the new plan and confirm that: ask for the deletion once more.")
	default:
		return privacyd.Errorf(privacyd.ClassConflict, "job_not_waiting", "This job is %s: it is not in its grace period.", job.State)
	}
}

func (e *Engine) changeLeaving(ctx context.Context, c privacyd.Caller, fn func(context.Context, *privacyd.Job) error) (*privacyd.Job, error) {
	if err := e.itself(ctx, c, privacyd.ActionDeleteAccount); err != nil {
		return nil, err
	}
	pending, err := e.leavingJob(ctx, c.AccountID)
	if err != nil {
		return nil, err
	}
	if pending == nil {
		return nil, privacyd.Errorf(privacyd.ClassNotFound, "job_not_found", "This account is not being deleted.")
	}
	err = e.Tx.InTx(ctx, func(ctx context.Context) error {
		job, err := e.Jobs.LockJob(ctx, pending.ID)
		if pending, err = e.withSubject(ctx, job, err); err != nil {
			return err
		}
		return fn(ctx, pending)
	})
	return pending, err
}

// accountScope says whom a dataset knows as the account: privacyd's own and the
// embedded one by its id, a product's by the e-mail address that it proved.
func (x *erasure) accountScope(ctx context.Context, d Dataset) (datamap.EraseScope, bool, error) {
	kind := subjectKind(d, "account")
	if kind == nil {
		return datamap.EraseScope{}, false, nil
	}
	scope := datamap.EraseScope{Scope: datamap.Scope{SubjectKind: kind.Kind, SubjectID: x.job.Subject.ID}}
	if d.Own {
		return scope, true, nil
	}
	ids, err := x.idsByEmail(ctx, d, kind)
	if err != nil || len(ids) == 0 {
		return scope, false, err
	}
	if scope.SubjectID = ids[0]; len(ids) > 1 {
		scope.Merged, err = mergedOf(ctx, d, scope, ids)
	}
	return scope, true, err
}

// mergedOf are some persons who are the same one, with all rows that were merged
// with theirs.
func mergedOf(ctx context.Context, d Dataset, scope datamap.EraseScope, ids []string) ([]string, error) {
	eraser, err := d.Source.Eraser()
	if err != nil {
		return nil, err
	}
	var all []string
	for _, id := range ids {
		p := &erasurePart{dataset: d, eraser: eraser, scope: scope}
		p.scope.SubjectID = id
		if _, err := p.find(ctx); err != nil {
			return nil, err
		}
		all = append(all, p.scope.Merged...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// idsByEmail are the ids by which a product knows the account. Products keep
// addresses as they were typed.
func (x *erasure) idsByEmail(ctx context.Context, d Dataset, kind *datamap.SubjectKind) ([]string, error) {
	a, err := x.e.Accounts.Account(ctx, x.job.Subject.ID)
	if privacyd.ClassOf(err) == privacyd.ClassNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	eraser, err := d.Source.Eraser()
	if err != nil {
		return nil, err
	}
	c := d.Graph.Collection(kind.Collection)
	var ids []string
	for _, identity := range kind.Identities {
		if identity.Kind != "email" || identity.JSONPath != "" {
			continue
		}
		sel := datamap.Selection{Collection: c, Table: c.Table, All: []datamap.Condition{{Any: []datamap.Path{{Column: identity.Column, Value: a.Email, Typed: true}}}}}
		found, err := eraser.Identifiers(ctx, sel, []datamap.Identity{{Kind: "id", Column: kind.Key}})
		if err != nil {
			return nil, fmt.Errorf("look for an account in dataset %s: %w", d.Name, err)
		}
		for _, id := range found {
			ids = appendNew(ids, id.Value)
		}
		if len(ids) > 0 { // who has it as a second address may be somebody else
			break
		}
	}
	return ids, nil
}
