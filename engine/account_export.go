package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/privacyd/privacyd"
)

// accountsFolder is where the archives of accounts lie: they are of no
// workspace.
const accountsFolder = "accounts"

// exportScope is whose key encrypts an archive, and the folder that it lies in.
func exportScope(workspaceID string) string {
	if workspaceID == "" {
		return accountsFolder
	}
	return workspaceID
}

// ExportAccount asks for everything about the caller's own account, over all
// its workspaces, or gives the export that is already pending; created tells
// which. The account itself and nobody else, in the grace period of its deletion
// too. Art. 15 and 20 GDPR. Codes: not_signed_in, own_account_only. Audit:
// subject_export.create.
func (e *Engine) ExportAccount(ctx context.Context, c privacyd.Caller) (job *privacyd.Job, created bool, err error) {
	if err := e.itself(ctx, c, privacyd.ActionExportAccount); err != nil {
		return nil, false, err
	}
	draft := &privacyd.Job{
		Type: privacyd.JobSubjectExport, State: privacyd.JobQueued, Format: privacyd.FormatJSON, RequestedBy: c.AccountID,
		Subject: &privacyd.Subject{Kind: accountKind, ID: c.AccountID}, Progress: privacyd.Progress{Unit: "records"}, CreatedAt: e.Now(),
	}
	if draft.ID, err = newID(); err != nil {
		return nil, false, err
	}
	err = e.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := e.sealSubject(ctx, draft); err != nil {
			return err
		}
		pending, err := e.Lookup.PendingJob(ctx, draft)
		if job, err = e.withSubject(ctx, pending, err); err != nil || job != nil {
			return err
		}
		job, created = draft, true
		auditID, err := e.record(ctx, e.jobEvent(c, "", job, "create"))
		if err != nil {
			return err
		}
		if err := e.Jobs.InsertJob(ctx, job, auditID); err != nil {
			return err
		}
		return e.enqueueExport(ctx, job.ID)
	})
	return job, created, err
}

// AccountExports lists the exports that the caller asked for of its own account,
// the newest first. The account itself, in the grace period too.
func (e *Engine) AccountExports(ctx context.Context, c privacyd.Caller) ([]*privacyd.Job, error) {
	if err := e.itself(ctx, c, privacyd.ActionExportAccount); err != nil {
		return nil, err
	}
	ref := e.reference(ownerOf("", privacyd.Subject{Kind: accountKind, ID: c.AccountID}))
	jobs, err := e.Own.JobsOf(ctx, ref)
	if err != nil {
		return nil, err
	}
	jobs = slices.DeleteFunc(jobs, func(j *privacyd.Job) bool { return !ofAccount(j) })
	for i := range jobs {
		if jobs[i], err = e.withSubject(ctx, jobs[i], nil); err != nil {
			return nil, err
		}
	}
	return jobs, nil
}

// ofAccount tells whether a job is an account's export of itself.
func ofAccount(j *privacyd.Job) bool {
	return j.Type == privacyd.JobSubjectExport && j.WorkspaceID == ""
}

// AccountExport gives one of the caller's own exports. Code job_not_found.
func (e *Engine) AccountExport(ctx context.Context, c privacyd.Caller, id string) (*privacyd.Job, error) {
	if err := e.itself(ctx, c, privacyd.ActionExportAccount); err != nil {
		return nil, err
	}
	job, err := e.Jobs.Job(ctx, id)
	if job, err = e.withSubject(ctx, job, err); err != nil {
		return nil, err
	}
	if !ofAccount(job) || job.Subject == nil || job.Subject.ID != c.AccountID {
		return nil, privacyd.Errorf(privacyd.ClassNotFound, "job_not_found", "There is no such export of your account.")
	}
	return job, nil
}

// CancelAccountExport stops one of the caller's own exports. Codes:
// job_not_found, job_not_cancellable. Audit: subject_export.cancel.
func (e *Engine) CancelAccountExport(ctx context.Context, c privacyd.Caller, id string) (job *privacyd.Job, err error) {
	if _, err := e.AccountExport(ctx, c, id); err != nil {
		return nil, err
	}
	err = e.Tx.InTx(ctx, func(ctx context.Context) error {
		if job, err = e.lockJob(ctx, id); err != nil {
			return err
		}
		return e.cancel(ctx, c, grant{}, job)
	})
	return job, err
}

// AccountDownloadLink signs a link to a finished export of the caller's own
// account. Codes: job_not_found, export_not_found.
func (e *Engine) AccountDownloadLink(ctx context.Context, c privacyd.Caller, id string) (Link, error) {
	job, err := e.AccountExport(ctx, c, id)
	if err != nil {
		return Link{}, err
	}
	f, err := e.Exports.ExportFile(ctx, job.ID)
	if err != nil {
		return Link{}, err
	}
	return e.signLink(job.ID, f.ExpiresAt), nil
}

// OpenAccountDownload opens a finished export of the caller's own account, with
// a link that is whole and not too old. Codes: those of OpenDownload. Audit:
// export.download, each time.
func (e *Engine) OpenAccountDownload(ctx context.Context, c privacyd.Caller, l Link) (Download, error) {
	job, err := e.AccountExport(ctx, c, l.JobID)
	if err != nil {
		return Download{}, e.deny(ctx, c, grant{}, privacyd.ActionDownload, err)
	}
	if err := e.checkLink(l); err != nil {
		return Download{}, e.deny(ctx, c, grant{}, privacyd.ActionDownload, err)
	}
	f, err := e.Exports.ExportFile(ctx, job.ID)
	if err != nil {
		return Download{}, err
	}
	if !e.Now().Before(f.ExpiresAt) {
		return Download{}, e.deny(ctx, c, grant{}, privacyd.ActionDownload, errLinkExpired())
	}
	blob, err := e.Blobs.Open(ctx, accountsFolder, f.BlobKey)
	if err != nil {
		return Download{}, fmt.Errorf("open archive: %w", err)
	}
	if err := e.auditDownload(ctx, c, grant{}, job); err != nil {
		return Download{}, errors.Join(err, blob.Close())
	}
	return Download{File: f, Blob: blob}, nil
}
