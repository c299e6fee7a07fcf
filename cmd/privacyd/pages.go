package main

import (
	"net/http"
)

// pages puts the page beside the REST door.
func (h host) pages(i *instance, api http.Handler, cfg config) http.Handler {
	mux := http.NewServeMux()
	for _, path := range []string{"/v1/", "/healthz", "/openapi.json", "/openapi.yaml"} {
		mux.Handle(path, api)
	}
	return mux
}
