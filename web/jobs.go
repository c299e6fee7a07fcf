package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

// jobView is the page of one job.
type jobView struct {
	Job   *privacyd.Job
	Known bool // it was asked for again while it was on its way
}

func (d *door) jobPage(w http.ResponseWriter, r *http.Request) error {
	v, job, err := d.job(r)
	if err != nil {
		return err
	}
	view := jobView{Job: job, Known: r.URL.Query().Has("known")}
	return d.show(w, r, http.StatusOK, jobPage(d.page(r, v, jobTitle(job)), view))
}

func (d *door) jobPart(w http.ResponseWriter, r *http.Request) error {
	v, job, err := d.job(r)
	if err != nil {
		return err
	}
	return d.show(w, r, http.StatusOK, jobStatus(d.page(r, v, ""), job))
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
	q := r.URL.Query()
	seconds, err := strconv.ParseInt(q.Get("expires"), 10, 64)
	if err != nil {
		return errNoPage()
	}
	return redirect(w, r, archivePath(v.workspace.Slug, engine.Link{
		JobID: r.PathValue("job"), Expires: time.Unix(seconds, 0), Signature: q.Get("signature"),
	}))
}

// archivePath is where the REST door serves archives.
func archivePath(slug string, l engine.Link) string {
	return fmt.Sprintf("/v1/workspaces/%s/gdpr-jobs/%s/archive?expires=%d&signature=%s",
		url.PathEscape(slug), url.PathEscape(l.JobID), l.Expires.Unix(), url.QueryEscape(l.Signature))
}

// jobAction is the permission that a job of this type needs.
func jobAction(t privacyd.JobType) privacyd.Action {
	if t == privacyd.JobSubjectExport {
		return privacyd.ActionExportSubject
	}
	return privacyd.ActionExportWorkspace
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
	return fmt.Sprintf("%d %% · %s of about %s %s · %s so far", percent(p), count(p.Done), count(p.Total), unit, size(p.Bytes))
}

// resultRow is one line of what an export holds.
type resultRow struct {
	Name    string
	Records int64
}

func resultRows(r *privacyd.JobResult) []resultRow {
	rows := make([]resultRow, 0, len(r.Records))
	for _, name := range sortedKeys(r.Records) {
		rows = append(rows, resultRow{Name: sentence(name), Records: r.Records[name]})
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
