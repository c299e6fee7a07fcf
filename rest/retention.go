package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

const retentionPath = "/v1/workspaces/{workspace}/retention"

// Retention is a workspace's retention policy.
type Retention struct {
	Policy   privacyd.Policy   `json:"policy" doc:"The version in force; version 0: none was set, everything is kept for ever."`
	Versions []privacyd.Policy `json:"versions" doc:"All there were, oldest first."`
	NextRun  *time.Time        `json:"next_run,omitempty" doc:"When the next daily run begins; none while everything is kept for ever."`
}

// RetentionNext is what goes next.
type RetentionNext struct {
	Policy privacyd.Policy       `json:"policy"`
	Items  []engine.RetentionRow `json:"items" doc:"The first to go, at most 50."`
	Due    int64                 `json:"due" doc:"At the next run."`
	Braked bool                  `json:"braked" doc:"The next run would stop and ask."`

	NextCursor string `json:"next_cursor,omitempty" doc:"Of the next page; missing: there is none."`
}

// RetentionRun is the job of a run.
type RetentionRun struct {
	Job *privacyd.Job `json:"job,omitempty" doc:"None: nothing is due."`
}

// KeepTarget names a row with a clock.
type KeepTarget struct {
	Dataset    string   `json:"dataset,omitempty" doc:"May be left out where one dataset has a clock."`
	Collection string   `json:"collection,omitempty"`
	Key        []string `json:"key" minItems:"1" doc:"In the order of the collection's key; its id alone will do."`
}

type newPolicy struct {
	WorkspacePath
	Body struct {
		Days int `json:"days" minimum:"0" doc:"Of 24 hours; 0: for ever."`
	}
}

type retentionPreview struct {
	WorkspacePath
	Days   int    `query:"days" default:"-1" doc:"What if it were so many days, 0 for ever; left out: as the policy is."`
	Cursor string `query:"cursor" doc:"The next_cursor of the rows before: list those after them."`
}

type nextPage struct {
	WorkspacePath
	Cursor string `query:"cursor" doc:"The next_cursor of the page before."`
}

type keepRequest struct {
	WorkspacePath
	Body KeepTarget
}

type runAnswer struct {
	Status int
	Body   RetentionRun
}

func (d *door) retention() {
	huma.Register(d.api, operation("get-retention", http.MethodGet, retentionPath, "Read the retention policy", "Members."), d.getRetention)
	huma.Register(d.api, operation("set-retention", http.MethodPut, retentionPath, "Set the retention policy: a new version",
		"Admins. It reaches nothing that was resolved before."),
		func(ctx context.Context, in *newPolicy) (*answer[privacyd.Policy], error) {
			p, err := d.engine.SetRetention(ctx, callerOf(ctx), in.Workspace, in.Body.Days)
			return &answer[privacyd.Policy]{p}, d.fail(err)
		})
	huma.Register(d.api, operation("preview-retention", http.MethodGet, retentionPath+"/preview", "Show what a policy would do to what is there now", "Admins."),
		func(ctx context.Context, in *retentionPreview) (*answer[*engine.RetentionEffect], error) {
			effect, err := d.engine.RetentionPreviewAfter(ctx, callerOf(ctx), in.Workspace, in.Days, in.Cursor)
			return &answer[*engine.RetentionEffect]{effect}, d.fail(err)
		})
	huma.Register(d.api, operation("next-retention", http.MethodGet, retentionPath+"/next", "List what goes next", "Admins."), d.nextRetention)
	for verb, keep := range map[string]bool{"keep": true, "unkeep": false} {
		op := operation(verb+"-row", http.MethodPost, retentionPath+"/"+verb, map[bool]string{
			true: "Keep one row from retention runs", false: "Give a row back to retention runs",
		}[keep], "Admins.")
		op.DefaultStatus = http.StatusNoContent
		huma.Register(d.api, op, func(ctx context.Context, in *keepRequest) (*struct{}, error) {
			t := privacyd.HoldTarget{Dataset: in.Body.Dataset, Collection: in.Body.Collection, Key: in.Body.Key}
			return nil, d.fail(d.engine.KeepRow(ctx, callerOf(ctx), in.Workspace, t, keep))
		})
	}
	run := operation("run-retention", http.MethodPost, retentionPath+"/run", "Run the policy now",
		"Admins. A run that would take more than the workspace's brake allows waits for a confirmation.")
	run.DefaultStatus = http.StatusCreated
	huma.Register(d.api, refusable(run), d.runRetention)
}

func (d *door) getRetention(ctx context.Context, in *WorkspacePath) (*answer[Retention], error) {
	now, versions, err := d.engine.RetentionPolicy(ctx, callerOf(ctx), in.Workspace)
	if err != nil {
		return nil, d.fail(err)
	}
	next, err := d.engine.NextRetentionRun(ctx, callerOf(ctx), in.Workspace)
	return &answer[Retention]{Retention{Policy: now, Versions: append([]privacyd.Policy{}, versions...), NextRun: next}}, d.fail(err)
}

func (d *door) nextRetention(ctx context.Context, in *nextPage) (*answer[RetentionNext], error) {
	f, err := d.engine.RetentionPreviewAfter(ctx, callerOf(ctx), in.Workspace, -1, in.Cursor)
	if err != nil {
		return nil, d.fail(err)
	}
	return &answer[RetentionNext]{RetentionNext{Policy: f.Policy, Items: f.Next, Due: f.Due, Braked: f.Braked, NextCursor: f.NextCursor}}, nil
}

func (d *door) runRetention(ctx context.Context, in *WorkspacePath) (*runAnswer, error) {
	job, err := d.engine.RetainNow(ctx, callerOf(ctx), in.Workspace)
	out := &runAnswer{Status: http.StatusCreated, Body: RetentionRun{Job: job}}
	if job == nil {
		out.Status = http.StatusOK
	}
	return out, d.fail(err)
}
