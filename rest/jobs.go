package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

const jobsPath = "/v1/workspaces/{workspace}/gdpr-jobs"

type newJob struct {
	WorkspacePath
	IdempotencyKey string `header:"Idempotency-Key" doc:"The same key again gives the same job."`
	Body           struct {
		WorkspaceID string            `json:"workspace_id,omitempty" doc:"If given, the workspace of the path."`
		Type        privacyd.JobType  `json:"type" enum:"data_export,subject_export"`
		RequestedBy string            `json:"requested_by,omitempty" doc:"Your own e-mail address, or that of a member for whom you, an admin, act."`
		Subject     *privacyd.Subject `json:"subject,omitempty"`
		Format      privacyd.Format   `json:"format,omitempty" enum:"json,csv"`
	}
}

// JobPath is the part of a path that names a job.
type JobPath struct {
	WorkspacePath
	Job string `path:"job"`
}

type pageOfJobs struct {
	WorkspacePath
	Before string `query:"cursor" doc:"next_cursor of the page before."`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
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
		"Admins; agents too for subject_export. Asking again for what is pending gives that job with status 200.")
	create.DefaultStatus = http.StatusCreated
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
	job, isNew, err := d.engine.CreateJob(ctx, callerOf(ctx), engine.NewJob{
		Workspace: in.Workspace, WorkspaceID: in.Body.WorkspaceID, Type: in.Body.Type, Format: in.Body.Format, Subject: in.Body.Subject,
		RequestedBy: in.Body.RequestedBy, IdempotencyKey: in.IdempotencyKey,
	})
	if err != nil {
		return nil, d.fail(err)
	}
	status := http.StatusOK
	if isNew {
		status = http.StatusCreated
	}
	return &jobAnswer{Status: status, Location: "/v1/workspaces/" + job.WorkspaceID + "/gdpr-jobs/" + job.ID, Body: job}, nil
}

func (d *door) listJobs(ctx context.Context, in *pageOfJobs) (*answer[Jobs], error) {
	jobs, err := d.engine.ListJobs(ctx, callerOf(ctx), in.Workspace, in.Before, in.Limit)
	page := Jobs{Items: append([]*privacyd.Job{}, jobs...)}
	if len(jobs) == in.Limit {
		page.NextCursor = jobs[len(jobs)-1].ID
	}
	return &answer[Jobs]{page}, d.fail(err)
}
