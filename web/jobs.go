package web

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

// downloadsLooked is how many downloads are looked through for those of the
// exports that a page shows.
const downloadsLooked = 500

// jobView is the page of one job.
type jobView struct {
	Job       *privacyd.Job
	Known     bool // it was asked for again while it was on its way
	Faster    bool // somebody else was
	Again     bool // what was left can be looked for again
	Downloads []privacyd.AuditEntry
}

func (d *door) jobRoutes() map[string]action {
	return map[string]action{
		"GET /w/{workspace}/jobs":                d.jobsPage,
		"GET /w/{workspace}/jobs/table":          d.jobsPart,
		"GET /w/{workspace}/jobs/events":         d.events,
		"GET /w/{workspace}/jobs/{job}":          d.jobPage,
		"GET /w/{workspace}/jobs/{job}/progress": d.jobPart,
		"GET /w/{workspace}/jobs/{job}/download": d.download,
		"POST /w/{workspace}/jobs/{job}/cancel":  d.cancelJob,
		"POST /w/{workspace}/jobs/{job}/verify":  d.verifyJob,
		"GET /w/{workspace}/jobs/{job}/archive":  d.signedDownload,
	}
}

func (d *door) jobPage(w http.ResponseWriter, r *http.Request) error {
	v, job, err := d.job(r)
	if err != nil {
		return err
	}
	view := jobView{Job: job, Known: r.URL.Query().Has("known"), Faster: r.URL.Query().Has("faster")}
	if view.Again, err = d.verifiable(r, v, job); err != nil {
		return err
	}
	if job.Type.Export() && v.role.May(privacyd.ActionReadAudit) {
		if view.Downloads, err = d.downloads(r, v, []*privacyd.Job{job}); err != nil {
			return err
		}
	}
	p := d.page(r, v, jobTitle(job))
	p.Contacts = d.contactNames(r, v, job)
	if p.People, err = d.people(r, v, actors(job)...); err != nil {
		return err
	}
	return d.show(w, r, http.StatusOK, jobPage(p, view))
}

// people names those of these ids who are members or API tokens to whoever may
// see them; nil: the reader may not.
func (d *door) people(r *http.Request, v visit, ids ...string) (map[string]string, error) {
	if !v.role.May(privacyd.ActionManageMembers) || v.closing != nil {
		return nil, nil
	}
	slices.Sort(ids)
	ids = slices.DeleteFunc(slices.Compact(ids), func(id string) bool { return id == "" })
	names, err := d.engine.MemberNames(r.Context(), v.caller, v.workspace.ID, ids)
	if err != nil || !v.role.May(privacyd.ActionManageTokens) {
		return names, err
	}
	labels, err := d.engine.TokenLabels(r.Context(), v.caller, v.workspace.ID, ids)
	for id, label := range labels {
		names[id] = "the API token “" + label + "”"
	}
	return names, err
}

// actors are those who had to do with jobs.
func actors(jobs ...*privacyd.Job) (ids []string) {
	for _, j := range jobs {
		ids = append(ids, j.RequestedBy, j.ConfirmedBy, j.ApprovedBy, j.CancelledBy)
	}
	return ids
}

// downloads are the entries of who downloaded these exports, newest first.
func (d *door) downloads(r *http.Request, v visit, jobs []*privacyd.Job) ([]privacyd.AuditEntry, error) {
	if len(jobs) == 0 {
		return nil, nil
	}
	ids, from := map[string]bool{}, jobs[0].CreatedAt
	for _, j := range jobs {
		ids[j.ID] = true
		if j.CreatedAt.Before(from) {
			from = j.CreatedAt
		}
	}
	entries, err := d.engine.ListAudit(r.Context(), v.caller, v.workspace.ID, privacyd.AuditFilter{
		Action: string(privacyd.ActionDownload), From: from, Limit: downloadsLooked,
	})
	if err != nil {
		return nil, err
	}
	var list []privacyd.AuditEntry
	for e, err := range entries {
		if err != nil {
			return nil, err
		}
		if ids[e.TargetID] && e.Outcome == privacyd.OutcomeDone {
			list = append(list, e)
		}
	}
	return list, nil
}

func (d *door) jobPart(w http.ResponseWriter, r *http.Request) error {
	v, job, err := d.job(r)
	if err != nil {
		return err
	}
	view := jobView{Job: job}
	if view.Again, err = d.verifiable(r, v, job); err != nil {
		return err
	}
	p := d.page(r, v, "")
	p.Contacts = d.contactNames(r, v, job)
	if p.People, err = d.people(r, v, actors(job)...); err != nil {
		return err
	}
	return d.show(w, r, http.StatusOK, jobStatus(p, view))
}

func (d *door) job(r *http.Request) (visit, *privacyd.Job, error) {
	v, err := d.enter(r)
	if err != nil {
		return v, nil, err
	}
	job, err := d.engine.GetJob(r.Context(), v.caller, v.workspace.ID, r.PathValue("job"))
	return v, job, err
}

func (d *door) cancelJob(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	job, err := d.engine.CancelJob(r.Context(), v.caller, v.workspace.ID, r.PathValue("job"))
	if err != nil {
		return err
	}
	return redirect(w, r, workspacePath(v.workspace.Slug, "jobs", job.ID))
}

// download leads to the archive by a fresh signed link.
func (d *door) download(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	l, err := d.engine.DownloadLink(r.Context(), v.caller, v.workspace.ID, r.PathValue("job"))
	if err != nil {
		return err
	}
	return redirect(w, r, archivePath(v.workspace.Slug, l))
}

// signedDownload is where the link of a mail leads: once somebody is signed in,
// to the archive, by the same signature.
func (d *door) signedDownload(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	l, err := mailedLink(r)
	if err != nil {
		return err
	}
	return redirect(w, r, archivePath(v.workspace.Slug, l))
}

// mailedLink reads the signed link of a mail.
func mailedLink(r *http.Request) (engine.Link, error) {
	q := r.URL.Query()
	seconds, err := strconv.ParseInt(q.Get("expires"), 10, 64)
	if err != nil {
		return engine.Link{}, errNoPage()
	}
	return engine.Link{JobID: r.PathValue("job"), Expires: time.Unix(seconds, 0), Signature: q.Get("signature")}, nil
}

// archivePath is where the REST door serves archives.
func archivePath(slug string, l engine.Link) string {
	return fmt.Sprintf("/v1/workspaces/%s/gdpr-jobs/%s/archive?expires=%d&signature=%s",
		url.PathEscape(slug), url.PathEscape(l.JobID), l.Expires.Unix(), url.QueryEscape(l.Signature))
}

// jobAction is the permission that a job of this type needs.
func jobAction(t privacyd.JobType) privacyd.Action {
	rules, _ := t.Rules()
	return rules.Action
}

// mayDownload tells whether a page offers the download.
func (p page) mayDownload(j *privacyd.Job) bool {
	return j.Type.Export() && j.State == privacyd.JobCompleted && p.Role.May(privacyd.ActionDownload) && p.Role.May(jobAction(j.Type))
}

// mayCancel tells whether a page offers to cancel.
func (p page) mayCancel(j *privacyd.Job) bool {
	return j.State.Cancellable(j.Type) && !j.CancelAsked && p.Role.May(privacyd.ActionCancelJob) && p.Role.May(jobAction(j.Type))
}

// mayRepeat tells whether a page offers to ask for the same again.
func (p page) mayRepeat(j *privacyd.Job) bool {
	return j.Type.Export() && j.State.Ended() && j.State != privacyd.JobCompleted && p.Role.May(jobAction(j.Type))
}

// maySeePlan tells whether a page leads to the plan of a job that has not begun.
func (p page) maySeePlan(j *privacyd.Job) bool {
	return j.Type.Erases() && !j.State.Ended() && j.State != privacyd.JobRunning && p.Role.May(jobAction(j.Type))
}

// mayConfirm tells whether a page asks the reader to confirm the job's plan.
func (p page) mayConfirm(j *privacyd.Job) bool {
	return p.maySeePlan(j) && j.State == privacyd.JobPendingApproval && j.WaitingOn == privacyd.WaitConfirmation
}

// mayApprove tells whether a page asks the reader to decide as the second
// person.
func (p page) mayApprove(j *privacyd.Job) bool {
	me := p.Caller.AccountID
	return j.State == privacyd.JobPendingApproval && j.WaitingOn == privacyd.WaitApproval && p.Role.May(privacyd.ActionApprove) &&
		me != j.RequestedBy && me != j.ConfirmedBy
}

// mayReadReceipt tells whether a page leads to the job's receipt.
func (p page) mayReadReceipt(j *privacyd.Job) bool {
	return j.Result != nil && j.Result.ReceiptID != "" && p.Role.May(privacyd.ActionReadReceipts)
}

// percent is how far a running job is. Totals are estimates, so that only a
// finished job is at 100.
func percent(p privacyd.Progress) int64 {
	if p.Total <= 0 {
		return 0
	}
	return min(p.Done*100/p.Total, 99)
}

// progressWords says how far a job is.
func progressWords(p privacyd.Progress) string {
	if p.Total <= 0 {
		return "Looking at what there is"
	}
	unit := p.Unit
	if unit == "" {
		unit = "records"
	}
	text := fmt.Sprintf("%d %% · %s of about %s %s", percent(p), count(p.Done), count(p.Total), unit)
	if p.Bytes > 0 {
		text += " · " + size(p.Bytes) + " so far"
	}
	return text
}

// resultRow is one line of what an export holds.
type resultRow struct {
	Name    string
	Records int64
}

func resultRows(r *privacyd.JobResult) []resultRow {
	return countRows(r.Records)
}

func countRows(counts map[string]int64) []resultRow {
	rows := make([]resultRow, 0, len(counts))
	for _, name := range sortedKeys(counts) {
		if counts[name] > 0 {
			rows = append(rows, resultRow{Name: sentence(name), Records: counts[name]})
		}
	}
	return rows
}

func totalRecords(r *privacyd.JobResult) int64 {
	var n int64
	for _, records := range r.Records {
		n += records
	}
	return n
}

// resultStats are what an erasure came to.
func resultStats(r *privacyd.JobResult) []stat {
	sum := func(counts map[string]int64) (n int64) {
		for _, c := range counts {
			n += c
		}
		return n
	}
	list := []stat{{"records deleted", sum(r.Records), ""}, {"files deleted or on their way", r.Files, ""}, {"records changed", sum(r.Changed), ""}}
	if kept := sum(r.Kept); kept > 0 {
		list = append(list, stat{"records kept by law", kept, "text-warning"})
	}
	if r.Held > 0 {
		list = append(list, stat{"records on hold", r.Held, "text-warning"})
	}
	return list
}
