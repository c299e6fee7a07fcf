package client

import (
	"context"
	"net/http"

	"github.com/privacyd/privacyd"
)

// NewSubProcessor asks for a new sub-processor, or for a new version of one.
type NewSubProcessor struct {
	ID         string   `json:"id,omitempty"`
	Name       string   `json:"name"`
	Purpose    string   `json:"purpose"`
	Country    string   `json:"country"`
	Categories []string `json:"categories"`
	Basis      string   `json:"transfer_basis,omitempty"`
	From       string   `json:"from,omitempty"` // a day or a time; empty: in 30 days
	Ended      bool     `json:"ended,omitempty"`
	Engaged    bool     `json:"engaged,omitempty"`
}

// SubProcessors lists the register of sub-processors.
func (c *Client) SubProcessors(ctx context.Context) ([]privacyd.Register, error) {
	var out struct {
		Items []privacyd.Register `json:"items"`
	}
	err := c.request(ctx, http.MethodGet, "/v1/sub-processors", nil, &out)
	return out.Items, err
}

// SetSubProcessor adds a version to the register. The operator only.
func (c *Client) SetSubProcessor(ctx context.Context, n NewSubProcessor) (p privacyd.SubProcessor, err error) {
	return p, c.request(ctx, http.MethodPost, "/v1/sub-processors", n, &p)
}

// Objections lists the objections of every workspace. The operator only.
func (c *Client) Objections(ctx context.Context) ([]privacyd.Objection, error) {
	var out struct {
		Items []privacyd.Objection `json:"items"`
	}
	err := c.request(ctx, http.MethodGet, "/v1/objections", nil, &out)
	return out.Items, err
}

// Residency tells where a workspace's data is and may be. Members.
func (c *Client) Residency(ctx context.Context, workspace string) (r Residency, err error) {
	return r, c.request(ctx, http.MethodGet, in(workspace, "residency"), nil, &r)
}

// Residency is where a workspace's data is and may be.
type Residency struct {
	Allowed privacyd.Countries `json:"allowed_countries"`
	Own     bool               `json:"own"`
	Held    int                `json:"held_mails"` // mails about it that wait, since the mail server is elsewhere
	Places  []struct {
		privacyd.Place
		Allowed bool                `json:"allowed"`
		Seen    []privacyd.Sighting `json:"seen,omitempty"` // what its provider says itself
		Terms   []struct {
			Provider      string              `json:"provider"`
			ZeroRetention *privacyd.Agreement `json:"zero_retention,omitempty"`
			Refused       string              `json:"refused,omitempty"` // why nothing is sent there
		} `json:"terms,omitempty"` // of language models alone
	} `json:"places"`
}
