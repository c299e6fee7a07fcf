// Package client is the Go client of privacyd's REST API. The command line is
// built on it, and a product's backend may be too.
//
// It knows the wire format and the domain's words, and must never import
// engine or a store. Errors that the server answers with come back as
// *privacyd.Error with the same code. Open client.go first, then jobs.go.
package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/privacyd/privacyd"
)

// Client calls one server. Its fields may be set before the first call.
type Client struct {
	Base  string       // scheme and host: https://privacy.example.com
	HTTP  *http.Client // nil: http.DefaultClient
	Token string       // API token or session; empty on the operator's own connection
	As    string       // e-mail of the account as which the operator acts
}

// problem is the body of an error (RFC 9457).
type problem struct {
	Status int            `json:"status"`
	Detail string         `json:"detail"`
	Code   string         `json:"code"`
	Class  privacyd.Class `json:"class"`
	Plan   *Plan          `json:"plan"`
}

// request is one call; in and out are JSON bodies or nil.
func (c *Client) request(ctx context.Context, method, path string, in, out any, headers ...string) error {
	var body io.Reader
	if in != nil {
		var err error
		if body, err = encode(in); err != nil {
			return err
		}
		headers = append(headers, "Content-Type", "application/json")
	}
	res, err := c.send(ctx, method, path, body, headers...)
	if err != nil {
		return err
	}
	defer res.Body.Close() //nolint:errcheck // it was only read
	if out == nil {
		return nil
	}
	return decode(res, out)
}

// send gives the answer to a request, or the error that the server answered.
func (c *Client) send(ctx context.Context, method, path string, body io.Reader, headers ...string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.Base+path, body)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	if c.As != "" {
		req.Header.Set("Privacyd-As", c.As)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := c.http().Do(req)
	if err != nil {
		return nil, fmt.Errorf("call privacyd: %w", err)
	}
	if res.StatusCode < http.StatusBadRequest {
		return res, nil
	}
	defer res.Body.Close() //nolint:errcheck // it was only read
	return nil, explain(res)
}

func (c *Client) http() *http.Client {
	if c.HTTP == nil {
		return http.DefaultClient
	}
	return c.HTTP
}

func explain(res *http.Response) error {
	const enough = 1 << 20
	raw, err := io.ReadAll(io.LimitReader(res.Body, enough))
	if err != nil {
		return fmt.Errorf("read the server's error: %w", err)
	}
	var p problem
	if json.Unmarshal(raw, &p) != nil || p.Code == "" {
		return fmt.Errorf("the server answered %s", res.Status)
	}
	told := &privacyd.Error{Class: p.Class, Code: p.Code, Message: p.Detail}
	if p.Plan != nil {
		return &RefusedPlan{p.Plan, told}
	}
	return told
}

// in is the path of something in a workspace.
func in(workspace string, parts ...string) string {
	path := "/v1/workspaces/" + url.PathEscape(workspace)
	for _, p := range parts {
		path += "/" + url.PathEscape(p)
	}
	return path
}

func withQuery(path string, pairs ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}
