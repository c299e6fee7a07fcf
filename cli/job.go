package cli

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/client"
)

type jobCmd struct {
	List    jobListCmd    `cmd:"" help:"List a workspace's jobs, newest first."`
	Show    jobShowCmd    `cmd:"" help:"Show a job."`
	Create  jobCreateCmd  `cmd:"" help:"Ask for an operation. One that erases waits until its plan is confirmed."`
	Preview jobPreviewCmd `cmd:"" help:"Show what a job that waits will erase."`
	Confirm jobConfirmCmd `cmd:"" help:"Confirm the plan of a job that waits for it."`
	Approve jobApproveCmd `cmd:"" help:"Approve an erasure as a second admin."`
	Verify  jobVerifyCmd  `cmd:"" help:"Verify again an erasure that left something behind, once that is removed."`
	Refuse  jobRefuseCmd  `cmd:"" help:"Refuse an erasure as a second admin: it is cancelled."`
	Cancel  jobCancelCmd  `cmd:"" help:"Cancel a job."`
	Review  jobReviewCmd  `cmd:"" help:"List rows of others that may mention who was erased, for somebody to look at."`
}

// jobFlags name a job.
type jobFlags struct {
	Folder    `embed:""`
	Workspace string `help:"Workspace, by slug or id." required:""`
	ID        string `arg:"" help:"Job."`
}

type jobListCmd struct {
	Folder    `embed:""`
	Workspace string `help:"Workspace, by slug or id." required:""`
	Limit     int    `help:"At most so many." default:"50"`
	JSON      bool   `help:"Print one JSON object."`
}

func (c *jobListCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		jobs, err := upTo(c.Limit, func(cursor string, n int) ([]*privacyd.Job, string, error) {
			return api.Jobs(t.ctx, c.Workspace, cursor, n)
		})
		if err != nil {
			return err
		}
		if c.JSON {
			return t.printJSON(list(jobs))
		}
		if len(jobs) == 0 {
			return t.none("jobs")
		}
		w := tabwriter.NewWriter(t.Stdout, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tTYPE\tSTATE\tRECORDS\tCREATED")
		for _, j := range jobs {
			fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\n", j.ID, j.Type, stateOf(j), j.Progress.Done, j.CreatedAt.Format(time.RFC3339))
		}
		return w.Flush()
	})
}

// stateOf is a job's state and what it waits for.
func stateOf(j *privacyd.Job) string {
	if j.WaitingOn == "" {
		return string(j.State)
	}
	return fmt.Sprintf("%s (%s)", j.State, j.WaitingOn)
}

type jobShowCmd struct {
	jobFlags `embed:""`
	JSON     bool `help:"Print one JSON object."`
}

func (c *jobShowCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		job, err := api.Job(t.ctx, c.Workspace, c.ID)
		if err != nil {
			return err
		}
		return t.printJob(job, c.JSON)
	})
}

type jobCreateCmd struct {
	Folder      `embed:""`
	person      `embed:""`
	Workspace   string           `help:"Workspace, by slug or id." required:""`
	Type        privacyd.JobType `help:"data_export, subject_export, subject_deletion, bulk_deletion or workspace_deletion." required:"" enum:"data_export,subject_export,subject_deletion,bulk_deletion,workspace_deletion"`
	Format      privacyd.Format  `help:"Of exports: json or csv." default:"json" enum:"json,csv"`
	Before      day              `help:"Of bulk_deletion: conversations whose last message is older." placeholder:"DATE"`
	RequestedBy string           `help:"E-mail of the member for whom it is asked." placeholder:"EMAIL"`
	JSON        bool             `help:"Print one JSON object."`
}

func (c *jobCreateCmd) Run(t *terminal) error {
	subject, err := c.subject()
	if err != nil {
		return err
	}
	ask := client.NewJob{Type: c.Type, Subject: subject, RequestedBy: c.RequestedBy}
	if c.Type.Export() {
		ask.Format = c.Format
	}
	if before := time.Time(c.Before); !before.IsZero() {
		ask.Before = before.Format(time.RFC3339Nano)
	}
	return t.with(c.Folder, func(api *client.Client) error {
		job, created, err := api.CreateJob(t.ctx, c.Workspace, ask)
		if err != nil {
			return t.refused(err, c.JSON)
		}
		if !created {
			t.say("The same is pending already: this is that job.")
		}
		if job.WaitingOn == privacyd.WaitConfirmation {
			t.say("It waits to be confirmed. privacyd job preview --workspace %s %s shows what it will erase.", job.WorkspaceID, job.ID)
		}
		return t.printJob(job, c.JSON)
	})
}

type jobPreviewCmd struct {
	jobFlags `embed:""`
	JSON     bool `help:"Print one JSON object."`
}

func (c *jobPreviewCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		plan, err := api.PreviewOfJob(t.ctx, c.Workspace, c.ID)
		if err != nil {
			return err
		}
		return t.offerPlan(plan, c.JSON, fmt.Sprintf("privacyd job confirm --workspace %s %s", c.Workspace, c.ID))
	})
}

type jobConfirmCmd struct {
	jobFlags `embed:""`
	Confirm  string `help:"Hash of the plan that you looked at; left out, that of the plan with which the job was made." placeholder:"HASH"`
	ending
}

func (c *jobConfirmCmd) Run(t *terminal) error {
	return c.see(t, c.Folder, func(api *client.Client) (*privacyd.Job, error) {
		hash, err := planOf(t, api, c.jobFlags, c.Confirm)
		if err != nil {
			return nil, err
		}
		return api.ConfirmJob(t.ctx, c.Workspace, c.ID, privacyd.Confirmation{PlanHash: hash, Wait: c.Wait})
	})
}

// planOf is the hash that was given, or that of the job's own plan.
func planOf(t *terminal, api *client.Client, f jobFlags, given string) (string, error) {
	if given != "" {
		return given, nil
	}
	job, err := api.Job(t.ctx, f.Workspace, f.ID)
	if err != nil {
		return "", err
	}
	return job.PlanHash, nil
}

type jobApproveCmd struct {
	jobFlags `embed:""`
	Confirm  string `help:"Hash of the plan that you looked at; left out, that of the plan that was confirmed." placeholder:"HASH"`
	ending
}

func (c *jobApproveCmd) Run(t *terminal) error {
	return c.see(t, c.Folder, func(api *client.Client) (*privacyd.Job, error) {
		hash, err := planOf(t, api, c.jobFlags, c.Confirm)
		if err != nil {
			return nil, err
		}
		return api.ApproveJob(t.ctx, c.Workspace, c.ID, hash, true)
	})
}

type jobVerifyCmd struct {
	jobFlags `embed:""`
	ending
}

func (c *jobVerifyCmd) Run(t *terminal) error {
	return c.see(t, c.Folder, func(api *client.Client) (*privacyd.Job, error) { return api.VerifyJob(t.ctx, c.Workspace, c.ID) })
}

type jobRefuseCmd struct {
	jobFlags `embed:""`
	JSON     bool `help:"Print one JSON object."`
}

func (c *jobRefuseCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		hash, err := planOf(t, api, c.jobFlags, "")
		if err != nil {
			return err
		}
		job, err := api.ApproveJob(t.ctx, c.Workspace, c.ID, hash, false)
		if err != nil {
			return err
		}
		t.sayStopped(job, c.JSON)
		return t.printJob(job, c.JSON)
	})
}

type jobCancelCmd struct {
	jobFlags `embed:""`
	JSON     bool `help:"Print one JSON object."`
}

func (c *jobCancelCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		job, err := api.CancelJob(t.ctx, c.Workspace, c.ID)
		if err != nil {
			return err
		}
		t.sayStopped(job, c.JSON)
		return t.printJob(job, c.JSON)
	})
}

// sayStopped says what a cancelled erasure has left behind.
func (t *terminal) sayStopped(j *privacyd.Job, asJSON bool) {
	if j.State == privacyd.JobCancelled && j.Type.Erases() && !asJSON {
		t.say("%s", j.Stopped())
	}
}

func (t *terminal) printJob(j *privacyd.Job, asJSON bool) error {
	if asJSON {
		return t.printJSON(j)
	}
	w := tabwriter.NewWriter(t.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "job\t%s\ntype\t%s\nstate\t%s\ncreated\t%s\n", j.ID, j.Type, stateOf(j), j.CreatedAt.Format(time.RFC3339))
	if j.PlanHash != "" {
		fmt.Fprintf(w, "plan\t%s\n", j.PlanHash)
	}
	fmt.Fprintf(w, "progress\t%d of %d %s\n", j.Progress.Done, j.Progress.Total, j.Progress.Unit)
	if j.ExecuteAfter != nil && !j.State.Ended() {
		fmt.Fprintf(w, "erases\t%s\n", j.ExecuteAfter.Format(time.RFC3339))
	}
	if j.ExpiresAt != nil {
		fmt.Fprintf(w, "expires\t%s\n", j.ExpiresAt.Format(time.RFC3339))
	}
	switch r := j.Result; {
	case r == nil:
	case j.Type.Export():
		fmt.Fprintf(w, "archive\t%d bytes, %d attachments, %d missing\n", r.Bytes, r.Files, r.Missing)
	default:
		fmt.Fprintf(w, "deleted\t%s\nchanged\t%s\nkept\t%s\nheld\t%d\nfiles\t%d\n", rows(r.Records), rows(r.Changed), rows(r.Kept), r.Held, r.Files)
		fmt.Fprintf(w, "residue\t%d\nto look at\t%d\nreceipt\t%s\n", r.Residue, r.Review, r.ReceiptID)
	}
	if j.Result != nil && j.Result.AuditPending {
		fmt.Fprintf(w, "audit\tno signed checkpoint covers its newest entries yet\n")
	}
	if j.ErrorCode != "" {
		fmt.Fprintf(w, "error\t%s (%s)\n", j.ErrorMessage, j.ErrorCode)
	}
	return w.Flush()
}

type jobReviewCmd struct {
	jobFlags `embed:""`
	Done     *int64 `help:"Take the row with this number off the list, since you have looked at it; 0: all of them." placeholder:"N"`
	Limit    int    `help:"At most so many." default:"50"`
	JSON     bool   `help:"Print one JSON object."`
}

func (c *jobReviewCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		if c.Done != nil {
			return api.Reviewed(t.ctx, c.Workspace, c.ID, *c.Done)
		}
		rows, err := c.rows(t, api)
		if err != nil {
			return err
		}
		if c.JSON {
			return t.printJSON(list(rows))
		}
		if len(rows) == 0 {
			return t.none("rows to look at")
		}
		w := tabwriter.NewWriter(t.Stdout, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "N\tCOLLECTION\tROW\tCOLUMN")
		for _, r := range rows {
			fmt.Fprintf(w, "%d\t%s\t%s\t%s\n", r.N, r.Collection, printable(r.Key[len(r.Key)-1]), r.Column)
		}
		return w.Flush()
	})
}

func (c *jobReviewCmd) rows(t *terminal, api *client.Client) ([]client.ReviewRow, error) {
	const most = 200
	if c.Limit < 1 {
		return nil, errLimit()
	}
	var all []client.ReviewRow
	for after := int64(0); ; {
		rows, next, err := api.ReviewList(t.ctx, c.Workspace, c.ID, after, min(c.Limit-len(all), most))
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
		if next == 0 || len(all) >= c.Limit {
			return all, nil
		}
		after = next
	}
}
