package client

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/privacyd/privacyd"
)

// Retention is a workspace's retention policy.
type Retention struct {
	Policy   privacyd.Policy   `json:"policy"`
	Versions []privacyd.Policy `json:"versions"`
	NextRun  *time.Time        `json:"next_run,omitempty"`
}

// RetentionEffect is what a policy does to the rows that are there now.
type RetentionEffect struct {
	Policy  privacyd.Policy                    `json:"policy"`
	Total   int64                              `json:"total"`
	Reasons map[privacyd.RetentionReason]int64 `json:"reasons"`
	Due     int64                              `json:"due"`
	Braked  bool                               `json:"braked"` // the next run would stop and ask
	Days    []int64                            `json:"days"`   // of the next 90 days: how many fall due on each
	Next    []RetentionRow                     `json:"next"`
}

// RetentionRow is a row that goes, or would.
type RetentionRow struct {
	Dataset    string            `json:"dataset"`
	Collection string            `json:"collection"`
	Key        []string          `json:"key"`
	ID         string            `json:"id"`
	Kept       bool              `json:"kept"`
	Decision   privacyd.Decision `json:"decision"`
}

// Retention reads the policy.
func (c *Client) Retention(ctx context.Context, workspace string) (r Retention, err error) {
	return r, c.request(ctx, http.MethodGet, in(workspace, "retention"), nil, &r)
}

// SetRetention sets a policy of so many days, 0 for ever.
func (c *Client) SetRetention(ctx context.Context, workspace string, days int) (p privacyd.Policy, err error) {
	return p, c.request(ctx, http.MethodPut, in(workspace, "retention"), map[string]int{"days": days}, &p)
}

// PreviewRetention shows what a policy of so many days would do; -1: as it is.
func (c *Client) PreviewRetention(ctx context.Context, workspace string, days int) (e RetentionEffect, err error) {
	return e, c.request(ctx, http.MethodGet, withQuery(in(workspace, "retention", "preview"), "days", strconv.Itoa(days)), nil, &e)
}

// KeepRow keeps a row from retention runs, or gives it back to them. Its key may
// be its id alone.
func (c *Client) KeepRow(ctx context.Context, workspace string, key []string, keep bool) error {
	verb := "unkeep"
	if keep {
		verb = "keep"
	}
	return c.request(ctx, http.MethodPost, in(workspace, "retention", verb), map[string][]string{"key": key}, nil)
}

// RunRetention runs the policy now; no job means that nothing is due.
func (c *Client) RunRetention(ctx context.Context, workspace string) (*privacyd.Job, error) {
	var out struct {
		Job *privacyd.Job `json:"job"`
	}
	err := c.request(ctx, http.MethodPost, in(workspace, "retention", "run"), nil, &out)
	return out.Job, err
}

// Settings reads a workspace's settings.
func (c *Client) Settings(ctx context.Context, workspace string) (s privacyd.Settings, err error) {
	return s, c.request(ctx, http.MethodGet, in(workspace, "settings"), nil, &s)
}

// SetSettings replaces a workspace's settings.
func (c *Client) SetSettings(ctx context.Context, workspace string, s privacyd.Settings) (out privacyd.Settings, err error) {
	return out, c.request(ctx, http.MethodPut, in(workspace, "settings"), s, &out)
}
