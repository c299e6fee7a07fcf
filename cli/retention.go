package cli

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/client"
)

type retentionCmd struct {
	Set     retentionSetCmd     `cmd:"" help:"Set how long resolved conversations are kept. It reaches nothing that was resolved before."`
	Show    retentionShowCmd    `cmd:"" help:"Show the policy and its earlier versions."`
	Preview retentionPreviewCmd `cmd:"" help:"Show what a policy would do to what is there now, and what goes next."`
	Run     retentionRunCmd     `cmd:"" help:"Run the policy now; the server does so daily."`
	Keep    retentionKeepCmd    `cmd:"" help:"Keep one conversation from retention runs."`
	Unkeep  retentionUnkeepCmd  `cmd:"" help:"Give a conversation back to retention runs."`
}

// period is the flags that give a policy.
type period struct {
	Days    *int `help:"Days of 24 hours since the last message." placeholder:"N" xor:"period"`
	Forever bool `help:"Keep everything." xor:"period"`
}

// days is 0 for ever, and -1 when neither flag is given. Code retention_invalid.
func (p period) days() (int, error) {
	switch {
	case p.Forever:
		return 0, nil
	case p.Days == nil:
		return -1, nil
	case *p.Days < 1:
		return 0, privacyd.Errorf(privacyd.ClassInvalid, "retention_invalid", "--days is 1 to %d. To keep everything say --forever.", privacyd.MaxRetentionDays)
	}
	return *p.Days, nil
}

func kept(p privacyd.Policy) string {
	switch {
	case p.Forever():
		return "for ever"
	case p.Days == 1:
		return "for 1 day after the last message"
	default:
		return fmt.Sprintf("for %d days after the last message", p.Days)
	}
}

type retentionSetCmd struct {
	Folder    `embed:""`
	period    `embed:""`
	Workspace string `help:"Workspace, by slug or id." required:""`
	JSON      bool   `help:"Print one JSON object."`
}

func (c *retentionSetCmd) Run(t *terminal) error {
	days, err := c.days()
	if err != nil {
		return err
	}
	if days < 0 {
		return privacyd.Errorf(privacyd.ClassInvalid, "retention_invalid", "Say how long: --days N, or --forever.")
	}
	return t.with(c.Folder, func(api *client.Client) error {
		p, err := api.SetRetention(t.ctx, c.Workspace, days)
		if err != nil {
			return err
		}
		if c.JSON {
			return t.printJSON(p)
		}
		t.say("Resolved conversations are kept %s (version %d). What was resolved before keeps to the version of then.", kept(p), p.Version)
		return nil
	})
}

type retentionShowCmd struct {
	Folder    `embed:""`
	Workspace string `help:"Workspace, by slug or id." required:""`
	JSON      bool   `help:"Print one JSON object."`
}

func (c *retentionShowCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		r, err := api.Retention(t.ctx, c.Workspace)
		if err != nil {
			return err
		}
		if c.JSON {
			return t.printJSON(r)
		}
		fmt.Fprintf(t.Stdout, "Resolved conversations are kept %s.\n", kept(r.Policy))
		if r.NextRun != nil {
			fmt.Fprintf(t.Stdout, "The next daily run begins on %s.\n", privacyd.TimeWords(*r.NextRun))
		}
		if len(r.Versions) == 0 {
			return nil
		}
		w := tabwriter.NewWriter(t.Stdout, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "VERSION\tFROM\tKEPT")
		for _, p := range r.Versions {
			fmt.Fprintf(w, "%d\t%s\t%s\n", p.Version, p.From.UTC().Format(time.RFC3339), kept(p))
		}
		return w.Flush()
	})
}

type retentionPreviewCmd struct {
	Folder    `embed:""`
	period    `embed:""`
	Workspace string `help:"Workspace, by slug or id." required:""`
	JSON      bool   `help:"Print one JSON object."`
}

// Help says more than one line can.
func (c *retentionPreviewCmd) Help() string {
	return "With --days or --forever: as if that were set now. Without: as the policy is."
}

func (c *retentionPreviewCmd) Run(t *terminal) error {
	days, err := c.days()
	if err != nil {
		return err
	}
	return t.with(c.Folder, func(api *client.Client) error {
		e, err := api.PreviewRetention(t.ctx, c.Workspace, days)
		if err != nil {
			return err
		}
		if c.JSON {
			return t.printJSON(e)
		}
		return t.printEffect(e)
	})
}

func (t *terminal) printEffect(e client.RetentionEffect) error {
	fmt.Fprintf(t.Stdout, "Resolved conversations are kept %s. There are %d conversations.\n", kept(e.Policy), e.Total)
	month := int64(0)
	for i, n := range e.Days {
		if i < 30 {
			month += n
		}
	}
	fmt.Fprintf(t.Stdout, "Due at the next run: %d. Due within 30 days, these included: %d.\n", e.Due, month)
	if e.Braked {
		fmt.Fprintln(t.Stdout, "That is more than a run may take without asking: it will stop and wait for a confirmation.")
	}
	for _, r := range []struct {
		reason privacyd.RetentionReason
		text   string
	}{
		{privacyd.RetentionUnresolved, "stay because they are not resolved"},
		{privacyd.RetentionUndated, "stay because nobody knows when they were resolved"},
		{privacyd.RetentionForeverAtResolved, "stay because the policy was to keep for ever when they were resolved"},
		{privacyd.RetentionForeverNow, "stay because the policy is to keep for ever"},
		{privacyd.RetentionWaiting, "are due later"},
	} {
		if n := e.Reasons[r.reason]; n > 0 {
			fmt.Fprintf(t.Stdout, "%d %s.\n", n, r.text)
		}
	}
	if len(e.Next) == 0 {
		return nil
	}
	w := tabwriter.NewWriter(t.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "NEXT\tDUE\tKEPT")
	for _, r := range e.Next {
		keep := ""
		if r.Kept {
			keep = "yes"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", printable(r.ID), r.Decision.At.UTC().Format(time.RFC3339), keep)
	}
	return w.Flush()
}

type retentionRunCmd struct {
	Folder    `embed:""`
	Workspace string `help:"Workspace, by slug or id." required:""`
	ending
}

func (c *retentionRunCmd) Run(t *terminal) error {
	return c.see(t, c.Folder, func(api *client.Client) (*privacyd.Job, error) { return api.RunRetention(t.ctx, c.Workspace) })
}

type retentionKeepCmd struct {
	Folder       `embed:""`
	Workspace    string   `help:"Workspace, by slug or id." required:""`
	Conversation []string `help:"Conversation; where its key has several columns, all of them." placeholder:"ID" required:"" sep:"none"`
}

func (c *retentionKeepCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		if err := api.KeepRow(t.ctx, c.Workspace, c.Conversation, true); err != nil {
			return err
		}
		t.say("Retention runs keep it. A deletion of its contact or by date takes it all the same.")
		return nil
	})
}

type retentionUnkeepCmd struct {
	Folder       `embed:""`
	Workspace    string   `help:"Workspace, by slug or id." required:""`
	Conversation []string `help:"Conversation; where its key has several columns, all of them." placeholder:"ID" required:"" sep:"none"`
}

func (c *retentionUnkeepCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		if err := api.KeepRow(t.ctx, c.Workspace, c.Conversation, false); err != nil {
			return err
		}
		t.say("Retention runs may take it again.")
		return nil
	})
}
