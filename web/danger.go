package web

import (
	"net/http"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

// deleteWorkspacePage shows what deleting the workspace will do. While it is on
// its way, it leads there.
func (d *door) deleteWorkspacePage(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	if v.closing != nil {
		return redirect(w, r, workspacePath(v.workspace.Slug, "jobs", v.closing.ID))
	}
	return d.showWorkspaceDeletion(w, r, v, confirmForm{})
}

func (d *door) showWorkspaceDeletion(w http.ResponseWriter, r *http.Request, v visit, f confirmForm) error {
	ask := engine.NewJob{Workspace: v.workspace.ID, Type: privacyd.JobWorkspaceDeletion}
	plan, err := d.engine.PreviewJob(r.Context(), v.caller, ask)
	if err != nil {
		return err
	}
	if f.ByLink, err = d.byLink(r, v); err != nil {
		return err
	}
	f.Action, f.Type, f.Name = workspacePath(v.workspace.Slug, "delete-workspace"), ask.Type, v.workspace.Name
	f.Button, f.Back = "Delete the workspace", workspacePath(v.workspace.Slug, "data-privacy")
	return d.showPlan(w, r, v, planView{
		Title: "Delete the workspace", Section: "Danger zone", Plan: plan, Form: f, Back: "Data & privacy",
		Text: "Look at what will be deleted, what stays and why. Export it first if anybody may need it later.",
	})
}

// byLink tells whether the caller has no password and signs in by link alone.
func (d *door) byLink(r *http.Request, v visit) (bool, error) {
	has, err := d.engine.HasPassword(r.Context(), v.caller)
	return !has, err
}

func (d *door) deleteWorkspace(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	if err := parseForm(r); err != nil {
		return err
	}
	with := confirmation(r.PostForm)
	job, created, err := d.engine.CreateJob(r.Context(), v.caller, engine.NewJob{Workspace: v.workspace.ID, Type: privacyd.JobWorkspaceDeletion, Confirm: &with})
	if err == nil {
		return d.leadTo(w, r, v, job, created)
	}
	wrong, now, ok := confirmProblem(err)
	if !ok {
		return err
	}
	return d.showWorkspaceDeletion(w, r, v, confirmForm{Typed: with.Name, Problem: wrong, Changed: now != nil})
}
