package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/privacyd/privacyd"
)

// AuditEntries lists a workspace's audit entries, newest first; the empty
// workspace is the instance's own log.
func (c *Client) AuditEntries(ctx context.Context, workspace, cursor string, limit int) (entries []privacyd.AuditEntry, next string, err error) {
	var out struct {
		Items      []privacyd.AuditEntry `json:"items"`
		NextCursor string                `json:"next_cursor"`
	}
	path := "/v1/audit-entries"
	if workspace != "" {
		path = in(workspace, "audit-entries")
	}
	err = c.request(ctx, http.MethodGet, withQuery(path, "cursor", cursor, "limit", strconv.Itoa(limit)), nil, &out)
	return out.Items, out.NextCursor, err
}

// ExportAudit writes a workspace's audit log to w: csv, or json with one entry
// a line.
func (c *Client) ExportAudit(ctx context.Context, workspace, format string, w io.Writer) error {
	res, err := c.send(ctx, http.MethodGet, withQuery(in(workspace, "audit-entries", "export"), "format", format), nil)
	if err != nil {
		return err
	}
	defer res.Body.Close() //nolint:errcheck // it was only read
	if _, err := io.Copy(w, res.Body); err != nil {
		return fmt.Errorf("export audit log: %w", err)
	}
	return nil
}
