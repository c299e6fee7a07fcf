package engine

import (
	"context"

	"github.com/privacyd/privacyd"
)

// Receipt gives the newest issue of the receipt of a job. Admins and auditors.
// Codes: job_not_found, receipt_not_found while there is none. Audit:
// receipts.read.
func (e *Engine) Receipt(ctx context.Context, c privacyd.Caller, workspace, jobID string) (privacyd.StoredReceipt, error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionReadReceipts)
	if err != nil {
		return privacyd.StoredReceipt{}, err
	}
	job, err := e.jobOf(ctx, g, jobID)
	if err != nil {
		return privacyd.StoredReceipt{}, err
	}
	stored, err := e.Receipts.ReceiptOfJob(ctx, job.ID)
	if privacyd.CodeOf(err) == "receipt_not_found" {
		return stored, noReceipt(job)
	}
	if err != nil {
		return stored, err
	}
	event, err := e.unfrozen(ctx, privacyd.AuditEvent{
		WorkspaceID: g.Workspace.ID, Caller: c, Role: g.Role, Action: string(privacyd.ActionReadReceipts), Outcome: privacyd.OutcomeDone,
		Target: privacyd.Target{Type: "job", ID: job.ID},
	})
	if err != nil {
		return stored, err
	}
	return stored, e.recordAlone(ctx, event)
}

func noReceipt(job *privacyd.Job) error {
	if !job.Type.Erases() {
		return privacyd.Errorf(privacyd.ClassNotFound, "receipt_not_found", "This job erases nothing, so it has no receipt.")
	}
	return privacyd.Errorf(privacyd.ClassNotFound, "receipt_not_found",
		"There is no receipt: the job is %s. There is one once it has run to its end.", job.State)
}

// ReceiptsPage lists a page of the newest issue of each of a workspace's
// receipts, sorted by ended, kind or deleted; the newest first if not sorted
// otherwise. Admins and auditors. Code cursor_invalid.
func (e *Engine) ReceiptsPage(ctx context.Context, c privacyd.Caller, workspace string, q privacyd.PageQuery) (privacyd.Page[privacyd.StoredReceipt], error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionReadReceipts)
	if err != nil {
		return privacyd.Page[privacyd.StoredReceipt]{}, err
	}
	return e.Receipts.ReceiptsPage(ctx, g.Workspace.ID, bounded(q))
}
