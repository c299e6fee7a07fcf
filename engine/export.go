package engine

import (
	"context"
	"errors"
	"fmt"
	"path"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/archive"
	"github.com/privacyd/privacyd/work"
)

// RunExport is the handler of WorkExport: it makes the archive of a job. It may
// run again after any failure: each run takes a new snapshot and writes a new
// file, and only the run that completes the job makes its file known.
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
		err = e.completeExport(ctx, job, file, lease)
	}
	return e.settleExport(ctx, jobID, lease, err)
}

// beginExport gives no job when there is nothing to run: it was cancelled, or
// waits for another export of its workspace, whose end queues it again.
func (e *Engine) beginExport(ctx context.Context, jobID string, lease work.Lease) (job *privacyd.Job, w privacyd.Workspace, err error) {
	err = e.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := lease.Check(ctx); err != nil {
			return err
		}
		known, err := e.Jobs.Job(ctx, jobID)
		if err != nil {
			return err
		}
		if err := e.Workspaces.LockWorkspace(ctx, known.WorkspaceID); err != nil {
			return err
		}
		if w, err = e.Workspaces.Workspace(ctx, known.WorkspaceID); err != nil {
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
	return job, w, e.deleteBlobs(ctx, exportPrefix(job))
}

func (e *Engine) startJob(ctx context.Context, job *privacyd.Job) (bool, error) {
	if job.State != privacyd.JobQueued && job.State != privacyd.JobRunning {
		return false, nil
	}
	if job.CancelAsked {
		e.end(job, privacyd.JobCancelled)
		return false, e.endExport(ctx, job, "cancel")
	}
	if job.Type == privacyd.JobDataExport {
		running, err := e.Lookup.RunningJobs(ctx, job.WorkspaceID, job.Type, job.ID)
		if err != nil || running > 0 {
			return false, err
		}
	}
	now := e.Now()
	job.State, job.StartedAt, job.Progress = privacyd.JobRunning, &now, privacyd.Progress{Unit: "records"}
	job.Runs++
	return true, e.saveJob(ctx, privacyd.System("export"), "", job, "start")
}

// completeExport makes the archive known and the job completed in one
// transaction, under the lease's token.
func (e *Engine) completeExport(ctx context.Context, job *privacyd.Job, f finished, lease work.Lease) error {
	return outcome(ctx, func(ctx context.Context) error {
		return e.Tx.InTx(ctx, func(ctx context.Context) error {
			if err := lease.Check(ctx); err != nil {
				return err
			}
			now := e.Now()
			expires := now.Add(e.ExportLife)
			job.Result, job.ExpiresAt = &f.result, &expires
			job.Progress.Done, job.Progress.Bytes = f.records, f.result.Bytes
			job.Progress.Total = f.records
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
			if err := e.expireAt(ctx, job.ID, expires); err != nil {
				return err
			}
			return e.queueNext(ctx, job)
		})
	})
}

// settleExport decides what an error means for the job. It gives back the
// error when the work is to be tried again.
func (e *Engine) settleExport(ctx context.Context, jobID string, lease work.Lease, err error) error {
	cause := context.Cause(ctx)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, work.ErrLost) || errors.Is(cause, work.ErrLost):
		return err
	case errors.Is(cause, work.ErrCancelled):
		return e.stopExport(ctx, jobID, lease, privacyd.JobCancelled, nil)
	case ctx.Err() != nil:
		return err // the server stops; the next one runs the job again
	case worthRetrying(err) && lease.Attempt() < exportAttempts:
		e.Log.WarnContext(ctx, "export failed and will be tried again", "job", jobID, "attempt", lease.Attempt(), "error", err)
		return err
	default:
		e.Log.ErrorContext(ctx, "export failed", "job", jobID, "error", err)
		return e.stopExport(ctx, jobID, lease, privacyd.JobFailed, err)
	}
}

func worthRetrying(err error) bool {
	class := privacyd.ClassOf(err)
	return class == privacyd.ClassUnavailable || class == privacyd.ClassInternal
}

// stopExport deletes what the run wrote and ends the job.
func (e *Engine) stopExport(ctx context.Context, jobID string, lease work.Lease, s privacyd.JobState, why error) error {
	return outcome(ctx, func(ctx context.Context) error {
		job, err := e.Jobs.Job(ctx, jobID)
		if err != nil {
			return err
		}
		if err := e.deleteBlobs(ctx, exportPrefix(job)); err != nil {
			return err
		}
		return e.Tx.InTx(ctx, func(ctx context.Context) error {
			if err := lease.Check(ctx); err != nil {
				return err
			}
			if job, err = e.Jobs.Job(ctx, jobID); err != nil || job.State.Ended() {
				return err
			}
			return e.failOrCancel(ctx, job, s, why)
		})
	})
}

func (e *Engine) failOrCancel(ctx context.Context, job *privacyd.Job, s privacyd.JobState, why error) error {
	verb := "cancelled"
	if s == privacyd.JobFailed {
		verb = "fail"
		job.ErrorCode, job.ErrorMessage = privacyd.CodeOf(why), privacyd.MessageOf(why)
	}
	e.end(job, s)
	return e.endExport(ctx, job, verb)
}

func (e *Engine) endExport(ctx context.Context, job *privacyd.Job, verb string) error {
	if err := e.saveJob(ctx, privacyd.System("export"), "", job, verb); err != nil {
		return err
	}
	return e.queueNext(ctx, job)
}

// queueNext lets the next export of the workspace run, since only one does at
// a time.
func (e *Engine) queueNext(ctx context.Context, ended *privacyd.Job) error {
	next, err := e.Lookup.NextQueuedJob(ctx, ended.WorkspaceID, ended.Type)
	if err != nil || next == nil {
		return err
	}
	return e.enqueueExport(ctx, next.ID)
}

// GiveUp ends the job of a piece of work whose attempts are used up.
func (e *Engine) GiveUp(ctx context.Context, kind, jobID string, why error) error {
	if kind != WorkExport {
		return nil
	}
	return e.Tx.InTx(ctx, func(ctx context.Context) error {
		job, err := e.Jobs.Job(ctx, jobID)
		if err != nil || job.State.Ended() {
			return err
		}
		return e.failOrCancel(ctx, job, privacyd.JobFailed, why)
	})
}

// RunExpire is the handler of WorkExpire: it deletes the archive of an export
// whose life is over. Audit: TYPE.expire.
func (e *Engine) RunExpire(ctx context.Context, jobID string, lease work.Lease) error {
	expired, err := e.Jobs.Job(ctx, jobID)
	if err != nil {
		return err
	}
	if err := e.deleteBlobs(ctx, exportPrefix(expired)); err != nil {
		return err
	}
	return e.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := lease.Check(ctx); err != nil {
			return err
		}
		job, err := e.Jobs.Job(ctx, jobID)
		if err != nil || !job.State.MayBecome(privacyd.JobExpired) {
			return err
		}
		job.State = privacyd.JobExpired
		if err := e.Exports.DeleteExportFile(ctx, jobID); err != nil {
			return err
		}
		return e.saveJob(ctx, privacyd.System("expiry"), "", job, "expire")
	})
}

// Recover deletes archives that no job knows: what a process left that died
// between writing and completing. Call it at start.
func (e *Engine) Recover(ctx context.Context) error {
	keys, err := e.Exports.ExportBlobKeys(ctx)
	if err != nil {
		return err
	}
	known := make(map[string]bool, len(keys))
	for _, k := range keys {
		known[k] = true
	}
	workspaces, err := e.Workspaces.Workspaces(ctx, "")
	if err != nil {
		return err
	}
	for _, w := range workspaces {
		for key, err := range e.Blobs.List(ctx, w.ID+exportsFolder) {
			if err != nil {
				return fmt.Errorf("list archives: %w", err)
			}
			if known[key] {
				continue
			}
			if err := e.deleteUnknown(ctx, key); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *Engine) deleteUnknown(ctx context.Context, key string) error {
	job, err := e.Jobs.Job(ctx, path.Base(path.Dir(key)))
	if err != nil && privacyd.CodeOf(err) != "job_not_found" {
		return err
	}
	if err == nil && job.State == privacyd.JobRunning {
		return nil // another node may be writing it; the next run deletes it
	}
	if err := e.Blobs.Delete(ctx, key); err != nil {
		return fmt.Errorf("delete an unknown archive: %w", err)
	}
	return nil
}

func (e *Engine) deleteBlobs(ctx context.Context, prefix string) error {
	for key, err := range e.Blobs.List(ctx, prefix) {
		if err != nil {
			return fmt.Errorf("list archives: %w", err)
		}
		if err := e.Blobs.Delete(ctx, key); err != nil {
			return fmt.Errorf("delete archive: %w", err)
		}
	}
	return nil
}

// finished is an archive that is written and not yet known to anybody.
type finished struct {
	key, name string
	records   int64
	result    privacyd.JobResult
}

// makeArchive writes the archive of a job into a blob.
func (e *Engine) makeArchive(ctx context.Context, job *privacyd.Job, w privacyd.Workspace, lease work.Lease) (f finished, err error) {
	f.key = exportKey(job)
	f.name = fmt.Sprintf("%s-%s-%s.zip", w.Slug, job.Type, job.CreatedAt.Format("2006-01-02"))
	blob, err := e.Blobs.Create(ctx, w.ID, f.key)
	if err != nil {
		return f, fmt.Errorf("create archive: %w", err)
	}
	out := archive.NewWriter(blob, archive.Options{Spool: e.Spool, Modified: e.Now()})
	defer out.Abort() // after Close it does nothing
	x := &extraction{e: e, job: job, workspace: w, out: out, meter: newMeter(e, job, lease, out.Written)}
	summary, err := x.run(ctx)
	if err != nil {
		blob.Abort()
		return f, err
	}
	size, sum, err := blob.Commit()
	if err != nil {
		return f, fmt.Errorf("finish archive: %w", err)
	}
	f.result = privacyd.JobResult{Records: summary.Records, Files: summary.Files, Missing: summary.Missing, Bytes: size, SHA256: sum}
	for _, n := range summary.Records {
		f.records += n
	}
	return f, nil
}

const exportsFolder = "/exports/"

func exportPrefix(job *privacyd.Job) string { return job.WorkspaceID + exportsFolder + job.ID + "/" }

func exportKey(job *privacyd.Job) string { return fmt.Sprintf("%s%d.zip", exportPrefix(job), job.Runs) }

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
	if now.Sub(m.last) < every {
		return ctx.Err()
	}
	m.last, m.p.Bytes = now, m.written()
	m.p.Total = max(m.p.Total, m.p.Done)
	return m.e.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := m.lease.Check(ctx); err != nil {
			return err
		}
		return m.e.Jobs.UpdateJobProgress(ctx, m.jobID, m.p)
	})
}
