package engine_test

import (
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

// waitsAgain has a deletion in its grace period wait for a confirmation, as one
// does whose plan is no more what was confirmed.
func waitsAgain(b *enginetest.Bench, jobID string) {
	_, err := b.DB.Exec(b.Context(), `UPDATE jobs SET state = $1, waiting_on = $2, error_code = 'plan_changed' WHERE id = $3`,
		privacyd.JobPendingApproval, privacyd.WaitConfirmation, jobID)
	b.Must(err)
}

// An account whose deletion waits for another confirmation stays when that is
// cancelled, by whatever door.
func TestAnAccountThatWaitsAgainStaysWhenCancelled(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx, w := t.Context(), b.NewWorkspace("acme")
		me, job := leaving(b, jo)
		waitsAgain(b, job.ID)
		job, err := b.CancelJob(ctx, me, w.ID, job.ID)
		if err != nil || job.State != privacyd.JobCancelled {
			t.Fatalf("%+v, %v", job, err)
		}
		if state, _, err := b.States.AccountState(ctx, me.AccountID); err != nil || state != privacyd.AccountActive {
			t.Errorf("the account is %s, %v", state, err)
		}
	})
}

// A workspace whose deletion a second person refuses is open again, also when
// it had been in its grace period.
func TestARefusedDeletionOpensTheWorkspace(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx, w := t.Context(), b.NewWorkspace("acme")
		first, second := secondAdmin(b, w, jo), secondAdmin(b, w, "kim@example.com")
		s := privacyd.DefaultSettings()
		s.Approval = true
		_, err := b.ChangeSettings(ctx, first, w.ID, s)
		b.Must(err)
		ask := engine.NewJob{Workspace: w.ID, Type: privacyd.JobWorkspaceDeletion}
		plan, err := b.PreviewJob(ctx, first, ask)
		b.Must(err)
		with := privacyd.Confirmation{PlanHash: plan.Hash}
		ask.Confirm = &with
		job, _, err := b.CreateJob(ctx, first, ask)
		b.Must(err)
		job, err = b.ApproveJob(ctx, second, w.ID, job.ID, plan.Hash, true)
		if err != nil || job.State != privacyd.JobScheduled {
			t.Fatalf("%+v, %v", job, err)
		}
		waitsAgain(b, job.ID)
		_, err = b.ConfirmJob(ctx, first, w.ID, job.ID, with)
		b.Must(err)
		job, err = b.ApproveJob(ctx, second, w.ID, job.ID, plan.Hash, false)
		if err != nil || job.State != privacyd.JobCancelled {
			t.Fatalf("%+v, %v", job, err)
		}
		if state, _, err := b.States.WorkspaceState(ctx, w.ID); err != nil || state != privacyd.WorkspaceActive {
			t.Errorf("the workspace is %s, %v", state, err)
		}
	})
}

// An idempotency key is for one request: with another date it is refused.
func TestAnIdempotencyKeyHasOneDate(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx, w := t.Context(), b.NewWorkspace("acme")
		for i, want := range []string{"", "", "idempotency_key_reused"} {
			before := b.Clock().Add(-time.Duration(i/2+1) * time.Hour)
			_, _, err := b.CreateJob(ctx, enginetest.Operator, engine.NewJob{
				Workspace: w.ID, Type: privacyd.JobBulkDeletion, Before: &before, IdempotencyKey: "k",
			})
			b.WantCode(err, want)
		}
	})
}
