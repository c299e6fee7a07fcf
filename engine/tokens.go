package engine

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/privacyd/privacyd"
)

// CreateToken makes an API token of a workspace and gives its secret, which is
// not kept. Admins and the operator. Codes: label_invalid, scope_unknown,
// workspace_read_only.
// Audit: tokens.manage.
func (e *Engine) CreateToken(ctx context.Context, c privacyd.Caller, workspace, label string, scopes []privacyd.Action) (t privacyd.Token, secret string, err error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionManageTokens)
	if err != nil {
		return t, "", err
	}
	if state, _, err := e.States.WorkspaceState(ctx, g.Workspace.ID); err != nil || state != privacyd.WorkspaceActive {
		return t, "", cmp.Or(err, e.deny(ctx, c, g, privacyd.ActionManageTokens, errReadOnly()))
	}
	if label, err = displayName(label); err != nil {
		return t, "", privacyd.Errorf(privacyd.ClassInvalid, "label_invalid", "A label has 1 to 200 characters on one line.")
	}
	if err := checkScopes(c, g.Workspace.ID, scopes); err != nil {
		return t, "", err
	}
	id, err := newID()
	if err != nil {
		return t, "", err
	}
	if secret, err = newSecret(tokenPrefix); err != nil {
		return t, "", err
	}
	t = privacyd.Token{ID: id, WorkspaceID: g.Workspace.ID, Label: label, Scopes: scopes, CreatedAt: e.Now(), CreatedBy: c.ID()}
	auditID := ""
	err = e.Tx.InTx(ctx, func(ctx context.Context) error {
		auditID, err = e.record(ctx, privacyd.AuditEvent{
			WorkspaceID: g.Workspace.ID, Caller: c, Role: g.Role, Action: string(privacyd.ActionManageTokens),
			Outcome: privacyd.OutcomeDone, Target: privacyd.Target{Type: "token", ID: t.ID, Name: t.Label, Subject: maker(c)},
			Changes: map[string]privacyd.Change{"scopes": {After: scopes}},
		})
		if err != nil {
			return err
		}
		return e.Sessions.InsertToken(ctx, t, hashSecret(secret), auditID)
	})
	if err != nil {
		return t, "", err
	}
	t.Audit = e.settle(ctx, auditID)
	return t, secret, nil
}

// TokensPage lists a page of a workspace's API tokens, sorted by label, made or
// used; the newest first if not sorted otherwise. Admins and the operator. Code
// cursor_invalid.
func (e *Engine) TokensPage(ctx context.Context, c privacyd.Caller, workspace string, q privacyd.PageQuery) (privacyd.Page[privacyd.Token], error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionManageTokens)
	if err != nil {
		return privacyd.Page[privacyd.Token]{}, err
	}
	return e.Sessions.TokensPage(ctx, g.Workspace.ID, bounded(q))
}

// RevokeToken ends an API token at once. What it has asked for stays. Admins and
// the operator. Code token_not_found. Audit: token.revoke.
func (e *Engine) RevokeToken(ctx context.Context, c privacyd.Caller, workspace, id string) (*privacyd.Audited, error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionManageTokens)
	if err != nil {
		return nil, err
	}
	auditID := ""
	err = e.Tx.InTx(ctx, func(ctx context.Context) error {
		t, err := e.Sessions.TakeToken(ctx, g.Workspace.ID, id)
		if err != nil {
			return err
		}
		made, err := e.makerOf(ctx, t)
		if err != nil {
			return err
		}
		auditID, err = e.record(ctx, privacyd.AuditEvent{
			WorkspaceID: g.Workspace.ID, Caller: c, Role: g.Role, Action: "token.revoke", Outcome: privacyd.OutcomeDone,
			Target:  privacyd.Target{Type: "token", ID: t.ID, Name: t.Label, Subject: made},
			Changes: map[string]privacyd.Change{"scopes": {Before: t.Scopes}},
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return e.settle(ctx, auditID), nil
}

// touchToken keeps when a token was used, now and then, as touch does.
func (e *Engine) touchToken(ctx context.Context, t privacyd.Token) {
	if t.LastUsedAt != nil && e.Now().Sub(*t.LastUsedAt) < seenEvery {
		return
	}
	if err := e.Sessions.TouchToken(ctx, t.ID, e.Now()); err != nil {
		e.Log.WarnContext(ctx, "the use of an API token could not be kept", "token", t.ID, "error", err)
	}
}

// TokenLabels gives what those of these ids are called that are API tokens of a
// workspace, so that people can be told what asked for a job. Whoever may make
// tokens.
func (e *Engine) TokenLabels(ctx context.Context, c privacyd.Caller, workspace string, ids []string) (map[string]string, error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionManageTokens)
	if err != nil {
		return nil, err
	}
	return e.Sessions.TokenLabels(ctx, g.Workspace.ID, ids)
}

// maker is the person whose token it is, and goes with.
func maker(c privacyd.Caller) *privacyd.Subject {
	if c.Kind != privacyd.CallerAccount {
		return nil
	}
	return &privacyd.Subject{Kind: accountKind, ID: c.AccountID}
}

// makerOf is maker, of a token that is there: the operator and other tokens are
// no persons.
func (e *Engine) makerOf(ctx context.Context, t privacyd.Token) (*privacyd.Subject, error) {
	_, err := e.Accounts.Account(ctx, t.CreatedBy)
	switch {
	case privacyd.ClassOf(err) == privacyd.ClassNotFound:
		return nil, nil //nolint:nilnil // nobody's
	case err != nil:
		return nil, err
	}
	return &privacyd.Subject{Kind: accountKind, ID: t.CreatedBy}, nil
}

// checkScopes also keeps a token from making one that may do more than itself.
func checkScopes(c privacyd.Caller, workspaceID string, scopes []privacyd.Action) error {
	if len(scopes) == 0 {
		return privacyd.Errorf(privacyd.ClassInvalid, "scope_unknown", "Name at least one scope: %s.", scopeList())
	}
	for _, s := range scopes {
		if !slices.Contains(privacyd.WorkspaceActions(), s) {
			return privacyd.Errorf(privacyd.ClassInvalid, "scope_unknown", "There is no such scope. Choose among: %s.", scopeList())
		}
		if !c.Scoped(workspaceID, s) {
			return privacyd.Errorf(privacyd.ClassForbidden, "scope_missing", "A token cannot give the scope %s that it lacks itself.", s)
		}
	}
	return nil
}

func scopeList() string {
	var names []string
	for _, a := range privacyd.WorkspaceActions() {
		names = append(names, string(a))
	}
	return strings.Join(names, ", ")
}
