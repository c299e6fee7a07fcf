package client

import (
	"context"
	"io"
	"net/http"
)

// Agent opens a stream of the Model Context Protocol for the operator: messages
// go in line by line, and the answers come out until the input has ended and
// all of it was answered. It keeps to one workspace.
func (c *Client) Agent(ctx context.Context, workspace string, messages io.Reader) (io.ReadCloser, error) {
	res, err := c.send(ctx, http.MethodPost, withQuery("/mcp", "workspace", workspace), io.NopCloser(messages), "Content-Type", "application/x-ndjson")
	if err != nil {
		return nil, err
	}
	return res.Body, nil
}
