package client

import (
	"context"
	"net/http"
	"strconv"

	"github.com/privacyd/privacyd"
)

// NewHold asks for a legal hold.
type NewHold struct {
	Target   privacyd.HoldTarget `json:"target"`
	Ground   privacyd.Ground     `json:"ground,omitempty"` // empty: legal_claims
	Reason   string              `json:"reason"`
	ReviewAt string              `json:"review_at,omitempty"` // a day or a time (RFC 3339); empty: in a year
}

// PlaceHold places a legal hold. Admins and the operator.
func (c *Client) PlaceHold(ctx context.Context, workspace string, h NewHold) (*privacyd.Hold, error) {
	hold := new(privacyd.Hold)
	return hold, c.request(ctx, http.MethodPost, in(workspace, "holds"), h, hold)
}

type holds struct {
	Items      []*privacyd.Hold `json:"items"`
	NextCursor string           `json:"next_cursor"`
}

// Holds lists legal holds, newest first, also those that were released; cursor
// is the next one's, empty at the end.
func (c *Client) Holds(ctx context.Context, workspace, cursor string, limit int) ([]*privacyd.Hold, string, error) {
	var out holds
	err := c.request(ctx, http.MethodGet, withQuery(in(workspace, "holds"), "cursor", cursor, "limit", strconv.Itoa(limit)), nil, &out)
	return out.Items, out.NextCursor, err
}

// ReleaseHold lifts one hold.
func (c *Client) ReleaseHold(ctx context.Context, workspace, id, reason string) (*privacyd.Hold, error) {
	hold := new(privacyd.Hold)
	return hold, c.request(ctx, http.MethodPost, in(workspace, "holds", id, "release"), map[string]string{"reason": reason}, hold)
}

// ReleaseHolds lifts every hold on a target.
func (c *Client) ReleaseHolds(ctx context.Context, workspace string, target privacyd.HoldTarget, reason string) ([]*privacyd.Hold, error) {
	body := struct {
		Target privacyd.HoldTarget `json:"target"`
		Reason string              `json:"reason,omitempty"`
	}{target, reason}
	var out holds
	err := c.request(ctx, http.MethodPost, in(workspace, "holds", "release"), body, &out)
	return out.Items, err
}
