package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/work"
)

// WorkRetention is the kind of work that begins a workspace's daily retention
// run; the key is the workspace's id.
const WorkRetention = "retention"

// retentionAttempts is how often a day's run is begun that cannot be.
const retentionAttempts = work.DefaultAttempts / 2

// Retention keeps policies, and what somebody chose to keep.
type Retention interface {
	InsertPolicy(ctx context.Context, p privacyd.Policy, auditID string) error
	Policies(ctx context.Context, workspaceID string) ([]privacyd.Policy, error)
	KeepRow(ctx context.Context, k privacyd.KeptRow, auditID string) error
	UnkeepRow(ctx context.Context, workspaceID, ref string) (known bool, err error)
	KeptAmong(ctx context.Context, workspaceID string, refs []string) (map[string]bool, error)
}

// RetentionPolicy gives the version in force and all there were, oldest first.
// Every member may see them.
func (e *Engine) RetentionPolicy(ctx context.Context, c privacyd.Caller, workspace string) (now privacyd.Policy, versions []privacyd.Policy, err error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionReadWorkspace)
	if err != nil {
		return now, nil, err
	}
	versions, err = e.Retention.Policies(ctx, g.Workspace.ID)
	now = privacyd.InForce(versions, e.Now())
	now.WorkspaceID = g.Workspace.ID // also where nobody has set one
	return now, versions, err
}

// SetRetention adds a version of the policy: days of 24 hours, 0 for ever. It
// reaches nothing that was resolved before. Admins. Codes: retention_invalid,
// retention_conflict. Audit: retention.set, with before and after.
func (e *Engine) SetRetention(ctx context.Context, c privacyd.Caller, workspace string, days int) (p privacyd.Policy, err error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionManageRetention)
	if err != nil {
		return p, err
	}
	p = privacyd.Policy{WorkspaceID: g.Workspace.ID, Days: days, From: e.Now(), SetBy: c.ID()}
	if err := p.Valid(); err != nil {
		return p, err
	}
	return p, e.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := e.Workspaces.LockWorkspace(ctx, g.Workspace.ID); err != nil {
			return err
		}
		versions, err := e.Retention.Policies(ctx, g.Workspace.ID)
		if err != nil {
			return err
		}
		before := privacyd.InForce(versions, p.From)
		if before.Days == days && (days > 0 || len(versions) > 0) {
			p = before
			return nil
		}
		for _, v := range versions {
			p.Version = max(p.Version, v.Version)
		}
		p.Version++
		auditID, err := e.record(ctx, privacyd.AuditEvent{
			WorkspaceID: g.Workspace.ID, Caller: c, Role: g.Role, Action: "retention.set", Outcome: privacyd.OutcomeDone,
			Target:  privacyd.Target{Type: "retention_policy"},
			Changes: map[string]privacyd.Change{"days": {Before: before.Days, After: days}},
		})
		if err != nil {
			return err
		}
		if err := e.Retention.InsertPolicy(ctx, p, auditID); err != nil {
			return err
		}
		if err := e.tellRetention(ctx, g.Workspace, before.Days, p); err != nil {
			return err
		}
		return e.scheduleRetention(ctx, g.Workspace.ID)
	})
}

// RetentionPreview tells what a policy of so many days would take: now, and
// with it in force from now on. Days below 0: the policy as it is. Admins.
func (e *Engine) RetentionPreview(ctx context.Context, c privacyd.Caller, workspace string, days int) (*RetentionEffect, error) {
	return e.RetentionPreviewAfter(ctx, c, workspace, days, "")
}

// RetentionPreviewAfter is RetentionPreview with the rows that go after a
// NextCursor. Admins. Codes: retention_invalid, cursor_invalid.
func (e *Engine) RetentionPreviewAfter(ctx context.Context, c privacyd.Caller, workspace string, days int, cursor string) (*RetentionEffect, error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionManageRetention)
	if err != nil {
		return nil, err
	}
	from, err := parseNext(cursor)
	if err != nil {
		return nil, err
	}
	versions, err := e.Retention.Policies(ctx, g.Workspace.ID)
	if err != nil {
		return nil, err
	}
	now := e.Now()
	if days >= 0 {
		p := privacyd.Policy{WorkspaceID: g.Workspace.ID, Version: len(versions) + 1, Days: days, From: now}
		if err := p.Valid(); err != nil {
			return nil, err
		}
		versions = append(slices.Clone(versions), p)
	}
	return e.retentionEffectFrom(ctx, g, versions, now, from)
}

// KeepRow keeps one row from retention runs, or gives it back to them. Admins.
// Code record_not_found. Audit: retention.keep, retention.unkeep.
func (e *Engine) KeepRow(ctx context.Context, c privacyd.Caller, workspace string, t privacyd.HoldTarget, keep bool) error {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionManageRetention)
	if err != nil {
		return err
	}
	t.Type = privacyd.HoldConversation
	t = e.conversationOf(t, g.Workspace)
	if err := e.findRow(ctx, g.Workspace, t); err != nil {
		return err
	}
	whose, err := e.ownerOfRow(ctx, g.Workspace, t)
	if err != nil {
		return err
	}
	ref, action := e.targetRef(g.Workspace.ID, t), "retention.keep"
	if !keep {
		action = "retention.unkeep"
	}
	return e.Tx.InTx(ctx, func(ctx context.Context) error {
		auditID, err := e.record(ctx, privacyd.AuditEvent{
			WorkspaceID: g.Workspace.ID, Caller: c, Role: g.Role, Action: action, Outcome: privacyd.OutcomeDone,
			Target: privacyd.Target{Type: "conversation", ID: t.Key[len(t.Key)-1], Subject: whose},
		})
		if err != nil {
			return err
		}
		if !keep {
			_, err := e.Retention.UnkeepRow(ctx, g.Workspace.ID, ref)
			return err
		}
		sealed, err := e.sealJSON(ctx, scopeOwner(g.Workspace.ID), "kept row", t)
		if err != nil {
			return err
		}
		return e.Retention.KeepRow(ctx, privacyd.KeptRow{
			WorkspaceID: g.Workspace.ID, Ref: ref, Sealed: sealed, KeptBy: c.ID(), KeptAt: e.Now(),
		}, auditID)
	})
}

// scheduleRetention plans a workspace's next daily run, at the hour and in the
// time zone that its admins chose. One that is planned already and was missed
// stays as it is, and so is caught up with.
func (e *Engine) scheduleRetention(ctx context.Context, workspaceID string) error {
	at, err := e.nextRetention(ctx, workspaceID)
	if err != nil {
		return err
	}
	return e.Queue.Enqueue(ctx, work.Item{Kind: WorkRetention, Key: workspaceID, At: at})
}

func (e *Engine) nextRetention(ctx context.Context, workspaceID string) (time.Time, error) {
	settings, err := e.States.Settings(ctx, workspaceID)
	if err != nil {
		return time.Time{}, err
	}
	zone, err := settings.Zone()
	if err != nil {
		return time.Time{}, err
	}
	return privacyd.NextHour(e.Now(), settings.RetentionHour, zone), nil
}

// NextRetentionRun is when a workspace's next daily run begins; nil while
// everything is kept for ever. Every member may see it.
func (e *Engine) NextRetentionRun(ctx context.Context, c privacyd.Caller, workspace string) (*time.Time, error) {
	now, _, err := e.RetentionPolicy(ctx, c, workspace)
	if err != nil || now.Forever() {
		return nil, err
	}
	at, err := e.nextRetention(ctx, now.WorkspaceID)
	return &at, err
}

// ScheduleRetention sees to it at start that the next run of every workspace
// that has a policy is planned.
func (e *Engine) ScheduleRetention(ctx context.Context) error {
	workspaces, err := e.Workspaces.Workspaces(ctx, "")
	if err != nil {
		return err
	}
	for _, w := range workspaces {
		versions, err := e.Retention.Policies(ctx, w.ID)
		if err != nil {
			return err
		}
		if len(versions) == 0 {
			continue
		}
		if err := e.Tx.InTx(ctx, func(ctx context.Context) error { return e.scheduleRetention(ctx, w.ID) }); err != nil {
			return err
		}
	}
	return nil
}

// RunRetention is the handler of WorkRetention: it makes the day's job, or none
// when nothing is due or all of it is held, and plans the next day's. A day that
// fails again and again is given up, not those after it.
func (e *Engine) RunRetention(ctx context.Context, workspaceID string, lease work.Lease) error {
	_, err := e.startRetention(ctx, privacyd.System("retention"), grant{Workspace: privacyd.Workspace{ID: workspaceID}}, lease.Check)
	if privacyd.CodeOf(err) == "workspace_not_found" {
		return nil
	}
	if err != nil {
		if ctx.Err() != nil || errors.Is(err, work.ErrLost) || lease.Attempt() < retentionAttempts {
			return err
		}
		e.Log.ErrorContext(ctx, "a day's retention run could not begin; the next day's will", "workspace", workspaceID, "error", err)
	}
	versions, err := e.Retention.Policies(ctx, workspaceID)
	if err != nil || len(versions) == 0 {
		return err // the workspace is deleted
	}
	return e.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := lease.Check(ctx); err != nil {
			return err
		}
		return e.scheduleRetention(ctx, workspaceID)
	})
}

// RetainNow runs the retention policy at once; no job means that nothing is
// due. Admins. Audit: retention_run.create.
func (e *Engine) RetainNow(ctx context.Context, c privacyd.Caller, workspace string) (*privacyd.Job, error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionManageRetention)
	if err != nil {
		return nil, err
	}
	return e.startRetention(ctx, c, g, func(context.Context) error { return nil })
}

// startRetention makes a run's job: queued, or waiting for a confirmation when
// it would take more than the workspace's brake allows.
func (e *Engine) startRetention(ctx context.Context, c privacyd.Caller, g grant, check func(context.Context) error) (*privacyd.Job, error) {
	w, err := e.Workspaces.Workspace(ctx, g.Workspace.ID)
	if err != nil {
		return nil, err
	}
	g.Workspace = w
	versions, err := e.Retention.Policies(ctx, w.ID)
	if err != nil || privacyd.InForce(versions, e.Now()).Forever() {
		return nil, err
	}
	effect, err := e.retentionEffect(ctx, g, versions, e.Now())
	if err != nil || effect.Due == 0 {
		return nil, err
	}
	job, err := e.draftJob(ctx, g, NewJob{Type: privacyd.JobRetentionRun}, c.ID())
	if err != nil {
		return nil, err
	}
	plan, err := e.planJob(ctx, job, w)
	if err != nil || plan.WhollyHeld || plan.Totals().Deleted == 0 {
		return nil, err // all that is due is held or kept
	}
	if err := e.keepPlan(ctx, plan, w.ID, c.ID()); err != nil {
		return nil, err
	}
	var pending *privacyd.Job
	err = e.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := check(ctx); err != nil {
			return err
		}
		if err := e.Workspaces.LockWorkspace(ctx, w.ID); err != nil {
			return err
		}
		if pending, err = e.Lookup.PendingJob(ctx, job); err != nil || pending != nil {
			return err
		}
		pending = job
		if err := e.ask(ctx, c, g, job, plan); err != nil {
			return err
		}
		if effect.Braked {
			return e.tellBraked(ctx, c, job)
		}
		return e.schedule(ctx, privacyd.System("retention"), g, job, "queue")
	})
	return pending, err
}
