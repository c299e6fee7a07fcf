package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

// retentionView is the section "Retention" of the page "Data & privacy", and
// the first part of its own page.
type retentionView struct {
	Policy  privacyd.Policy
	NextRun *time.Time
	Choice  retentionChoice
	Problem problem
}

// retentionChoice is the policy that somebody looks at or saves: one of the
// offered numbers of days, or "other" with a number of their own.
type retentionChoice struct {
	Choice, Days string
}

// retentionPage is the page "Retention".
type retentionPage struct {
	retentionView
	Versions []privacyd.Policy // newest first
	Settings privacyd.Settings
	Effect   *engine.RetentionEffect // of the policy as it is; nil: to be fetched
	After    string                  // the rows of Effect are those after this cursor
	Preview  *engine.RetentionEffect // of the choice
	Waiting  []*privacyd.Job         // runs that stopped and ask
	Form     string                  // which form the problem is about: "policy" or "settings"
	Done     string
}

func (v retentionPage) at(form string) problem {
	if v.Form == form {
		return v.Problem
	}
	return problem{}
}

const otherDays = "other"

// offered are the policies of the list, in days.
func offered() []int { return []int{0, 30, 90, 365} }

// choose gives the number of days that was chosen.
func (c retentionChoice) days() (int, problem) {
	text := c.Choice
	if text == otherDays {
		text = c.Days
	}
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || n < 0 || n > privacyd.MaxRetentionDays || (n == 0 && c.Choice == otherDays) {
		return 0, problem{Message: "Choose how long, or type a number of days from 1 to " + count(privacyd.MaxRetentionDays) + ".", Code: "retention_invalid", Field: "days"}
	}
	return n, problem{}
}

// choiceOf is how a policy is shown in the list.
func choiceOf(days int) retentionChoice {
	for _, n := range offered() {
		if n == days {
			return retentionChoice{Choice: strconv.Itoa(n)}
		}
	}
	return retentionChoice{Choice: otherDays, Days: strconv.Itoa(days)}
}

func newChoice(q url.Values) retentionChoice {
	return retentionChoice{Choice: strings.TrimSpace(q.Get("choice")), Days: strings.TrimSpace(q.Get("days"))}
}

// retentionDone says what was done, by the word in the address.
var retentionDone = map[string]string{
	"saved":    "The policy is saved. It reaches nothing that was resolved before; the history below has the new version.",
	"kept":     "It is kept. Retention goes round it until you give it back.",
	"unkept":   "It is given back: retention takes it when it is due.",
	"settings": "The daily run is set.",
	"nothing":  "Nothing is due: there is nothing to delete today.",
}

func (d *door) retentionRoutes() map[string]action {
	return map[string]action{
		"GET /w/{workspace}/retention":           d.retentionPage,
		"POST /w/{workspace}/retention":          d.setRetention,
		"GET /w/{workspace}/retention/effect":    d.retentionEffect,
		"POST /w/{workspace}/retention/keep":     d.keepRow(true),
		"POST /w/{workspace}/retention/unkeep":   d.keepRow(false),
		"POST /w/{workspace}/retention/run":      d.runRetention,
		"POST /w/{workspace}/retention/settings": d.setRetentionRun,
		"GET /w/{workspace}/sizes":               d.sizes,
	}
}

func (d *door) retentionSection(r *http.Request, v visit) (retentionView, error) {
	now, versions, err := d.engine.RetentionPolicy(r.Context(), v.caller, v.workspace.ID)
	if err != nil {
		return retentionView{}, err
	}
	view := retentionView{Policy: now, Choice: choiceOf(now.Days)}
	if len(versions) > 0 {
		view.NextRun, err = d.engine.NextRetentionRun(r.Context(), v.caller, v.workspace.ID)
	}
	return view, err
}

func (d *door) retentionPage(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	view := retentionPage{Done: retentionDone[q.Get("done")]}
	if view.retentionView, err = d.retentionSection(r, v); err != nil {
		return err
	}
	status := http.StatusOK
	if q.Has("choice") && v.role.May(privacyd.ActionManageRetention) {
		view.Choice = newChoice(q)
		days, wrong := view.Choice.days()
		if wrong.Code != "" {
			view.Problem, view.Form, status = wrong, "policy", http.StatusUnprocessableEntity
		} else if view.Preview, err = d.engine.RetentionPreview(r.Context(), v.caller, v.workspace.ID, days); err != nil {
			return err
		}
	}
	if q.Has("effect") && v.role.May(privacyd.ActionManageRetention) {
		view.After = q.Get("after")
		if view.Effect, err = d.engine.RetentionPreviewAfter(r.Context(), v.caller, v.workspace.ID, -1, view.After); err != nil {
			return err
		}
	}
	return d.showRetention(w, r, v, status, view)
}

func (d *door) showRetention(w http.ResponseWriter, r *http.Request, v visit, status int, view retentionPage) error {
	_, versions, err := d.engine.RetentionPolicy(r.Context(), v.caller, v.workspace.ID)
	if err != nil {
		return err
	}
	for i := len(versions) - 1; i >= 0; i-- {
		view.Versions = append(view.Versions, versions[i])
	}
	if view.Form != "settings" {
		if view.Settings, err = d.engine.Settings(r.Context(), v.caller, v.workspace.ID); err != nil {
			return err
		}
	}
	if v.role.May(privacyd.ActionManageRetention) {
		view.Waiting, err = d.engine.FindJobs(r.Context(), v.caller, v.workspace.ID, privacyd.JobFilter{
			Types: []privacyd.JobType{privacyd.JobRetentionRun}, States: []privacyd.JobState{privacyd.JobPendingApproval}, Limit: 5,
		})
		if err != nil {
			return err
		}
	}
	title := "Retention"
	if view.Problem.Code != "" {
		title += ": please check"
	}
	p := d.page(r, v, title)
	if p.People, err = d.people(r, v, setters(versions)...); err != nil {
		return err
	}
	return d.show(w, r, status, retentionPageOf(p, view))
}

// retentionEffect is the part of the page that takes a moment to find out.
func (d *door) retentionEffect(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	effect, err := d.engine.RetentionPreview(r.Context(), v.caller, v.workspace.ID, -1)
	if err != nil {
		return err
	}
	return d.show(w, r, http.StatusOK, retentionNext(d.page(r, v, ""), effect, ""))
}

func (d *door) setRetention(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enterForm(r)
	if err != nil {
		return err
	}
	choice := newChoice(r.PostForm)
	days, wrong := choice.days()
	if wrong.Code == "" {
		_, err = d.engine.SetRetention(r.Context(), v.caller, v.workspace.ID, days)
		if err == nil {
			return redirect(w, r, workspacePath(v.workspace.Slug, "retention")+"?done=saved")
		}
		return err
	}
	view := retentionPage{Form: "policy"}
	if view.retentionView, err = d.retentionSection(r, v); err != nil {
		return err
	}
	view.Choice, view.Problem = choice, wrong
	return d.showRetention(w, r, v, http.StatusUnprocessableEntity, view)
}

// enterForm is enter, and reads the form that was sent.
func (d *door) enterForm(r *http.Request) (visit, error) {
	v, err := d.enter(r)
	if err != nil {
		return v, err
	}
	return v, parseForm(r)
}

func (d *door) keepRow(keep bool) action {
	return func(w http.ResponseWriter, r *http.Request) error {
		v, err := d.enterForm(r)
		if err != nil {
			return err
		}
		row := privacyd.HoldTarget{Dataset: r.PostForm.Get("dataset"), Collection: r.PostForm.Get("collection"), Key: r.PostForm["key"]}
		if len(row.Key) == 0 {
			return privacyd.Errorf(privacyd.ClassInvalid, "record_not_found", "The form names no conversation. Open the page again.")
		}
		if err := d.engine.KeepRow(r.Context(), v.caller, v.workspace.ID, row, keep); err != nil {
			return err
		}
		done := "kept"
		if !keep {
			done = "unkept"
		}
		return redirect(w, r, workspacePath(v.workspace.Slug, "retention")+nextQuery(r.URL.Query().Get("after"))+"&done="+done+"#next")
	}
}

// runRetention begins a run and leads to its job, where there is one.
func (d *door) runRetention(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enterForm(r)
	if err != nil {
		return err
	}
	job, err := d.engine.RetainNow(r.Context(), v.caller, v.workspace.ID)
	if err != nil {
		return err
	}
	if job == nil {
		return redirect(w, r, workspacePath(v.workspace.Slug, "retention")+"?done=nothing")
	}
	return redirect(w, r, workspacePath(v.workspace.Slug, "jobs", job.ID))
}

// setRetentionRun changes when the daily run is, and how much it may take.
func (d *door) setRetentionRun(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enterForm(r)
	if err != nil {
		return err
	}
	whole := func(name string) int {
		n, err := strconv.Atoi(strings.TrimSpace(r.PostForm.Get(name)))
		if err != nil {
			return -1 // which the engine refuses, with what is allowed
		}
		return n
	}
	settings, err := d.engine.SetDailyRun(r.Context(), v.caller, v.workspace.ID,
		strings.TrimSpace(r.PostForm.Get("time_zone")), whole("retention_hour"), whole("retention_brake"))
	if err == nil {
		return redirect(w, r, workspacePath(v.workspace.Slug, "retention")+"?done=settings")
	}
	if privacyd.ClassOf(err) != privacyd.ClassInvalid {
		return err
	}
	view := retentionPage{Form: "settings", Settings: settings}
	wrong := err
	if view.retentionView, err = d.retentionSection(r, v); err != nil {
		return err
	}
	code := privacyd.CodeOf(wrong)
	view.Problem = problem{Message: privacyd.MessageOf(wrong), Code: code, Field: strings.TrimSuffix(code, "_invalid")}
	return d.showRetention(w, r, v, http.StatusUnprocessableEntity, view)
}

// sizes tells how much is stored: as a part of a page, or as one of its own.
func (d *door) sizes(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	list, err := d.engine.CollectionSizes(r.Context(), v.caller, v.workspace.ID)
	if err != nil {
		return err
	}
	if r.Header.Get("HX-Request") != "" {
		return d.show(w, r, http.StatusOK, collectionSizes(list))
	}
	return d.show(w, r, http.StatusOK, sizesPage(d.page(r, v, "What is stored"), list))
}
