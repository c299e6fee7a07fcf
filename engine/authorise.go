package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/privacyd/privacyd"
)

// grant is what authorisation found: the workspace and the caller's role in it.
type grant struct {
	Workspace privacyd.Workspace
	Role      privacyd.Role // empty for tokens, the operator and the system
}

// authorise finds the workspace by id or slug and checks that the caller may
// do action in it. Codes: not_signed_in; workspace_not_found, also for a
// workspace that is not the caller's, so that nobody can probe for names;
// role_missing and scope_missing. A refusal is audited.
func (e *Engine) authorise(ctx context.Context, c privacyd.Caller, ref string, action privacyd.Action) (grant, error) {
	if c.Kind == privacyd.CallerAnonymous {
		return grant{}, errNotSignedIn()
	}
	w, err := e.Workspaces.Workspace(ctx, ref)
	if err != nil {
		return grant{}, e.deny(ctx, c, grant{}, action, err)
	}
	g, err := e.authoriseIn(ctx, c, w, action)
	if err != nil {
		return g, err
	}
	if err := e.checkOpen(ctx, c, g, action); err != nil || !slices.Contains(sending, action) {
		return g, err
	}
	return g, e.checkResidency(ctx, c, g, action)
}

// sending are the actions that put a workspace's data somewhere. None of them
// is done while a place is where its data may not be; erasing always is.
var sending = []privacyd.Action{
	privacyd.ActionExportWorkspace, privacyd.ActionExportSubject, privacyd.ActionImport, privacyd.ActionWriteRecords, privacyd.ActionWriteAudit, privacyd.ActionCallLLM,
}

func (e *Engine) authoriseIn(ctx context.Context, c privacyd.Caller, w privacyd.Workspace, action privacyd.Action) (grant, error) {
	if c.Only != "" && c.Only != w.ID {
		return grant{}, e.deny(ctx, c, grant{}, action, errNoWorkspace())
	}
	switch c.Kind {
	case privacyd.CallerOperator, privacyd.CallerSystem:
		return grant{Workspace: w}, nil
	case privacyd.CallerToken:
		return e.authoriseToken(ctx, c, w, action)
	default:
		return e.authoriseMember(ctx, c, w, action)
	}
}

// closing are the actions that stay possible while a workspace's deletion is in
// its grace period: reading, exporting, cancelling, what persons are owed, and
// revoking tokens.
var closing = []privacyd.Action{
	privacyd.ActionExportWorkspace, privacyd.ActionExportSubject, privacyd.ActionDownload, privacyd.ActionReadRecords,
	privacyd.ActionReadJobs, privacyd.ActionCancelJob, privacyd.ActionReadAudit, privacyd.ActionReadWorkspace,
	privacyd.ActionDeleteSubject, privacyd.ActionDeleteWorkspace, privacyd.ActionManageHolds, privacyd.ActionApprove,
	privacyd.ActionReadReceipts, privacyd.ActionReadEncryption, privacyd.ActionWriteAudit, privacyd.ActionManageTokens,
}

// checkOpen refuses what a workspace no more takes. Codes: workspace_read_only,
// workspace_not_found when it is deleted.
func (e *Engine) checkOpen(ctx context.Context, c privacyd.Caller, g grant, action privacyd.Action) error {
	state, _, err := e.States.WorkspaceState(ctx, g.Workspace.ID)
	if err != nil || state == privacyd.WorkspaceActive || slices.Contains(closing, action) && state == privacyd.WorkspaceReadOnly {
		return err
	}
	after := []privacyd.Action{privacyd.ActionReadAudit, privacyd.ActionReadReceipts, privacyd.ActionReadJobs}
	if state == privacyd.WorkspaceDeleted {
		if slices.Contains(after, action) {
			return nil
		}
		return e.deny(ctx, c, grant{}, action, errNoWorkspace()) // its log is frozen
	}
	return e.deny(ctx, c, g, action, errReadOnly())
}

func errReadOnly() error {
	return privacyd.Errorf(privacyd.ClassConflict, "workspace_read_only",
		"This workspace is being deleted and takes no changes. Cancel its deletion first.")
}

func (e *Engine) authoriseToken(ctx context.Context, c privacyd.Caller, w privacyd.Workspace, action privacyd.Action) (grant, error) {
	if c.Token == nil || c.Token.WorkspaceID != w.ID {
		return grant{}, e.deny(ctx, c, grant{}, action, errNoWorkspace())
	}
	g := grant{Workspace: w}
	if !c.Scoped(w.ID, action) {
		return grant{}, e.deny(ctx, c, g, action, privacyd.Errorf(privacyd.ClassForbidden, "scope_missing",
			"This API token may not do that: it lacks the scope %s. Make one that has it.", action))
	}
	return g, nil
}

func (e *Engine) authoriseMember(ctx context.Context, c privacyd.Caller, w privacyd.Workspace, action privacyd.Action) (grant, error) {
	if err := e.checkStaying(ctx, c, action); err != nil {
		return grant{}, err
	}
	role, err := e.Workspaces.MemberRole(ctx, w.ID, c.AccountID)
	if err != nil {
		return grant{}, e.deny(ctx, c, grant{}, action, err)
	}
	g := grant{Workspace: w, Role: role}
	if !role.May(action) {
		return grant{}, e.deny(ctx, c, g, action, privacyd.Errorf(privacyd.ClassForbidden, "role_missing",
			"Your role in this workspace does not allow that. It needs %s.", orList(privacyd.RolesFor(action))))
	}
	return g, nil
}

// checkStaying refuses an account that is being deleted. Code account_leaving.
func (e *Engine) checkStaying(ctx context.Context, c privacyd.Caller, action privacyd.Action) error {
	state, _, err := e.States.AccountState(ctx, c.AccountID)
	if err != nil || state != privacyd.AccountLeaving {
		return err
	}
	return e.deny(ctx, c, grant{}, action, privacyd.Errorf(privacyd.ClassForbidden, "account_leaving",
		"This account is being deleted. Cancel that first: My account shows when it happens."))
}

// operatorOnly lets only whoever runs the server pass.
func (e *Engine) operatorOnly(ctx context.Context, c privacyd.Caller, action privacyd.Action) error {
	switch {
	case c.Kind == privacyd.CallerAnonymous:
		return errNotSignedIn()
	case c.Only != "": // what is the instance's lies in no workspace
	case c.Kind == privacyd.CallerOperator, c.Kind == privacyd.CallerSystem:
		return nil
	}
	return e.deny(ctx, c, grant{}, action, privacyd.Errorf(privacyd.ClassForbidden, "operator_only",
		"Only the operator may do that, with the commands on the server's own machine."))
}

// deny audits a refusal and gives back its error. An error that is no refusal
// passes unaudited.
func (e *Engine) deny(ctx context.Context, c privacyd.Caller, g grant, action privacyd.Action, refusal error) error {
	switch privacyd.ClassOf(refusal) {
	case privacyd.ClassNotFound, privacyd.ClassForbidden, privacyd.ClassUnauthenticated, privacyd.ClassRefused:
	default:
		return refusal
	}
	err := e.recordRefusal(ctx, privacyd.AuditEvent{
		WorkspaceID: g.Workspace.ID, Caller: c, Role: g.Role, Action: string(action),
		Outcome: privacyd.OutcomeDenied, Code: privacyd.CodeOf(refusal),
	})
	if err != nil {
		return fmt.Errorf("audit a refusal: %w", err)
	}
	return refusal
}

func errNotSignedIn() error {
	return privacyd.Errorf(privacyd.ClassUnauthenticated, "not_signed_in",
		"Sign in first, or send an API token as: Authorization: Bearer TOKEN.")
}

func errNoWorkspace() error {
	return privacyd.Errorf(privacyd.ClassNotFound, "workspace_not_found",
		"There is no such workspace, or you are not a member of it. Check its id or slug.")
}

func orList(roles []privacyd.Role) string {
	text := ""
	for i, r := range roles {
		if i > 0 {
			text += " or "
		}
		text += string(r)
	}
	return text
}
