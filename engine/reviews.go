package engine

import (
	"context"

	"github.com/privacyd/privacyd"
)

// Reviews keeps the review lists of erasures, and tells what else is kept of
// single rows of a workspace.
type Reviews interface {
	ReviewItems(ctx context.Context, jobID string, after int64, limit int) ([]privacyd.ReviewItem, error)
	DeleteReviewItem(ctx context.Context, jobID string, n int64) error // n 0: all of them
	WorkspaceReviewItems(ctx context.Context, workspaceID string, after privacyd.ReviewItem, limit int) ([]privacyd.ReviewItem, error)
	KeptRows(ctx context.Context, workspaceID, after string, limit int) ([]privacyd.KeptRow, error)
}

// ReviewRow is a row of others that may mention whom an erasure was about.
type ReviewRow struct {
	N          int64    `json:"n"` // counts within the job, from 1
	Dataset    string   `json:"dataset"`
	Collection string   `json:"collection"`
	Key        []string `json:"key"`
	Column     string   `json:"column"`
}

// ReviewList lists the rows in which verification saw what may be the erased
// person: at most limit (1 to 200, 0: 50) after the n-th. Who may ask for the
// job may see it. Code job_not_found.
func (e *Engine) ReviewList(ctx context.Context, c privacyd.Caller, workspace, jobID string, after int64, limit int) ([]ReviewRow, error) {
	g, job, err := e.reviewOf(ctx, c, workspace, jobID)
	if err != nil {
		return nil, err
	}
	if limit <= 0 || limit > maxPage {
		limit = 50
	}
	items, err := e.Reviews.ReviewItems(ctx, job.ID, after, limit)
	if err != nil {
		return nil, err
	}
	rows := make([]ReviewRow, len(items))
	for i, item := range items {
		var r reviewed
		if err := e.openJSON(ctx, scopeOwner(g.Workspace.ID), "review item", item.Sealed, &r); err != nil {
			return nil, err
		}
		rows[i] = ReviewRow{N: item.N, Dataset: r.Dataset, Collection: r.Collection, Key: r.Key, Column: r.Column}
	}
	return rows, nil
}

// Reviewed takes the n-th row off a job's review list, since somebody has
// looked at it; 0 takes all of them off. Who may ask for the job. Code
// job_not_found. Audit: TYPE.reviewed.
func (e *Engine) Reviewed(ctx context.Context, c privacyd.Caller, workspace, jobID string, n int64) error {
	g, job, err := e.reviewOf(ctx, c, workspace, jobID)
	if err != nil {
		return err
	}
	return e.Tx.InTx(ctx, func(ctx context.Context) error {
		event := e.jobEvent(c, g.Role, job, "reviewed")
		event.Facts = map[string]int64{"n": n}
		if _, err := e.record(ctx, event); err != nil {
			return err
		}
		return e.Reviews.DeleteReviewItem(ctx, job.ID, n)
	})
}

// reviewOf finds a job that erases, of a workspace in which the caller may ask
// for such. Exports have no list.
func (e *Engine) reviewOf(ctx context.Context, c privacyd.Caller, workspace, jobID string) (grant, *privacyd.Job, error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionReadJobs)
	if err != nil {
		return g, nil, err
	}
	job, err := e.jobOf(ctx, g, jobID)
	if err != nil {
		return g, nil, err
	}
	g, err = e.authorise(ctx, c, workspace, actionOf(job.Type))
	return g, job, err
}
