package main

import (
	"net/http"

	"github.com/privacyd/privacyd/mcp"
	"github.com/privacyd/privacyd/rest"
)

// agents is the door for agents.
func (h host) agents(i *instance, cfg config) *mcp.Door {
	return mcp.New(i.engine, mcp.Options{Version: h.version, BaseURL: cfg.BaseURL, Operator: rest.OperatorOf})
}

// commands is what the command line calls: the REST door, and that for agents.
func commands(api http.Handler, agents *mcp.Door) http.Handler {
	mux := http.NewServeMux()
	mux.Handle(mcp.Path, agents)
	mux.Handle("/", api)
	return mux
}
