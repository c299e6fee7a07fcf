package engine_test

import (
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine/enginetest"
)

// A hold on an account, placed in its grace period, keeps it; at the release its
// deletion goes on, though it is a job of no workspace.
func TestHeldAccountGoesOnAtTheRelease(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		jo := withPassword(t, b, w, "jo@example.net")
		plan, err := b.PreviewAccountDeletion(t.Context(), jo)
		b.Must(err)
		job, err := b.DeleteAccount(t.Context(), jo, privacyd.Confirmation{PlanHash: plan.Hash, Password: aPassword})
		b.Must(err)
		h := hold(t, b, w, privacyd.HoldTarget{Type: privacyd.HoldSubject, Subject: &privacyd.Subject{Kind: "account", ID: jo.AccountID}})
		b.Pass(31 * 24 * time.Hour)
		b.Run()
		job, err = b.Jobs.Job(t.Context(), job.ID)
		b.Must(err)
		if job.State != privacyd.JobBlocked || job.WaitingOn != privacyd.WaitHold {
			t.Fatalf("held, it is %s, waiting on %q: %s", job.State, job.WaitingOn, job.ErrorMessage)
		}
		if account, _, err := b.Accounts.AccountByEmail(t.Context(), "jo@example.net"); err != nil || account.ID != jo.AccountID {
			t.Errorf("held, the account is gone: %v", err)
		}
		_, err = b.ReleaseHold(t.Context(), enginetest.Operator, w.ID, h.ID, "over")
		b.Must(err)
		b.Run()
		job, err = b.Jobs.Job(t.Context(), job.ID)
		b.Must(err)
		if job.State != privacyd.JobCompleted {
			t.Errorf("released, it is %s, waiting on %q: %s", job.State, job.WaitingOn, job.ErrorMessage)
		}
	})
}
