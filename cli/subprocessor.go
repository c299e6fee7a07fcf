package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/client"
)

type subProcessorCmd struct {
	Set        subProcessorSetCmd        `cmd:"" help:"Announce a sub-processor, or a change of one: admins are told 30 days ahead."`
	End        subProcessorEndCmd        `cmd:"" help:"Announce that a sub-processor is engaged no more."`
	List       subProcessorListCmd       `cmd:"" help:"List sub-processors: those that are, will be and were."`
	Objections subProcessorObjectionsCmd `cmd:"" help:"List the workspaces that object."`
}

type subProcessorSetCmd struct {
	Folder   `embed:""`
	ID       string   `help:"The one that changes; left out for a new one." placeholder:"ID"`
	Name     string   `help:"Its name." required:""`
	Purpose  string   `help:"What it does." required:""`
	Country  string   `help:"Country in which it works, as an ISO code." required:"" placeholder:"CC"`
	Category []string `help:"Category of data that it sees; may be given again." required:"" sep:"none"`
	Basis    string   `help:"What a transfer out of the EEA rests on."`
	From     string   `help:"Day from which on it is engaged; left out: in 30 days." placeholder:"DATE"`
	Engaged  bool     `help:"It is engaged already, since --from: the register begins after the fact."`
	JSON     bool     `help:"Print one JSON object."`
}

func (c *subProcessorSetCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		p, err := api.SetSubProcessor(t.ctx, client.NewSubProcessor{
			ID: c.ID, Name: c.Name, Purpose: c.Purpose, Country: c.Country, Categories: c.Category, Basis: c.Basis, From: c.From, Engaged: c.Engaged,
		})
		if err != nil {
			return err
		}
		return t.announced(p, c.JSON)
	})
}

func (t *terminal) announced(p privacyd.SubProcessor, asJSON bool) error {
	if asJSON {
		return t.printJSON(p)
	}
	what := "engaged"
	if p.Ended {
		what = "engaged no more"
	}
	t.say("%s is %s from %s on. The admins of all workspaces are told.", printable(p.Name), what, privacyd.DayWords(p.From))
	_, err := fmt.Fprintln(t.Stdout, p.ID)
	return err
}

type subProcessorEndCmd struct {
	Folder `embed:""`
	ID     string `arg:"" help:"Which one."`
	From   string `help:"Day from which on it is engaged no more; left out: in 30 days." placeholder:"DATE"`
	JSON   bool   `help:"Print one JSON object."`
}

func (c *subProcessorEndCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		list, err := api.SubProcessors(t.ctx)
		if err != nil {
			return err
		}
		for _, r := range list {
			if last := r.History[0]; last.ID == c.ID {
				p, err := api.SetSubProcessor(t.ctx, client.NewSubProcessor{
					ID: last.ID, Name: last.Name, Purpose: last.Purpose, Country: last.Country, Categories: last.Categories, Basis: last.Basis,
					From: c.From, Ended: true,
				})
				if err != nil {
					return err
				}
				return t.announced(p, c.JSON)
			}
		}
		return privacyd.Errorf(privacyd.ClassNotFound, "sub_processor_not_found", "There is no such sub-processor. List them to see their ids.")
	})
}

type subProcessorListCmd struct {
	Folder `embed:""`
	JSON   bool `help:"Print one JSON object."`
}

func (c *subProcessorListCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		all, err := api.SubProcessors(t.ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			return t.printJSON(list(all))
		}
		if len(all) == 0 {
			return t.none("sub-processors")
		}
		w := tabwriter.NewWriter(t.Stdout, 0, 0, 2, ' ', 0)
		for _, r := range all {
			for _, p := range r.History {
				fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\n", p.ID, p.Version, printable(p.Name), p.Country, versionState(r, p), printable(p.Purpose)) //nolint:errcheck // Flush says it
			}
		}
		return w.Flush()
	})
}

// versionState says what a version is to its register.
func versionState(r privacyd.Register, p privacyd.SubProcessor) string {
	day := p.From.UTC().Format(time.DateOnly)
	switch {
	case r.Now != nil && r.Now.Version == p.Version && p.Ended:
		return "ended " + day
	case r.Now != nil && r.Now.Version == p.Version:
		return "since " + day
	case r.Now == nil || p.Version > r.Now.Version:
		return "from " + day
	default:
		return "was since " + day
	}
}

type subProcessorObjectionsCmd struct {
	Folder `embed:""`
	JSON   bool `help:"Print one JSON object."`
}

func (c *subProcessorObjectionsCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		all, err := api.Objections(t.ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			return t.printJSON(list(all))
		}
		if len(all) == 0 {
			return t.none("objections")
		}
		w := tabwriter.NewWriter(t.Stdout, 0, 0, 2, ' ', 0)
		for _, o := range all {
			fmt.Fprintf(w, "%s\t%s\t%d\t%s\n", o.WorkspaceID, o.SubProcessor, o.Version, o.At.UTC().Format(time.DateOnly)) //nolint:errcheck // Flush says it
		}
		return w.Flush()
	})
}

type workspacePlacesCmd struct {
	Folder    `embed:""`
	Workspace string `help:"Workspace, by slug or id." required:""`
	JSON      bool   `help:"Print one JSON object."`
}

func (c *workspacePlacesCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		r, err := api.Residency(t.ctx, c.Workspace)
		if err != nil {
			return err
		}
		if c.JSON {
			return t.printJSON(r)
		}
		t.say("Data may be in: %s", r.Allowed)
		w := tabwriter.NewWriter(t.Stdout, 0, 0, 2, ' ', 0)
		for _, p := range r.Places {
			where := p.Country
			if where == "" {
				where = "on this server, not declared"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", p.Name, p.Kind, where, p.Processor, strings.Join(p.Uses, ", ")) //nolint:errcheck // Flush says it
			for _, terms := range p.Terms {
				said := terms.Refused
				if said == "" {
					said = "keeps nothing, by the agreement " + printable(terms.ZeroRetention.Document)
				}
				fmt.Fprintf(w, "\t\t%s\t\tllm.%s\n", said, terms.Provider) //nolint:errcheck // Flush says it
			}
			for _, s := range p.Seen {
				fmt.Fprintf(w, "\t\t%s\t\t%s\n", s.String(), s.Use) //nolint:errcheck // Flush says it
			}
		}
		if r.Held > 0 {
			t.say("%d mails about this workspace are held: the mail server is where its data may not be.", r.Held)
		}
		return w.Flush()
	})
}
