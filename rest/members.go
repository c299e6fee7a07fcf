package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

// MemberPath names a member of a workspace.
type MemberPath struct {
	WorkspacePath
	Account string `path:"account" doc:"Id of the member's account."`
}

// Members is a page of members.
type Members struct {
	Items      []privacyd.MemberProfile `json:"items"`
	NextCursor string                   `json:"next_cursor,omitempty"`
	Total      int                      `json:"total" doc:"Members of the workspace."`
}

type pageOfMembers struct {
	ListPage
	Sort string `query:"sort" enum:"email,-email,name,-name,role,-role,since,-since" default:"email" doc:"The column; - before it: downwards."`
}

// Removed says which entry of the audit log records that a member was removed.
type Removed struct {
	Audit *privacyd.Audited `json:"audit,omitempty"`
}

type newRole struct {
	MemberPath
	Body struct {
		Role privacyd.Role `json:"role" enum:"admin,agent,auditor"`
	}
}

type newInvitation struct {
	WorkspacePath
	Body struct {
		Email string        `json:"email"`
		Role  privacyd.Role `json:"role" enum:"admin,agent,auditor"`
	}
}

// SentInvitation is an invitation; the operator gets its link where there is no
// mail.
type SentInvitation struct {
	privacyd.Invitation
	URL string `json:"url,omitempty" doc:"The link, for the operator alone, where no mail is sent. It is shown once and not kept."`
}

// Invitations is a page of invitations.
type Invitations struct {
	Items      []privacyd.Invitation `json:"items"`
	NextCursor string                `json:"next_cursor,omitempty"`
	Total      int                   `json:"total" doc:"Invitations of the workspace, also those that are too old."`
}

type pageOfInvitations struct {
	ListPage
	Sort string `query:"sort" enum:"email,-email,role,-role,sent,-sent,until,-until" default:"-sent" doc:"The column; - before it: downwards."`
}

// InvitationPath names an invitation to a workspace.
type InvitationPath struct {
	WorkspacePath
	Invitation string `path:"invitation"`
}

func (d *door) members() {
	const path = "/v1/workspaces/{workspace}/members"
	huma.Register(d.api, operation("list-members", http.MethodGet, path, "List members", "Admins."),
		func(ctx context.Context, in *pageOfMembers) (*answer[Members], error) {
			p, err := d.engine.MembersPage(ctx, callerOf(ctx), in.Workspace, in.query(in.Sort))
			return &answer[Members]{Members{Items: append([]privacyd.MemberProfile{}, p.Items...), NextCursor: p.Next, Total: p.Total}}, d.fail(err)
		})
	huma.Register(d.api, operation("change-role", http.MethodPut, path+"/{account}", "Change a member's role", "Admins. The last admin stays one."),
		func(ctx context.Context, in *newRole) (*answer[privacyd.MemberProfile], error) {
			m, err := d.engine.ChangeRole(ctx, callerOf(ctx), in.Workspace, in.Account, in.Body.Role)
			return &answer[privacyd.MemberProfile]{m}, d.fail(err)
		})
	huma.Register(d.api, operation("remove-member", http.MethodDelete, path+"/{account}", "Remove a member", "Admins. The last admin stays."),
		func(ctx context.Context, in *MemberPath) (*answer[Removed], error) {
			audited, err := d.engine.RemoveMember(ctx, callerOf(ctx), in.Workspace, in.Account)
			return &answer[Removed]{Removed{Audit: audited}}, d.fail(err)
		})
}

func (d *door) invitations() {
	const path = "/v1/workspaces/{workspace}/invitations"
	huma.Register(d.api, operation("list-invitations", http.MethodGet, path, "List invitations", "Admins."),
		func(ctx context.Context, in *pageOfInvitations) (*answer[Invitations], error) {
			p, err := d.engine.InvitationsPage(ctx, callerOf(ctx), in.Workspace, in.query(in.Sort))
			return &answer[Invitations]{Invitations{Items: append([]privacyd.Invitation{}, p.Items...), NextCursor: p.Next, Total: p.Total}}, d.fail(err)
		})
	huma.Register(d.api, created("invite", path, "Invite somebody by mail", "Admins. Asking again sends a new link in place of the old one."),
		func(ctx context.Context, in *newInvitation) (*answer[SentInvitation], error) {
			v, err := d.engine.Invite(ctx, callerOf(ctx), in.Workspace, engine.NewInvitation{Email: in.Body.Email, Role: in.Body.Role})
			out := SentInvitation{Invitation: v.Invitation}
			if v.Secret != "" {
				out.URL = d.base + engine.InvitationPath(v.Secret)
			}
			return &answer[SentInvitation]{out}, d.fail(err)
		})
	huma.Register(d.api, gone("withdraw-invitation", path+"/{invitation}", "Withdraw an invitation", "Admins."),
		func(ctx context.Context, in *InvitationPath) (*struct{}, error) {
			return nil, d.fail(d.engine.Withdraw(ctx, callerOf(ctx), in.Workspace, in.Invitation))
		})
}

// gone is a DELETE with nothing to answer.
func gone(id, path, summary, who string) huma.Operation {
	op := operation(id, http.MethodDelete, path, summary, who)
	op.DefaultStatus = http.StatusNoContent
	return op
}
