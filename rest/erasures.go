package rest

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

// Plan is what an erasure will do, as numbers and as sentences.
type Plan struct {
	privacyd.Plan
	Totals    privacyd.PlanTotals `json:"totals"`
	Sentences []string            `json:"sentences" doc:"The plan for a person to read."`
}

func newPlan(p *privacyd.Plan) *Plan {
	return &Plan{Plan: *p, Totals: p.Totals(), Sentences: p.Sentences()}
}

// ReceiptInfo is where a receipt is to be had.
type ReceiptInfo struct {
	ID       string           `json:"id"`
	JobID    string           `json:"job_id"`
	Issue    int              `json:"issue" doc:"The newest one: it takes the place of those before it."`
	IssuedAt time.Time        `json:"issued_at"`
	Type     privacyd.JobType `json:"type" doc:"Of the job."`
	Deleted  int64            `json:"deleted" doc:"Records."`
}

type pageOfReceipts struct {
	ListPage
	Sort string `query:"sort" enum:"ended,-ended,kind,-kind,deleted,-deleted" default:"-ended" doc:"The column; - before it: downwards."`
}

// Receipts is a page of receipts, newest first if not sorted otherwise.
type Receipts struct {
	Items      []ReceiptInfo `json:"items"`
	NextCursor string        `json:"next_cursor,omitempty"`
}

// ReviewList is a page of rows for somebody to look at.
type ReviewList struct {
	Items []engine.ReviewRow `json:"items"`
	Next  int64              `json:"next,omitempty" doc:"after of the page that follows."`
}

// PlanDecision is a second person's word on a plan.
type PlanDecision struct {
	PlanHash string `json:"plan_hash" doc:"Of the plan that was looked at."`
}

type previewRequest struct {
	WorkspacePath
	Body JobRequest
}

type confirmRequest struct {
	JobPath
	Body privacyd.Confirmation
}

type decideRequest struct {
	JobPath
	Body PlanDecision
}

type reviewQuery struct {
	JobPath
	After int64 `query:"after" minimum:"0" doc:"next of the page before."`
	Limit int   `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

func (d *door) erasures() {
	huma.Register(d.api, refusable(operation("preview-gdpr-job", http.MethodPost, jobsPath+"/preview", "Show what an erasure would do",
		"Who may ask for it. It changes nothing; the plan can be confirmed by its hash for 24 hours.")), d.preview)
	huma.Register(d.api, refusable(operation("preview-of-gdpr-job", http.MethodGet, jobsPath+"/{job}/preview", "Show what a job that waits will do",
		"Who may ask for it.")),
		func(ctx context.Context, in *JobPath) (*answer[*Plan], error) {
			return d.plan(d.engine.PreviewOfJob(ctx, callerOf(ctx), in.Workspace, in.Job))
		})
	huma.Register(d.api, refusable(operation("confirm-gdpr-job", http.MethodPost, jobsPath+"/{job}/confirm", "Confirm the plan of an erasure",
		"Signed-in persons who may ask for it. Refused, the answer has the plan as it is now.")), d.confirm)
	huma.Register(d.api, refusable(operation("approve-gdpr-job", http.MethodPost, jobsPath+"/{job}/approve", "Approve an erasure as a second person",
		"Admins, but not who asked for it or confirmed it.")), d.decide(true))
	huma.Register(d.api, refusable(operation("refuse-gdpr-job", http.MethodPost, jobsPath+"/{job}/refuse", "Refuse an erasure as a second person: it is cancelled",
		"Admins, but not who asked for it or confirmed it.")), d.decide(false))
	huma.Register(d.api, refusable(operation("verify-gdpr-job", http.MethodPost, jobsPath+"/{job}/verify", "Verify again an erasure that left something behind",
		"Signed-in persons who may ask for it, once they have removed what was found. It erases nothing.")),
		func(ctx context.Context, in *JobPath) (*answer[*privacyd.Job], error) {
			job, err := d.engine.VerifyAgain(ctx, callerOf(ctx), in.Workspace, in.Job)
			return &answer[*privacyd.Job]{job}, d.fail(err)
		})
	d.receipts()
	d.reviews()
}

// refusable adds the status of what the state of things does not allow.
func refusable(op huma.Operation) huma.Operation {
	op.Errors = append(op.Errors, http.StatusConflict)
	return op
}

func (d *door) preview(ctx context.Context, in *previewRequest) (*answer[*Plan], error) {
	ask, err := in.Body.ask(in.Workspace)
	if err != nil {
		return nil, d.fail(err)
	}
	if ask.Type == privacyd.JobAccountDeletion {
		return d.plan(d.engine.PreviewAccountDeletion(ctx, callerOf(ctx)))
	}
	return d.plan(d.engine.PreviewJob(ctx, callerOf(ctx), ask))
}

func (d *door) plan(p *privacyd.Plan, err error) (*answer[*Plan], error) {
	if err != nil {
		return nil, d.fail(err)
	}
	return &answer[*Plan]{newPlan(p)}, nil
}

func (d *door) confirm(ctx context.Context, in *confirmRequest) (*answer[*privacyd.Job], error) {
	job, err := d.engine.ConfirmJob(ctx, callerOf(ctx), in.Workspace, in.Job, in.Body)
	return &answer[*privacyd.Job]{job}, d.failPlan(err)
}

func (d *door) decide(approve bool) func(context.Context, *decideRequest) (*answer[*privacyd.Job], error) {
	return func(ctx context.Context, in *decideRequest) (*answer[*privacyd.Job], error) {
		job, err := d.engine.ApproveJob(ctx, callerOf(ctx), in.Workspace, in.Job, in.Body.PlanHash, approve)
		return &answer[*privacyd.Job]{job}, d.failPlan(err)
	}
}

// failPlan puts the plan as it is now into the refusal of a confirmation.
func (d *door) failPlan(err error) error {
	failed := d.fail(err)
	var refused *engine.RefusedPlan
	var p *Problem
	if errors.As(err, &refused) && errors.As(failed, &p) {
		p.Plan = newPlan(refused.Plan)
	}
	return failed
}

func (d *door) receipts() {
	huma.Register(d.api, operation("list-receipts", http.MethodGet, "/v1/workspaces/{workspace}/receipts", "List receipts of erasures", "Admins and auditors."),
		func(ctx context.Context, in *pageOfReceipts) (*answer[Receipts], error) {
			p, err := d.engine.ReceiptsPage(ctx, callerOf(ctx), in.Workspace, in.query(in.Sort))
			page := Receipts{Items: []ReceiptInfo{}, NextCursor: p.Next}
			for _, r := range p.Items {
				page.Items = append(page.Items, ReceiptInfo{ID: r.ID, JobID: r.JobID, Issue: r.Issue, IssuedAt: r.IssuedAt, Type: r.Operation, Deleted: r.Deleted})
			}
			return &answer[Receipts]{page}, d.fail(err)
		})
	get := operation("get-receipt", http.MethodGet, jobsPath+"/{job}/receipt", "Read the signed receipt of an erasure",
		"Admins and auditors. The bytes are those that were signed: keep them as they are.")
	get.Responses = map[string]*huma.Response{"200": {
		Description: "The receipt", Content: map[string]*huma.MediaType{"application/json": {}},
	}}
	huma.Register(d.api, get, d.receipt)
}

func (d *door) receipt(ctx context.Context, in *JobPath) (*huma.StreamResponse, error) {
	stored, err := d.engine.Receipt(ctx, callerOf(ctx), in.Workspace, in.Job)
	if err != nil {
		return nil, d.fail(err)
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		_, w := humago.Unwrap(hc)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Disposition", `attachment; filename="receipt-`+stored.ID+`.json"`)
		_, _ = w.Write(stored.File) // the asker has gone away
	}}, nil
}

func (d *door) reviews() {
	huma.Register(d.api, operation("list-review-items", http.MethodGet, jobsPath+"/{job}/review", "List rows of others that may mention the erased person",
		"Who may ask for the job."),
		func(ctx context.Context, in *reviewQuery) (*answer[ReviewList], error) {
			rows, err := d.engine.ReviewList(ctx, callerOf(ctx), in.Workspace, in.Job, in.After, in.Limit)
			page := ReviewList{Items: append([]engine.ReviewRow{}, rows...)}
			if len(rows) == in.Limit {
				page.Next = rows[len(rows)-1].N
			}
			return &answer[ReviewList]{page}, d.fail(err)
		})
	done := operation("delete-review-item", http.MethodDelete, jobsPath+"/{job}/review/{n}", "Take a row off the list: somebody has looked at it",
		"Who may ask for the job. 0 takes all of them off.")
	done.DefaultStatus = http.StatusNoContent
	huma.Register(d.api, done, func(ctx context.Context, in *struct {
		JobPath
		N int64 `path:"n" minimum:"0"`
	},
	) (*struct{}, error) {
		return nil, d.fail(d.engine.Reviewed(ctx, callerOf(ctx), in.Workspace, in.Job, in.N))
	})
}
