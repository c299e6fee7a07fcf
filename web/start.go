package web

import (
	"net/http"
	"net/url"

	"github.com/privacyd/privacyd"
)

// start leads to the only workspace, or to the list of them.
func (d *door) start(w http.ResponseWriter, r *http.Request) error {
	c, err := d.signedIn(r)
	if err != nil {
		return err
	}
	list, err := d.engine.ListWorkspaces(r.Context(), c)
	if err != nil {
		return err
	}
	if len(list) == 1 {
		return redirect(w, r, workspacePath(list[0].Slug)+begunQuery(r))
	}
	return redirect(w, r, "/workspaces")
}

func (d *door) workspaces(w http.ResponseWriter, r *http.Request) error {
	c, err := d.signedIn(r)
	if err != nil {
		return err
	}
	list, err := d.engine.ListWorkspaces(r.Context(), c)
	if err != nil {
		return err
	}
	return d.show(w, r, http.StatusOK, workspacesPage(d.page(r, visit{caller: c}, "Workspaces"), list))
}

// workspaceStart leads to the first page that the role may see.
func (d *door) workspaceStart(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	first, joined := "audit", begunQuery(r)
	if v.role.May(privacyd.ActionReadJobs) {
		first = "data-privacy"
	}
	if r.URL.Query().Get("joined") == pendingJoin {
		joined = "?joined=" + pendingJoin
	}
	return redirect(w, r, workspacePath(v.workspace.Slug, first)+joined)
}

// begun is in the address of who has just begun, and is shown what to do next.
const begun = "begun"

func begunQuery(r *http.Request) string {
	if !r.URL.Query().Has(begun) {
		return ""
	}
	return "?" + begun
}

// workspacePath is the path of a workspace's page.
func workspacePath(slug string, parts ...string) string {
	path := "/w/" + url.PathEscape(slug)
	for _, p := range parts {
		path += "/" + url.PathEscape(p)
	}
	return path
}
