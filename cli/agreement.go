package cli

import (
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/client"
)

type agreementCmd struct {
	Template    agreementTemplateCmd    `cmd:"" help:"Print the template, with its blanks filled in from the configuration."`
	Publish     agreementPublishCmd     `cmd:"" help:"Publish a version: a text of your own, or the template. Admins are asked to accept it."`
	Show        agreementShowCmd        `cmd:"" help:"Print a version."`
	Acceptances agreementAcceptancesCmd `cmd:"" help:"List who accepted which version when, for which workspace."`
}

type agreementTemplateCmd struct {
	Folder `embed:""`
}

func (c *agreementTemplateCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		a, err := api.AgreementTemplate(t.ctx)
		if err != nil {
			return err
		}
		_, err = io.WriteString(t.Stdout, a.Text)
		return err
	})
}

type agreementPublishCmd struct {
	Folder `embed:""`
	File   string `arg:"" optional:"" help:"Markdown or plain text; without it the template." placeholder:"FILE"`
	JSON   bool   `help:"Print one JSON object."`
}

// Help says more than one line can.
func (c *agreementPublishCmd) Help() string {
	return "A version is never changed: publishing again makes the next one, and every workspace is asked anew. " +
		"The template is no legal advice: print it, have it checked by counsel, and publish what came of it."
}

func (c *agreementPublishCmd) Run(t *terminal) error {
	text := ""
	if c.File != "" {
		f, err := openFile(c.File)
		if err != nil {
			return err
		}
		defer f.Close() //nolint:errcheck // it was only read
		raw, err := io.ReadAll(io.LimitReader(f, privacyd.MaxAgreement+1))
		if err != nil {
			return fmt.Errorf("read the agreement: %w", err)
		}
		if _, err := privacyd.NewProcessingAgreement(string(raw)); err != nil {
			return err
		}
		text = string(raw)
	}
	return t.with(c.Folder, func(api *client.Client) error {
		a, err := api.PublishAgreement(t.ctx, text)
		if err != nil {
			return err
		}
		a.Text = ""
		if c.JSON {
			return t.printJSON(a)
		}
		t.say("Version %d is in force. The admins of all workspaces are asked to accept it.", a.Version)
		_, err = fmt.Fprintln(t.Stdout, a.SHA256)
		return err
	})
}

type agreementShowCmd struct {
	Folder  `embed:""`
	Version int  `arg:"" optional:"" help:"Which one; the one in force where left out."`
	JSON    bool `help:"Print one JSON object."`
}

func (c *agreementShowCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		a, err := api.Agreement(t.ctx, c.Version)
		if err != nil {
			return err
		}
		if c.JSON {
			return t.printJSON(a)
		}
		if a.Version == 0 {
			t.say("This is a draft: no version is published.")
		}
		_, err = io.WriteString(t.Stdout, a.Text)
		return err
	})
}

type agreementAcceptancesCmd struct {
	Folder `embed:""`
	JSON   bool `help:"Print one JSON object."`
}

func (c *agreementAcceptancesCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		all, err := api.Acceptances(t.ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			return t.printJSON(list(all))
		}
		if len(all) == 0 {
			return t.none("acceptances")
		}
		w := tabwriter.NewWriter(t.Stdout, 0, 0, 2, ' ', 0)
		for _, a := range all {
			name := a.Name
			if name == "" {
				name = a.By
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", a.At.UTC().Format(time.RFC3339), strconv.Itoa(a.Version), printable(a.Workspace), printable(name), a.SHA256) //nolint:errcheck // Flush says it
		}
		return w.Flush()
	})
}
