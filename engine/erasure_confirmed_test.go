package engine_test

import (
	"context"
	"strings"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// A plan that is another one when the job runs than what was confirmed takes
// nothing until it is confirmed again.
func TestAnotherPlanThanWasConfirmed(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		w := newOrg(t, b, "replanned")
		job := erasables()[0].ask(t, b, w)
		_, err := b.DB.Exec(t.Context(), "UPDATE jobs SET plan_hash = $1 WHERE id = $2", strings.Repeat("0", len(job.PlanHash)), job.ID)
		b.Must(err)
		runOn(b)
		if job = stateOf(b, job.ID); job.State != privacyd.JobPendingApproval || job.WaitingOn != privacyd.WaitConfirmation {
			t.Errorf("the job is %s, waiting on %q: %s", job.State, job.WaitingOn, job.ErrorMessage)
		}
		if n := rowsOf(t, b, "contacts", "workspace_id", w.ID); n != 2 {
			t.Errorf("%d of 2 contacts are left", n)
		}
	})
}

// latePurges fails when files were queued.
type latePurges struct{ engine.Purges }

func (l latePurges) QueuePurges(ctx context.Context, purges []privacyd.Purge) error {
	if err := l.Purges.QueuePurges(ctx, purges); err != nil {
		return err
	}
	return errInjected()
}

// Files are queued in the transaction in which the rows go that name them: either
// both happen or neither.
func TestFilesAreQueuedWithTheirRows(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		w := newOrg(t, b, "queued")
		job := erasables()[0].ask(t, b, w)
		node := b.Beside()
		defer node.Stop()
		node.Purges = latePurges{node.Purges}
		if err := node.RunErasure(t.Context(), job.ID, &lease{attempt: 1}); err == nil {
			t.Error("it did not fail")
		}
		if rows, files := rowsOf(t, b, "attachments", "workspace_id", w.ID), rowsOf(t, b, "purges", "job_id", job.ID); rows != 4 || files != 0 {
			t.Errorf("%d of 4 attachments are left, and %d files are queued", rows, files)
		}
	})
}
