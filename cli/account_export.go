package cli

import (
	"context"
	"errors"
	"os"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/client"
)

type accountExportCmd struct {
	Folder `embed:""`
	saved  `embed:""`
}

// Help says more than one line can.
func (c *accountExportCmd) Help() string {
	return "It takes --as E-MAIL: only the person whose account it is may have it, in the grace period of its deletion too. " +
		"The archive has the profile, memberships and sessions, what the person wrote and was given to do in every workspace, " +
		"and their entries of the audit logs. Other people are left out or masked."
}

func (c *accountExportCmd) Run(t *terminal) error {
	if c.As == "" {
		return privacyd.Errorf(privacyd.ClassInvalid, "account_missing", "Say whose account it is: --as E-MAIL. Nobody else can export it.")
	}
	download := func(api *client.Client, job *privacyd.Job, part *os.File) error {
		return api.DownloadAccountExport(t.ctx, job.ID, part)
	}
	return c.save(t, c.Folder, c.make, download)
}

func (c *accountExportCmd) make(t *terminal, api *client.Client) (*privacyd.Job, error) {
	asked, err := api.ExportAccount(t.ctx)
	if err != nil {
		return nil, err
	}
	report, done := t.progress()
	job, err := api.WaitAccountExport(t.ctx, asked.ID, pollEvery, report)
	done()
	switch {
	case err == nil:
		return job, ended(job)
	case t.ctx.Err() != nil:
		_, cancelled := api.CancelAccountExport(context.WithoutCancel(t.ctx), asked.ID)
		return nil, errors.Join(err, cancelled)
	}
	return nil, err
}
