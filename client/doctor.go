package client

import (
	"context"
	"net/http"

	"github.com/privacyd/privacyd"
)

// Doctor looks whether everything is as it should be. The operator only.
func (c *Client) Doctor(ctx context.Context) (d privacyd.Diagnosis, err error) {
	err = c.request(ctx, http.MethodGet, "/v1/doctor", nil, &d)
	return d, err
}
