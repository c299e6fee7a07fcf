package engine_test

import (
	"strings"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

// At the end of the grace period somebody else's departure has made them the
// last admin: they are told why nothing is deleted, and so is whoever runs the
// server.
func TestABlockedDeletionIsTold(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx, w := t.Context(), b.NewWorkspace("acme")
		b.Mailing.Operator = "operator@example.com"
		secondAdmin(b, w, jo)
		me, err := b.As(ctx, enginetest.Operator, jo)
		b.Must(err)
		plan, err := b.PreviewAccountDeletion(ctx, me)
		b.Must(err)
		job, err := b.DeleteAccount(ctx, me, privacyd.Confirmation{PlanHash: plan.Hash, Password: secretWords})
		b.Must(err)
		// Past the rule that the last admin cannot go.
		_, err = b.DB.Exec(ctx, "UPDATE members SET role = 'agent' WHERE account_id = $1", b.Member(privacyd.RoleAdmin, w).AccountID)
		b.Must(err)
		later(b, 31*privacyd.Day)
		job, err = b.Jobs.Job(ctx, job.ID)
		b.Must(err)
		if job.State != privacyd.JobBlocked {
			t.Fatalf("the job is %s", job.State)
		}
		got := toldTo(b, jo)
		if len(got) == 0 || got[len(got)-1] != "Your account could not be deleted yet" {
			t.Errorf("%q", got)
		}
		wantTold(t, b, "operator@example.com", "The deletion of an account is blocked and needs you")
	})
}

// What is not confirmed nobody knows of, so that taking it back is no news.
func TestWhatWasNeverScheduledIsNotCancelled(t *testing.T) {
	b := enginetest.NewSQLite(t)
	w := b.NewWorkspace("acme")
	job, _, err := b.CreateJob(t.Context(), enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobWorkspaceDeletion})
	b.Must(err)
	_, err = b.CancelJob(t.Context(), enginetest.Operator, w.ID, job.ID)
	b.Must(err)
	b.Run()
	for _, l := range b.Mails() {
		if strings.Contains(l.Subject, "stays") {
			t.Errorf("%s was told %q", l.To, l.Subject)
		}
	}
}
