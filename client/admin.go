package client

import (
	"context"
	"net/http"
	"strconv"

	"github.com/privacyd/privacyd"
)

// CreateAccount makes an account. The operator only.
func (c *Client) CreateAccount(ctx context.Context, email, name, password string) (a privacyd.Account, err error) {
	body := map[string]string{"email": email, "name": name, "password": password}
	return a, c.request(ctx, http.MethodPost, "/v1/accounts", body, &a)
}

// CreateSignInLink makes a one-time sign-in link. The operator only.
func (c *Client) CreateSignInLink(ctx context.Context, email string) (link string, err error) {
	var out struct {
		URL string `json:"url"`
	}
	err = c.request(ctx, http.MethodPost, "/v1/sign-in-links", map[string]string{"email": email}, &out)
	return out.URL, err
}

// NewWorkspace asks for a workspace.
type NewWorkspace struct {
	Slug        string            `json:"slug"`
	Name        string            `json:"name"`
	Admin       string            `json:"admin,omitempty"`
	DatasetKeys map[string]string `json:"dataset_keys,omitempty"`
}

// CreateWorkspace makes a workspace. The operator only.
func (c *Client) CreateWorkspace(ctx context.Context, w NewWorkspace) (out privacyd.Workspace, err error) {
	return out, c.request(ctx, http.MethodPost, "/v1/workspaces", w, &out)
}

// SetDatasetKeys says by which keys datasets know a workspace. The operator
// only.
func (c *Client) SetDatasetKeys(ctx context.Context, workspace string, keys map[string]string) error {
	return c.request(ctx, http.MethodPut, in(workspace, "dataset-keys"), keys, nil)
}

type workspaces struct {
	Items []privacyd.Workspace `json:"items"`
}

// SyncWorkspaces adopts the workspaces of a product's datasets. The operator
// only.
func (c *Client) SyncWorkspaces(ctx context.Context) ([]privacyd.Workspace, error) {
	var out workspaces
	err := c.request(ctx, http.MethodPost, "/v1/workspaces/sync", nil, &out)
	return out.Items, err
}

// Workspaces lists the caller's workspaces.
func (c *Client) Workspaces(ctx context.Context) ([]privacyd.Workspace, error) {
	var out workspaces
	err := c.request(ctx, http.MethodGet, "/v1/workspaces", nil, &out)
	return out.Items, err
}

// AddMember gives an account a role in a workspace. Admins and the operator.
func (c *Client) AddMember(ctx context.Context, workspace, email string, role privacyd.Role) (m privacyd.Member, err error) {
	return m, c.request(ctx, http.MethodPost, in(workspace, "members"), map[string]string{"email": email, "role": string(role)}, &m)
}

// NewToken is an API token and its secret.
type NewToken struct {
	privacyd.Token
	Secret string `json:"secret"`
}

// CreateToken makes an API token. Admins and the operator.
func (c *Client) CreateToken(ctx context.Context, workspace, label string, scopes []privacyd.Action) (t NewToken, err error) {
	body := map[string]any{"label": label, "scopes": scopes}
	return t, c.request(ctx, http.MethodPost, in(workspace, "tokens"), body, &t)
}

// Tokens lists the API tokens of a workspace, the newest first, without their
// secrets; cursor is the next one's, empty at the end. Admins and the operator.
func (c *Client) Tokens(ctx context.Context, workspace, cursor string, limit int) (list []privacyd.Token, next string, err error) {
	var out struct {
		Items      []privacyd.Token `json:"items"`
		NextCursor string           `json:"next_cursor"`
	}
	path := withQuery(in(workspace, "tokens"), "cursor", cursor, "limit", strconv.Itoa(limit))
	err = c.request(ctx, http.MethodGet, path, nil, &out)
	return out.Items, out.NextCursor, err
}

// RevokeToken ends an API token, and tells whether a signed checkpoint covers
// that already. Admins and the operator.
func (c *Client) RevokeToken(ctx context.Context, workspace, id string) (*privacyd.Audited, error) {
	var out struct {
		Audit *privacyd.Audited `json:"audit"`
	}
	err := c.request(ctx, http.MethodDelete, in(workspace, "tokens", id), nil, &out)
	return out.Audit, err
}
