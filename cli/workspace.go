package cli

import (
	"fmt"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/client"
)

type workspaceCmd struct {
	Create  workspaceCreateCmd  `cmd:"" help:"Create a workspace."`
	List    workspaceListCmd    `cmd:"" help:"List workspaces."`
	Sync    workspaceSyncCmd    `cmd:"" help:"Adopt every workspace that a product's datasets have."`
	Key     workspaceKeyCmd     `cmd:"" help:"Say by which key a dataset knows a workspace."`
	Member  workspaceMemberCmd  `cmd:"" help:"Add a member."`
	Members workspaceMembersCmd `cmd:"" help:"List the members of a workspace."`
	Invite  workspaceInviteCmd  `cmd:"" help:"Invite somebody to a workspace by mail."`
	Role    workspaceRoleCmd    `cmd:"" help:"Change a member's role."`
	Remove  workspaceRemoveCmd  `cmd:"" help:"Remove a member."`

	Places   workspacePlacesCmd   `cmd:"" help:"Show where a workspace's data is and may be."`
	Settings workspaceSettingsCmd `cmd:"" help:"Show or change a workspace's settings."`
	Delete   workspaceDeleteCmd   `cmd:"" help:"Delete a workspace and everything in it, after a grace period."`
}

type workspaceCreateCmd struct {
	Folder     `embed:""`
	Slug       string            `help:"Short name: lower-case letters, digits, hyphens." required:""`
	Name       string            `help:"Display name." required:""`
	Admin      string            `help:"E-mail of the account that becomes its admin." placeholder:"EMAIL"`
	DatasetKey map[string]string `help:"The key by which a dataset knows this workspace, as app=42." placeholder:"DATASET=KEY"`
	JSON       bool              `help:"Print one JSON object."`
}

func (c *workspaceCreateCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		w, err := api.CreateWorkspace(t.ctx, client.NewWorkspace{Slug: c.Slug, Name: c.Name, Admin: c.Admin, DatasetKeys: c.DatasetKey})
		if err != nil {
			return err
		}
		if c.JSON {
			return t.printJSON(w)
		}
		t.say("Created the workspace %s.", w.Slug)
		t.sayPending(w.Audit)
		_, err = fmt.Fprintln(t.Stdout, w.ID)
		return err
	})
}

type workspaceListCmd struct {
	Folder `embed:""`
	JSON   bool `help:"Print one JSON object."`
}

func (c *workspaceListCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		all, err := api.Workspaces(t.ctx)
		if err != nil {
			return err
		}
		if len(all) == 0 && !c.JSON {
			return t.none("workspaces")
		}
		return t.printWorkspaces(all, c.JSON)
	})
}

type workspaceSyncCmd struct {
	Folder `embed:""`
	JSON   bool `help:"Print one JSON object."`
}

func (c *workspaceSyncCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		adopted, err := api.SyncWorkspaces(t.ctx)
		if err != nil {
			return err
		}
		t.say("Adopted %s.", count(int64(len(adopted)), "workspace"))
		return t.printWorkspaces(adopted, c.JSON)
	})
}

func (t *terminal) printWorkspaces(workspaces []privacyd.Workspace, asJSON bool) error {
	if asJSON {
		return t.printJSON(list(workspaces))
	}
	for _, w := range workspaces {
		if _, err := fmt.Fprintf(t.Stdout, "%s\t%s\t%s\n", w.Slug, w.ID, w.Name); err != nil {
			return err
		}
	}
	return nil
}

type workspaceKeyCmd struct {
	Folder     `embed:""`
	Workspace  string            `help:"Workspace, by slug or id." required:""`
	DatasetKey map[string]string `help:"As app=42; app= says that the dataset has nothing of the workspace." required:"" placeholder:"DATASET=KEY"`
}

func (c *workspaceKeyCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		if err := api.SetDatasetKeys(t.ctx, c.Workspace, c.DatasetKey); err != nil {
			return err
		}
		t.say("Kept the keys of the workspace.")
		return nil
	})
}

type workspaceMemberCmd struct {
	Folder    `embed:""`
	Workspace string        `help:"Workspace, by slug or id." required:""`
	Email     string        `help:"E-mail of an account." required:""`
	Role      privacyd.Role `help:"admin, agent or auditor." required:"" enum:"admin,agent,auditor"`
	JSON      bool          `help:"Print one JSON object."`
}

func (c *workspaceMemberCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		m, err := api.AddMember(t.ctx, c.Workspace, c.Email, c.Role)
		if err != nil {
			return err
		}
		if c.JSON {
			return t.printJSON(m)
		}
		t.say("Added the member.")
		t.sayPending(m.Audit)
		return nil
	})
}

type tokenCmd struct {
	Create tokenCreateCmd `cmd:"" help:"Create an API token of a workspace."`
	List   tokenListCmd   `cmd:"" help:"List the API tokens of a workspace, with when they were used last."`
	Revoke tokenRevokeCmd `cmd:"" help:"Revoke an API token: it is refused from then on."`
}

type tokenCreateCmd struct {
	Folder    `embed:""`
	Workspace string            `help:"Workspace, by slug or id." required:""`
	Label     string            `help:"What it is for." required:""`
	Scope     []privacyd.Action `help:"What it may do, such as workspace.export,records.write." required:"" placeholder:"S,…"`
	JSON      bool              `help:"Print one JSON object."`
}

func (c *tokenCreateCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		token, err := api.CreateToken(t.ctx, c.Workspace, c.Label, c.Scope)
		if err != nil {
			return err
		}
		if c.JSON {
			return t.printJSON(token)
		}
		t.say("The token is shown this once; keep it safe.")
		t.sayPending(token.Audit)
		_, err = fmt.Fprintln(t.Stdout, token.Secret)
		return err
	})
}
