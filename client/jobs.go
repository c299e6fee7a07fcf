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

// NewJob asks for an operation.
type NewJob struct {
	Type        privacyd.JobType       `json:"type"`
	Format      privacyd.Format        `json:"format,omitempty"`
	Subject     *privacyd.Subject      `json:"subject,omitempty"`
	Before      string                 `json:"before,omitempty"` // a day or a time (RFC 3339)
	RequestedBy string                 `json:"requested_by,omitempty"`
	Confirm     *privacyd.Confirmation `json:"confirm,omitempty"` // of an erasure's plan; nil: the job waits for it
}

// CreateJob asks for an operation, or gives the job that is pending for the
// same; created tells which.
func (c *Client) CreateJob(ctx context.Context, workspace string, j NewJob) (job *privacyd.Job, created bool, err error) {
	body, err := encode(j)
	if err != nil {
		return nil, false, err
	}
	res, err := c.send(ctx, http.MethodPost, in(workspace, "gdpr-jobs"), body, "Content-Type", "application/json")
	if err != nil {
		return nil, false, err
	}
	defer res.Body.Close() //nolint:errcheck // it was only read
	job = new(privacyd.Job)
	return job, res.StatusCode == http.StatusCreated, decode(res, job)
}

// Job reads a job.
func (c *Client) Job(ctx context.Context, workspace, id string) (*privacyd.Job, error) {
	job := new(privacyd.Job)
	return job, c.request(ctx, http.MethodGet, in(workspace, "gdpr-jobs", id), nil, job)
}

// Jobs lists jobs, newest first; cursor is the next one's, empty at the end.
func (c *Client) Jobs(ctx context.Context, workspace, cursor string, limit int) (jobs []*privacyd.Job, next string, err error) {
	var out struct {
		Items      []*privacyd.Job `json:"items"`
		NextCursor string          `json:"next_cursor"`
	}
	path := withQuery(in(workspace, "gdpr-jobs"), "cursor", cursor, "limit", strconv.Itoa(limit))
	err = c.request(ctx, http.MethodGet, path, nil, &out)
	return out.Items, out.NextCursor, err
}

// CancelJob cancels a job.
func (c *Client) CancelJob(ctx context.Context, workspace, id string) (*privacyd.Job, error) {
	job := new(privacyd.Job)
	return job, c.request(ctx, http.MethodPost, in(workspace, "gdpr-jobs", id, "cancel"), nil, job)
}

// Settled tells whether nothing more happens to a job before a person or the
// calendar acts: it has ended, waits, or is in its grace period.
func Settled(job *privacyd.Job) bool {
	switch job.State {
	case privacyd.JobPendingApproval, privacyd.JobScheduled, privacyd.JobBlocked:
		return true
	default:
		return job.State.Ended()
	}
}

// WaitJob reads a job until it is settled and tells report of each state on the
// way.
func (c *Client) WaitJob(ctx context.Context, workspace, id string, every time.Duration, report func(*privacyd.Job)) (*privacyd.Job, error) {
	return wait(ctx, every, report, func() (*privacyd.Job, error) { return c.Job(ctx, workspace, id) })
}

// wait reads a job again and again until nothing more happens to it by itself.
func wait(ctx context.Context, every time.Duration, report func(*privacyd.Job), read func() (*privacyd.Job, error)) (*privacyd.Job, error) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		job, err := read()
		if err != nil {
			return nil, err
		}
		report(job)
		if Settled(job) {
			return job, nil
		}
		select {
		case <-ctx.Done():
			return job, ctx.Err()
		case <-tick.C:
		}
	}
}

// Download writes the archive of a finished export to w, from byte offset on.
func (c *Client) Download(ctx context.Context, workspace, id string, offset int64, w io.Writer) error {
	return c.download(ctx, in(workspace, "gdpr-jobs", id, "link"), offset, w)
}

func (c *Client) download(ctx context.Context, ofLink string, offset int64, w io.Writer) error {
	var link struct {
		URL string `json:"url"`
	}
	if err := c.request(ctx, http.MethodGet, ofLink, nil, &link); err != nil {
		return err
	}
	path, err := pathOf(link.URL)
	if err != nil {
		return err
	}
	var headers []string
	if offset > 0 {
		headers = []string{"Range", fmt.Sprintf("bytes=%d-", offset)}
	}
	res, err := c.send(ctx, http.MethodGet, path, nil, headers...)
	if err != nil {
		return err
	}
	defer res.Body.Close() //nolint:errcheck // it was only read
	if offset > 0 && res.StatusCode != http.StatusPartialContent {
		return fmt.Errorf("download archive: the server does not send parts of it")
	}
	if _, err := io.Copy(w, res.Body); err != nil {
		return fmt.Errorf("download archive: %w", err)
	}
	return nil
}
