package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/privacyd/privacyd"
)

// withdrawMark takes back in the suppression ledger that a person or a workspace
// was erased whose deletion is cancelled though it had begun, in the transaction
// that cancels it: after a restore, or at an import, what lives must not be taken
// for erased. If that transaction fails, the job goes on one day and marks it
// anew. Rows with a clock that went stay marked.
func (e *Engine) withdrawMark(ctx context.Context, job *privacyd.Job) error {
	r := &erasureRun{e: e, job: job}
	if r.ofRows() {
		return e.withdrawRows(ctx, job)
	}
	err := r.load(ctx)
	if err == nil {
		err = r.lookForMarks(ctx)
	}
	if err != nil {
		return fmt.Errorf("read the suppression ledger: %w", err)
	}
	if r.state.ReplayOf != "" { // it has a mark from before the restore
		if err := e.withdraw(ctx, job, r.state.ReplayOf, time.Time{}); err != nil {
			return err
		}
		if err := e.cancelReplayed(ctx, r.state.ReplayOf); err != nil {
			return fmt.Errorf("cancel a deletion with its replay: %w", err)
		}
	}
	if mark, marked := r.marks[""]; marked {
		return e.withdraw(ctx, job, job.ID, mark.Expires)
	}
	return nil
}

// withdraw takes back what the ledger has of the job with an id. It is kept as
// long as that.
func (e *Engine) withdraw(ctx context.Context, job *privacyd.Job, id string, until time.Time) error {
	holds, err := e.standingHolds(ctx, job.WorkspaceID)
	if err != nil {
		return err
	}
	now := e.Now()
	m := privacyd.Erased{JobID: id, At: now, Expires: now.Add(e.backupLife()), Again: privacyd.EraseAgain{
		Type: job.Type, WorkspaceID: job.WorkspaceID, Holds: stood(holds), AllHolds: job.WorkspaceID == "", Withdrawn: true,
	}}
	if m.Expires.Before(until) {
		m.Expires = until
	}
	if m.Sequence, err = e.Suppression.Append(ctx, m, nil); err != nil {
		return fmt.Errorf("take an erasure back in the suppression ledger: %w", err)
	}
	return e.Runs.RecordErasure(ctx, m.Sequence, id, now)
}

// cancelWithdrawn ends the deletions again that a restored database has, and
// that were cancelled since: in it they would go on one day.
func (e *Engine) cancelWithdrawn(ctx context.Context) error {
	known, _, err := e.Runs.ErasureSequence(ctx)
	if err != nil {
		return err
	}
	newest := map[string]privacyd.Erased{} // by job
	for erased, err := range e.Suppression.Since(ctx, known) {
		if err != nil {
			return fmt.Errorf("read the suppression ledger: %w", err)
		}
		newest[erased.JobID] = erased
	}
	for id, erased := range newest {
		if !erased.Again.Withdrawn || erased.Again.Keys != nil {
			continue
		}
		if err := e.cancelAgain(ctx, id); err != nil {
			return fmt.Errorf("cancel a deletion again: %w", err)
		}
	}
	return nil
}

// cancelAgain records no mark: there may be others before it that this database
// does not know.
func (e *Engine) cancelAgain(ctx context.Context, jobID string) error {
	return e.Tx.InTx(ctx, func(ctx context.Context) error {
		job, err := e.lockJob(ctx, jobID)
		if privacyd.CodeOf(err) == "job_not_found" {
			return nil
		}
		if err != nil || job.State.Ended() {
			return err
		}
		if err := e.cancelRestored(ctx, job); err != nil {
			return err
		}
		if job.Type == privacyd.JobAccountDeletion {
			return e.staysAfterAll(ctx, job)
		}
		return e.cancelErasure(ctx, privacyd.System("restore"), grant{}, job)
	})
}

// cancelReplayed ends the deletion that a restored database still has to run,
// and of which the replay is cancelled. Who knows of a day on which it would
// happen knows it of this one.
func (e *Engine) cancelReplayed(ctx context.Context, jobID string) error {
	job, err := e.lockJob(ctx, jobID)
	if privacyd.CodeOf(err) == "job_not_found" {
		return nil
	}
	if err != nil || job.State.Ended() {
		return err
	}
	if err := e.cancelRestored(ctx, job); err != nil {
		return err
	}
	if err := e.tellCancelled(ctx, job); err != nil {
		return err
	}
	return e.Queue.Cancel(ctx, WorkErase, job.ID)
}

func (e *Engine) cancelRestored(ctx context.Context, job *privacyd.Job) error {
	system := privacyd.System("restore")
	job.CancelAsked, job.CancelledBy = true, system.ID()
	e.end(job, privacyd.JobCancelled)
	if err := e.breakOff(ctx, job); err != nil {
		return err
	}
	return e.saveJob(ctx, system, "", job, "cancel")
}

// staysAfterAll has an account stay whose deletion was cancelled.
func (e *Engine) staysAfterAll(ctx context.Context, job *privacyd.Job) error {
	if err := e.States.StayAccount(ctx, job.Subject.ID); err != nil {
		return err
	}
	if err := e.tellCancelled(ctx, job); err != nil {
		return err
	}
	return e.Queue.Cancel(ctx, WorkErase, job.ID)
}
