package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/client"
)

type workspaceDeleteCmd struct {
	Folder `embed:""`
	Slug   string `help:"Workspace, by slug or id." required:""`
	confirmation
}

// Help says more than one line can.
func (c *workspaceDeleteCmd) Help() string {
	return "First --dry-run, then --confirm with the hash that it shows. The workspace is read-only for the grace period of 30 days, in which privacyd job cancel " +
		"takes it back; after it, everything in it goes."
}

func (c *workspaceDeleteCmd) Run(t *terminal) error {
	return c.run(t, c.Folder, c.Slug, client.NewJob{Type: privacyd.JobWorkspaceDeletion}, "privacyd workspace delete --slug "+c.Slug)
}

type workspaceSettingsCmd struct {
	Folder    `embed:""`
	Workspace string    `help:"Workspace, by slug or id." required:""`
	TimeZone  *string   `help:"IANA name of the time zone of the daily retention run, such as Europe/Berlin." placeholder:"ZONE"`
	Hour      *int      `help:"Hour of the daily retention run, 0 to 23." placeholder:"H"`
	Brake     *int      `help:"Percent of the workspace that a retention run may take without asking, 1 to 100." placeholder:"N"`
	Approval  *bool     `help:"A second admin approves what cannot be undone." negatable:""`
	Countries *[]string `help:"Countries that may hold its data, as ISO codes or EEA; none given: as the instance." placeholder:"CC,…"`
	JSON      bool      `help:"Print one JSON object."`
}

// Help says more than one line can.
func (c *workspaceSettingsCmd) Help() string {
	return "Without any of the flags it shows the settings."
}

func (c *workspaceSettingsCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		s, err := api.Settings(t.ctx, c.Workspace)
		if err == nil && c.change(&s) {
			s, err = api.SetSettings(t.ctx, c.Workspace, s)
		}
		if err != nil {
			return err
		}
		if c.JSON {
			return t.printJSON(s)
		}
		return t.printSettings(s)
	})
}

// change applies the flags that are given.
func (c *workspaceSettingsCmd) change(s *privacyd.Settings) (changed bool) {
	for _, one := range []bool{
		set(&s.TimeZone, c.TimeZone), set(&s.RetentionHour, c.Hour), set(&s.RetentionBrake, c.Brake), set(&s.Approval, c.Approval),
		set((*[]string)(&s.AllowedCountries), c.Countries),
	} {
		changed = changed || one
	}
	return changed
}

func set[T any](to, from *T) bool {
	if from == nil {
		return false
	}
	*to = *from
	return true
}

func (t *terminal) printSettings(s privacyd.Settings) error {
	yes := map[bool]string{true: "yes", false: "no"}
	countries := strings.Join(s.AllowedCountries, ", ")
	if countries == "" {
		countries = "as the instance"
	}
	w := tabwriter.NewWriter(t.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "time zone\t%s\nretention run\tdaily at %02d:00\nbrake\t%d %%\n", s.TimeZone, s.RetentionHour, s.RetentionBrake)
	approves := yes[s.Approval]
	if s.ApprovalOffBy != "" {
		approves += ", until another admin switches it off, too"
	}
	fmt.Fprintf(w, "second admin approves\t%s\ncountries\t%s\n", approves, countries)
	return w.Flush()
}
