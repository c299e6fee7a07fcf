package engine

import (
	"context"

	"github.com/privacyd/privacyd"
)

// MembersPage is a page of a workspace's members.
type MembersPage struct {
	privacyd.Page[privacyd.MemberProfile]
	Admins int // those who are not leaving
}

// MembersPage lists a page of a workspace's members, sorted by email, name, role
// or since. Admins and the operator. Code cursor_invalid.
func (e *Engine) MembersPage(ctx context.Context, c privacyd.Caller, workspace string, q privacyd.PageQuery) (page MembersPage, err error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionManageMembers)
	if err != nil {
		return page, err
	}
	if page.Page, err = e.People.MembersPage(ctx, g.Workspace.ID, bounded(q)); err != nil {
		return page, err
	}
	page.Admins, err = e.People.OtherAdmins(ctx, g.Workspace.ID, "")
	return page, err
}

// Member gives one member. Admins and the operator. Code member_not_found.
func (e *Engine) Member(ctx context.Context, c privacyd.Caller, workspace, accountID string) (privacyd.MemberProfile, error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionManageMembers)
	if err != nil {
		return privacyd.MemberProfile{}, err
	}
	return e.People.Member(ctx, g.Workspace.ID, accountID)
}

// MemberNames gives what those of these ids are called that are members, so that
// people can be told who did something. Admins and the operator.
func (e *Engine) MemberNames(ctx context.Context, c privacyd.Caller, workspace string, ids []string) (map[string]string, error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionManageMembers)
	if err != nil {
		return nil, err
	}
	return e.People.MemberNames(ctx, g.Workspace.ID, ids)
}

// bounded keeps a page of a list within what is given at once.
func bounded(q privacyd.PageQuery) privacyd.PageQuery {
	if q.Limit <= 0 || q.Limit > maxPage {
		q.Limit = 50
	}
	return q
}

// ChangeRole gives a member another role. Admins and the operator. Codes:
// role_invalid, member_not_found, last_admin. Audit: member.role.
func (e *Engine) ChangeRole(ctx context.Context, c privacyd.Caller, workspace, accountID string, role privacyd.Role) (privacyd.MemberProfile, error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionManageMembers)
	if err != nil {
		return privacyd.MemberProfile{}, err
	}
	if !role.Valid() {
		return privacyd.MemberProfile{}, errRole()
	}
	var m privacyd.MemberProfile
	auditID := ""
	err = e.Tx.InTx(ctx, func(ctx context.Context) error {
		if m, err = e.lockMember(ctx, g.Workspace, accountID); err != nil || m.Role == role {
			return err
		}
		if err := e.keepAdmin(ctx, g.Workspace, m); err != nil {
			return err
		}
		if auditID, err = e.record(ctx, memberEvent(c, g, m, "member.role", privacyd.Change{Before: m.Role, After: role})); err != nil {
			return err
		}
		if err := e.withdrawOf(ctx, c, g, m); err != nil {
			return err
		}
		m.Role = role
		return e.People.SetRole(ctx, g.Workspace.ID, m.AccountID, role, auditID)
	})
	if err == nil && auditID != "" {
		m.Audit = e.settle(ctx, auditID)
	}
	return m, err
}

// RemoveMember takes a member out of a workspace, with what they have invited.
// The account stays. Admins and the operator. Codes: member_not_found,
// last_admin. Audit: member.remove.
func (e *Engine) RemoveMember(ctx context.Context, c privacyd.Caller, workspace, accountID string) (*privacyd.Audited, error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionManageMembers)
	if err != nil {
		return nil, err
	}
	auditID := ""
	err = e.Tx.InTx(ctx, func(ctx context.Context) error {
		m, err := e.lockMember(ctx, g.Workspace, accountID)
		if err != nil {
			return err
		}
		if err := e.keepAdmin(ctx, g.Workspace, m); err != nil {
			return err
		}
		if auditID, err = e.record(ctx, memberEvent(c, g, m, "member.remove", privacyd.Change{Before: m.Role})); err != nil {
			return err
		}
		if err := e.withdrawOf(ctx, c, g, m); err != nil {
			return err
		}
		return e.People.DeleteMember(ctx, g.Workspace.ID, m.AccountID)
	})
	if err != nil {
		return nil, err
	}
	return e.settle(ctx, auditID), nil
}

// lockMember finds a member and keeps everybody else from changing the members
// of the workspace until the transaction ends: of two admins who remove each
// other, one stays.
func (e *Engine) lockMember(ctx context.Context, w privacyd.Workspace, accountID string) (privacyd.MemberProfile, error) {
	if err := e.Workspaces.LockWorkspace(ctx, w.ID); err != nil {
		return privacyd.MemberProfile{}, err
	}
	return e.People.Member(ctx, w.ID, accountID)
}

// keepAdmin refuses what would leave a workspace without an admin.
func (e *Engine) keepAdmin(ctx context.Context, w privacyd.Workspace, m privacyd.MemberProfile) error {
	if m.Role != privacyd.RoleAdmin {
		return nil
	}
	others, err := e.People.OtherAdmins(ctx, w.ID, m.AccountID)
	if err == nil && others == 0 {
		err = privacyd.Errorf(privacyd.ClassConflict, "last_admin",
			"This is the last admin of the workspace. Make somebody else an admin first.")
	}
	return err
}

// withdrawOf takes back what somebody has invited who may not invite any more.
func (e *Engine) withdrawOf(ctx context.Context, c privacyd.Caller, g grant, m privacyd.MemberProfile) error {
	n, err := e.People.DeleteInvitationsBy(ctx, g.Workspace.ID, m.AccountID)
	if err != nil || n == 0 {
		return err
	}
	_, err = e.record(ctx, privacyd.AuditEvent{
		WorkspaceID: g.Workspace.ID, Caller: c, Role: g.Role, Action: "member.withdraw", Outcome: privacyd.OutcomeDone,
		Target: memberTarget(m), Facts: map[string]int64{"invitations": n},
	})
	return err
}

func memberTarget(m privacyd.MemberProfile) privacyd.Target {
	return accountTarget(privacyd.Account{ID: m.AccountID, Name: m.Name})
}

func memberEvent(c privacyd.Caller, g grant, m privacyd.MemberProfile, action string, role privacyd.Change) privacyd.AuditEvent {
	return privacyd.AuditEvent{
		WorkspaceID: g.Workspace.ID, Caller: c, Role: g.Role, Action: action, Outcome: privacyd.OutcomeDone,
		Target: memberTarget(m), Changes: map[string]privacyd.Change{"role": role},
	}
}

func errRole() error {
	return privacyd.Errorf(privacyd.ClassInvalid, "role_invalid", "A role is admin, agent or auditor.")
}
