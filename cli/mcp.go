package cli

import (
	"io"

	"github.com/privacyd/privacyd/client"
)

type mcpCmd struct {
	Folder    `embed:""`
	Workspace string `help:"Workspace to which the agent keeps, by slug or id." required:""`
}

// Run pipes standard input and output through until the agent has closed its
// end and was answered.
func (c *mcpCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		answers, err := api.Agent(t.ctx, c.Workspace, t.Stdin)
		if err != nil {
			return err
		}
		_, err = io.Copy(t.Stdout, answers)
		if closing := answers.Close(); err == nil {
			err = closing
		}
		if t.ctx.Err() != nil {
			return nil // stopped, as agents' programs stop it
		}
		return err
	})
}
