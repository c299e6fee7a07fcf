package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/privacyd/privacyd/engine"
)

// RotateKeysRequest says which keys to change.
type RotateKeysRequest struct {
	Root      bool   `json:"root,omitempty" doc:"The root key."`
	To        string `json:"to,omitempty" maxLength:"2000" doc:"Where the new root key is to be kept: a file's path on the server, or a key service's address. Left out: as before."`
	Workspace string `json:"workspace,omitempty" maxLength:"200" doc:"A workspace's key, by id or slug."`
	All       bool   `json:"all,omitempty" doc:"The root key, the instance's own and those of all workspaces."`
	Abandon   bool   `json:"abandon,omitempty" doc:"Gives up the change of the root key that is on its way, since its new key is lost, and makes another."`
}

func (d *door) keys() {
	huma.Register(d.api, operation("get-encryption", http.MethodGet, "/v1/workspaces/{workspace}/encryption",
		"Tell how a workspace's data is encrypted", "Admins and auditors. Read from the running system: ciphers, the age of keys, and how data travels."),
		func(ctx context.Context, in *WorkspacePath) (*answer[engine.Encryption], error) {
			n, err := d.engine.Encryption(ctx, callerOf(ctx), in.Workspace)
			return &answer[engine.Encryption]{n}, d.fail(err)
		})
	huma.Register(d.api, operation("list-keys", http.MethodGet, "/v1/keys", "Tell how old the keys are",
		"The operator, on the server's own machine. Keys themselves are never shown."),
		func(ctx context.Context, _ *struct{}) (*answer[engine.KeyList], error) {
			l, err := d.engine.ListKeys(ctx, callerOf(ctx))
			return &answer[engine.KeyList]{l}, d.fail(err)
		})
	huma.Register(d.api, operation("rotate-keys", http.MethodPost, "/v1/keys/rotate", "Change keys while everything goes on",
		"The operator, on the server's own machine. Workspaces' keys, and the end of former keys, follow in the background; list-keys shows how far it is."),
		func(ctx context.Context, in *struct{ Body RotateKeysRequest }) (*answer[engine.KeyList], error) {
			l, err := d.engine.RotateKeys(ctx, callerOf(ctx), engine.KeyChange(in.Body))
			return &answer[engine.KeyList]{l}, d.fail(err)
		})
}
