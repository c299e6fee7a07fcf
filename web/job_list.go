package web

import (
	"maps"
	"net/http"
	"net/url"

	"github.com/privacyd/privacyd"
)

const jobsShown = 25

// jobsView is the page "Jobs".
type jobsView struct {
	Jobs         []*privacyd.Job
	Kind, State  string // of the filter
	Order        sorting
	Before       string // the page shown; empty: the first
	Older        string // the cursor of the next page; empty: there is none
	NeedsPerson  int    // of those shown: waiting for somebody's word
	KindOptions  [][2]string
	StateOptions [][2]string
}

// jobKinds are the choices of the filter by what is done.
var jobKinds = [][2]string{{"", "Everything"}, {"exports", "Exports"}, {"deletions", "Deletions"}}

// jobStates are the choices of the filter by where jobs stand.
var jobStates = [][2]string{{"", "In any state"}, {"waiting", "Waiting for somebody"}, {"moving", "On their way"}, {"ended", "Ended"}}

func jobFilter(kind, state string) privacyd.JobFilter {
	var f privacyd.JobFilter
	for _, t := range privacyd.JobTypes() {
		if kind == "" || (kind == "exports") == t.Export() {
			f.Types = append(f.Types, t)
		}
	}
	switch state {
	case "waiting":
		f.States = []privacyd.JobState{privacyd.JobPendingApproval, privacyd.JobBlocked}
	case "moving":
		f.States = []privacyd.JobState{privacyd.JobScheduled, privacyd.JobQueued, privacyd.JobRunning}
	case "ended":
		f.States = []privacyd.JobState{privacyd.JobCompleted, privacyd.JobFailed, privacyd.JobCancelled, privacyd.JobExpired}
	}
	return f
}

func (d *door) jobsPage(w http.ResponseWriter, r *http.Request) error {
	p, view, err := d.jobList(r)
	if err != nil {
		return err
	}
	return d.show(w, r, http.StatusOK, jobsPageOf(p, view))
}

func (d *door) jobsPart(w http.ResponseWriter, r *http.Request) error {
	p, view, err := d.jobList(r)
	if err != nil {
		return err
	}
	return d.show(w, r, http.StatusOK, jobsTable(p, view))
}

func (d *door) jobList(r *http.Request) (page, jobsView, error) {
	v, err := d.enter(r)
	if err != nil {
		return page{}, jobsView{}, err
	}
	q := r.URL.Query()
	view := jobsView{Before: q.Get("before"), KindOptions: jobKinds, StateOptions: jobStates}
	f := view.read(q)
	view.Order.Path, view.Order.At = workspacePath(v.workspace.Slug, "jobs"), "jobs-table"
	if view.Jobs, err = d.engine.FindJobs(r.Context(), v.caller, v.workspace.ID, f); err != nil {
		return page{}, view, err
	}
	if len(view.Jobs) > jobsShown {
		view.Jobs = view.Jobs[:jobsShown]
		view.Older = f.Sort.Cursor(view.Jobs[jobsShown-1])
	}
	p := d.page(r, v, "Jobs")
	for _, j := range view.Jobs {
		if p.mayConfirm(j) || p.mayApprove(j) {
			view.NeedsPerson++
		}
	}
	p.Contacts = d.contactNames(r, v, view.Jobs...)
	p.People, err = d.people(r, v, actors(view.Jobs...)...)
	return p, view, err
}

// known keeps a value that is one of the choices.
func known(choices [][2]string, value string) string {
	for _, c := range choices {
		if c[0] == value {
			return value
		}
	}
	return ""
}

// read reads filter, order and page from an address.
func (v *jobsView) read(q url.Values) privacyd.JobFilter {
	v.Kind, v.State = known(jobKinds, q.Get("kind")), known(jobStates, q.Get("state"))
	columns := []string{"asked", "ended"}
	if v.Kind == "exports" {
		columns = append(columns, "kept") // the list of exports on its own page has it
	}
	v.Order = newSorting(q, "sort", string(privacyd.JobsNewest), columns...).keep("kind", v.Kind).keep("state", v.State)
	f := jobFilter(v.Kind, v.State)
	f.Sort, f.Before, f.Limit = privacyd.JobSort(v.Order.By), q.Get("before"), jobsShown+1
	return f
}

// query is filter, order and page as an address has them.
func (v jobsView) query(before string) string {
	q := maps.Clone(v.Order.Query)
	for name, value := range map[string]string{"sort": v.Order.By, "before": before} {
		if value != "" && value != string(privacyd.JobsNewest) {
			q.Set(name, value)
		}
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

func (v jobsView) pending() bool {
	for _, j := range v.Jobs {
		if moving(j) {
			return true
		}
	}
	return false
}

// moving tells whether a job's state changes by itself soon.
func moving(j *privacyd.Job) bool {
	return j.State == privacyd.JobQueued || j.State == privacyd.JobRunning
}
