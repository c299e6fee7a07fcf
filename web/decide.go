package web

import (
	"net/http"

	"github.com/privacyd/privacyd"
)

// decideView is the plan of a job that waits, with what the reader may do.
type decideView struct {
	Job     *privacyd.Job
	Plan    *privacyd.Plan
	Form    confirmForm
	Problem problem
}

// jobPlanPage shows the plan of a job that has not begun.
func (d *door) jobPlanPage(w http.ResponseWriter, r *http.Request) error {
	v, job, err := d.job(r)
	if err != nil {
		return err
	}
	return d.showDecision(w, r, v, job, decideView{})
}

func (d *door) showDecision(w http.ResponseWriter, r *http.Request, v visit, job *privacyd.Job, view decideView) error {
	plan, err := d.engine.PreviewOfJob(r.Context(), v.caller, v.workspace.ID, job.ID)
	if privacyd.CodeOf(err) == "job_not_waiting" {
		return redirect(w, r, workspacePath(v.workspace.Slug, "jobs", job.ID)+"?faster")
	}
	if err != nil {
		return err
	}
	view.Job, view.Plan = job, plan
	p := d.page(r, v, "Plan of the "+jobTitle(job))
	p.Contacts = d.contactNames(r, v, job)
	if p.People, err = d.people(r, v, actors(job)...); err != nil {
		return err
	}
	f := &view.Form
	f.Action, f.Type, f.Back = p.to("jobs", job.ID, "confirm"), job.Type, p.to("jobs", job.ID)
	f.Button, f.Keep, f.Count = "Confirm the deletion", "Decide later", plan.Totals().Deleted
	if p.mayConfirm(job) && f.asks(privacyd.ProofName) {
		if f.Name, err = d.engine.NameToType(r.Context(), v.caller, v.workspace.ID, job.Type, job.Subject); err != nil {
			return err
		}
	}
	if f.ByLink, err = d.byLink(r, v); err != nil {
		return err
	}
	status := http.StatusOK
	if f.Problem.Code != "" || view.Problem.Code != "" {
		status, p.Title = http.StatusUnprocessableEntity, p.Title+": please check"
	}
	return d.show(w, r, status, decisionPageOf(p, view))
}

// confirmJob confirms the plan of a job that somebody else, or a program, asked
// for.
func (d *door) confirmJob(w http.ResponseWriter, r *http.Request) error {
	v, job, err := d.job(r)
	if err != nil {
		return err
	}
	if err := parseForm(r); err != nil {
		return err
	}
	with := confirmation(r.PostForm)
	done, err := d.engine.ConfirmJob(r.Context(), v.caller, v.workspace.ID, job.ID, with)
	if err == nil {
		return redirect(w, r, workspacePath(v.workspace.Slug, "jobs", done.ID))
	}
	if settled(err) {
		return redirect(w, r, workspacePath(v.workspace.Slug, "jobs", job.ID)+"?faster")
	}
	wrong, now, ok := confirmProblem(err)
	if !ok {
		return err
	}
	return d.showDecision(w, r, v, job, decideView{Form: confirmForm{Typed: orText(with.Name, r.PostForm.Get("count")), Wait: with.Wait, Problem: wrong, Changed: now != nil}})
}

// settled tells whether what was to be decided is decided already: the button
// was pressed twice, or by two people.
func settled(err error) bool {
	code := privacyd.CodeOf(err)
	return code == "job_not_waiting" || code == "approval_not_asked" || code == "subject_not_found"
}

// decideJob approves or refuses, as a second person.
func (d *door) decideJob(approve bool) action {
	return func(w http.ResponseWriter, r *http.Request) error {
		v, job, err := d.job(r)
		if err != nil {
			return err
		}
		if err := parseForm(r); err != nil {
			return err
		}
		_, err = d.engine.ApproveJob(r.Context(), v.caller, v.workspace.ID, job.ID, r.PostForm.Get("plan_hash"), approve)
		switch {
		case err == nil:
			return redirect(w, r, workspacePath(v.workspace.Slug, "jobs", job.ID))
		case settled(err):
			return redirect(w, r, workspacePath(v.workspace.Slug, "jobs", job.ID)+"?faster")
		case privacyd.CodeOf(err) == "plan_changed":
			return d.showDecision(w, r, v, job, decideView{Problem: problem{Message: privacyd.MessageOf(err), Code: privacyd.CodeOf(err)}})
		}
		return err
	}
}
