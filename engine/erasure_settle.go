package engine

import (
	"context"
	"errors"
	"log/slog"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/work"
)

// settleErasure decides what an error means for the job.
func (e *Engine) settleErasure(ctx context.Context, jobID string, lease work.Lease, err error) error {
	cause := context.Cause(ctx)
	var later *work.RetryError
	var waits *notConfirmed
	switch {
	case err == nil:
		return nil
	case errors.Is(err, work.ErrLost) || errors.Is(cause, work.ErrLost):
		return err
	case errors.Is(cause, work.ErrCancelled):
		return e.stopErasure(ctx, jobID, lease, privacyd.JobCancelled, nil)
	case ctx.Err() != nil || errors.As(err, &later):
		return err
	case errors.As(err, &waits):
		return e.suspend(ctx, jobID, lease, waits)
	case worthRetrying(err) && lease.Attempt() < attemptsFor(err):
		e.Log.WarnContext(ctx, "an erasure failed and will be tried again", "job", jobID, "attempt", lease.Attempt(), "error", err)
		return err
	default:
		level := slog.LevelWarn
		if privacyd.ClassOf(err) == privacyd.ClassInternal {
			level = slog.LevelError
		}
		e.Log.Log(ctx, level, "an erasure failed", "job", jobID, "error", err)
		return e.stopErasure(ctx, jobID, lease, privacyd.JobFailed, err)
	}
}

// attemptsFor is how often an erasure is tried that fails with an error: while
// something cannot be reached, for more than a week; while the reason is not
// known, for hours.
func attemptsFor(err error) int {
	if privacyd.ClassOf(err) == privacyd.ClassUnavailable {
		return eraseAttempts
	}
	return unknownAttempts
}

// giveUpErasure ends a job of which the last attempt died with its process.
func (e *Engine) giveUpErasure(ctx context.Context, jobID string, why error) error {
	return e.Tx.InTx(ctx, func(ctx context.Context) error {
		job, err := e.lockJob(ctx, jobID)
		if privacyd.CodeOf(err) == "job_not_found" {
			return nil
		}
		if err != nil || job.State.Ended() {
			return err
		}
		return e.endErasure(ctx, job, privacyd.JobFailed, why)
	})
}

// suspend has a job wait for a person: to confirm the new plan, to release a
// hold, or to mend what is in the way.
func (e *Engine) suspend(ctx context.Context, jobID string, lease work.Lease, w *notConfirmed) error {
	return e.underLease(ctx, jobID, lease, func(ctx context.Context, job *privacyd.Job) error {
		if job.State.Ended() {
			return nil
		}
		job.WaitingOn, job.State = w.wait, privacyd.JobBlocked
		if w.wait == privacyd.WaitConfirmation {
			job.State = privacyd.JobPendingApproval
		}
		if released, err := e.releasedMeanwhile(ctx, job); released || err != nil {
			return err
		}
		told := job.ErrorCode == privacyd.CodeOf(w.why)
		job.ErrorCode, job.ErrorMessage = privacyd.CodeOf(w.why), privacyd.MessageOf(w.why)
		if err := e.armPurges(ctx, job.ID); err != nil { // the deadline runs for files whose rows are gone
			return err
		}
		if err := e.suspended(ctx, job, told); err != nil {
			return err
		}
		if err := e.heldAgain(ctx, job); err != nil {
			return err
		}
		auditID, err := e.record(ctx, e.jobEvent(privacyd.System("erasure"), "", job, "wait"))
		if err != nil {
			return err
		}
		if err := e.Jobs.UpdateJob(ctx, job, auditID); err != nil {
			return err
		}
		return e.leavesStill(ctx, job, auditID)
	})
}

// heldAgain lets a restored database be served though the replay of an erasure
// waits for a legal hold: only with it served can anybody release that, and the
// job goes on then.
func (e *Engine) heldAgain(ctx context.Context, job *privacyd.Job) error {
	if job.WaitingOn != privacyd.WaitHold {
		return nil
	}
	return e.Runs.EndReplay(ctx, job.ID)
}

// releasedMeanwhile has a job go on that was about to wait for holds of which
// none stands any more: nobody would wake it.
func (e *Engine) releasedMeanwhile(ctx context.Context, job *privacyd.Job) (bool, error) {
	if job.WaitingOn != privacyd.WaitHold {
		return false, nil
	}
	standing, err := e.Holds.StandingHolds(ctx, job.WorkspaceID)
	if err != nil || len(standing) > 0 {
		return false, err
	}
	job.State, job.WaitingOn = privacyd.JobQueued, ""
	if err := e.saveJob(ctx, privacyd.System("hold"), "", job, "queue"); err != nil {
		return false, err
	}
	return true, e.enqueueErasure(ctx, job.ID, e.Now())
}

// blockedPause is how long a job waits that something is in the way of, before
// it looks whether that is still so.
const blockedPause = privacyd.Day

// suspended tells who has to act, once, and has a blocked job look again.
func (e *Engine) suspended(ctx context.Context, job *privacyd.Job, told bool) error {
	if job.WaitingOn == privacyd.WaitBlocker || job.WaitingOn == privacyd.WaitHold {
		if err := e.enqueueErasure(ctx, job.ID, e.Now().Add(blockedPause)); err != nil {
			return err
		}
	}
	if told {
		return nil
	}
	return e.tellSuspended(ctx, job)
}

func (e *Engine) stopErasure(ctx context.Context, jobID string, lease work.Lease, s privacyd.JobState, why error) error {
	return outcome(ctx, func(ctx context.Context) error {
		return e.underLease(ctx, jobID, lease, func(ctx context.Context, job *privacyd.Job) error {
			if job.State.Ended() {
				return nil
			}
			return e.endErasure(ctx, job, s, why)
		})
	})
}

func (e *Engine) endErasure(ctx context.Context, job *privacyd.Job, s privacyd.JobState, why error) error {
	verb := "cancelled"
	if s == privacyd.JobFailed {
		verb = "fail"
		job.ErrorCode, job.ErrorMessage = privacyd.CodeOf(why), privacyd.MessageOf(why)
	}
	e.end(job, s)
	if err := e.withdrawRows(ctx, job); err != nil {
		if s != privacyd.JobFailed { // what failed may have failed because of the same
			return err
		}
		e.Log.WarnContext(ctx, "rows that a failed erasure did not delete may be taken for erased in the suppression ledger", "job", job.ID, "error", err)
	}
	if err := e.breakOff(ctx, job); err != nil {
		return err
	}
	if s == privacyd.JobFailed {
		if err := e.tellFailed(ctx, job); err != nil {
			return err
		}
	}
	return e.saveJob(ctx, privacyd.System("erasure"), "", job, verb)
}

// breakOff has a job that ends early say what had gone by then.
func (e *Engine) breakOff(ctx context.Context, job *privacyd.Job) error {
	// Files whose rows are gone must not stay; those that rows still name do.
	if err := e.armPurges(ctx, job.ID); err != nil {
		return err
	}
	state, err := e.runState(ctx, job.ID)
	if err != nil {
		return err
	}
	if state.Recheck {
		return e.keepRecheck(ctx, job, state)
	}
	if err := e.sumUp(ctx, job); err != nil {
		return err
	}
	return e.Runs.DeleteErasureRun(ctx, job.ID)
}

// endWaiting cancels a job that does not run: one that waits may have erased
// something before, as when a hold was placed meanwhile.
func (e *Engine) endWaiting(ctx context.Context, job *privacyd.Job) error {
	e.end(job, privacyd.JobCancelled)
	if !job.Type.Erases() {
		return nil
	}
	if job.StartedAt == nil { // a replay has marks from before the restore
		if state, err := e.runState(ctx, job.ID); err != nil || state.ReplayOf == "" {
			return err
		}
	}
	if err := e.withdrawMark(ctx, job); err != nil {
		return err
	}
	return e.breakOff(ctx, job)
}
