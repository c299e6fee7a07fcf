package client

import (
	"context"
	"net/http"

	"github.com/privacyd/privacyd"
)

// Encryption is how a workspace's data is encrypted, and how old its keys are.
type Encryption struct {
	Root        privacyd.RootKey      `json:"root_key"`
	Workspace   privacyd.WorkspaceKey `json:"workspace_key"`
	Ciphers     []privacyd.Cipher     `json:"ciphers"`
	Connections []privacyd.Connection `json:"connections"`
}

// KeyList is all keys but those of persons. It holds none itself.
type KeyList struct {
	Root       privacyd.RootKey        `json:"root_key"`
	Instance   privacyd.WorkspaceKey   `json:"instance_key"`
	Workspaces []privacyd.WorkspaceKey `json:"workspace_keys"`
}

// KeyChange says which keys to change.
type KeyChange struct {
	Root      bool   `json:"root,omitempty"`
	To        string `json:"to,omitempty"` // where the new root key is to be kept; empty: as before
	Workspace string `json:"workspace,omitempty"`
	All       bool   `json:"all,omitempty"`
	Abandon   bool   `json:"abandon,omitempty"` // the change of the root key that is on its way, whose new key is lost
}

// Encryption tells how a workspace's data is encrypted. Admins and auditors.
func (c *Client) Encryption(ctx context.Context, workspace string) (n Encryption, err error) {
	err = c.request(ctx, http.MethodGet, in(workspace, "encryption"), nil, &n)
	return n, err
}

// Keys tells how old the keys are. The operator only.
func (c *Client) Keys(ctx context.Context) (l KeyList, err error) {
	err = c.request(ctx, http.MethodGet, "/v1/keys", nil, &l)
	return l, err
}

// RotateKeys changes keys while everything goes on. The operator only.
func (c *Client) RotateKeys(ctx context.Context, n KeyChange) (l KeyList, err error) {
	err = c.request(ctx, http.MethodPost, "/v1/keys/rotate", n, &l)
	return l, err
}
