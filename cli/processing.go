package cli

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/client"
)

type processingCmd struct {
	Show   processingShowCmd   `cmd:"" help:"Show the record of processing activities (Art. 30 GDPR), and what it lacks."`
	Export processingExportCmd `cmd:"" help:"Write the record of processing activities to a file."`
	Link   processingLinkCmd   `cmd:"" help:"Make a link to the page with the operator's own record; it works for an hour."`
}

type processingShowCmd struct {
	Folder    `embed:""`
	Workspace string `help:"Workspace, by slug or id: its controller's record; without it the operator's own."`
	JSON      bool   `help:"Print one JSON object."`
}

func (c *processingShowCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		r, err := api.Processing(t.ctx, c.Workspace)
		if err != nil {
			return err
		}
		if c.JSON {
			return t.printJSON(r)
		}
		return t.processing(r)
	})
}

func (t *terminal) processing(r privacyd.ProcessingRecord) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, as of %s\n", r.Article, privacyd.DayWords(r.At))
	for _, a := range r.Activities {
		name := a.Name
		if name == "" {
			name = "(the data map names no purpose)"
		}
		fmt.Fprintf(&b, "\n%s (%s)\n", printable(name), a.Dataset)
		var categories []string
		for _, c := range a.Categories {
			categories = append(categories, c.Name)
		}
		for _, line := range [][2]string{
			{"persons", strings.Join(a.Subjects, ", ")},
			{"data", strings.Join(categories, ", ")},
			{"rests on", strings.Join(a.Bases, ", ")},
			{"places", strings.Join(a.Places, ", ")},
			{"erasure", strings.Join(a.Limits, " ")},
		} {
			if line[1] != "" {
				fmt.Fprintf(&b, "  %-9s %s\n", line[0], printable(line[1]))
			}
		}
	}
	for _, c := range r.Controllers {
		fmt.Fprintf(&b, "\n%s: %s\n", printable(c.Workspace), contactWords(c.Party.Contact))
	}
	if _, err := t.Stdout.Write([]byte(b.String())); err != nil {
		return err
	}
	t.lacks(r)
	return nil
}

// lacks says what a record lacks.
func (t *terminal) lacks(r privacyd.ProcessingRecord) {
	for _, m := range r.Missing {
		t.say("Lacks: %s %s", printable(m.What), m.How)
	}
}

type processingExportCmd struct {
	Folder    `embed:""`
	Workspace string `help:"Workspace, by slug or id: its controller's record; without it the operator's own."`
	Format    string `help:"csv or json." default:"csv" enum:"csv,json"`
	Out       string `help:"File to write; it appears when it is whole." required:"" placeholder:"FILE"`
}

func (c *processingExportCmd) Run(t *terminal) error {
	out := saved{Out: c.Out}
	part, err := out.create()
	if err != nil {
		return err
	}
	err = t.with(c.Folder, func(api *client.Client) error { return api.ExportProcessing(t.ctx, c.Workspace, c.Format, part) })
	if err == nil {
		err = part.Sync()
	}
	if err = errors.Join(err, part.Close()); err == nil {
		err = os.Rename(part.Name(), c.Out)
	}
	if err != nil {
		return errors.Join(explainDisk(err), os.Remove(part.Name()))
	}
	t.say("Wrote %s.", c.Out)
	return nil
}

type processingLinkCmd struct {
	Folder `embed:""`
}

func (c *processingLinkCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		link, err := api.CreateProcessingLink(t.ctx)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(t.Stdout, link)
		return err
	})
}
