package engine

import (
	"context"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/work"
)

// WorkRemind is the kind of work that reminds of a deletion in its grace
// period; the key is the job's id.
const WorkRemind = "remind"

// remindOf sets when those concerned by a scheduled deletion are reminded of it
// next, in the transaction in which its end is set. The caller writes the job.
func (e *Engine) remindOf(ctx context.Context, job *privacyd.Job) error {
	job.RemindAt = nil
	if err := e.Queue.Cancel(ctx, WorkRemind, job.ID); err != nil {
		return err
	}
	if job.State != privacyd.JobScheduled || job.ExecuteAfter == nil {
		return nil
	}
	at, more := privacyd.NextReminder(*job.ExecuteAfter, e.Now())
	if !more {
		return nil
	}
	job.RemindAt = &at
	return e.Queue.Enqueue(ctx, work.Item{Kind: WorkRemind, Key: job.ID, At: at})
}

// RunRemind is the handler of WorkRemind. Of reminders that were missed it
// sends one, which says how long it is now. Audit: TYPE.remind.
func (e *Engine) RunRemind(ctx context.Context, jobID string, lease work.Lease) error {
	return e.underLease(ctx, jobID, lease, func(ctx context.Context, job *privacyd.Job) error {
		now := e.Now()
		if job.State != privacyd.JobScheduled || job.RemindAt == nil || !job.ExecuteAfter.After(now) {
			return nil // cancelled, or begun
		}
		if job.RemindAt.After(now) { // its end was moved
			return e.Queue.Enqueue(ctx, work.Item{Kind: WorkRemind, Key: jobID, At: *job.RemindAt})
		}
		if err := e.tellReminder(ctx, job); err != nil {
			return err
		}
		job.RemindAt = nil
		if at, more := privacyd.NextReminder(*job.ExecuteAfter, now); more {
			job.RemindAt = &at
			if err := e.Queue.Enqueue(ctx, work.Item{Kind: WorkRemind, Key: jobID, At: at}); err != nil {
				return err
			}
		}
		return e.saveJob(ctx, privacyd.System("reminder"), "", job, "remind")
	})
}

// ScheduleReminders sees to it, at start, that every scheduled deletion has its
// reminder in the queue: one that was scheduled by an older version has not.
func (e *Engine) ScheduleReminders(ctx context.Context) error {
	jobs, err := e.Own.DueReminders(ctx, e.Now().Add(privacyd.DefaultGrace))
	if err != nil {
		return err
	}
	for _, job := range jobs {
		if err := e.Queue.Enqueue(ctx, work.Item{Kind: WorkRemind, Key: job.ID, At: *job.RemindAt}); err != nil {
			return err
		}
	}
	return nil
}
