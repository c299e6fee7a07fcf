package engine

import (
	"context"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/work"
)

const (
	exportsFolder = "/exports/"
	keyLife       = 7 * 24 * time.Hour // of an idempotency key
)

func exportPrefix(job *privacyd.Job) string {
	return exportScope(job.WorkspaceID) + exportsFolder + job.ID + "/"
}

func exportKey(job *privacyd.Job) string { return fmt.Sprintf("%s%d.zip", exportPrefix(job), job.Runs) }

// deleteRuns deletes the files of a job's runs up to one of them. A later run
// may be another process's.
func (e *Engine) deleteRuns(ctx context.Context, job *privacyd.Job, last int) error {
	for key, err := range e.Blobs.List(ctx, exportPrefix(job)) {
		if err != nil {
			return fmt.Errorf("list archives: %w", err)
		}
		if run, err := strconv.Atoi(strings.TrimSuffix(path.Base(key), ".zip")); err == nil && run > last {
			continue
		}
		if err := e.Blobs.Delete(ctx, key); err != nil {
			return fmt.Errorf("delete archive: %w", err)
		}
	}
	return nil
}

// RunExpire is the handler of WorkExpire: it ends the life of an export. From
// the first transaction on it cannot be downloaded; what leads to the file
// goes after the file. Audit: TYPE.expire.
func (e *Engine) RunExpire(ctx context.Context, jobID string, lease work.Lease) error {
	var expired *privacyd.Job
	err := e.underLease(ctx, jobID, lease, func(ctx context.Context, job *privacyd.Job) error {
		if job.State != privacyd.JobExpired && !job.State.MayBecome(privacyd.JobExpired) {
			return nil
		}
		expired = job
		if job.State == privacyd.JobExpired {
			return nil
		}
		job.State = privacyd.JobExpired
		return e.saveJob(ctx, privacyd.System("expiry"), "", job, "expire")
	})
	if err != nil || expired == nil {
		return err
	}
	if err := e.deleteRuns(ctx, expired, expired.Runs); err != nil {
		return err
	}
	return e.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := lease.Check(ctx); err != nil {
			return err
		}
		if err := e.Reviews.DeleteReviewItem(ctx, jobID, 0); err != nil {
			return err
		}
		return e.Exports.DeleteExportFile(ctx, jobID)
	})
}

// RunSweep is the daily handler of WorkSweep: it deletes archives that nobody
// knows or whose own deletion was given up, and forgets old idempotency keys.
func (e *Engine) RunSweep(ctx context.Context, _ string, _ work.Lease) error {
	if err := e.Lookup.DeleteJobKeys(ctx, e.Now().Add(-keyLife)); err != nil {
		return err
	}
	if err := e.AuditKeys.DeleteAuditKeys(ctx, e.Now().Add(-keyLife)); err != nil {
		return err
	}
	if err := e.forgetOldPeople(ctx); err != nil {
		return err
	}
	if err := e.forgetErasures(ctx); err != nil {
		return err
	}
	if err := e.sweepDocuments(ctx); err != nil {
		return err
	}
	overdue, err := e.Exports.ExpiredExports(ctx, e.Now())
	if err != nil {
		return err
	}
	for _, jobID := range overdue {
		if err := e.expireAt(ctx, jobID, e.Now()); err != nil {
			return err
		}
	}
	return e.Recover(ctx)
}

// VerifiableFor is how long it is known by what somebody was looked for of whom
// verification still found something: until then it can look again.
const VerifiableFor = 30 * privacyd.Day

// forgetErasures forgets what nobody needs any more of erasures: plans that
// cannot be confirmed, and whom failed ones were about.
func (e *Engine) forgetErasures(ctx context.Context) error {
	if err := e.Plans.DeletePlans(ctx, e.Now()); err != nil {
		return err
	}
	return e.Runs.DeleteFailedRuns(ctx, e.Now().Add(-VerifiableFor))
}

// Recover deletes archives that no job knows: what a process left that died
// between writing and completing. It may run beside others that are at work.
func (e *Engine) Recover(ctx context.Context) error {
	workspaces, err := e.Workspaces.Workspaces(ctx, "")
	if err != nil {
		return err
	}
	folders := []string{accountsFolder}
	for _, w := range workspaces {
		folders = append(folders, w.ID)
	}
	for _, folder := range folders {
		for key, err := range e.Blobs.List(ctx, folder+exportsFolder) {
			if err != nil {
				return fmt.Errorf("list archives: %w", err)
			}
			if err := e.deleteUnknown(ctx, key); err != nil {
				return err
			}
		}
	}
	return nil
}

// deleteUnknown reads the job after the file was seen: a job that is not
// running then will never make this file known.
func (e *Engine) deleteUnknown(ctx context.Context, key string) error {
	job, err := e.Jobs.Job(ctx, path.Base(path.Dir(key)))
	if err != nil && privacyd.CodeOf(err) != "job_not_found" {
		return err
	}
	if err == nil && job.State == privacyd.JobRunning {
		return nil
	}
	if err == nil {
		file, err := e.Exports.ExportFile(ctx, job.ID)
		if err != nil && privacyd.CodeOf(err) != "export_not_found" {
			return err
		}
		if file.BlobKey == key {
			return nil
		}
	}
	if err := e.Blobs.Delete(ctx, key); err != nil {
		return fmt.Errorf("delete an unknown archive: %w", err)
	}
	return nil
}
