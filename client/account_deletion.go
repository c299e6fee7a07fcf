package client

import (
	"context"
	"net/http"

	"github.com/privacyd/privacyd"
)

const accountDeletion = "/v1/account/deletion"

// AccountPlan is what deleting an account would do, also as English sentences.
type AccountPlan struct {
	privacyd.Plan
	Sentences []string `json:"sentences"`
}

// PreviewAccountDeletion tells what deleting the caller's own account would do.
func (c *Client) PreviewAccountDeletion(ctx context.Context) (p AccountPlan, err error) {
	return p, c.request(ctx, http.MethodGet, accountDeletion+"/preview", nil, &p)
}

// DeleteAccount has the caller's own account deleted after the grace period.
func (c *Client) DeleteAccount(ctx context.Context, planHash, password string) (job privacyd.Job, err error) {
	body := map[string]string{"plan_hash": planHash, "password": password}
	return job, c.request(ctx, http.MethodPost, accountDeletion, body, &job)
}

// CancelAccountDeletion keeps the caller's own account.
func (c *Client) CancelAccountDeletion(ctx context.Context) (job privacyd.Job, err error) {
	return job, c.request(ctx, http.MethodDelete, accountDeletion, nil, &job)
}

// DeleteAccountNow ends the grace period of the caller's own account.
func (c *Client) DeleteAccountNow(ctx context.Context, password string) (job privacyd.Job, err error) {
	return job, c.request(ctx, http.MethodPost, accountDeletion+"/now", map[string]string{"password": password}, &job)
}

// AccountDeletion is the pending deletion of the caller's own account.
func (c *Client) AccountDeletion(ctx context.Context) (job privacyd.Job, err error) {
	return job, c.request(ctx, http.MethodGet, accountDeletion, nil, &job)
}
