package cli

import (
	"fmt"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/client"
)

type accountDeleteCmd struct {
	Folder        `embed:""`
	PasswordStdin bool `help:"Read the account's password from the first line of standard input."`
	DryRun        bool `help:"Show what would be deleted, and change nothing." xor:"how"`
	Cancel        bool `help:"Keep the account: take its deletion back." xor:"how"`
	Now           bool `help:"Do not wait for the end of the grace period." xor:"how"`
	JSON          bool `help:"Print one JSON object."`
}

func (c *accountDeleteCmd) Run(t *terminal) error {
	if c.As == "" {
		return privacyd.Errorf(privacyd.ClassInvalid, "account_missing", "Say whose account it is: --as E-MAIL. Nobody else can delete it.")
	}
	if c.PasswordStdin == (c.DryRun || c.Cancel) {
		return privacyd.Errorf(privacyd.ClassInvalid, "password_missing",
			"Deleting an account asks for its password: --password-stdin. --dry-run and --cancel do not.")
	}
	password := ""
	if c.PasswordStdin {
		var err error
		if password, err = readPassword(t.Stdin); err != nil {
			return err
		}
	}
	return t.with(c.Folder, func(api *client.Client) error { return c.do(t, api, password) })
}

func (c *accountDeleteCmd) do(t *terminal, api *client.Client, password string) error {
	switch {
	case c.Cancel:
		job, err := api.CancelAccountDeletion(t.ctx)
		return c.tell(t, job, err)
	case c.Now:
		job, err := api.DeleteAccountNow(t.ctx, password)
		if err == nil {
			err = c.await(t, api)
		}
		return c.tell(t, job, err)
	}
	plan, err := api.PreviewAccountDeletion(t.ctx)
	if err != nil {
		return err
	}
	if c.DryRun {
		return c.show(t, plan)
	}
	job, err := api.DeleteAccount(t.ctx, plan.Hash, password)
	return c.tell(t, job, err)
}

const (
	accountPoll    = 200 * time.Millisecond
	accountSilence = 50 // polls before it says why it may take so long
)

// await waits until the account is gone: then nobody is there to ask for it.
func (c *accountDeleteCmd) await(t *terminal, api *client.Client) error {
	for polls := 1; ; polls++ {
		if polls == accountSilence {
			t.say("Still at work. If a server is to do it, see that it runs; on PostgreSQL it also waits until transactions that were open before are over. `privacyd doctor` says more.")
		}
		job, err := api.AccountDeletion(t.ctx)
		switch class := privacyd.ClassOf(err); {
		case t.ctx.Err() != nil:
			return t.ctx.Err()
		case err != nil && (class == privacyd.ClassNotFound || class == privacyd.ClassUnauthenticated):
			return nil // there is no such account any more
		case err != nil:
			return err
		case job.State == privacyd.JobFailed || job.State == privacyd.JobBlocked || job.State == privacyd.JobPendingApproval:
			return privacyd.Errorf(privacyd.ClassRefused, job.ErrorCode, "%s", job.ErrorMessage)
		}
		select {
		case <-t.ctx.Done():
		case <-time.After(accountPoll):
		}
	}
}

func (c *accountDeleteCmd) show(t *terminal, plan client.AccountPlan) error {
	if c.JSON {
		return t.printJSON(plan)
	}
	for _, s := range plan.Sentences {
		if _, err := fmt.Fprintln(t.Stdout, s); err != nil {
			return err
		}
	}
	return nil
}

func (c *accountDeleteCmd) tell(t *terminal, job privacyd.Job, err error) error {
	if err != nil {
		return err
	}
	if c.JSON {
		return t.printJSON(job)
	}
	switch {
	case job.State == privacyd.JobScheduled && job.ExecuteAfter != nil:
		t.say("The account will be deleted on %s. Until then it can be kept: privacyd account delete --cancel.",
			privacyd.TimeWords(*job.ExecuteAfter))
	case job.State == privacyd.JobCancelled:
		t.say("The account stays.")
	case job.State == privacyd.JobBlocked || job.State == privacyd.JobPendingApproval || job.State == privacyd.JobFailed:
		return privacyd.Errorf(privacyd.ClassRefused, job.ErrorCode, "The account is not deleted. %s", job.ErrorMessage)
	case c.Now || job.State == privacyd.JobCompleted:
		t.say("The account is deleted.")
	default:
		t.say("The account is being deleted.")
	}
	_, err = fmt.Fprintln(t.Stdout, job.ID)
	return err
}
