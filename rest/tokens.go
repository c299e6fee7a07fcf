package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/privacyd/privacyd"
)

// Tokens is a page of API tokens, without their secrets.
type Tokens struct {
	Items      []privacyd.Token `json:"items"`
	NextCursor string           `json:"next_cursor,omitempty"`
	Total      int              `json:"total" doc:"Tokens of the workspace."`
}

type pageOfTokens struct {
	ListPage
	Sort string `query:"sort" enum:"label,-label,made,-made,used,-used" default:"-made" doc:"The column; - before it: downwards."`
}

// TokenPath names an API token of a workspace.
type TokenPath struct {
	WorkspacePath
	Token string `path:"token"`
}

func (d *door) tokens() {
	const path = "/v1/workspaces/{workspace}/tokens"
	huma.Register(d.api, operation("list-tokens", http.MethodGet, path, "List API tokens", "Admins. Secrets are not kept, so that none is shown."),
		func(ctx context.Context, in *pageOfTokens) (*answer[Tokens], error) {
			p, err := d.engine.TokensPage(ctx, callerOf(ctx), in.Workspace, in.query(in.Sort))
			return &answer[Tokens]{Tokens{Items: append([]privacyd.Token{}, p.Items...), NextCursor: p.Next, Total: p.Total}}, d.fail(err)
		})
	huma.Register(d.api, created("create-token", path, "Create an API token", "Admins."),
		func(ctx context.Context, in *newToken) (*answer[NewToken], error) {
			t, secret, err := d.engine.CreateToken(ctx, callerOf(ctx), in.Workspace, in.Body.Label, in.Body.Scopes)
			return &answer[NewToken]{NewToken{Token: t, Secret: secret}}, d.fail(err)
		})
	huma.Register(d.api, operation("revoke-token", http.MethodDelete, path+"/{token}", "Revoke an API token", "Admins. It is refused from then on."),
		func(ctx context.Context, in *TokenPath) (*answer[Removed], error) {
			audited, err := d.engine.RevokeToken(ctx, callerOf(ctx), in.Workspace, in.Token)
			return &answer[Removed]{Removed{Audit: audited}}, d.fail(err)
		})
}
