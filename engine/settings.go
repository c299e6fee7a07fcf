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
// Settings.Valid, place_country_refused, approval_needs_person. Audit:
// workspace.settings, with before and after.
func (e *Engine) ChangeSettings(ctx context.Context, c privacyd.Caller, workspace string, s privacyd.Settings) (privacyd.Settings, error) {
	return e.amendSettings(ctx, c, workspace, func(ctx context.Context, g grant, before privacyd.Settings) (privacyd.Settings, error) {
		return e.switchApproval(ctx, c, g, before, s)
	})
}

// SetApproval says whether a second admin approves deletions; all other settings
// stay as they are. Switching it off takes two admins, or the operator: see
// Settings.SwitchApproval. Admins. Code approval_needs_person. Audit:
// workspace.settings.
func (e *Engine) SetApproval(ctx context.Context, c privacyd.Caller, workspace string, on bool) (privacyd.Settings, error) {
	return e.amendSettings(ctx, c, workspace, func(ctx context.Context, g grant, before privacyd.Settings) (privacyd.Settings, error) {
		after := before
		after.Approval = on
		return e.switchApproval(ctx, c, g, before, after)
	})
}

// SetDailyRun changes when the daily retention run is, and how much it may take;
// all other settings stay as they are. Admins. Codes: time_zone_invalid,
// retention_hour_invalid, retention_brake_invalid. Audit: workspace.settings.
func (e *Engine) SetDailyRun(ctx context.Context, c privacyd.Caller, workspace, zone string, hour, brake int) (privacyd.Settings, error) {
	return e.amendSettings(ctx, c, workspace, func(_ context.Context, _ grant, s privacyd.Settings) (privacyd.Settings, error) {
		s.TimeZone, s.RetentionHour, s.RetentionBrake = zone, hour, brake
		return s, nil
	})
}

// amendSettings changes the settings as they are at that moment: of two changes
// at once none undoes the other. It gives them as they are then, also those that
// it refuses.
func (e *Engine) amendSettings(ctx context.Context, c privacyd.Caller, workspace string, amend func(ctx context.Context, g grant, before privacyd.Settings) (privacyd.Settings, error)) (s privacyd.Settings, err error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionManageWorkspace)
	if err != nil {
		return s, err
	}
	err = e.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := e.Workspaces.LockWorkspace(ctx, g.Workspace.ID); err != nil {
			return err
		}
		before, err := e.States.Settings(ctx, g.Workspace.ID)
		if err != nil {
			return err
		}
		if s, err = amend(ctx, g, before); err != nil {
			return err
		}
		if err := s.Valid(); err != nil {
			return err
		}
		if err := e.checkCountries(s.AllowedCountries); err != nil {
			return err
		}
		return e.putSettings(ctx, c, g, before, s)
	})
	return s, err
}

// putSettings is run in the transaction that holds the workspace.
func (e *Engine) putSettings(ctx context.Context, c privacyd.Caller, g grant, before, s privacyd.Settings) error {
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
