package client

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/privacyd/privacyd"
)

const ownExports = "/v1/me/exports"

// ExportAccount asks for everything about the caller's own account.
func (c *Client) ExportAccount(ctx context.Context) (*privacyd.Job, error) {
	job := new(privacyd.Job)
	return job, c.request(ctx, http.MethodPost, ownExports, nil, job)
}

// WaitAccountExport waits until one of the caller's own exports has ended.
func (c *Client) WaitAccountExport(ctx context.Context, id string, every time.Duration, report func(*privacyd.Job)) (*privacyd.Job, error) {
	return wait(ctx, every, report, func() (*privacyd.Job, error) {
		job := new(privacyd.Job)
		return job, c.request(ctx, http.MethodGet, ownExports+"/"+url.PathEscape(id), nil, job)
	})
}

// DownloadAccountExport writes one of the caller's own finished exports to w.
func (c *Client) DownloadAccountExport(ctx context.Context, id string, w io.Writer) error {
	return c.download(ctx, ownExports+"/"+url.PathEscape(id)+"/link", 0, w)
}

// CancelAccountExport stops one of the caller's own exports.
func (c *Client) CancelAccountExport(ctx context.Context, id string) (*privacyd.Job, error) {
	job := new(privacyd.Job)
	return job, c.request(ctx, http.MethodPost, ownExports+"/"+url.PathEscape(id)+"/cancel", nil, job)
}
