package main

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/privacyd/privacyd/egress"
	"github.com/privacyd/privacyd/mcp"
	"github.com/privacyd/privacyd/rest"
	"github.com/privacyd/privacyd/web"
)

// pages puts the page door beside the REST door and that for agents.
func (h host) pages(i *instance, api http.Handler, agents *mcp.Door, cfg config, trusted []netip.Prefix) http.Handler {
	mux := http.NewServeMux()
	for _, path := range []string{"/v1/", "/healthz", "/openapi.json", "/openapi.yaml", rest.PagePath, rest.PagePath + "/"} {
		mux.Handle(path, api)
	}
	mux.Handle(mcp.Path, agents)
	mux.Handle(egress.Path, egress.New(i.engine, egress.Options{Keys: cfg.llmKeys()}))
	mux.Handle("/", web.New(i.engine, web.Options{
		Version: h.version, Secure: strings.HasPrefix(cfg.BaseURL, "https://"), Log: i.engine.Log,
	}))
	handler := clientAddress(trusted, limitSignIn(mux))
	if strings.HasPrefix(cfg.BaseURL, "https://") {
		handler = keepToTLS(handler)
	}
	return handler
}
