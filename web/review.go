package web

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

const reviewShown = 50

// reviewView is a job's list of texts that somebody has to look at.
type reviewView struct {
	Job   *privacyd.Job
	Rows  []engine.ReviewRow
	After int64 // of this page
	Next  int64 // of the next page; 0: there is none
}

func (d *door) reviewPage(w http.ResponseWriter, r *http.Request) error {
	v, job, err := d.job(r)
	if err != nil {
		return err
	}
	view := reviewView{Job: job}
	if after, err := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64); err == nil && after > 0 {
		view.After = after
	}
	view.Rows, err = d.engine.ReviewList(r.Context(), v.caller, v.workspace.ID, job.ID, view.After, reviewShown)
	if err != nil {
		return err
	}
	if len(view.Rows) == reviewShown {
		view.Next = view.Rows[reviewShown-1].N
	}
	return d.show(w, r, http.StatusOK, reviewPageOf(d.page(r, v, "Review list"), view))
}

// reviewed takes a row off the list, or with 0 all of them.
func (d *door) reviewed(w http.ResponseWriter, r *http.Request) error {
	v, job, err := d.job(r)
	if err != nil {
		return err
	}
	n, err := strconv.ParseInt(r.PathValue("n"), 10, 64)
	if err != nil || n < 0 {
		return errNoPage()
	}
	if err := d.engine.Reviewed(r.Context(), v.caller, v.workspace.ID, job.ID, n); err != nil {
		return err
	}
	return redirect(w, r, workspacePath(v.workspace.Slug, "jobs", job.ID, "review"))
}

// keyWords writes a row's key; the workspace's own id before it is left out.
func keyWords(row engine.ReviewRow, workspaceID string) string {
	parts := make([]string, 0, len(row.Key))
	for _, k := range row.Key {
		if k != workspaceID {
			parts = append(parts, k)
		}
	}
	return strings.Join(parts, ", ")
}
