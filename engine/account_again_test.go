package engine_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

func stateOf(b *enginetest.Bench, id string) *privacyd.Job {
	job, err := b.Jobs.Job(b.Context(), id)
	b.Must(err)
	return job
}

// Records that come to name somebody as their author in the grace period change
// nothing of what was confirmed: the account goes.
func TestNewRecordsDoNotStopAnAccountsDeletion(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		_, job := leaving(b, jo)
		_, err := b.Import(t.Context(), enginetest.Operator, w.ID, engine.ImportSource{
			Body: strings.NewReader(`{"collection":"tickets","record":{"id":"late","title":"late","reporter_id":"` + jo + `"}}`),
		})
		b.Must(err)
		later(b, 31*privacyd.Day)
		if got := stateOf(b, job.ID); got.State != privacyd.JobCompleted {
			t.Errorf("the job is %s: %s", got.State, got.ErrorMessage)
		}
	})
}

// Once what was in the way is mended, the deletion goes on by itself; *Delete
// now* need not wait for that.
func TestABlockedAccountsDeletionGoesOn(t *testing.T) {
	for _, now := range []bool{false, true} {
		enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
			ctx, w := t.Context(), b.NewWorkspace("acme")
			secondAdmin(b, w, jo)
			me, err := b.As(ctx, enginetest.Operator, jo)
			b.Must(err)
			plan, err := b.PreviewAccountDeletion(ctx, me)
			b.Must(err)
			job, err := b.DeleteAccount(ctx, me, privacyd.Confirmation{PlanHash: plan.Hash, Password: secretWords})
			b.Must(err)
			other := b.Member(privacyd.RoleAdmin, w)
			be := func(role privacyd.Role) { // past the rule that the last admin cannot go
				_, err := b.DB.Exec(ctx, "UPDATE members SET role = $1 WHERE account_id = $2", role, other.AccountID)
				b.Must(err)
			}
			be(privacyd.RoleAgent)
			later(b, 31*privacyd.Day)
			if got := stateOf(b, job.ID); got.State != privacyd.JobBlocked {
				t.Fatalf("the job is %s", got.State)
			}
			days(b, 3)
			told := len(toldTo(b, jo))
			be(privacyd.RoleAdmin)
			if now {
				_, err = b.DeleteAccountNow(ctx, me, secretWords)
				b.Must(err)
				b.Run()
			} else {
				days(b, 2)
			}
			if got := stateOf(b, job.ID); got.State != privacyd.JobCompleted {
				t.Errorf("the job is %s: %s", got.State, got.ErrorMessage)
			}
			if told > 3 {
				t.Errorf("%q", toldTo(b, jo))
			}
		})
	}
}

// Somebody who is leaving can do nothing as an admin, so that another one has to
// stay; of two who leave at once only one goes.
func TestAnAdminWhoLeavesIsNoOtherAdmin(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx, w := t.Context(), b.NewWorkspace("acme")
		admin := b.Member(privacyd.RoleAdmin, w)
		asks := map[string]func() error{}
		for _, email := range []string{"one@example.com", "two@example.com"} {
			secondAdmin(b, w, email)
			me, err := b.As(ctx, enginetest.Operator, email)
			b.Must(err)
			plan, err := b.PreviewAccountDeletion(ctx, me)
			b.Must(err)
			asks[email] = func() error {
				_, err := b.DeleteAccount(ctx, me, privacyd.Confirmation{PlanHash: plan.Hash, Password: secretWords})
				return err
			}
		}
		_, err := b.ChangeRole(ctx, enginetest.Operator, w.ID, admin.AccountID, privacyd.RoleAgent)
		b.Must(err)
		var wg sync.WaitGroup
		refused := make(chan error, len(asks))
		for _, ask := range asks {
			wg.Go(func() { refused <- ask() })
		}
		wg.Wait()
		close(refused)
		n := 0
		for err := range refused {
			if err != nil {
				n++
				b.WantCode(err, "last_admin")
			}
		}
		if n != 1 {
			t.Fatalf("%d of 2 were refused", n)
		}
		list, err := b.MembersPage(ctx, enginetest.Operator, w.ID, privacyd.PageQuery{})
		b.Must(err)
		for _, m := range list.Items {
			if m.Role == privacyd.RoleAdmin && m.LeavingAt == nil {
				_, err := b.ChangeRole(ctx, enginetest.Operator, w.ID, m.AccountID, privacyd.RoleAgent)
				b.WantCode(err, "last_admin")
				_, err = b.RemoveMember(ctx, enginetest.Operator, w.ID, m.AccountID)
				b.WantCode(err, "last_admin")
			}
		}
	})
}
