package cli

import (
	"fmt"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/client"
)

type workspaceMembersCmd struct {
	Folder    `embed:""`
	Workspace string `help:"Workspace, by slug or id." required:""`
	JSON      bool   `help:"Print one JSON object."`
}

func (c *workspaceMembersCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		members, err := whole(membersOf(t, api, c.Workspace))
		if err != nil {
			return err
		}
		if c.JSON {
			return t.printJSON(list(members))
		}
		if len(members) == 0 {
			return t.none("members")
		}
		for _, m := range members {
			if _, err := fmt.Fprintf(t.Stdout, "%s\t%s\t%s\n", m.Email, m.Role, m.Name); err != nil {
				return err
			}
		}
		return nil
	})
}

type workspaceInviteCmd struct {
	Folder    `embed:""`
	Workspace string        `help:"Workspace, by slug or id." required:""`
	Email     string        `help:"Whom to invite." required:""`
	Role      privacyd.Role `help:"admin, agent or auditor." required:"" enum:"admin,agent,auditor"`
	JSON      bool          `help:"Print one JSON object."`
}

func (c *workspaceInviteCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		v, err := api.Invite(t.ctx, c.Workspace, c.Email, c.Role)
		if err != nil {
			return err
		}
		if c.JSON {
			return t.printJSON(v)
		}
		if v.URL == "" {
			t.say("The invitation is on its way by mail. Its link works once, for seven days.")
			return nil
		}
		t.say("No mail is sent here: give them this link. It works once, for seven days.")
		return t.printLink(v.URL)
	})
}

type workspaceRoleCmd struct {
	Folder    `embed:""`
	Workspace string        `help:"Workspace, by slug or id." required:""`
	Email     string        `help:"E-mail address of a member." required:""`
	Role      privacyd.Role `help:"admin, agent or auditor." required:"" enum:"admin,agent,auditor"`
}

func (c *workspaceRoleCmd) Run(t *terminal) error {
	return t.withMember(c.Folder, c.Workspace, c.Email, func(api *client.Client, id string) error {
		m, err := api.ChangeRole(t.ctx, c.Workspace, id, c.Role)
		if err != nil {
			return err
		}
		t.say("The role is changed.")
		t.sayPending(m.Audit)
		return nil
	})
}

type workspaceRemoveCmd struct {
	Folder    `embed:""`
	Workspace string `help:"Workspace, by slug or id." required:""`
	Email     string `help:"E-mail address of a member." required:""`
}

func (c *workspaceRemoveCmd) Run(t *terminal) error {
	return t.withMember(c.Folder, c.Workspace, c.Email, func(api *client.Client, id string) error {
		audited, err := api.RemoveMember(t.ctx, c.Workspace, id)
		if err != nil {
			return err
		}
		t.say("The member is removed.")
		t.sayPending(audited)
		return nil
	})
}

// mostListed is how many rows of a list are asked for at once.
const mostListed = 200

// whole reads a list to its end.
func whole[T any](page func(cursor string) ([]T, string, error)) (all []T, err error) {
	for cursor := ""; ; {
		items, next, err := page(cursor)
		if err != nil {
			return nil, err
		}
		all = append(all, items...)
		if cursor = next; cursor == "" {
			return all, nil
		}
	}
}

func membersOf(t *terminal, api *client.Client, workspace string) func(cursor string) ([]privacyd.MemberProfile, string, error) {
	return func(cursor string) ([]privacyd.MemberProfile, string, error) {
		return api.Members(t.ctx, workspace, cursor, mostListed)
	}
}

// withMember finds a member by address.
func (t *terminal) withMember(o Folder, workspace, email string, do func(api *client.Client, accountID string) error) error {
	return t.with(o, func(api *client.Client) error {
		normal, err := privacyd.NormalEmail(email)
		if err != nil {
			return err
		}
		members, err := whole(membersOf(t, api, workspace))
		if err != nil {
			return err
		}
		for _, m := range members {
			if m.Email == normal {
				return do(api, m.AccountID)
			}
		}
		return privacyd.Errorf(privacyd.ClassNotFound, "member_not_found", "There is no such member in this workspace. See: privacyd workspace members.")
	})
}
