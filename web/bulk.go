package web

import (
	"net/http"
	"strings"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

// bulkView is the section "Bulk delete by date" of the page "Data & privacy".
type bulkView struct {
	Before  string // a day in UTC
	Today   string
	Problem problem
}

// bulkPlan is the plan of a deletion by date, with what confirms it.
type bulkPlan struct {
	Day  string
	Plan *privacyd.Plan
	Form confirmForm
}

func (d *door) bulkRoutes() map[string]action {
	return map[string]action{
		"GET /w/{workspace}/bulk":  d.bulkPage,
		"POST /w/{workspace}/bulk": d.bulkDelete,
	}
}

func (d *door) bulkSection(*http.Request, visit) (bulkView, error) {
	return bulkView{Today: d.engine.Now().UTC().Format("2006-01-02")}, nil
}

// bulkPage asks for a date, or shows the plan for the one that was given.
func (d *door) bulkPage(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	before := strings.TrimSpace(r.URL.Query().Get("before"))
	if before == "" {
		return d.showBulkDate(w, r, v, http.StatusOK, "", problem{})
	}
	return d.showBulk(w, r, v, before, confirmForm{})
}

func (d *door) showBulkDate(w http.ResponseWriter, r *http.Request, v visit, status int, before string, wrong problem) error {
	if !v.role.May(privacyd.ActionDeleteRecords) {
		_, err := d.engine.PreviewJob(r.Context(), v.caller, engine.NewJob{Workspace: v.workspace.ID, Type: privacyd.JobBulkDeletion})
		return err // its refusal is in the audit log
	}
	view, err := d.bulkSection(r, v)
	if err != nil {
		return err
	}
	view.Before, view.Problem = before, wrong
	title := "Bulk delete by date"
	if wrong.Code != "" {
		title += ": please check"
	}
	return d.show(w, r, status, bulkDatePage(d.page(r, v, title), view))
}

// bulkAsk is what the engine is asked for.
func bulkAsk(v visit, before string) (engine.NewJob, problem) {
	at, wrong := day(before, "before")
	if wrong.Code == "" && at.IsZero() {
		wrong = problem{Message: "Choose a day.", Code: "before_invalid", Field: "before"}
	}
	return engine.NewJob{Workspace: v.workspace.ID, Type: privacyd.JobBulkDeletion, Before: &at}, wrong
}

func (d *door) showBulk(w http.ResponseWriter, r *http.Request, v visit, before string, f confirmForm) error {
	ask, wrong := bulkAsk(v, before)
	if wrong.Code != "" {
		return d.showBulkDate(w, r, v, http.StatusUnprocessableEntity, before, wrong)
	}
	plan, err := d.engine.PreviewJob(r.Context(), v.caller, ask)
	if privacyd.CodeOf(err) == "before_invalid" {
		wrong = problem{Message: "Choose a day that is not in the future.", Code: "before_invalid", Field: "before"}
		return d.showBulkDate(w, r, v, http.StatusUnprocessableEntity, before, wrong)
	}
	if err != nil {
		return err
	}
	back := workspacePath(v.workspace.Slug, "data-privacy")
	f.Action, f.Type, f.Count = workspacePath(v.workspace.Slug, "bulk"), privacyd.JobBulkDeletion, plan.Totals().Deleted
	f.Hidden, f.Back = [][2]string{{"before", before}}, back
	f.Button = "Delete " + counted(f.Count, "record", "records")
	status, title := http.StatusOK, "Bulk delete by date"
	if f.Problem.Code != "" {
		status, title = http.StatusUnprocessableEntity, title+": please check"
	}
	return d.show(w, r, status, bulkPlanPage(d.page(r, v, title), bulkPlan{Day: dayWords(*ask.Before), Plan: plan, Form: f}))
}

// bulkDelete confirms the plan and leads to the job.
func (d *door) bulkDelete(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enterForm(r)
	if err != nil {
		return err
	}
	before := strings.TrimSpace(r.PostForm.Get("before"))
	ask, wrong := bulkAsk(v, before)
	if wrong.Code != "" {
		return d.showBulkDate(w, r, v, http.StatusUnprocessableEntity, before, wrong)
	}
	with := confirmation(r.PostForm)
	ask.Confirm = &with
	job, created, err := d.engine.CreateJob(r.Context(), v.caller, ask)
	if err == nil {
		return d.leadTo(w, r, v, job, created)
	}
	wrong, now, ok := confirmProblem(err)
	if !ok {
		return err
	}
	if done := d.confirmedAlready(r, v, with.PlanHash); done != nil {
		return d.leadTo(w, r, v, done, false)
	}
	return d.showBulk(w, r, v, before, confirmForm{Typed: r.PostForm.Get("count"), Wait: with.Wait, Problem: wrong, Changed: now != nil})
}

// confirmedAlready finds the job that carries out, or has carried out, a plan
// that the caller confirmed: the button was pressed twice. Nil: there is none.
func (d *door) confirmedAlready(r *http.Request, v visit, planHash string) *privacyd.Job {
	if planHash == "" {
		return nil
	}
	jobs, err := d.engine.FindJobs(r.Context(), v.caller, v.workspace.ID, privacyd.JobFilter{PlanHash: planHash, Limit: 1})
	if err != nil || len(jobs) == 0 || jobs[0].ConfirmedBy != v.caller.AccountID {
		return nil
	}
	return jobs[0]
}
