package engine

import (
	"context"
	"time"

	"github.com/privacyd/privacyd"
)

const (
	invitePrefix   = "pdi_"
	invitationLife = 7 * 24 * time.Hour
	mostOpen       = 500 // invitations of one workspace at a time
)

// NewInvitation asks somebody to become a member.
type NewInvitation struct {
	Email string
	Role  privacyd.Role
}

// Invited is an invitation and, where there is no mail and the operator asks,
// the secret of its link, which is not kept.
type Invited struct {
	privacyd.Invitation
	Secret string
}

// Invite asks somebody to become a member, by a link that works once, for seven
// days; asking again sends a new link in place of the old one, but not within five
// seconds. Admins and the
// operator, who gets the link itself where there is no mail. Codes:
// email_invalid, role_invalid, member_exists, mail_missing, too_many_attempts,
// invitations_full. Audit: member.invite.
func (e *Engine) Invite(ctx context.Context, c privacyd.Caller, workspace string, r NewInvitation) (v Invited, err error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionManageMembers)
	if err != nil {
		return v, err
	}
	if err := e.needMail(); err != nil && c.Kind != privacyd.CallerOperator {
		return v, err
	}
	if !r.Role.Valid() {
		return v, errRole()
	}
	email, err := privacyd.NormalEmail(r.Email)
	if err != nil {
		return v, err
	}
	if err := e.take(ctx, c, privacyd.ActionManageMembers, privacyd.Target{}, e.trial(tryInvite, g.Workspace.ID)); err != nil {
		return v, err
	}
	secret, err := newSecret(invitePrefix)
	if err != nil {
		return v, err
	}
	err = e.Tx.InTx(ctx, func(ctx context.Context) error {
		v.Invitation, err = e.invite(ctx, c, g, email, r.Role, secret)
		return err
	})
	if e.MailState() == MailOff {
		v.Secret = secret
	}
	return v, err
}

func (e *Engine) invite(ctx context.Context, c privacyd.Caller, g grant, email string, role privacyd.Role, secret string) (privacyd.Invitation, error) {
	var none privacyd.Invitation
	if err := e.Workspaces.LockWorkspace(ctx, g.Workspace.ID); err != nil {
		return none, err
	}
	known, err := e.People.InvitationTo(ctx, g.Workspace.ID, email)
	if err == nil && e.again(known, c, email, role) {
		return known, nil
	}
	if err != nil && privacyd.ClassOf(err) != privacyd.ClassNotFound {
		return none, err
	}
	open, err := e.People.InvitationsPage(ctx, g.Workspace.ID, privacyd.PageQuery{Limit: 1})
	if err != nil {
		return none, err
	}
	if open.Total >= mostOpen {
		return none, privacyd.Errorf(privacyd.ClassConflict, "invitations_full", "There are %d open invitations. Withdraw some first.", open.Total)
	}
	accountID, err := e.whoIsInvited(ctx, g.Workspace, email)
	if err != nil {
		return none, err
	}
	id, err := newID()
	if err != nil {
		return none, err
	}
	now := e.Now()
	v := privacyd.Invitation{
		ID: id, WorkspaceID: g.Workspace.ID, AccountID: accountID, Email: email, Role: role, InvitedBy: c.ID(),
		CreatedAt: now, ExpiresAt: now.Add(invitationLife),
	}
	ev := invitationEvent(c, g, v, "member.invite")
	ev.Changes = map[string]privacyd.Change{"role": {After: role}}
	auditID, err := e.record(ctx, ev)
	if err != nil {
		return none, err
	}
	if err := e.People.PutInvitation(ctx, v, hashSecret(secret), auditID); err != nil {
		return none, err
	}
	return v, e.tell(ctx, privacyd.Mail{
		Kind: privacyd.MailInvitation, To: privacyd.Addressee{AccountID: accountID, Email: email}, WorkspaceID: g.Workspace.ID,
		Workspace: g.Workspace.Name, Role: role, Path: InvitationPath(secret), Until: &v.ExpiresAt,
	})
}

// twoClicks is how soon after an invitation the same one is not another: its
// mail would make the link of the first one useless.
const twoClicks = 5 * time.Second

// again tells whether an invitation is one that somebody asks for just now,
// whose link is on its way.
func (e *Engine) again(v privacyd.Invitation, c privacyd.Caller, email string, role privacyd.Role) bool {
	return v.Email == email && v.Role == role && v.InvitedBy == c.ID() && e.Now().Sub(v.CreatedAt) < twoClicks && e.MailState() != MailOff
}

// InvitationPath is where the link of an invitation leads.
func InvitationPath(secret string) string { return "/sign-in/invitation/" + secret }

// whoIsInvited gives the id of the account with an address, or the one that it
// will have. What is known of somebody is sealed with the key of that id from
// the first mention on.
func (e *Engine) whoIsInvited(ctx context.Context, w privacyd.Workspace, email string) (string, error) {
	a, _, err := e.Accounts.AccountByEmail(ctx, email)
	if privacyd.CodeOf(err) == "account_not_found" {
		known, err := e.People.InvitedAs(ctx, email)
		if err != nil || known != "" {
			return known, err
		}
		return newID()
	}
	if err != nil {
		return "", err
	}
	_, err = e.Workspaces.MemberRole(ctx, w.ID, a.ID)
	switch {
	case err == nil:
		return "", privacyd.Errorf(privacyd.ClassConflict, "member_exists", "This account is a member of the workspace already.")
	case privacyd.ClassOf(err) == privacyd.ClassNotFound:
		return a.ID, nil
	default:
		return "", err
	}
}

func invitationEvent(c privacyd.Caller, g grant, v privacyd.Invitation, action string) privacyd.AuditEvent {
	return privacyd.AuditEvent{
		WorkspaceID: v.WorkspaceID, Caller: c, Role: g.Role, Action: action, Outcome: privacyd.OutcomeDone,
		Target: privacyd.Target{Type: "invitation", ID: v.ID, Name: v.Email, Subject: &privacyd.Subject{Kind: accountKind, ID: v.AccountID}},
	}
}

// InvitationsPage lists a page of a workspace's open invitations, sorted by email,
// role, sent or until, also those that are too old. Admins and the operator. Code
// cursor_invalid.
func (e *Engine) InvitationsPage(ctx context.Context, c privacyd.Caller, workspace string, q privacyd.PageQuery) (privacyd.Page[privacyd.Invitation], error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionManageMembers)
	if err != nil {
		return privacyd.Page[privacyd.Invitation]{}, err
	}
	return e.People.InvitationsPage(ctx, g.Workspace.ID, bounded(q))
}

// Withdraw takes an invitation back. Admins and the operator. Code
// invitation_not_found. Audit: member.withdraw.
func (e *Engine) Withdraw(ctx context.Context, c privacyd.Caller, workspace, id string) error {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionManageMembers)
	if err != nil {
		return err
	}
	return e.Tx.InTx(ctx, func(ctx context.Context) error {
		v, err := e.People.Invitation(ctx, g.Workspace.ID, id)
		if err != nil {
			return err
		}
		if _, err := e.record(ctx, invitationEvent(c, g, v, "member.withdraw")); err != nil {
			return err
		}
		_, err = e.People.DeleteInvitation(ctx, g.Workspace.ID, id)
		return err
	})
}

// Invitation is what the holder of an invitation's link is shown.
type Invitation struct {
	Workspace privacyd.Workspace
	Role      privacyd.Role
	Email     string
	Known     bool // there is an account to sign in with
}

// FindInvitation tells what an invitation is about. Anybody with its link. Code
// invitation_used.
func (e *Engine) FindInvitation(ctx context.Context, secret string) (Invitation, error) {
	v, err := e.People.InvitationByHash(ctx, hashSecret(secret), e.Now())
	if err != nil {
		return Invitation{}, err
	}
	w, err := e.Workspaces.Workspace(ctx, v.WorkspaceID)
	if err != nil {
		return Invitation{}, err
	}
	a, _, err := e.Accounts.AccountByEmail(ctx, v.Email)
	if err != nil && privacyd.CodeOf(err) != "account_not_found" {
		return Invitation{}, err
	}
	return Invitation{Workspace: w, Role: v.Role, Email: v.Email, Known: a.Invited}, nil
}

// openInvitation finds an invitation to a workspace that still takes members.
func (e *Engine) openInvitation(ctx context.Context, c privacyd.Caller, secret string) (Invitation, error) {
	found, err := e.FindInvitation(ctx, secret)
	if err != nil {
		return found, err
	}
	return found, e.checkOpen(ctx, c, grant{Workspace: found.Workspace}, privacyd.ActionManageMembers)
}

// Join makes the caller a member by an invitation to their own address. Any
// account with the link. Codes: invitation_used, invitation_not_yours. Audit:
// member.add.
func (e *Engine) Join(ctx context.Context, c privacyd.Caller, secret string) (w privacyd.Workspace, err error) {
	if c.Kind != privacyd.CallerAccount {
		return w, errNotSignedIn()
	}
	if err := e.checkStaying(ctx, c, "member.add"); err != nil {
		return w, err
	}
	if _, err := e.openInvitation(ctx, c, secret); err != nil {
		return w, e.denyInvitation(ctx, c, err)
	}
	auditID := ""
	err = e.Tx.InTx(ctx, func(ctx context.Context) error {
		a, err := e.Accounts.Account(ctx, c.AccountID)
		if err != nil {
			return err
		}
		w, auditID, err = e.join(ctx, c, secret, a)
		return err
	})
	return e.joined(ctx, c, w, auditID, err)
}

// joined waits until what has happened cannot be taken back unseen, and says in
// the workspace whether it is so far.
func (e *Engine) joined(ctx context.Context, c privacyd.Caller, w privacyd.Workspace, auditID string, err error) (privacyd.Workspace, error) {
	if err == nil && auditID != "" {
		w.Audit = e.settle(ctx, auditID)
	}
	return w, e.denyInvitation(ctx, c, err)
}

// Accept makes an account for somebody who was invited, and begins their
// session: having the link proves the address. Anybody with the link. Codes:
// invitation_used, account_exists, name_invalid, password_invalid. Audit:
// account.create, member.add, session.create.
func (e *Engine) Accept(ctx context.Context, c privacyd.Caller, secret, name, password string) (in SignedIn, w privacyd.Workspace, err error) {
	found, err := e.openInvitation(ctx, c, secret)
	if err != nil {
		return in, w, e.denyInvitation(ctx, c, err)
	}
	if password == "" {
		return in, w, errPassword()
	}
	account, hash, err := e.prepareAccount(NewAccount{Email: found.Email, Name: name, Password: password})
	if err != nil {
		return in, w, err
	}
	auditID := ""
	err = e.Tx.InTx(ctx, func(ctx context.Context) error {
		if account, err = e.makeAccount(ctx, c, account, hash); err != nil {
			return err
		}
		if w, auditID, err = e.join(ctx, asItself(c, account), secret, account); err != nil {
			return err
		}
		in, err = e.beginSession(ctx, c, account)
		return err
	})
	w, err = e.joined(ctx, c, w, auditID, err)
	return in, w, err
}

func (e *Engine) denyInvitation(ctx context.Context, c privacyd.Caller, err error) error {
	if code := privacyd.CodeOf(err); code == "invitation_used" || code == "invitation_not_yours" {
		return e.deny(ctx, c, grant{}, "member.add", err)
	}
	return err
}

// join uses an invitation up. Somebody who is a member already stays as they
// are, without an entry.
func (e *Engine) join(ctx context.Context, c privacyd.Caller, secret string, a privacyd.Account) (w privacyd.Workspace, auditID string, err error) {
	v, err := e.People.InvitationByHash(ctx, hashSecret(secret), e.Now())
	if err != nil {
		return w, "", err
	}
	if v.Email != a.Email {
		return w, "", privacyd.Errorf(privacyd.ClassForbidden, "invitation_not_yours",
			"This invitation went to another address than that of your account. Sign out and open it again, or ask for one to your address.")
	}
	if w, err = e.Workspaces.Workspace(ctx, v.WorkspaceID); err != nil {
		return w, "", err
	}
	if err := e.Workspaces.LockWorkspace(ctx, w.ID); err != nil {
		return w, "", err
	}
	used, err := e.People.DeleteInvitation(ctx, w.ID, v.ID)
	if err != nil {
		return w, "", err
	}
	if !used { // withdrawn, or accepted twice at once
		_, err := e.People.InvitationByHash(ctx, hashSecret(secret), e.Now())
		return w, "", err
	}
	if _, err := e.Workspaces.MemberRole(ctx, w.ID, a.ID); err == nil || privacyd.ClassOf(err) != privacyd.ClassNotFound {
		return w, "", err
	}
	_, auditID, err = e.addMember(ctx, c, w, a.Email, v.Role)
	return w, auditID, err
}
