package cli

import (
	"fmt"
	"text/tabwriter"

	"github.com/privacyd/privacyd/client"
)

type subjectCmd struct {
	Find subjectFindCmd `cmd:"" help:"Find persons by id, e-mail address, telephone number or name."`
}

type subjectFindCmd struct {
	Folder    `embed:""`
	Query     string `arg:"" help:"What to look for: of privacyd's own records the beginning or a part of it."`
	Workspace string `help:"Workspace, by slug or id." required:""`
	Limit     int    `help:"At most so many, up to 50." default:"10"`
	JSON      bool   `help:"Print one JSON object."`
}

func (c *subjectFindCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		list, more, err := api.FindSubjects(t.ctx, c.Workspace, c.Query, c.Limit)
		if err != nil {
			return err
		}
		if c.JSON {
			return t.printJSON(map[string]any{"items": append([]client.FoundSubject{}, list...), "more": more})
		}
		if len(list) == 0 {
			t.say("Nobody is found.")
			return nil
		}
		w := tabwriter.NewWriter(t.Stdout, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "KIND\tID\tNAME")
		for _, s := range list {
			fmt.Fprintf(w, "%s\t%s\t%s\n", s.Kind, s.ID, s.Name)
		}
		if err := w.Flush(); err != nil {
			return err
		}
		if more {
			t.say("There are more. Narrow the search down, or give --limit.")
		}
		return nil
	})
}
