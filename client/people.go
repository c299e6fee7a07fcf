package client

import (
	"context"
	"net/http"
	"strconv"

	"github.com/privacyd/privacyd"
)

// CreatePasswordLink makes a one-time link to set a new password. The operator
// only.
func (c *Client) CreatePasswordLink(ctx context.Context, email string) (link string, err error) {
	var out struct {
		URL string `json:"url"`
	}
	err = c.request(ctx, http.MethodPost, "/v1/password-links", map[string]string{"email": email}, &out)
	return out.URL, err
}

// RemoveSecondFactor turns an account's second factor off. The operator only.
func (c *Client) RemoveSecondFactor(ctx context.Context, email string) error {
	return c.request(ctx, http.MethodPost, "/v1/second-factors/remove", map[string]string{"email": email}, nil)
}

// Members lists a workspace's members by e-mail address; cursor is the next one's,
// empty at the end. Admins and the operator.
func (c *Client) Members(ctx context.Context, workspace, cursor string, limit int) (list []privacyd.MemberProfile, next string, err error) {
	var out struct {
		Items      []privacyd.MemberProfile `json:"items"`
		NextCursor string                   `json:"next_cursor"`
	}
	path := withQuery(in(workspace, "members"), "cursor", cursor, "limit", strconv.Itoa(limit))
	err = c.request(ctx, http.MethodGet, path, nil, &out)
	return out.Items, out.NextCursor, err
}

// ChangeRole gives a member another role. Admins and the operator.
func (c *Client) ChangeRole(ctx context.Context, workspace, accountID string, role privacyd.Role) (m privacyd.MemberProfile, err error) {
	return m, c.request(ctx, http.MethodPut, in(workspace, "members", accountID), map[string]string{"role": string(role)}, &m)
}

// RemoveMember takes a member out of a workspace, and tells whether a signed
// checkpoint covers that already. Admins and the operator.
func (c *Client) RemoveMember(ctx context.Context, workspace, accountID string) (*privacyd.Audited, error) {
	var out struct {
		Audit *privacyd.Audited `json:"audit"`
	}
	err := c.request(ctx, http.MethodDelete, in(workspace, "members", accountID), nil, &out)
	return out.Audit, err
}

// Invitation is an invitation; the operator gets its link where there is no
// mail.
type Invitation struct {
	privacyd.Invitation
	URL string `json:"url,omitempty"`
}

// Invite asks somebody to become a member. Admins and the operator.
func (c *Client) Invite(ctx context.Context, workspace, email string, role privacyd.Role) (v Invitation, err error) {
	return v, c.request(ctx, http.MethodPost, in(workspace, "invitations"), map[string]string{"email": email, "role": string(role)}, &v)
}

// Invitations lists a workspace's open invitations, the newest first; cursor is
// the next one's, empty at the end. Admins and the operator.
func (c *Client) Invitations(ctx context.Context, workspace, cursor string, limit int) (list []privacyd.Invitation, next string, err error) {
	var out struct {
		Items      []privacyd.Invitation `json:"items"`
		NextCursor string                `json:"next_cursor"`
	}
	path := withQuery(in(workspace, "invitations"), "cursor", cursor, "limit", strconv.Itoa(limit))
	err = c.request(ctx, http.MethodGet, path, nil, &out)
	return out.Items, out.NextCursor, err
}

// Withdraw takes an invitation back. Admins and the operator.
func (c *Client) Withdraw(ctx context.Context, workspace, id string) error {
	return c.request(ctx, http.MethodDelete, in(workspace, "invitations", id), nil, nil)
}
