// Package rest is the REST door: it decodes requests, calls engine and encodes
// what comes back, and describes itself as OpenAPI 3.1.
//
// It decides nothing: who may do what is engine's, and every refusal comes from
// there. It must never import store or another door. Open rest.go first for
// the list of routes, then jobs.go.
package rest

import (
	"net/http"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/privacyd/privacyd/engine"
)

// Options say how the door presents itself.
type Options struct {
	Version string // of the product
	BaseURL string // scheme and host that links begin with; empty: links are paths
}

// door holds what the routes share.
type door struct {
	engine *engine.Engine
	api    huma.API
	base   string
}

// strictNames has "Type" be an unknown field where "type" is one: to the other
// doors, too, they are not the same. The library has it for all of a process.
var strictNames = sync.OnceFunc(func() { huma.ValidateStrictCasing = true })

// New makes the door's handler: /v1/*, /openapi.json, /docs and /healthz. Requests
// that come over a listener of the operator's carry WithOperator's mark.
func New(e *engine.Engine, o Options) http.Handler {
	strictNames()
	mux := http.NewServeMux()
	config := huma.DefaultConfig("privacyd", o.Version)
	config.Info.Description = "Exports, access requests, deletions and the audit log of a workspace. " +
		"Errors are application/problem+json with a stable code."
	config.DocsPath = "" // its page would load from elsewhere
	config.SchemasPath = ""
	config.CreateHooks = nil // no $schema field in answers
	config.Transformers = append(config.Transformers, explainInvalid)
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token": {Type: "http", Scheme: "bearer", Description: "An API token of one workspace, or a session."},
	}
	config.Security = []map[string][]string{{"token": {}}}
	d := &door{engine: e, base: o.BaseURL, api: humago.New(mux, config)}
	d.api.UseMiddleware(refuseLarge, refuseRepeated)
	for _, register := range []func(){d.accounts, d.accountDeletion, d.ownExports, d.ownSessions, d.ownSecondFactor, d.recovery, d.workspaces, d.members, d.tokens, d.invitations, d.jobs, d.downloads, d.erasures, d.holds, d.retention, d.settings, d.residency, d.keys, d.doctor, d.subProcessors, d.legal, d.processing, d.audit, d.records, d.subjects, d.imports} {
		register()
	}
	d.treeParts(mux)
	d.page(mux)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("ok\n")) // the asker has gone away
	})
	return d.identify(routed(mux))
}
