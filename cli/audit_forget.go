package cli

import (
	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/client"
)

type auditForgetCmd struct {
	Folder    `embed:""`
	Workspace string `help:"In the log of this workspace, by slug or id; without it in all."`
	Kind      string `help:"Kind of person, as the entries have it, such as account." placeholder:"KIND"`
	ID        string `help:"Id of the person, as the entries have it." placeholder:"ID"`
	Email     string `help:"E-mail address of the person, as the entries have it." placeholder:"E"`
	Dataset   string `help:"Whose id it is, where several datasets know the kind." placeholder:"NAME"`
	DryRun    bool   `help:"Show how much there is, and change nothing." xor:"how"`
	Confirm   bool   `help:"Forget the person. It cannot be undone." xor:"how"`
	JSON      bool   `help:"Print one JSON object."`
}

// Help says more than one line can.
func (c *auditForgetCmd) Help() string {
	return "For somebody whom only your product's own entries name: whoever has an account or records here is forgotten when these are erased. What the " +
		"entries tell of the person is deleted, its keys are destroyed; the entries and all proofs stay. First --dry-run, then --confirm."
}

func (c *auditForgetCmd) Run(t *terminal) error {
	if c.DryRun == c.Confirm {
		return privacyd.Errorf(privacyd.ClassInvalid, "confirm_plan_missing", "Look first with --dry-run, then forget with --confirm.")
	}
	return t.with(c.Folder, func(api *client.Client) error {
		done, err := api.ForgetNamed(t.ctx, client.NamedPerson{
			Workspace: c.Workspace, Kind: c.Kind, ID: c.ID, Email: c.Email, Dataset: c.Dataset, Confirm: c.Confirm,
		})
		if err != nil {
			return err
		}
		if c.JSON {
			err = t.printJSON(done)
		}
		switch {
		case done.Found == 0:
			t.say("No entry names this person, or what named them is gone already.")
		case done.Pending:
			t.say("It is begun and goes on by itself: somebody still reads an older state, or entries have no place in the log yet.")
			return exit(ExitPartly)
		case done.Forgotten:
			t.say("Forgotten: %s that named this person.", count(done.Found, "sealed part"))
		default:
			t.say("Found: %s that name this person. --confirm forgets them.", count(done.Found, "sealed part"))
		}
		return err
	})
}
