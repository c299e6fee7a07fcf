package web

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestEveryPageIsSeen holds the pages that the browser's tests look at against
// the routes: a new page has to be among them.
func TestEveryPageIsSeen(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("browser", "routes.json"))
	if err != nil {
		t.Fatal(err)
	}
	var listed map[string]map[string]string // pages, pages that are seen elsewhere, and what is no page
	if err := json.Unmarshal(raw, &listed); err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{"GET /docs": true, "GET /assets/{name}": true}
	for _, routes := range (&door{}).allRoutes() {
		for route := range routes {
			if method, _, _ := strings.Cut(route, " "); method == "GET" {
				known[route] = true
			}
		}
	}
	for route := range known {
		if listed["pages"][route] == "" && listed["elsewhere"][route] == "" && listed["parts"][route] == "" {
			t.Errorf("browser/routes.json does not have %q: say where the page is to be seen, or that it is none", route)
		}
	}
	for kind, routes := range listed {
		for route, where := range routes {
			if !known[route] && route != "GET /" {
				t.Errorf("there is no route %q, of which browser/routes.json says %q", route, where)
			}
			if file, ok := strings.CutSuffix(where, ".mjs"); ok && kind == "elsewhere" {
				if _, err := os.Stat(filepath.Join("browser", file+".mjs")); err != nil {
					t.Error(err)
				}
			}
		}
	}
}
