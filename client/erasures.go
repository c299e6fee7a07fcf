package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/privacyd/privacyd"
)

// Plan is what an erasure will do.
type Plan struct {
	privacyd.Plan
	Totals    privacyd.PlanTotals `json:"totals"`
	Sentences []string            `json:"sentences"` // for a person to read
}

// RefusedPlan is the refusal of a confirmation, with the plan as it would run
// now.
type RefusedPlan struct {
	Plan *Plan
	Err  *privacyd.Error
}

// Error implements error.
func (r *RefusedPlan) Error() string { return r.Err.Error() }

// Unwrap gives the refusal.
func (r *RefusedPlan) Unwrap() error { return r.Err }

// Preview shows what an erasure would do. It changes nothing; the plan can be
// confirmed by its hash for 24 hours.
func (c *Client) Preview(ctx context.Context, workspace string, j NewJob) (*Plan, error) {
	plan := new(Plan)
	return plan, c.request(ctx, http.MethodPost, in(workspace, "gdpr-jobs", "preview"), j, plan)
}

// PreviewOfJob shows what a job that waits will do.
func (c *Client) PreviewOfJob(ctx context.Context, workspace, id string) (*Plan, error) {
	plan := new(Plan)
	return plan, c.request(ctx, http.MethodGet, in(workspace, "gdpr-jobs", id, "preview"), nil, plan)
}

// ConfirmJob confirms the plan of an erasure that waits for it. The error may
// be a RefusedPlan.
func (c *Client) ConfirmJob(ctx context.Context, workspace, id string, with privacyd.Confirmation) (*privacyd.Job, error) {
	job := new(privacyd.Job)
	return job, c.request(ctx, http.MethodPost, in(workspace, "gdpr-jobs", id, "confirm"), with, job)
}

// ApproveJob approves or refuses, as a second person, a plan that another one
// confirmed. Refusing cancels the job.
func (c *Client) ApproveJob(ctx context.Context, workspace, id, planHash string, approve bool) (*privacyd.Job, error) {
	verb := "refuse"
	if approve {
		verb = "approve"
	}
	job := new(privacyd.Job)
	return job, c.request(ctx, http.MethodPost, in(workspace, "gdpr-jobs", id, verb), map[string]string{"plan_hash": planHash}, job)
}

// VerifyJob has an erasure that left something behind verified again.
func (c *Client) VerifyJob(ctx context.Context, workspace, id string) (*privacyd.Job, error) {
	job := new(privacyd.Job)
	return job, c.request(ctx, http.MethodPost, in(workspace, "gdpr-jobs", id, "verify"), nil, job)
}

// ReceiptInfo is where a receipt is to be had.
type ReceiptInfo struct {
	ID       string    `json:"id"`
	JobID    string    `json:"job_id"`
	Issue    int       `json:"issue"`
	IssuedAt time.Time `json:"issued_at"`

	Type    privacyd.JobType `json:"type"`    // of the job
	Deleted int64            `json:"deleted"` // records
}

// Receipts lists receipts, newest first; cursor is the next one's, empty at the
// end.
func (c *Client) Receipts(ctx context.Context, workspace, cursor string, limit int) (list []ReceiptInfo, next string, err error) {
	var out struct {
		Items      []ReceiptInfo `json:"items"`
		NextCursor string        `json:"next_cursor"`
	}
	path := withQuery(in(workspace, "receipts"), "cursor", cursor, "limit", strconv.Itoa(limit))
	err = c.request(ctx, http.MethodGet, path, nil, &out)
	return out.Items, out.NextCursor, err
}

// Receipt gives the signed receipt of an erasure, to the byte; privacyd.VerifyReceipt
// reads it.
func (c *Client) Receipt(ctx context.Context, workspace, jobID string) ([]byte, error) {
	res, err := c.send(ctx, http.MethodGet, in(workspace, "gdpr-jobs", jobID, "receipt"), nil)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close() //nolint:errcheck // it was only read
	file, err := io.ReadAll(io.LimitReader(res.Body, privacyd.MaxReceipt+1))
	if err != nil {
		return nil, fmt.Errorf("read a receipt: %w", err)
	}
	return file, nil
}

// ReviewRow is a row of others that may mention whom an erasure was about.
type ReviewRow struct {
	N          int64    `json:"n"`
	Dataset    string   `json:"dataset"`
	Collection string   `json:"collection"`
	Key        []string `json:"key"`
	Column     string   `json:"column"`
}

// ReviewList lists rows for somebody to look at, after the n-th; next is 0 at
// the end.
func (c *Client) ReviewList(ctx context.Context, workspace, jobID string, after int64, limit int) (rows []ReviewRow, next int64, err error) {
	var out struct {
		Items []ReviewRow `json:"items"`
		Next  int64       `json:"next"`
	}
	path := withQuery(in(workspace, "gdpr-jobs", jobID, "review"), "after", strconv.FormatInt(after, 10), "limit", strconv.Itoa(limit))
	err = c.request(ctx, http.MethodGet, path, nil, &out)
	return out.Items, out.Next, err
}

// Reviewed takes the n-th row off the list; 0 takes all of them off.
func (c *Client) Reviewed(ctx context.Context, workspace, jobID string, n int64) error {
	return c.request(ctx, http.MethodDelete, in(workspace, "gdpr-jobs", jobID, "review", strconv.FormatInt(n, 10)), nil, nil)
}
