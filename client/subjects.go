package client

import (
	"context"
	"net/http"
	"strconv"

	"github.com/privacyd/privacyd"
)

// FoundSubject is a person whom a search has found.
type FoundSubject struct {
	privacyd.Subject
	Name string `json:"name,omitempty"`
}

// FindSubjects looks for persons of a workspace, at most so many; more tells
// whether there are others.
func (c *Client) FindSubjects(ctx context.Context, workspace, query string, limit int) (list []FoundSubject, more bool, err error) {
	var out struct {
		Items []FoundSubject `json:"items"`
		More  bool           `json:"more"`
	}
	path := withQuery(in(workspace, "subjects"), "query", query, "limit", strconv.Itoa(limit))
	err = c.request(ctx, http.MethodGet, path, nil, &out)
	return out.Items, out.More, err
}
