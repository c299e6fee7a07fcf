package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

const accountPath = "/account"

// accountView is the page "Your data" of one's own account.
type accountView struct {
	Exports    []*privacyd.Job // the newest first
	Workspaces []privacyd.Workspace
	Leaving    *privacyd.Job  // the pending deletion; nil: none
	Plan       *privacyd.Plan // what the pending deletion will do; nil: it cannot be told now
	Password   bool           // the account has one
	Problem    problem
	Done       string
}

// pending tells whether an export is on its way.
func (v accountView) pending() bool {
	for _, j := range v.Exports {
		if j.Pending() {
			return true
		}
	}
	return false
}

// leavingView is the plan of deleting one's own account, with what confirms it.
type leavingView struct {
	Plan     *privacyd.Plan
	Password bool
	Changed  bool
	Problem  problem
}

// accountDone says what was done, by the word in the address.
var accountDone = map[string]string{
	"kept":      "Your account is kept. Nothing was deleted. API tokens that you had made stay ended: make new ones where you need them.",
	"kept-rest": "Your account is kept. Its deletion had begun: what was deleted by then cannot be brought back. API tokens that you had made stay ended.",
	"known":     "An export of your data was on its way already: this is it.",
}

func (d *door) accountRoutes() map[string]action {
	return map[string]action{
		"GET /account":                         d.accountPage,
		"GET /account/exports":                 d.accountExportsPart,
		"POST /account/exports":                d.exportAccount,
		"GET /account/exports/{job}/download":  d.downloadAccount,
		"GET /account/exports/{job}/archive":   d.signedAccountDownload,
		"POST /account/exports/{job}/cancel":   d.cancelAccountExport,
		"GET /account/delete":                  d.leavePage,
		"POST /account/delete":                 d.leave,
		"POST /account/leaving/cancel":         d.stay,
		"POST /account/leaving/now":            d.leaveNow,
		"GET /account/leaving/{rest...}":       d.toAccount,
		"GET /account/exports/{job}/{rest...}": d.toAccount,
	}
}

func (d *door) toAccount(w http.ResponseWriter, r *http.Request) error {
	return redirect(w, r, accountPath)
}

// mayWhileLeaving tells whether a page can be reached while the account's
// deletion is in its grace period: that page, what it offers, and the way out.
func mayWhileLeaving(path string) bool {
	return path == accountPath || strings.HasPrefix(path, accountPath+"/leaving") || strings.HasPrefix(path, accountPath+"/exports") || path == "/sign-out"
}

// checkStaying leads somebody whose account is being deleted to the page that
// says so.
func (d *door) checkStaying(ctx context.Context, c privacyd.Caller, path string) error {
	if mayWhileLeaving(path) {
		return nil
	}
	job, err := d.engine.AccountDeletion(ctx, c)
	if err != nil || job == nil {
		return err
	}
	return privacyd.Errorf(privacyd.ClassForbidden, "account_leaving", "This account is being deleted. Cancel that first: My account shows when it happens.")
}

func (d *door) accountPage(w http.ResponseWriter, r *http.Request) error {
	view := accountView{}
	for name, text := range accountDone {
		if r.URL.Query().Has(name) {
			view.Done = text
		}
	}
	return d.showAccount(w, r, http.StatusOK, view)
}

func (d *door) showAccount(w http.ResponseWriter, r *http.Request, status int, view accountView) error {
	c, err := d.signedIn(r)
	if err != nil {
		return err
	}
	if view.Leaving, err = d.engine.AccountDeletion(r.Context(), c); err != nil {
		return err
	}
	if view.Exports, err = d.engine.AccountExports(r.Context(), c); err != nil {
		return err
	}
	security, err := d.engine.MySecurity(r.Context(), c)
	if err != nil {
		return err
	}
	view.Password = security.HasPassword
	if view.Workspaces, err = d.engine.ListWorkspaces(r.Context(), c); err != nil {
		return err
	}
	if view.Leaving != nil {
		d.planLeaving(r, c, &view)
		title := "Your account is being deleted"
		if view.Problem.Code != "" {
			title += ": please check"
		}
		return d.show(w, r, status, leavingPage(d.page(r, visit{caller: c}, title), view))
	}
	return d.show(w, r, status, accountPageOf(d.page(r, visit{caller: c}, "My account"), view))
}

// planLeaving adds what the pending deletion will do. Cancelling it must be
// possible also when that cannot be told.
func (d *door) planLeaving(r *http.Request, c privacyd.Caller, view *accountView) {
	switch view.Leaving.State {
	case privacyd.JobScheduled, privacyd.JobBlocked, privacyd.JobPendingApproval:
		plan, err := d.engine.LeavingPlan(r.Context(), c)
		if err != nil {
			d.log.WarnContext(r.Context(), "the plan of an account's deletion cannot be shown", "error", err)
			return
		}
		view.Plan = plan
	}
}

// accountExportsPart is the list of exports alone, while one is on its way.
func (d *door) accountExportsPart(w http.ResponseWriter, r *http.Request) error {
	c, err := d.signedIn(r)
	if err != nil {
		return err
	}
	if r.Header.Get("HX-Request") == "" {
		return redirect(w, r, accountPath)
	}
	list, err := d.engine.AccountExports(r.Context(), c)
	if err != nil {
		return err
	}
	return d.show(w, r, http.StatusOK, accountExports(d.page(r, visit{caller: c}, ""), accountView{Exports: list}))
}

func (d *door) exportAccount(w http.ResponseWriter, r *http.Request) error {
	c, err := d.signedIn(r)
	if err != nil {
		return err
	}
	if err := parseForm(r); err != nil {
		return err
	}
	_, created, err := d.engine.ExportAccount(r.Context(), c)
	if err != nil {
		return err
	}
	to := accountPath
	if !created {
		to += "?known"
	}
	return redirect(w, r, to+"#export")
}

func (d *door) downloadAccount(w http.ResponseWriter, r *http.Request) error {
	c, err := d.signedIn(r)
	if err != nil {
		return err
	}
	l, err := d.engine.AccountDownloadLink(r.Context(), c, r.PathValue("job"))
	if err != nil {
		return err
	}
	return redirect(w, r, ownArchivePath(l))
}

// signedAccountDownload is where the link of a mail leads: once the holder is
// signed in, to the archive, by the same signature.
func (d *door) signedAccountDownload(w http.ResponseWriter, r *http.Request) error {
	if _, err := d.signedIn(r); err != nil {
		return err
	}
	l, err := mailedLink(r)
	if err != nil {
		return err
	}
	return redirect(w, r, ownArchivePath(l))
}

// ownArchivePath is where the REST door serves the archive of an account.
func ownArchivePath(l engine.Link) string {
	return fmt.Sprintf("/v1/me/exports/%s/archive?expires=%d&signature=%s", url.PathEscape(l.JobID), l.Expires.Unix(), url.QueryEscape(l.Signature))
}

func (d *door) cancelAccountExport(w http.ResponseWriter, r *http.Request) error {
	c, err := d.signedIn(r)
	if err != nil {
		return err
	}
	if err := parseForm(r); err != nil {
		return err
	}
	_, err = d.engine.CancelAccountExport(r.Context(), c, r.PathValue("job"))
	if err != nil && privacyd.CodeOf(err) != "job_not_cancellable" { // it was ready before the button was pressed
		return err
	}
	return redirect(w, r, accountPath+"#export")
}

// leavePage shows what deleting one's own account will do.
func (d *door) leavePage(w http.ResponseWriter, r *http.Request) error {
	c, err := d.signedIn(r)
	if err != nil {
		return err
	}
	return d.showLeaving(w, r, c, http.StatusOK, leavingView{})
}

func (d *door) showLeaving(w http.ResponseWriter, r *http.Request, c privacyd.Caller, status int, view leavingView) error {
	var err error
	if view.Plan, err = d.engine.PreviewAccountDeletion(r.Context(), c); err != nil {
		return err
	}
	security, err := d.engine.MySecurity(r.Context(), c)
	if err != nil {
		return err
	}
	view.Password = security.HasPassword
	title := "Delete my account"
	if view.Problem.Code != "" {
		title += ": please check"
	}
	return d.show(w, r, status, leavePageOf(d.page(r, visit{caller: c}, title), view))
}

// leave confirms it. The sessions end, this one too.
func (d *door) leave(w http.ResponseWriter, r *http.Request) error {
	c, err := d.signedIn(r)
	if err != nil {
		return err
	}
	if err := parseForm(r); err != nil {
		return err
	}
	with := privacyd.Confirmation{PlanHash: r.PostForm.Get("plan_hash"), Password: d.typedPassword(r, c)}
	_, err = d.engine.DeleteAccount(r.Context(), c, with)
	if err == nil {
		d.forget(w)
		return redirect(w, r, "/sign-in?leaving")
	}
	wrong, changed, ok := leavingProblem(err)
	if !ok {
		return err
	}
	tryAgain(w, err)
	return d.showLeaving(w, r, c, http.StatusUnprocessableEntity, leavingView{Problem: wrong, Changed: changed})
}

// typedPassword is what was typed. An account without a password has nothing to
// type: it is asked to have signed in just now.
func (d *door) typedPassword(r *http.Request, c privacyd.Caller) string {
	typed := r.PostForm.Get("password")
	if typed != "" {
		return typed
	}
	if security, err := d.engine.MySecurity(r.Context(), c); err == nil && !security.HasPassword {
		return "no password"
	}
	return ""
}

// leavingProblem makes the refusal of a confirmation a problem of its form.
func leavingProblem(err error) (wrong problem, changed, ok bool) {
	code := privacyd.CodeOf(err)
	wrong = problem{Message: privacyd.MessageOf(err), Code: code}
	switch code {
	case "password_wrong", "confirm_password_missing":
		wrong.Field = "password"
		return wrong, false, true
	case "too_many_attempts", "sign_in_again", "last_admin", "plan_blocked", "plan_held", "confirm_plan_missing":
		return wrong, false, true
	case "plan_not_found", "plan_expired", "plan_changed", "plan_grown":
		return wrong, true, true
	}
	return wrong, false, false
}

func (d *door) stay(w http.ResponseWriter, r *http.Request) error {
	c, err := d.signedIn(r)
	if err != nil {
		return err
	}
	if err := parseForm(r); err != nil {
		return err
	}
	job, err := d.engine.CancelAccountDeletion(r.Context(), c)
	if err != nil && privacyd.CodeOf(err) != "job_not_found" { // pressed twice
		return err
	}
	if job != nil && job.Erased() > 0 {
		return redirect(w, r, accountPath+"?kept-rest")
	}
	return redirect(w, r, accountPath+"?kept")
}

// leaveNow ends the grace period early, or has a deletion go on that is held up.
func (d *door) leaveNow(w http.ResponseWriter, r *http.Request) error {
	c, err := d.signedIn(r)
	if err != nil {
		return err
	}
	if err := parseForm(r); err != nil {
		return err
	}
	if hash := r.PostForm.Get("plan_hash"); hash != "" { // its plan changed since it was confirmed
		_, err = d.engine.DeleteAccount(r.Context(), c, privacyd.Confirmation{PlanHash: hash, Password: d.typedPassword(r, c)})
	} else {
		_, err = d.engine.DeleteAccountNow(r.Context(), c, d.typedPassword(r, c))
	}
	switch code := privacyd.CodeOf(err); {
	case err == nil, code == "job_not_waiting", code == "job_not_found": // pressed twice
		return redirect(w, r, accountPath)
	}
	wrong, _, ok := leavingProblem(err)
	if !ok {
		return err
	}
	tryAgain(w, err)
	return d.showAccount(w, r, http.StatusUnprocessableEntity, accountView{Problem: wrong})
}

func leavesWords(list []privacyd.Workspace) string {
	return "You are a member of " + workspaceNames(list) + ". Your membership ends there, and nobody finds you in it any more."
}

func workspaceNames(list []privacyd.Workspace) string {
	names := make([]string, len(list))
	for i, w := range list {
		names[i] = w.Name
	}
	return joined(names)
}

// blockedWords says why a deletion cannot go on.
func blockedWords(j *privacyd.Job) string {
	if j.ErrorMessage == "" {
		return "Something is in the way of the deletion of your account."
	}
	return j.ErrorMessage
}
