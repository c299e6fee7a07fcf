package engine

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/privacyd/privacyd"
)

// Link is a download link: a door adds where it leads.
type Link struct {
	JobID     string
	Expires   time.Time
	Signature string // hex
}

// Download is an open archive.
type Download struct {
	File privacyd.ExportFile
	Blob Blob
}

// DownloadLink signs a link to a finished export; it lives as long as the
// export. Who may ask for the export may have it. Code export_not_found.
func (e *Engine) DownloadLink(ctx context.Context, c privacyd.Caller, workspace, jobID string) (Link, error) {
	_, job, err := e.exportJob(ctx, c, workspace, jobID)
	if err != nil {
		return Link{}, err
	}
	f, err := e.Exports.ExportFile(ctx, job.ID)
	if err != nil {
		return Link{}, err
	}
	return e.signLink(job.ID, f.ExpiresAt), nil
}

func (e *Engine) signLink(jobID string, expires time.Time) Link {
	return Link{JobID: jobID, Expires: expires, Signature: hex.EncodeToString(e.Signer.Sign(linkText(jobID, expires)))}
}

// OpenDownload opens a finished export. It needs a link that is whole and not
// too old, and a caller who may export now: a link that leaked is worth
// nothing alone. Codes: link_invalid, link_expired, export_not_found, and
// those of authorisation. Audit: export.download, each time.
func (e *Engine) OpenDownload(ctx context.Context, c privacyd.Caller, workspace string, l Link) (Download, error) {
	g, job, err := e.exportJob(ctx, c, workspace, l.JobID)
	if err != nil {
		return Download{}, err
	}
	if err := e.checkLink(l); err != nil {
		return Download{}, e.deny(ctx, c, g, privacyd.ActionDownload, err)
	}
	f, err := e.Exports.ExportFile(ctx, job.ID)
	if err != nil {
		return Download{}, err
	}
	if !e.Now().Before(f.ExpiresAt) {
		return Download{}, e.deny(ctx, c, g, privacyd.ActionDownload, errLinkExpired())
	}
	blob, err := e.Blobs.Open(ctx, f.WorkspaceID, f.BlobKey)
	if err != nil {
		return Download{}, fmt.Errorf("open archive: %w", err)
	}
	if err := e.auditDownload(ctx, c, g, job); err != nil {
		return Download{}, errors.Join(err, blob.Close())
	}
	return Download{File: f, Blob: blob}, nil
}

func (e *Engine) auditDownload(ctx context.Context, c privacyd.Caller, g grant, job *privacyd.Job) error {
	return e.Tx.InTx(ctx, func(ctx context.Context) error {
		_, err := e.record(ctx, privacyd.AuditEvent{
			WorkspaceID: g.Workspace.ID, Caller: c, Role: g.Role, Action: string(privacyd.ActionDownload), Outcome: privacyd.OutcomeDone,
			Target: privacyd.Target{Type: "job", ID: job.ID, Subject: job.Subject},
		})
		return err
	})
}

// exportJob finds an export that the caller may have.
func (e *Engine) exportJob(ctx context.Context, c privacyd.Caller, workspace, jobID string) (grant, *privacyd.Job, error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionDownload)
	if err != nil {
		return g, nil, err
	}
	job, err := e.jobOf(ctx, g, jobID)
	if err != nil {
		return g, nil, err
	}
	if !job.Type.Export() {
		return g, nil, privacyd.Errorf(privacyd.ClassNotFound, "export_not_found", "This job is no export.")
	}
	g, err = e.authorise(ctx, c, workspace, actionOf(job.Type))
	return g, job, err
}

func (e *Engine) checkLink(l Link) error {
	mac, err := hex.DecodeString(l.Signature)
	if err != nil || !e.Signer.Verify(linkText(l.JobID, l.Expires), mac) {
		return privacyd.Errorf(privacyd.ClassForbidden, "link_invalid",
			"This download link is not whole, or was altered. Copy it again from the export's page.")
	}
	if !e.Now().Before(l.Expires) {
		return errLinkExpired()
	}
	return nil
}

func errLinkExpired() error {
	return privacyd.Errorf(privacyd.ClassForbidden, "link_expired", "This download link is too old. Ask for a new export.")
}

func linkText(jobID string, expires time.Time) []byte {
	return []byte("privacyd export link\n" + jobID + "\n" + strconv.FormatInt(expires.Unix(), 10))
}
