package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

// CallCounts is how often a workspace called language models, by day.
type CallCounts struct {
	Items []privacyd.CallCount `json:"items"`
}

func (d *door) residency() {
	huma.Register(d.api, operation("get-residency", http.MethodGet, "/v1/workspaces/{workspace}/residency",
		"Tell where a workspace's data is and may be", "Members."),
		func(ctx context.Context, in *WorkspacePath) (*answer[engine.Residency], error) {
			r, err := d.engine.Residency(ctx, callerOf(ctx), in.Workspace)
			return &answer[engine.Residency]{r}, d.fail(err)
		})
	huma.Register(d.api, operation("list-llm-calls", http.MethodGet, "/v1/workspaces/{workspace}/llm-calls",
		"Count the calls of language models in the last 90 days", "Members."),
		func(ctx context.Context, in *WorkspacePath) (*answer[CallCounts], error) {
			list, err := d.engine.CallCounts(ctx, callerOf(ctx), in.Workspace)
			return &answer[CallCounts]{CallCounts{list}}, d.fail(err)
		})
}
