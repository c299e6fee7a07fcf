package cli

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/client"
)

type jobCmd struct {
	List   jobListCmd   `cmd:"" help:"List a workspace's jobs, newest first."`
	Show   jobShowCmd   `cmd:"" help:"Show a job."`
	Cancel jobCancelCmd `cmd:"" help:"Cancel a job."`
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
		w := tabwriter.NewWriter(t.Stdout, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tTYPE\tSTATE\tRECORDS\tCREATED")
		for _, j := range jobs {
			fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\n", j.ID, j.Type, j.State, j.Progress.Done, j.CreatedAt.Format(time.RFC3339))
		}
		return w.Flush()
	})
}

type jobShowCmd struct {
	Folder    `embed:""`
	Workspace string `help:"Workspace, by slug or id." required:""`
	ID        string `arg:"" help:"Job."`
	JSON      bool   `help:"Print one JSON object."`
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

type jobCancelCmd struct {
	Folder    `embed:""`
	Workspace string `help:"Workspace, by slug or id." required:""`
	ID        string `arg:"" help:"Job."`
	JSON      bool   `help:"Print one JSON object."`
}

func (c *jobCancelCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		job, err := api.CancelJob(t.ctx, c.Workspace, c.ID)
		if err != nil {
			return err
		}
		return t.printJob(job, c.JSON)
	})
}

func (t *terminal) printJob(j *privacyd.Job, asJSON bool) error {
	if asJSON {
		return t.printJSON(j)
	}
	w := tabwriter.NewWriter(t.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "job\t%s\ntype\t%s\nstate\t%s\ncreated\t%s\n", j.ID, j.Type, j.State, j.CreatedAt.Format(time.RFC3339))
	fmt.Fprintf(w, "progress\t%d of %d %s\n", j.Progress.Done, j.Progress.Total, j.Progress.Unit)
	if j.ExpiresAt != nil {
		fmt.Fprintf(w, "expires\t%s\n", j.ExpiresAt.Format(time.RFC3339))
	}
	if r := j.Result; r != nil {
		fmt.Fprintf(w, "archive\t%d bytes, %d attachments, %d missing\n", r.Bytes, r.Files, r.Missing)
	}
	if j.ErrorCode != "" {
		fmt.Fprintf(w, "error\t%s (%s)\n", j.ErrorMessage, j.ErrorCode)
	}
	return w.Flush()
}
