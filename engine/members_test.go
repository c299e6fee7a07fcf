package engine_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

func TestTheLastAdminStays(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx := t.Context()
		w := b.NewWorkspace("acme")
		admin, agent := b.Member(privacyd.RoleAdmin, w), b.Member(privacyd.RoleAgent, w)
		_, err := b.ChangeRole(ctx, admin, w.ID, admin.AccountID, privacyd.RoleAgent)
		b.WantCode(err, "last_admin")
		for _, c := range []privacyd.Caller{admin, enginetest.Operator} {
			_, err := b.RemoveMember(ctx, c, w.ID, admin.AccountID)
			b.WantCode(err, "last_admin")
		}
		m, err := b.ChangeRole(ctx, admin, w.ID, agent.AccountID, privacyd.RoleAdmin)
		b.Must(err)
		if m.Role != privacyd.RoleAdmin || m.Email != agent.Email {
			t.Errorf("%+v", m)
		}
		audited, err := b.RemoveMember(ctx, agent, w.ID, admin.AccountID)
		b.Must(err)
		if audited.Checkpoint != privacyd.CheckpointSigned || m.Audit.Checkpoint != privacyd.CheckpointSigned {
			t.Errorf("%+v, then %+v", m.Audit, audited)
		}
		_, err = b.MembersPage(ctx, admin, w.ID, privacyd.PageQuery{})
		b.WantCode(err, "workspace_not_found")
		list, err := b.MembersPage(ctx, agent, w.ID, privacyd.PageQuery{})
		b.Must(err)
		if list.Total != 2 || list.Admins != 1 {
			t.Errorf("%+v", list)
		}
		if log := b.Audited(w.ID); !slices.Contains(log, "member.role done") || !slices.Contains(log, "member.remove done") {
			t.Errorf("%v", log)
		}
	})
}

func TestMembersAreForAdmins(t *testing.T) {
	b := enginetest.NewSQLite(t)
	ctx := t.Context()
	w, other := b.NewWorkspace("acme"), b.NewWorkspace("beta")
	admin, stranger := b.Member(privacyd.RoleAdmin, w), b.Member(privacyd.RoleAdmin, other)
	for code, c := range map[string]privacyd.Caller{
		"role_missing": b.Member(privacyd.RoleAgent, w), "workspace_not_found": stranger, "not_signed_in": {},
	} {
		_, err := b.MembersPage(ctx, c, w.ID, privacyd.PageQuery{})
		b.WantCode(err, code)
		_, err = b.ChangeRole(ctx, c, w.ID, admin.AccountID, privacyd.RoleAgent)
		b.WantCode(err, code)
		_, err = b.RemoveMember(ctx, c, w.ID, admin.AccountID)
		b.WantCode(err, code)
		_, err = b.Invite(ctx, c, w.ID, engine.NewInvitation{Email: "x@example.com", Role: privacyd.RoleAdmin})
		b.WantCode(err, code)
		_, err = b.InvitationsPage(ctx, c, w.ID, privacyd.PageQuery{})
		b.WantCode(err, code)
		b.WantCode(b.Withdraw(ctx, c, w.ID, "x"), code)
	}
	_, err := b.RemoveMember(ctx, admin, w.ID, stranger.AccountID)
	b.WantCode(err, "member_not_found")
	_, err = b.ChangeRole(ctx, admin, w.ID, stranger.AccountID, privacyd.RoleAgent)
	b.WantCode(err, "member_not_found")
	_, err = b.ChangeRole(ctx, admin, w.ID, admin.AccountID, "king")
	b.WantCode(err, "role_invalid")
}

// TestTwoAdminsRemoveEachOther: whatever comes first, one stays.
func TestTwoAdminsRemoveEachOther(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		one, two := b.Member(privacyd.RoleAdmin, w), b.Member(privacyd.RoleAgent, w)
		_, err := b.ChangeRole(t.Context(), one, w.ID, two.AccountID, privacyd.RoleAdmin)
		b.Must(err)
		var wait sync.WaitGroup
		errs := make([]error, 2)
		wait.Go(func() { _, errs[0] = b.RemoveMember(t.Context(), one, w.ID, two.AccountID) })
		wait.Go(func() { _, errs[1] = b.ChangeRole(t.Context(), two, w.ID, one.AccountID, privacyd.RoleAuditor) })
		wait.Wait()
		list, err := b.MembersPage(t.Context(), enginetest.Operator, w.ID, privacyd.PageQuery{})
		b.Must(err)
		admins := 0
		for _, m := range list.Items {
			if m.Role == privacyd.RoleAdmin {
				admins++
			}
		}
		if admins != 1 {
			t.Errorf("%d admins are left: %v", admins, errs)
		}
	})
}

func invite(b *enginetest.Bench, c privacyd.Caller, w privacyd.Workspace, email string, role privacyd.Role) {
	_, err := b.Invite(b.Context(), c, w.ID, engine.NewInvitation{Email: email, Role: role})
	b.Must(err)
}

func lastMail(b *enginetest.Bench) privacyd.Letter {
	mails := b.Mails()
	return mails[len(mails)-1]
}

func TestSomebodyNewIsInvited(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx := t.Context()
		w := b.NewWorkspace("acme")
		admin := b.Member(privacyd.RoleAdmin, w)
		invite(b, admin, w, "New@example.com", privacyd.RoleAgent)
		l := lastMail(b)
		if l.To != "new@example.com" || l.Subject != "You are invited to Workspace acme" {
			t.Errorf("%+v", l)
		}
		secret := linkIn(t, l)
		found, err := b.FindInvitation(ctx, secret)
		b.Must(err)
		if found.Email != "new@example.com" || found.Role != privacyd.RoleAgent || found.Workspace.ID != w.ID || found.Known {
			t.Errorf("%+v", found)
		}
		open, err := b.InvitationsPage(ctx, admin, w.ID, privacyd.PageQuery{})
		b.Must(err)
		_, _, err = b.Accept(ctx, from("192.0.2.1"), secret, "Nia", "short")
		b.WantCode(err, "password_invalid")
		in, joined, err := b.Accept(ctx, from("192.0.2.1"), secret, "Nia", secretWords)
		b.Must(err)
		if joined.ID != w.ID || in.Account.ID != open.Items[0].AccountID {
			t.Errorf("account %s was invited as %s", in.Account.ID, open.Items[0].AccountID)
		}
		me, err := b.Authenticate(ctx, in.Secret)
		b.Must(err)
		if _, role, err := b.Workspace(ctx, me, w.ID); err != nil || role != privacyd.RoleAgent {
			t.Errorf("%q %v", role, err)
		}
		_, _, err = b.Accept(ctx, from("192.0.2.1"), secret, "Nia", secretWords)
		b.WantCode(err, "invitation_used")
		if open, err = b.InvitationsPage(ctx, admin, w.ID, privacyd.PageQuery{}); err != nil || open.Total != 0 {
			t.Errorf("%v %v", open, err)
		}
	})
}

func TestSomebodyKnownIsInvited(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx := t.Context()
		w, other := b.NewWorkspace("acme"), b.NewWorkspace("beta")
		admin, known, eve := b.Member(privacyd.RoleAdmin, w), b.Member(privacyd.RoleAgent, other), b.Member(privacyd.RoleAuditor, other)
		invite(b, admin, w, known.Email, privacyd.RoleAuditor)
		secret := linkIn(t, lastMail(b))
		_, _, err := b.Accept(ctx, from("192.0.2.1"), secret, "Again", secretWords)
		b.WantCode(err, "account_exists")
		_, err = b.Join(ctx, eve, secret)
		b.WantCode(err, "invitation_not_yours")
		_, err = b.Join(ctx, privacyd.Caller{}, secret)
		b.WantCode(err, "not_signed_in")
		joined, err := b.Join(ctx, known, secret)
		b.Must(err)
		if joined.ID != w.ID {
			t.Errorf("%+v", joined)
		}
		_, err = b.Join(ctx, known, secret)
		b.WantCode(err, "invitation_used")
		_, err = b.Invite(ctx, admin, w.ID, engine.NewInvitation{Email: known.Email, Role: privacyd.RoleAdmin})
		b.WantCode(err, "member_exists")
	})
}

func TestInvitationsEnd(t *testing.T) {
	b := enginetest.NewSQLite(t)
	ctx := t.Context()
	w := b.NewWorkspace("acme")
	admin, agent := b.Member(privacyd.RoleAdmin, w), b.Member(privacyd.RoleAgent, w)
	dead := func(secret string) {
		t.Helper()
		_, err := b.FindInvitation(ctx, secret)
		b.WantCode(err, "invitation_used")
		_, _, err = b.Accept(ctx, from("192.0.2.1"), secret, "X", secretWords)
		b.WantCode(err, "invitation_used")
	}
	invite(b, admin, w, "new@example.com", privacyd.RoleAgent)
	old := linkIn(t, lastMail(b))
	invite(b, admin, w, "new@example.com", privacyd.RoleAuditor)
	second := linkIn(t, lastMail(b))
	dead(old)
	open, err := b.InvitationsPage(ctx, admin, w.ID, privacyd.PageQuery{})
	b.Must(err)
	if open.Total != 1 || open.Items[0].Role != privacyd.RoleAuditor {
		t.Fatalf("%+v", open)
	}
	b.WantCode(b.Withdraw(ctx, admin, w.ID, "unknown"), "invitation_not_found")
	b.Must(b.Withdraw(ctx, admin, w.ID, open.Items[0].ID))
	dead(second)
	invite(b, admin, w, "new@example.com", privacyd.RoleAgent)
	b.Pass(7 * 24 * time.Hour)
	dead(linkIn(t, lastMail(b)))

	_, err = b.ChangeRole(ctx, admin, w.ID, agent.AccountID, privacyd.RoleAdmin)
	b.Must(err)
	invite(b, agent, w, "accomplice@example.com", privacyd.RoleAdmin)
	_, err = b.RemoveMember(ctx, admin, w.ID, agent.AccountID)
	b.Must(err)
	dead(linkIn(t, lastMail(b)))
}

// TestInvitedAuthorsBecomeFull invites somebody whom imported records name.
func TestInvitedAuthorsBecomeFull(t *testing.T) {
	b := enginetest.NewSQLite(t)
	w := b.NewWorkspace("acme")
	invite(b, b.Member(privacyd.RoleAdmin, w), w, "agent.one@example.com", privacyd.RoleAgent)
	in, _, err := b.Accept(t.Context(), from("192.0.2.1"), linkIn(t, lastMail(b)), "Agent One", secretWords)
	b.Must(err)
	if !in.Account.Invited || in.Account.Name != "Agent One" {
		t.Errorf("%+v", in.Account)
	}
}

// TestAnInvitationIsAcceptedOnce by two clicks at once.
func TestAnInvitationIsAcceptedOnce(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w, other := b.NewWorkspace("acme"), b.NewWorkspace("beta")
		known := b.Member(privacyd.RoleAgent, other)
		invite(b, b.Member(privacyd.RoleAdmin, w), w, known.Email, privacyd.RoleAgent)
		secret := linkIn(t, lastMail(b))
		var wait sync.WaitGroup
		errs := make([]error, 3)
		for i := range errs {
			wait.Go(func() { _, errs[i] = b.Join(t.Context(), known, secret) })
		}
		wait.Wait()
		joined := 0
		for _, err := range errs {
			if err == nil {
				joined++
			} else if code := privacyd.CodeOf(err); code != "invitation_used" && code != "database_busy" {
				t.Errorf("%v", err)
			}
		}
		if joined != 1 {
			t.Errorf("accepted %d times", joined)
		}
	})
}

func TestInvitationsWithoutMail(t *testing.T) {
	b := enginetest.NewSQLite(t)
	b.Mailing = engine.Mailing{}
	w := b.NewWorkspace("acme")
	r := engine.NewInvitation{Email: "new@example.com", Role: privacyd.RoleAgent}
	_, err := b.Invite(t.Context(), b.Member(privacyd.RoleAdmin, w), w.ID, r)
	b.WantCode(err, "mail_missing")
	v, err := b.Invite(t.Context(), enginetest.Operator, w.ID, r)
	b.Must(err)
	_, _, err = b.Accept(t.Context(), from("192.0.2.1"), v.Secret, "Nia", secretWords)
	b.Must(err)
}
