package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

// deleteView is the page on which a person to be deleted is looked for.
type deleteView struct {
	Found   foundView
	Kinds   []string
	Kind    string
	ID      string
	Problem problem
}

// planView is a plan with what confirms it.
type planView struct {
	Title   string
	Section string
	Text    string
	Plan    *privacyd.Plan
	Form    confirmForm
	Back    string
	About   *contact // whom it is about, as far as the records say
}

func (d *door) deletionRoutes() map[string]action {
	return map[string]action{
		"GET /w/{workspace}/delete-contact":          d.deletePage,
		"POST /w/{workspace}/delete-contact":         d.deleteContact,
		"GET /w/{workspace}/delete-contact/matches":  d.deleteMatches,
		"GET /w/{workspace}/delete-workspace":        d.deleteWorkspacePage,
		"POST /w/{workspace}/delete-workspace":       d.deleteWorkspace,
		"GET /w/{workspace}/jobs/{job}/plan":         d.jobPlanPage,
		"POST /w/{workspace}/jobs/{job}/confirm":     d.confirmJob,
		"POST /w/{workspace}/jobs/{job}/approve":     d.decideJob(true),
		"POST /w/{workspace}/jobs/{job}/refuse":      d.decideJob(false),
		"GET /w/{workspace}/jobs/{job}/review":       d.reviewPage,
		"POST /w/{workspace}/jobs/{job}/review/{n}":  d.reviewed,
		"GET /w/{workspace}/jobs/{job}/receipt":      d.receiptPage,
		"GET /w/{workspace}/jobs/{job}/receipt.json": d.receiptFile,
		"GET /w/{workspace}/receipts":                d.receiptsPage,
	}
}

// deletePage looks for a person, or shows the plan for the one that is chosen.
func (d *door) deletePage(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	if id := strings.TrimSpace(q.Get("id")); id != "" {
		return d.showDeletion(w, r, v, privacyd.Subject{Kind: orFirst(q.Get("kind"), d.subjectKinds(v.workspace)), ID: id}, confirmForm{})
	}
	return d.showDelete(w, r, v, http.StatusOK, deleteView{})
}

// mayDelete refuses whoever may not look for somebody to delete; the refusal is in
// the audit log.
func (d *door) mayDelete(r *http.Request, v visit) error {
	if v.role.May(privacyd.ActionDeleteSubject) {
		return nil
	}
	_, err := d.engine.PreviewJob(r.Context(), v.caller, engine.NewJob{Workspace: v.workspace.ID, Type: privacyd.JobSubjectDeletion})
	return err
}

func (d *door) showDelete(w http.ResponseWriter, r *http.Request, v visit, status int, view deleteView) error {
	err := d.mayDelete(r, v)
	if err != nil {
		return err
	}
	if view.Found, err = d.found(r, v); err != nil {
		return err
	}
	view.Kinds = d.subjectKinds(v.workspace)
	title := "Delete a contact"
	if view.Problem.Code != "" {
		title += ": please check"
	}
	return d.show(w, r, status, deletePageOf(d.page(r, v, title), view))
}

// deleteMatches is the list of matches alone, as somebody types.
func (d *door) deleteMatches(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	if err := d.mayDelete(r, v); err != nil {
		return err
	}
	found, err := d.found(r, v)
	if err != nil {
		return err
	}
	return d.show(w, r, http.StatusOK, matches(d.page(r, v, ""), found))
}

// showDeletion shows what deleting a person will do.
func (d *door) showDeletion(w http.ResponseWriter, r *http.Request, v visit, s privacyd.Subject, f confirmForm) error {
	ask := engine.NewJob{Workspace: v.workspace.ID, Type: privacyd.JobSubjectDeletion, Subject: &s}
	plan, err := d.engine.PreviewJob(r.Context(), v.caller, ask)
	if err != nil && correctable(err) && f.Problem.Code == "" {
		return d.showDelete(w, r, v, http.StatusUnprocessableEntity, deleteView{
			Kind: s.Kind, ID: s.ID, Problem: problem{Message: contactProblem(err), Code: privacyd.CodeOf(err), Field: "id"},
		})
	}
	if err != nil {
		return err
	}
	if f.Name, err = d.engine.NameToType(r.Context(), v.caller, v.workspace.ID, ask.Type, &s); err != nil {
		return err
	}
	f.Action, f.Type, f.Button = workspacePath(v.workspace.Slug, "delete-contact"), ask.Type, "Delete "+f.Name
	f.Hidden = [][2]string{{"kind", s.Kind}, {"id", s.ID}}
	f.Back = workspacePath(v.workspace.Slug, "delete-contact")
	view := planView{
		Title: "Delete " + f.Name, Section: "Data & privacy", Plan: plan, Form: f, Back: "Delete a contact", About: d.contactOf(r, v, s),
		Text: "Look at what will be deleted, what stays and why. Nothing happens before you confirm.",
	}
	return d.showPlan(w, r, v, view)
}

func (d *door) showPlan(w http.ResponseWriter, r *http.Request, v visit, view planView) error {
	status := http.StatusOK
	title := view.Title
	if view.Form.Problem.Code != "" {
		status, title = http.StatusUnprocessableEntity, title+": please check"
	}
	return d.show(w, r, status, planPageOf(d.page(r, v, title), view))
}

// deleteContact confirms the plan and leads to the job.
func (d *door) deleteContact(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	if err := parseForm(r); err != nil {
		return err
	}
	s := privacyd.Subject{Kind: r.PostForm.Get("kind"), ID: strings.TrimSpace(r.PostForm.Get("id"))}
	with := confirmation(r.PostForm)
	job, created, err := d.engine.CreateJob(r.Context(), v.caller, engine.NewJob{
		Workspace: v.workspace.ID, Type: privacyd.JobSubjectDeletion, Subject: &s, Confirm: &with,
	})
	if err == nil {
		return d.leadTo(w, r, v, job, created)
	}
	if done := d.doneAlready(r, v, with.PlanHash, err); done != nil {
		return d.leadTo(w, r, v, done, false)
	}
	wrong, now, ok := confirmProblem(err)
	if !ok {
		return err
	}
	return d.showDeletion(w, r, v, s, confirmForm{Typed: with.Name, Wait: with.Wait, Problem: wrong, Changed: now != nil})
}

// leadTo leads to a job's page, which says when it was on its way already.
func (d *door) leadTo(w http.ResponseWriter, r *http.Request, v visit, job *privacyd.Job, created bool) error {
	to := workspacePath(v.workspace.Slug, "jobs", job.ID)
	if !created {
		to += "?known"
	}
	return redirect(w, r, to)
}

// doneAlready finds the job that has carried out a plan whose person is gone
// now: the button was pressed twice, or by two people. Nil: there is none.
func (d *door) doneAlready(r *http.Request, v visit, planHash string, err error) *privacyd.Job {
	if privacyd.CodeOf(err) != "subject_not_found" || planHash == "" {
		return nil
	}
	jobs, err := d.engine.FindJobs(r.Context(), v.caller, v.workspace.ID, privacyd.JobFilter{PlanHash: planHash, Limit: 1})
	if err != nil || len(jobs) == 0 {
		return nil
	}
	return jobs[0]
}

// confirmation reads what was typed.
func confirmation(form url.Values) privacyd.Confirmation {
	return privacyd.Confirmation{
		PlanHash: form.Get("plan_hash"), Name: form.Get("name"), Password: form.Get("password"), Wait: form.Get("wait") != "",
		Count: typedCount(form.Get("count")),
	}
}

func orFirst(choice string, list []string) string {
	if choice != "" || len(list) == 0 {
		return choice
	}
	if slices.Contains(list, "contact") {
		return "contact"
	}
	return list[0]
}
