package engine

import (
	"context"
	"strings"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/work"
)

// WorkHoldReview is the kind of work that tells a workspace's admins that a
// legal hold has to be looked at again; the key is the ids of the workspace and
// of the hold, with a slash between them.
const WorkHoldReview = "hold_review"

func (e *Engine) scheduleReview(ctx context.Context, h *privacyd.Hold) error {
	return e.Queue.Enqueue(ctx, work.Item{Kind: WorkHoldReview, Key: h.WorkspaceID + "/" + h.ID, At: h.ReviewAt})
}

func (e *Engine) cancelReview(ctx context.Context, h *privacyd.Hold) error {
	return e.Queue.Cancel(ctx, WorkHoldReview, h.WorkspaceID+"/"+h.ID)
}

// RunHoldReview is the handler of WorkHoldReview. A hold does not end by
// itself.
func (e *Engine) RunHoldReview(ctx context.Context, key string, lease work.Lease) error {
	workspaceID, id, _ := strings.Cut(key, "/")
	return e.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := lease.Check(ctx); err != nil {
			return err
		}
		h, err := e.Holds.Hold(ctx, workspaceID, id)
		if privacyd.CodeOf(err) == "hold_not_found" { // the workspace is deleted
			return nil
		}
		if err != nil || !h.ReviewDue(e.Now()) {
			return err
		}
		w, err := e.Workspaces.Workspace(ctx, workspaceID)
		if err != nil {
			return err
		}
		return e.notify(ctx, notice{Role: privacyd.RoleAdmin, Mail: privacyd.Mail{
			Kind: privacyd.MailHoldReviewDue, WorkspaceID: w.ID, Workspace: w.Name, At: &h.ReviewAt, Path: workspacePage(w) + "/holds",
		}}, "")
	})
}

// ScheduleReviews sees to it, at start, that the review of every standing hold
// is in the queue: one that was placed by an older version is not.
func (e *Engine) ScheduleReviews(ctx context.Context) error {
	holds, err := e.Holds.StandingHolds(ctx, "")
	if err != nil {
		return err
	}
	for _, h := range holds {
		if !h.ReviewAt.After(e.Now()) {
			continue // it waits in the queue, or was told
		}
		if err := e.scheduleReview(ctx, h); err != nil {
			return err
		}
	}
	return nil
}
