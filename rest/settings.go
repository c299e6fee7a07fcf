package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/privacyd/privacyd"
)

const settingsPath = "/v1/workspaces/{workspace}/settings"

type newSettings struct {
	WorkspacePath
	Body privacyd.Settings
}

func (d *door) settings() {
	huma.Register(d.api, operation("get-settings", http.MethodGet, settingsPath, "Read a workspace's settings", "Members."),
		func(ctx context.Context, in *WorkspacePath) (*answer[privacyd.Settings], error) {
			s, err := d.engine.Settings(ctx, callerOf(ctx), in.Workspace)
			return &answer[privacyd.Settings]{s}, d.fail(err)
		})
	huma.Register(d.api, operation("set-settings", http.MethodPut, settingsPath, "Replace a workspace's settings", "Admins."),
		func(ctx context.Context, in *newSettings) (*answer[privacyd.Settings], error) {
			s, err := d.engine.ChangeSettings(ctx, callerOf(ctx), in.Workspace, in.Body)
			return &answer[privacyd.Settings]{s}, d.fail(err)
		})
}
