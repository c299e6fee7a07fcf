package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

const jobsPath = "/v1/workspaces/{workspace}/gdpr-jobs"

// JobRequest asks for an operation.
type JobRequest struct {
	WorkspaceID string            `json:"workspace_id,omitempty" doc:"If given, the workspace of the path."`
	Type        privacyd.JobType  `json:"type" enum:"data_export,subject_export,subject_deletion,bulk_deletion,workspace_deletion,account_deletion" doc:"account_deletion is about the caller's own account and nobody else's."`
	RequestedBy string            `json:"requested_by,omitempty" doc:"Your own e-mail address, or that of a member for whom you, an admin, act."`
	Subject     *privacyd.Subject `json:"subject,omitempty" doc:"Of subject_export and subject_deletion."`
	Format      privacyd.Format   `json:"format,omitempty" enum:"json,csv" doc:"Of exports."`
	Before      string            `json:"before,omitempty" doc:"Of bulk_deletion: a day (its beginning, in UTC) or a time; what had its last message before goes."`
}

type newJob struct {
	WorkspacePath
	IdempotencyKey string `header:"Idempotency-Key" doc:"The same key again gives the same job."`
	Body           struct {
		JobRequest
		Confirm *privacyd.Confirmation `json:"confirm,omitempty" doc:"Of an erasure: confirms the plan that you were shown. Without it the job waits for a confirmation."`
	}
}

// JobPath is the part of a path that names a job.
type JobPath struct {
	WorkspacePath
	Job string `path:"job"`
}

// ListPage chooses a page of any list.
type ListPage struct {
	WorkspacePath
	Cursor string `query:"cursor" doc:"next_cursor of the page before."`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

func (p ListPage) query(sort string) privacyd.PageQuery {
	return privacyd.PageQuery{Sort: sort, After: p.Cursor, Limit: p.Limit}
}

// Jobs is a page of jobs, newest first.
type Jobs struct {
	Items      []*privacyd.Job `json:"items"`
	NextCursor string          `json:"next_cursor,omitempty"`
}

type jobAnswer struct {
	Status   int
	Location string `header:"Location"`
	Body     *privacyd.Job
}

func (d *door) jobs() {
	create := operation("create-gdpr-job", http.MethodPost, jobsPath, "Ask for an operation",
		"Admins; agents too for subject_export; any account for the deletion of itself. Asking again for what is pending gives that job with status 200. "+
			"What an API token asks for and cannot be undone waits until a signed-in person confirms its plan.")
	create.DefaultStatus = http.StatusCreated
	create.Errors = append(create.Errors, http.StatusConflict)
	huma.Register(d.api, create, d.createJob)
	huma.Register(d.api, operation("list-gdpr-jobs", http.MethodGet, jobsPath, "List jobs", "Admins and agents."), d.listJobs)
	huma.Register(d.api, operation("get-gdpr-job", http.MethodGet, jobsPath+"/{job}", "Read a job", "Admins and agents."),
		func(ctx context.Context, in *JobPath) (*answer[*privacyd.Job], error) {
			job, err := d.engine.GetJob(ctx, callerOf(ctx), in.Workspace, in.Job)
			return &answer[*privacyd.Job]{job}, d.fail(err)
		})
	huma.Register(d.api, operation("cancel-gdpr-job", http.MethodPost, jobsPath+"/{job}/cancel", "Cancel a job", "Who may ask for it."),
		func(ctx context.Context, in *JobPath) (*answer[*privacyd.Job], error) {
			job, err := d.engine.CancelJob(ctx, callerOf(ctx), in.Workspace, in.Job)
			return &answer[*privacyd.Job]{job}, d.fail(err)
		})
}

func (d *door) createJob(ctx context.Context, in *newJob) (*jobAnswer, error) {
	ask, err := in.Body.ask(in.Workspace)
	if err != nil {
		return nil, d.fail(err)
	}
	ask.IdempotencyKey, ask.Confirm = in.IdempotencyKey, in.Body.Confirm
	job, isNew, err := d.engine.CreateJob(ctx, callerOf(ctx), ask)
	if err != nil {
		return nil, d.failPlan(err)
	}
	status := http.StatusOK
	if isNew {
		status = http.StatusCreated
	}
	location := "/v1/workspaces/" + job.WorkspaceID + "/gdpr-jobs/" + job.ID
	if job.WorkspaceID == "" {
		location = "/v1/account/deletion"
	}
	return &jobAnswer{Status: status, Location: location, Body: job}, nil
}

// ask is what engine is asked for.
func (r JobRequest) ask(workspace string) (engine.NewJob, error) {
	before, err := privacyd.Moment(r.Before)
	if err != nil {
		return engine.NewJob{}, privacyd.Errorf(privacyd.ClassInvalid, "before_invalid",
			"before is a day such as 2025-01-31, or a time such as 2025-01-31T12:00:00Z.")
	}
	ask := engine.NewJob{
		Workspace: workspace, WorkspaceID: r.WorkspaceID, Type: r.Type, Format: r.Format, Subject: r.Subject, RequestedBy: r.RequestedBy,
	}
	if !before.IsZero() {
		ask.Before = &before
	}
	return ask, nil
}

func (d *door) listJobs(ctx context.Context, in *ListPage) (*answer[Jobs], error) {
	jobs, err := d.engine.ListJobs(ctx, callerOf(ctx), in.Workspace, in.Cursor, in.Limit)
	page := Jobs{Items: append([]*privacyd.Job{}, jobs...)}
	if len(jobs) == in.Limit {
		page.NextCursor = jobs[len(jobs)-1].ID
	}
	return &answer[Jobs]{page}, d.fail(err)
}
