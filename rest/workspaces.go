package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/engine"
)

// WorkspacePath is the part of a path that names a workspace.
type WorkspacePath struct {
	Workspace string `path:"workspace" doc:"Id or slug."`
}

type newWorkspace struct {
	Body struct {
		Slug        string            `json:"slug"`
		Name        string            `json:"name"`
		Admin       string            `json:"admin,omitempty" doc:"E-mail of the account that becomes its admin."`
		DatasetKeys map[string]string `json:"dataset_keys,omitempty" doc:"Dataset to its key of this workspace."`
	}
}

type newMember struct {
	WorkspacePath
	Body struct {
		Email string        `json:"email"`
		Role  privacyd.Role `json:"role" enum:"admin,agent,auditor"`
	}
}

type newToken struct {
	WorkspacePath
	Body struct {
		Label  string            `json:"label"`
		Scopes []privacyd.Action `json:"scopes"`
	}
}

// WorkspaceView is a workspace and the caller's role in it.
type WorkspaceView struct {
	privacyd.Workspace
	Role privacyd.Role `json:"role,omitempty"`
}

// Workspaces is a list of workspaces.
type Workspaces struct {
	Items []privacyd.Workspace `json:"items"`
}

// NewToken is an API token and its secret, shown once.
type NewToken struct {
	privacyd.Token
	Secret string `json:"secret" doc:"Shown once and not kept."`
}

// MapFindings is what a comparison of the maps with their databases found.
type MapFindings struct {
	Datasets map[string][]datamap.Finding `json:"datasets"`
}

func (d *door) workspaces() {
	huma.Register(d.api, operation("list-workspaces", http.MethodGet, "/v1/workspaces", "List workspaces", "Any caller: its own; the operator: all."),
		func(ctx context.Context, _ *struct{}) (*answer[Workspaces], error) {
			list, err := d.engine.ListWorkspaces(ctx, callerOf(ctx))
			return &answer[Workspaces]{Workspaces{Items: append([]privacyd.Workspace{}, list...)}}, d.fail(err)
		})
	huma.Register(d.api, operation("get-workspace", http.MethodGet, "/v1/workspaces/{workspace}", "Read a workspace", "Members."),
		func(ctx context.Context, in *WorkspacePath) (*answer[WorkspaceView], error) {
			w, role, err := d.engine.Workspace(ctx, callerOf(ctx), in.Workspace)
			return &answer[WorkspaceView]{WorkspaceView{Workspace: w, Role: role}}, d.fail(err)
		})
	huma.Register(d.api, created("create-workspace", "/v1/workspaces", "Create a workspace", "The operator."), d.createWorkspace)
	huma.Register(d.api, operation("sync-workspaces", http.MethodPost, "/v1/workspaces/sync", "Adopt the workspaces of a product's datasets", "The operator."),
		func(ctx context.Context, _ *struct{}) (*answer[Workspaces], error) {
			list, err := d.engine.SyncWorkspaces(ctx, callerOf(ctx))
			return &answer[Workspaces]{Workspaces{Items: append([]privacyd.Workspace{}, list...)}}, d.fail(err)
		})
	huma.Register(d.api, operation("check-maps", http.MethodGet, "/v1/maps/check", "Compare the data maps with their databases", "The operator."),
		func(ctx context.Context, _ *struct{}) (*answer[MapFindings], error) {
			found, err := d.engine.CheckMaps(ctx, callerOf(ctx))
			return &answer[MapFindings]{MapFindings{Datasets: found}}, d.fail(err)
		})
	keys := operation("set-dataset-keys", http.MethodPut, "/v1/workspaces/{workspace}/dataset-keys", "Say by which keys datasets know a workspace",
		"The operator. An empty key: the dataset has nothing of it.")
	keys.DefaultStatus = http.StatusNoContent
	huma.Register(d.api, keys, func(ctx context.Context, in *struct {
		WorkspacePath
		Body map[string]string
	},
	) (*struct{}, error) {
		return nil, d.fail(d.engine.SetDatasetKeys(ctx, callerOf(ctx), in.Workspace, in.Body))
	})
	huma.Register(d.api, created("add-member", "/v1/workspaces/{workspace}/members", "Add a member", "Admins."),
		func(ctx context.Context, in *newMember) (*answer[privacyd.Member], error) {
			m, err := d.engine.AddMember(ctx, callerOf(ctx), in.Workspace, in.Body.Email, in.Body.Role)
			return &answer[privacyd.Member]{m}, d.fail(err)
		})
}

func (d *door) createWorkspace(ctx context.Context, in *newWorkspace) (*answer[privacyd.Workspace], error) {
	w, err := d.engine.CreateWorkspace(ctx, callerOf(ctx), engine.NewWorkspace{
		Slug: in.Body.Slug, Name: in.Body.Name, AdminEmail: in.Body.Admin, DatasetKeys: in.Body.DatasetKeys,
	})
	return &answer[privacyd.Workspace]{w}, d.fail(err)
}
