package client

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
)

// Imported is what an import wrote.
type Imported struct {
	Records     map[string]int64 `json:"records"`
	Attachments int64            `json:"attachments"`
	Bytes       int64            `json:"bytes"`
	Missing     int64            `json:"missing"`
	Skipped     map[string]int64 `json:"skipped,omitempty"`
	Accounts    int64            `json:"accounts"`
	Erased      map[string]int64 `json:"erased,omitempty"`
}

// ImportFile imports a file that the server can read itself, with the files
// that it names beside it. The operator only.
func (c *Client) ImportFile(ctx context.Context, workspace, path string) (out Imported, err error) {
	return out, c.request(ctx, http.MethodPost, in(workspace, "import-file"), map[string]string{"file": path}, &out)
}

// Import sends an import: "application/x-ndjson" or "application/zip".
func (c *Client) Import(ctx context.Context, workspace, contentType string, body io.Reader) (out Imported, err error) {
	res, err := c.send(ctx, http.MethodPost, in(workspace, "import"), body, "Content-Type", contentType)
	if err != nil {
		return out, err
	}
	defer res.Body.Close() //nolint:errcheck // it was only read
	return out, decode(res, &out)
}

// PutRecord makes or replaces a record of the embedded dataset.
func (c *Client) PutRecord(ctx context.Context, workspace, collection, id string, record any) error {
	return c.request(ctx, http.MethodPut, in(workspace, "records", collection, id), record, nil)
}

// Record reads a record of the embedded dataset.
func (c *Client) Record(ctx context.Context, workspace, collection, id string) (raw json.RawMessage, err error) {
	return raw, c.request(ctx, http.MethodGet, in(workspace, "records", collection, id), nil, &raw)
}

// Attachment is a file and the record that it belongs to.
type Attachment struct {
	ID, RecordType, RecordID, Filename, ContentType string
}

// PutAttachment uploads a file.
func (c *Client) PutAttachment(ctx context.Context, workspace string, a Attachment, body io.Reader) error {
	path := withQuery(in(workspace, "attachments", a.ID), "record_type", a.RecordType, "record_id", a.RecordID, "filename", a.Filename)
	res, err := c.send(ctx, http.MethodPut, path, body, "Content-Type", a.ContentType)
	if err != nil {
		return err
	}
	return res.Body.Close()
}
