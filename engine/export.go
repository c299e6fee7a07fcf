package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/archive"
	"github.com/privacyd/privacyd/work"
)

// RunExport is the handler of WorkExport: it makes the archive of a job. It may
// run again after any failure: each run takes a new snapshot and writes a file
// of its own, and only the run that completes the job makes its file known.
func (e *Engine) RunExport(ctx context.Context, jobID string, lease work.Lease) error {
	job, w, err := e.beginExport(ctx, jobID, lease)
	if err == nil && job == nil {
		return nil
	}
	var file finished
	if err == nil {
		file, err = e.makeArchive(ctx, job, w, lease)
	}
	if err == nil {
		err = e.completeExport(ctx, jobID, file, lease)
	}
	return e.settleExport(ctx, jobID, lease, err)
}

// beginExport gives no job when there is nothing to run, since it was
// cancelled.
func (e *Engine) beginExport(ctx context.Context, jobID string, lease work.Lease) (job *privacyd.Job, w privacyd.Workspace, err error) {
	err = e.underLease(ctx, jobID, lease, func(ctx context.Context, known *privacyd.Job) error {
		if known.WorkspaceID != "" {
			if w, err = e.Workspaces.Workspace(ctx, known.WorkspaceID); err != nil {
				return err
			}
		}
		if err := stillThere(known); err != nil {
			return err
		}
		if begun, err := e.startJob(ctx, known); err != nil || !begun {
			return err
		}
		job = known
		return nil
	})
	if err != nil || job == nil {
		return nil, w, err
	}
	return job, w, e.deleteRuns(ctx, job, job.Runs-1)
}

// underLease runs fn in a transaction in which the lease holds and nobody else
// can change the job. Locks are taken in one order everywhere: workspace, job.
func (e *Engine) underLease(ctx context.Context, jobID string, lease work.Lease, fn func(ctx context.Context, job *privacyd.Job) error) error {
	return e.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := lease.Check(ctx); err != nil {
			return err
		}
		job, err := e.lockJob(ctx, jobID)
		if err != nil {
			return err
		}
		return fn(ctx, job)
	})
}

func (e *Engine) lockJob(ctx context.Context, jobID string) (*privacyd.Job, error) {
	job, err := e.Jobs.Job(ctx, jobID)
	if err != nil {
		return nil, err
	}
	if job.WorkspaceID != "" {
		if err := e.Workspaces.LockWorkspace(ctx, job.WorkspaceID); err != nil {
			return nil, err
		}
	}
	job, err = e.Jobs.LockJob(ctx, jobID)
	return e.withSubject(ctx, job, err)
}

func (e *Engine) startJob(ctx context.Context, job *privacyd.Job) (bool, error) {
	if job.State != privacyd.JobQueued && job.State != privacyd.JobRunning {
		return false, nil
	}
	if job.CancelAsked {
		e.end(job, privacyd.JobCancelled)
		return false, e.saveJob(ctx, privacyd.System("export"), "", job, "cancelled")
	}
	if job.Type == privacyd.JobDataExport {
		running, err := e.Lookup.RunningJobs(ctx, job.WorkspaceID, job.Type, job.ID)
		if err != nil {
			return false, err
		}
		if running > 0 {
			return false, work.Retry(time.Second, nil) // one at a time for a workspace
		}
	}
	now := e.Now()
	job.State, job.StartedAt, job.Progress = privacyd.JobRunning, &now, privacyd.Progress{Unit: "records"}
	job.Runs++
	return true, e.saveJob(ctx, privacyd.System("export"), "", job, "start")
}

// completeExport makes the archive known and the job completed in one
// transaction, unless somebody has cancelled it meanwhile.
func (e *Engine) completeExport(ctx context.Context, jobID string, f finished, lease work.Lease) error {
	var cancelled *privacyd.Job
	err := outcome(ctx, func(ctx context.Context) error {
		return e.underLease(ctx, jobID, lease, func(ctx context.Context, job *privacyd.Job) error {
			if job.CancelAsked {
				cancelled = job
				return e.failOrCancel(ctx, job, privacyd.JobCancelled, nil)
			}
			if err := stillThere(job); err != nil {
				return err
			}
			return e.complete(ctx, job, f)
		})
	})
	if err != nil || cancelled == nil {
		return err
	}
	return e.deleteRuns(context.WithoutCancel(ctx), cancelled, cancelled.Runs)
}

func (e *Engine) complete(ctx context.Context, job *privacyd.Job, f finished) error {
	now := e.Now()
	expires := now.Add(e.ExportLife)
	job.Result, job.ExpiresAt = &f.result, &expires
	job.Progress = privacyd.Progress{Done: f.records, Total: f.records, Unit: job.Progress.Unit, Bytes: f.result.Bytes}
	e.end(job, privacyd.JobCompleted)
	auditID, err := e.record(ctx, e.jobEvent(privacyd.System("export"), "", job, "complete"))
	if err != nil {
		return err
	}
	if err := e.Jobs.UpdateJob(ctx, job, auditID); err != nil {
		return err
	}
	file := privacyd.ExportFile{
		JobID: job.ID, WorkspaceID: job.WorkspaceID, BlobKey: f.key, Name: f.name, Size: f.result.Bytes,
		SHA256: f.result.SHA256, CreatedAt: now, ExpiresAt: expires,
	}
	if err := e.Exports.InsertExportFile(ctx, file, auditID); err != nil {
		return err
	}
	if err := e.Runs.InsertReviewItems(ctx, job.ID, f.review); err != nil {
		return err
	}
	if err := e.tellExport(ctx, job); err != nil {
		return err
	}
	return e.expireAt(ctx, job.ID, expires)
}

// settleExport decides what an error means for the job. It gives back the
// error when the work is to be tried again.
func (e *Engine) settleExport(ctx context.Context, jobID string, lease work.Lease, err error) error {
	cause := context.Cause(ctx)
	var later *work.RetryError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, work.ErrLost) || errors.Is(cause, work.ErrLost):
		return err
	case errors.Is(cause, work.ErrCancelled):
		return e.stopExport(ctx, jobID, lease, privacyd.JobCancelled, nil)
	case ctx.Err() != nil || errors.As(err, &later):
		return err // the server stops, or it is too early
	case worthRetrying(err) && lease.Attempt() < exportAttempts:
		e.Log.WarnContext(ctx, "export failed and will be tried again", "job", jobID, "attempt", lease.Attempt(), "error", err)
		return err
	default:
		level := slog.LevelWarn // the job says what it was
		if privacyd.ClassOf(err) == privacyd.ClassInternal {
			level = slog.LevelError
		}
		e.Log.Log(ctx, level, "export failed", "job", jobID, "error", err)
		return e.stopExport(ctx, jobID, lease, privacyd.JobFailed, err)
	}
}

// stillThere refuses an export about a person who was erased before it is done.
func stillThere(job *privacyd.Job) error {
	if job.Subject != nil && job.Subject.ID == "" && !job.State.Ended() {
		return privacyd.Errorf(privacyd.ClassRefused, "subject_erased", "The person whom this export is about was erased meanwhile.")
	}
	return nil
}

func worthRetrying(err error) bool {
	class := privacyd.ClassOf(err)
	return class == privacyd.ClassUnavailable || class == privacyd.ClassInternal
}

// stopExport ends the job and then deletes what its runs wrote: once it has
// ended, no run of it can complete.
func (e *Engine) stopExport(ctx context.Context, jobID string, lease work.Lease, s privacyd.JobState, why error) error {
	return outcome(ctx, func(ctx context.Context) error {
		var ended *privacyd.Job
		err := e.underLease(ctx, jobID, lease, func(ctx context.Context, job *privacyd.Job) error {
			if job.State == privacyd.JobCompleted {
				return nil
			}
			ended = job
			if job.State.Ended() {
				return nil
			}
			return e.failOrCancel(ctx, job, s, why)
		})
		if err != nil || ended == nil {
			return err
		}
		return e.deleteRuns(ctx, ended, ended.Runs)
	})
}

func (e *Engine) failOrCancel(ctx context.Context, job *privacyd.Job, s privacyd.JobState, why error) error {
	verb := "cancelled"
	if s == privacyd.JobFailed {
		verb = "fail"
		job.ErrorCode, job.ErrorMessage = privacyd.CodeOf(why), privacyd.MessageOf(why)
	}
	e.end(job, s)
	if s == privacyd.JobFailed {
		if err := e.tellFailed(ctx, job); err != nil {
			return err
		}
	}
	return e.saveJob(ctx, privacyd.System("export"), "", job, verb)
}

// GiveUp ends the job of a piece of work whose attempts are used up. What is
// to be deleted is tried again by the daily sweep.
func (e *Engine) GiveUp(ctx context.Context, kind, jobID string, why error) error {
	e.Log.ErrorContext(ctx, "gave up", "kind", kind, "key", jobID, "error", why)
	if kind == WorkMail {
		return e.giveUpMail(ctx, jobID, why)
	}
	if kind == WorkErase {
		return e.giveUpErasure(ctx, jobID, why)
	}
	if kind != WorkExport {
		return nil
	}
	return e.Tx.InTx(ctx, func(ctx context.Context) error {
		job, err := e.lockJob(ctx, jobID)
		if privacyd.CodeOf(err) == "job_not_found" {
			return nil
		}
		if err != nil || job.State.Ended() {
			return err
		}
		return e.failOrCancel(ctx, job, privacyd.JobFailed, why)
	})
}

// finished is an archive that is written and not yet known to anybody.
type finished struct {
	key, name string
	records   int64
	result    privacyd.JobResult
	review    []privacyd.ReviewItem // rows for an admin to look through
}

// makeArchive writes the archive of a job into a blob.
func (e *Engine) makeArchive(ctx context.Context, job *privacyd.Job, w privacyd.Workspace, lease work.Lease) (f finished, err error) {
	if err := e.mayArchive(ctx, job); err != nil {
		return f, err
	}
	f.key = exportKey(job)
	of := w.Slug
	if ofAccount(job) {
		of = accountKind
	}
	f.name = fmt.Sprintf("%s-%s-%s.zip", of, job.Type, job.CreatedAt.Format("2006-01-02"))
	blob, err := e.Blobs.Create(ctx, exportScope(w.ID), f.key)
	if err != nil {
		return f, fmt.Errorf("create archive: %w", err)
	}
	defer blob.Abort() // after Commit it does nothing
	out := archive.NewWriter(blob, archive.Options{Spool: e.Spool, Modified: e.Now()})
	defer out.Abort() // after Close it does nothing
	x := &extraction{e: e, job: job, workspace: w, out: out, meter: newMeter(e, job, lease, out.Written)}
	summary, err := x.run(ctx)
	if err != nil {
		return f, err
	}
	size, sum, err := blob.Commit()
	if err != nil {
		return f, fmt.Errorf("finish archive: %w", err)
	}
	f.result = privacyd.JobResult{Records: summary.Records, Files: summary.Files, Missing: summary.Missing, Bytes: size, SHA256: sum, AuditPending: x.auditPending}
	for _, n := range summary.Records {
		f.records += n
	}
	if f.review, err = x.reviewItems(ctx); err != nil {
		return f, err
	}
	f.result.Review = int64(len(f.review))
	return f, nil
}

// meter reports how far a running job is, at most once a second, and stops a
// run that has lost its lease.
type meter struct {
	e       *Engine
	lease   work.Lease
	jobID   string
	p       privacyd.Progress
	written func() int64
	last    time.Time
	rows    int

	expected atomic.Int64 // what is counted so far of what is to come
}

func newMeter(e *Engine, job *privacyd.Job, lease work.Lease, written func() int64) *meter {
	return &meter{e: e, lease: lease, jobID: job.ID, p: job.Progress, written: written, last: e.Now()}
}

// add counts one more record or file.
func (m *meter) add(ctx context.Context) error {
	m.p.Done++
	const glance = 512 // the clock is not looked at for each row
	if m.rows++; m.rows < glance {
		return nil
	}
	m.rows = 0
	return m.report(ctx, time.Second)
}

func (m *meter) report(ctx context.Context, every time.Duration) error {
	now := m.e.Now()
	if gone := now.Sub(m.last); gone >= 0 && gone < every { // a clock put back reports at once
		return ctx.Err()
	}
	m.last, m.p.Bytes = now, m.written()
	m.p.Total = max(m.expected.Load(), m.p.Done)
	return m.e.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := m.lease.Check(ctx); err != nil {
			return err
		}
		return m.e.Jobs.UpdateJobProgress(ctx, m.jobID, m.p)
	})
}
