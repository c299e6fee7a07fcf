package store_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store"
)

func TestSessionsOfAnAccount(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		a, other := account(t, s, "a@example.com"), account(t, s, "b@example.com")
		for i, id := range []string{"one", "two", "three"} {
			v := privacyd.Session{ID: id, AccountID: a.ID, CreatedAt: at, ExpiresAt: at.Add(time.Hour)}
			must(t, s.InsertSession(ctx, v, []byte{byte(i)}, []byte("about "+id), auditID))
		}
		must(t, s.TouchSession(ctx, "two", at.Add(time.Minute)))
		list, about, err := s.SessionsOf(ctx, a.ID, at)
		must(t, err)
		if len(list) != 3 || list[0].ID != "two" || !list[0].SeenAt.Equal(at.Add(time.Minute)) || string(about[0]) != "about two" {
			t.Errorf("%+v %q", list, about)
		}
		if ended, err := s.DeleteOwnSession(ctx, other.ID, "one"); err != nil || ended {
			t.Errorf("another's session was ended: %v", err)
		}
		if ended, err := s.DeleteOwnSession(ctx, a.ID, "one"); err != nil || !ended {
			t.Errorf("one's own session stays: %v", err)
		}
		if n, err := s.DeleteSessionsOf(ctx, a.ID, "two"); err != nil || n != 1 {
			t.Errorf("%d ended: %v", n, err)
		}
		if list, _, err = s.SessionsOf(ctx, a.ID, at.Add(time.Hour)); err != nil || len(list) != 0 {
			t.Errorf("sessions past their life: %v %v", list, err)
		}
	})
}

func TestLinksWorkOnceForTheirPurpose(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		a := account(t, s, "a@example.com")
		must(t, s.InsertLink(ctx, "reset", []byte{1}, a.ID, at.Add(time.Hour), auditID))
		must(t, s.InsertLink(ctx, "first", []byte{2}, "", at.Add(time.Hour), auditID))
		must(t, s.InsertLink(ctx, "code", []byte{3}, a.ID, at.Add(time.Hour), auditID))
		take := func(purpose string, hash byte, now time.Time) (id string, err error) {
			return id, s.InTx(ctx, func(ctx context.Context) error {
				id, err = s.TakeLink(ctx, purpose, []byte{hash}, now)
				return err
			})
		}
		_, err := take("code", 1, at)
		wantCode(t, err, "link_used")
		_, err = take("reset", 1, at.Add(time.Hour))
		wantCode(t, err, "link_used")
		if id, err := s.Link(ctx, "reset", []byte{1}, at); err != nil || id != a.ID {
			t.Errorf("%q %v", id, err)
		}
		if id, err := take("reset", 1, at); err != nil || id != a.ID {
			t.Errorf("%q %v", id, err)
		}
		_, err = take("reset", 1, at)
		wantCode(t, err, "link_used")
		must(t, s.DeleteLinks(ctx, "first", ""))
		_, err = s.Link(ctx, "first", []byte{2}, at)
		wantCode(t, err, "link_used")
		must(t, s.DeleteExpiredSessions(ctx, at.Add(2*time.Hour)))
		_, err = s.Link(ctx, "code", []byte{3}, at)
		wantCode(t, err, "link_used")
	})
}

func TestBrowsersAndAttempts(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		a := account(t, s, "a@example.com")
		saw := func(hash byte) [2]bool {
			known, others, err := s.SawBrowser(ctx, a.ID, []byte{hash}, at)
			must(t, err)
			return [2]bool{known, others}
		}
		if diff := cmp.Diff([][2]bool{{false, false}, {true, true}, {false, true}}, [][2]bool{saw(1), saw(1), saw(2)}); diff != "" {
			t.Error(diff)
		}
		if known, err := s.KnownBrowser(ctx, a.ID, []byte{2}); err != nil || !known {
			t.Errorf("%v %v", known, err)
		}
		must(t, s.ForgetBrowsers(ctx, a.ID))
		if known, err := s.KnownBrowser(ctx, a.ID, []byte{2}); err != nil || known {
			t.Errorf("%v %v", known, err)
		}
		want := privacyd.Attempts{N: 3, At: at, Until: at.Add(time.Minute)}
		for range 2 {
			must(t, s.InTx(ctx, func(ctx context.Context) error {
				if _, err := s.LockAttempts(ctx, []byte{9}); err != nil {
					return err
				}
				return s.PutAttempts(ctx, []byte{9}, want)
			}))
		}
		must(t, s.InTx(ctx, func(ctx context.Context) error {
			got, err := s.LockAttempts(ctx, []byte{9})
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			return err
		}))
	})
}

func TestSecondFactors(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		a := account(t, s, "a@example.com")
		yes := func(what string, want bool) func(bool, error) {
			return func(got bool, err error) {
				t.Helper()
				if err != nil || got != want {
					t.Errorf("%s: %v %v", what, got, err)
				}
			}
		}
		yes("begin", true)(s.BeginSecondFactor(ctx, a.ID, []byte("old"), at, auditID))
		yes("begin again", true)(s.BeginSecondFactor(ctx, a.ID, []byte("new"), at, auditID))
		yes("first code", true)(s.UseStep(ctx, a.ID, 10))
		yes("the same code", false)(s.UseStep(ctx, a.ID, 10))
		yes("an earlier code", false)(s.UseStep(ctx, a.ID, 9))
		yes("confirm", true)(s.ConfirmSecondFactor(ctx, a.ID, at, auditID))
		yes("confirm twice", false)(s.ConfirmSecondFactor(ctx, a.ID, at, auditID))
		yes("begin over one that is on", false)(s.BeginSecondFactor(ctx, a.ID, []byte("evil"), at, auditID))
		must(t, s.PutRecoveryCodes(ctx, a.ID, [][]byte{{1}, {2}}))
		must(t, s.PutRecoveryCodes(ctx, a.ID, [][]byte{{3}, {4}, {5}}))
		yes("an old recovery code", false)(s.TakeRecoveryCode(ctx, a.ID, []byte{1}))
		yes("a recovery code", true)(s.TakeRecoveryCode(ctx, a.ID, []byte{3}))
		yes("it again", false)(s.TakeRecoveryCode(ctx, a.ID, []byte{3}))
		f, sealed, err := s.SecondFactor(ctx, a.ID)
		must(t, err)
		if diff := cmp.Diff(privacyd.SecondFactor{On: true, Since: at, CodesLeft: 2}, f); diff != "" || string(sealed) != "new" {
			t.Error(diff, string(sealed))
		}
		yes("delete", true)(s.DeleteSecondFactor(ctx, a.ID))
		yes("delete twice", false)(s.DeleteSecondFactor(ctx, a.ID))
		f, sealed, err = s.SecondFactor(ctx, a.ID)
		if err != nil || f.On || f.CodesLeft != 0 || sealed != nil {
			t.Errorf("%+v %q %v", f, sealed, err)
		}
	})
}

func TestMembersAndInvitations(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		w, other := workspace(t, s, "acme"), workspace(t, s, "beta")
		a, b := account(t, s, "a@example.com"), account(t, s, "b@example.com")
		must(t, s.InsertMember(ctx, privacyd.Member{WorkspaceID: w.ID, AccountID: a.ID, Role: privacyd.RoleAdmin, CreatedAt: at}, auditID))
		must(t, s.InsertMember(ctx, privacyd.Member{WorkspaceID: w.ID, AccountID: b.ID, Role: privacyd.RoleAgent, CreatedAt: at}, auditID))
		if n, err := s.OtherAdmins(ctx, w.ID, a.ID); err != nil || n != 0 {
			t.Errorf("%d other admins: %v", n, err)
		}
		must(t, s.SetRole(ctx, w.ID, b.ID, privacyd.RoleAdmin, auditID))
		if n, err := s.OtherAdmins(ctx, w.ID, a.ID); err != nil || n != 1 {
			t.Errorf("%d other admins: %v", n, err)
		}
		got, err := s.Member(ctx, w.ID, b.ID)
		must(t, err)
		if diff := cmp.Diff(privacyd.MemberProfile{AccountID: b.ID, Email: b.Email, Name: b.Name, Role: privacyd.RoleAdmin, CreatedAt: at}, got); diff != "" {
			t.Error(diff)
		}
		must(t, s.DeleteMember(ctx, w.ID, b.ID))
		_, err = s.Member(ctx, w.ID, b.ID)
		wantCode(t, err, "member_not_found")
		checkInvitations(t, s, w, other)
	})
}

func checkInvitations(t *testing.T, s *store.Store, w, other privacyd.Workspace) {
	t.Helper()
	ctx := t.Context()
	v := privacyd.Invitation{
		ID: "i-1", WorkspaceID: w.ID, AccountID: "to be", Email: "c@example.com", Role: privacyd.RoleAuditor, InvitedBy: "a",
		CreatedAt: at, ExpiresAt: at.Add(time.Hour),
	}
	must(t, s.PutInvitation(ctx, v, []byte{1}, auditID))
	v.ID = "i-2"
	must(t, s.PutInvitation(ctx, v, []byte{2}, auditID))
	_, err := s.InvitationByHash(ctx, []byte{1}, at)
	wantCode(t, err, "invitation_used")
	_, err = s.InvitationByHash(ctx, []byte{2}, v.ExpiresAt)
	wantCode(t, err, "invitation_used")
	got, err := s.InvitationByHash(ctx, []byte{2}, at)
	must(t, err)
	if diff := cmp.Diff(v, got); diff != "" {
		t.Error(diff)
	}
	if id, err := s.InvitedAs(ctx, v.Email); err != nil || id != "to be" {
		t.Errorf("%q %v", id, err)
	}
	if id, err := s.InvitedAs(ctx, "nobody@example.com"); err != nil || id != "" {
		t.Errorf("%q %v", id, err)
	}
	if ok, err := s.DeleteInvitation(ctx, other.ID, "i-2"); err != nil || ok {
		t.Errorf("another workspace's invitation was withdrawn: %v", err)
	}
	if n, err := s.DeleteInvitationsBy(ctx, w.ID, "a"); err != nil || n != 1 {
		t.Errorf("%d %v", n, err)
	}
}

func TestMailsWait(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		waits := privacyd.QueuedMail{ID: "1", Owner: "key", Kind: privacyd.MailInvitation, Sealed: []byte("x"), CreatedAt: at}
		kept := privacyd.QueuedMail{ID: "2", Owner: "key", Kind: privacyd.MailInvitation, Sealed: []byte("y"), Kept: true, CreatedAt: at}
		others := privacyd.QueuedMail{ID: "3", Owner: "another", Kind: privacyd.MailInvitation, Sealed: []byte("z"), Kept: true, CreatedAt: at}
		for _, m := range []privacyd.QueuedMail{waits, kept, others} {
			must(t, s.InsertMail(ctx, m))
		}
		must(t, s.SetTries(ctx, "1", 4))
		got, err := s.Mail(ctx, "1")
		must(t, err)
		waits.Tries = 4
		if diff := cmp.Diff(waits, got); diff != "" {
			t.Error(diff)
		}
		for owner, n := range map[string]int{"": 2, "key": 1, "nobody": 0} {
			if list, err := s.KeptMails(ctx, owner, "", 10); err != nil || len(list) != n {
				t.Errorf("%q has %d: %v", owner, len(list), err)
			}
		}
		for before, want := range map[string]string{"": "3 2", "3": "2", "2": "", "no such mail": ""} {
			list, err := s.KeptMails(ctx, "", before, 10)
			must(t, err)
			var ids []string
			for _, m := range list {
				ids = append(ids, m.ID)
			}
			if got := strings.Join(ids, " "); got != want {
				t.Errorf("before %q: %q", before, got)
			}
		}
		must(t, s.DeleteMail(ctx, "1"))
		_, err = s.Mail(ctx, "1")
		wantCode(t, err, "mail_not_found")

		must(t, s.InsertResetRequest(ctx, "r", []byte("sealed"), at))
		for _, want := range []string{"sealed", ""} {
			must(t, s.InTx(ctx, func(ctx context.Context) error {
				sealed, err := s.TakeResetRequest(ctx, "r")
				if string(sealed) != want {
					t.Errorf("%q, not %q", sealed, want)
				}
				return err
			}))
		}
	})
}

func TestOldPeopleAreForgotten(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		a, w := account(t, s, "a@example.com"), workspace(t, s, "acme")
		must(t, s.InsertMail(ctx, privacyd.QueuedMail{ID: "kept", Sealed: []byte("x"), Kept: true, CreatedAt: at}))
		must(t, s.InsertMail(ctx, privacyd.QueuedMail{ID: "waits", Sealed: []byte("x"), CreatedAt: at}))
		must(t, s.InsertResetRequest(ctx, "r", []byte("x"), at))
		_, _, err := s.SawBrowser(ctx, a.ID, []byte{1}, at)
		must(t, err)
		must(t, s.PutInvitation(ctx, privacyd.Invitation{ID: "i", WorkspaceID: w.ID, Email: "c@example.com", CreatedAt: at, ExpiresAt: at}, []byte{1}, auditID))
		later := at.Add(time.Second)
		must(t, s.DeleteOldPeople(ctx, privacyd.PeopleAges{Attempts: later, Browsers: later, Invitations: later, Requests: later, KeptMails: later}))
		_, err = s.Mail(ctx, "kept")
		wantCode(t, err, "mail_not_found")
		_, err = s.Mail(ctx, "waits")
		must(t, err)
		if known, err := s.KnownBrowser(ctx, a.ID, []byte{1}); err != nil || known {
			t.Errorf("%v %v", known, err)
		}
		if list, err := s.InvitationsPage(ctx, w.ID, privacyd.PageQuery{Limit: 1}); err != nil || list.Total != 0 {
			t.Errorf("%v %v", list, err)
		}
	})
}
