package engine

import (
	"context"

	"github.com/privacyd/privacyd"
)

// Settings gives a workspace's settings. Every member may see them.
func (e *Engine) Settings(ctx context.Context, c privacyd.Caller, workspace string) (privacyd.Settings, error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionReadWorkspace)
	if err != nil {
		return privacyd.Settings{}, err
	}
	return e.States.Settings(ctx, g.Workspace.ID)
}

// ChangeSettings changes a workspace's settings. Admins. Codes: those of
// Settings.Valid, place_country_refused. Audit: workspace.settings, with before and after.
func (e *Engine) ChangeSettings(ctx context.Context, c privacyd.Caller, workspace string, s privacyd.Settings) (privacyd.Settings, error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionManageWorkspace)
	if err != nil {
		return s, err
	}
	if err := s.Valid(); err != nil {
		return s, err
	}
	if err := e.checkCountries(s.AllowedCountries); err != nil {
		return s, err
	}
	return s, e.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := e.Workspaces.LockWorkspace(ctx, g.Workspace.ID); err != nil {
			return err
		}
		before, err := e.States.Settings(ctx, g.Workspace.ID)
		if err != nil {
			return err
		}
		if s, err = e.switchApproval(ctx, c, g, before, s); err != nil {
			return err
		}
		changes := before.Changes(s)
		if len(changes) == 0 {
			return nil
		}
		auditID, err := e.record(ctx, privacyd.AuditEvent{
			WorkspaceID: g.Workspace.ID, Caller: c, Role: g.Role, Action: "workspace.settings", Outcome: privacyd.OutcomeDone,
			Target: privacyd.Target{Type: "workspace", ID: g.Workspace.ID}, Changes: changes,
		})
		if err != nil {
			return err
		}
		if err := e.States.PutSettings(ctx, g.Workspace.ID, s, auditID); err != nil {
			return err
		}
		if err := e.LookAtHeldMails(ctx, g.Workspace.ID); err != nil {
			return err
		}
		return e.moveRetention(ctx, g.Workspace.ID, before, s)
	})
}

// switchApproval lets nobody end alone what makes two of them look at a
// deletion: neither an admin nor a program.
func (e *Engine) switchApproval(ctx context.Context, c privacyd.Caller, g grant, before, s privacyd.Settings) (privacyd.Settings, error) {
	if c.Kind == privacyd.CallerOperator {
		return s.SwitchApproval(before, ""), nil
	}
	if before.Approval && !s.Approval && c.Kind != privacyd.CallerAccount {
		return s, e.deny(ctx, c, g, privacyd.ActionManageWorkspace, privacyd.Errorf(privacyd.ClassForbidden, "approval_needs_person",
			"Approval by a second admin is switched off by two signed-in admins, or by the operator."))
	}
	return s.SwitchApproval(before, c.AccountID), nil
}

// moveRetention plans a workspace's next retention run anew when its hour or
// its time zone changed.
func (e *Engine) moveRetention(ctx context.Context, workspaceID string, before, after privacyd.Settings) error {
	if before.RetentionHour == after.RetentionHour && before.TimeZone == after.TimeZone {
		return nil
	}
	versions, err := e.Retention.Policies(ctx, workspaceID)
	if err != nil || len(versions) == 0 {
		return err
	}
	if err := e.Queue.Cancel(ctx, WorkRetention, workspaceID); err != nil {
		return err
	}
	return e.scheduleRetention(ctx, workspaceID)
}
