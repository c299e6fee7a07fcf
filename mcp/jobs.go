package mcp

import (
	"context"
	"net/url"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

// job is a job as an agent is told of it.
type job struct {
	*privacyd.Job
	Link   string `json:"link"` // the page where a person sees it, and confirms it
	Next   string `json:"next"` // what follows, and who has to do it
	Notice string `json:"notice,omitempty"`
}

func (d *Door) newJob(j *privacyd.Job) job {
	told := job{Job: j, Link: d.link(j), Next: next(j)}
	if d.options.BaseURL == "" {
		told.Next += " The link is a path: put the address before it at which people open privacyd."
	}
	if j.Subject != nil {
		told.Notice = notice
	}
	return told
}

// link is the page of a job. Its id leads nowhere without signing in.
func (d *Door) link(j *privacyd.Job) string {
	switch {
	case j.WorkspaceID == "" && j.State == privacyd.JobPendingApproval:
		return d.options.BaseURL + "/account/delete"
	case j.WorkspaceID == "":
		return d.options.BaseURL + "/account"
	}
	return d.options.BaseURL + "/w/" + url.PathEscape(j.WorkspaceID) + "/jobs/" + url.PathEscape(j.ID)
}

// next says what follows. It holds nothing of the workspace's data.
func next(j *privacyd.Job) string {
	switch j.State {
	case privacyd.JobPendingApproval:
		if j.WaitingOn == privacyd.WaitApproval {
			return erasedYet(j) + "A second admin has to sign in at the link and approve it."
		}
		return erasedYet(j) + "It waits until a person who may signs in at the link, looks at the plan and confirms it. You cannot: show them the link."
	case privacyd.JobScheduled:
		return "It was confirmed and runs at execute_after. Until then cancel_gdpr_job takes it back."
	case privacyd.JobQueued, privacyd.JobRunning:
		return "It is on its way. Ask again with get_gdpr_job in a while."
	case privacyd.JobBlocked:
		return erasedYet(j) + "It waits for what is in its way, which the link shows."
	case privacyd.JobCancelled:
		if j.Type.Erases() {
			return j.Stopped()
		}
		return "It is over."
	case privacyd.JobCompleted:
		if j.Type.Export() {
			return "The archive is ready. A person who may downloads it at the link until expires_at."
		}
		return "It is done. The link shows what was erased, and the receipt."
	case privacyd.JobFailed:
		return "It failed: error_code and error_message say why. Mend that, then ask again."
	default:
		return "It is over."
	}
}

// erasedYet says what a job that waits has erased before.
func erasedYet(j *privacyd.Job) string {
	switch gone := j.Gone(); {
	case !j.Type.Erases():
		return ""
	case gone != "":
		return "It had begun: " + gone + " "
	default:
		return "Nothing is erased yet. "
	}
}

// createArguments are those of create_gdpr_job and preview_gdpr_job.
type createArguments struct {
	WorkspaceID string            `json:"workspace_id"`
	JobID       string            `json:"job_id"`
	Type        privacyd.JobType  `json:"type"`
	RequestedBy string            `json:"requested_by"`
	Subject     *privacyd.Subject `json:"subject"`
	Format      privacyd.Format   `json:"format"`
	Before      string            `json:"before"`
}

// ask is what engine is asked for. Code before_invalid.
func (a createArguments) ask(workspace string) (engine.NewJob, error) {
	ask := engine.NewJob{
		Workspace: workspace, WorkspaceID: a.WorkspaceID, Type: a.Type, Format: a.Format, Subject: a.Subject, RequestedBy: a.RequestedBy,
	}
	before, err := privacyd.Moment(a.Before)
	if err != nil {
		return ask, privacyd.Errorf(privacyd.ClassInvalid, "before_invalid",
			"before is a day such as 2025-01-31, or a time such as 2025-01-31T12:00:00Z.")
	}
	if !before.IsZero() {
		ask.Before = &before
	}
	return ask, nil
}

func (d *Door) createJob(ctx context.Context, c call) (any, error) {
	var in createArguments
	if err := c.arguments(&in); err != nil {
		return nil, err
	}
	if id := c.request.Params.RequestState; id != "" { // the person was shown the link: the job is there
		return d.readJob(ctx, c, id)
	}
	ask, err := in.ask(c.workspace)
	if err != nil {
		return nil, err
	}
	j, _, err := d.engine.CreateJob(ctx, c.caller, ask)
	if err != nil {
		return nil, err
	}
	if d.mayOpen(c, j) {
		return d.showLink(j), nil
	}
	return d.newJob(j), nil
}

func (d *Door) getJob(ctx context.Context, c call) (any, error) {
	var in createArguments
	if err := c.arguments(&in); err != nil {
		return nil, err
	}
	return d.readJob(ctx, c, in.JobID)
}

func (d *Door) readJob(ctx context.Context, c call, id string) (any, error) {
	j, err := d.engine.GetJob(ctx, c.caller, c.workspace, id)
	if err != nil {
		return nil, err
	}
	return d.newJob(j), nil
}

func (d *Door) cancelJob(ctx context.Context, c call) (any, error) {
	var in createArguments
	if err := c.arguments(&in); err != nil {
		return nil, err
	}
	j, err := d.engine.CancelJob(ctx, c.caller, c.workspace, in.JobID)
	if err != nil {
		return nil, err
	}
	return d.newJob(j), nil
}

// page is a part of a list.
type page[T any] struct {
	Items  []T    `json:"items"`
	Next   string `json:"next_cursor,omitempty"`
	Notice string `json:"notice"`
}

const (
	jobsTold    = 20
	entriesTold = 20
)

func (d *Door) listJobs(ctx context.Context, c call) (any, error) {
	in := struct {
		Limit  int    `json:"limit"`
		Cursor string `json:"cursor"`
	}{Limit: jobsTold}
	if err := c.arguments(&in); err != nil {
		return nil, err
	}
	jobs, err := d.engine.ListJobs(ctx, c.caller, c.workspace, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	told := page[job]{Items: []job{}, Notice: notice}
	for _, j := range jobs {
		one := d.newJob(j)
		one.Notice = ""
		told.Items = append(told.Items, one)
	}
	if len(jobs) == in.Limit {
		told.Next = jobs[len(jobs)-1].ID
	}
	return told, nil
}

// plan is a plan as an agent is told of it.
type plan struct {
	*privacyd.Plan
	Totals    privacyd.PlanTotals `json:"totals"`
	Sentences []string            `json:"sentences"` // for a person to read
	Next      string              `json:"next"`
	Notice    string              `json:"notice"`
}

func newPlan(p *privacyd.Plan) *plan {
	return &plan{
		Plan: p, Totals: p.Totals(), Sentences: p.Sentences(), Notice: notice,
		Next: "Nothing was changed. create_gdpr_job proposes it; a signed-in person confirms it.",
	}
}

func (d *Door) previewJob(ctx context.Context, c call) (any, error) {
	var in createArguments
	if err := c.arguments(&in); err != nil {
		return nil, err
	}
	if (in.JobID == "") == (in.Type == "") || in.JobID != "" && (in.Subject != nil || in.Before != "") {
		return nil, privacyd.Errorf(privacyd.ClassInvalid, "request_invalid", "Name a job that waits by job_id, or what would be asked for by type, not both.")
	}
	p, err := d.planOf(ctx, c, in)
	if err != nil {
		return nil, err
	}
	return newPlan(p), nil
}

func (d *Door) planOf(ctx context.Context, c call, in createArguments) (*privacyd.Plan, error) {
	if in.JobID != "" {
		return d.engine.PreviewOfJob(ctx, c.caller, c.workspace, in.JobID)
	}
	if in.Type == privacyd.JobAccountDeletion {
		return d.engine.PreviewAccountDeletion(ctx, c.caller)
	}
	ask, err := in.ask(c.workspace)
	if err != nil {
		return nil, err
	}
	return d.engine.PreviewJob(ctx, c.caller, ask)
}

// mayOpen tells whether the agent's program can show a person the link by
// itself. What a form of its own would bring back could be anybody's word: a
// page can ask who is there.
func (d *Door) mayOpen(c call, j *privacyd.Job) bool {
	has := c.request.ClientCapabilities()
	return d.options.BaseURL != "" && j.State == privacyd.JobPendingApproval && j.WaitingOn == privacyd.WaitConfirmation &&
		has != nil && has.Elicitation != nil && has.Elicitation.URL != nil
}

func (d *Door) showLink(j *privacyd.Job) *sdk.CallToolResult {
	return &sdk.CallToolResult{
		InputRequests: sdk.InputRequestMap{"confirm": &sdk.ElicitParams{
			Mode: "url", URL: d.link(j), ElicitationID: j.ID,
			Message: "An erasure was proposed. Sign in to see its plan, and confirm it there or cancel it. Opening the page changes nothing.",
		}},
		RequestState: j.ID,
	}
}
