package engine

import (
	"context"
	"fmt"
	"strings"

	"github.com/privacyd/privacyd"
)

// SoleAdmins finds workspaces that an account's deletion would leave without an
// admin: those with other members, and those without any.
type SoleAdmins interface {
	SoleAdminOf(ctx context.Context, accountID string) ([]privacyd.Workspace, error)
	SoleMemberOf(ctx context.Context, accountID string) ([]privacyd.Workspace, error)
}

// accountBlockers tell of the workspaces that would be left without an admin.
func (e *Engine) accountBlockers(ctx context.Context, accountID string) ([]privacyd.Blocker, error) {
	sole, err := e.SoleAdmins.SoleAdminOf(ctx, accountID)
	if err != nil {
		return nil, err
	}
	if len(sole) == 0 {
		return nil, nil
	}
	b := privacyd.Blocker{Code: "last_admin", Remedy: "Make another member an admin there, or delete the workspace."}
	b.Workspaces = named(sole)
	slugs := make([]string, len(sole))
	for i, w := range sole {
		slugs[i] = w.Slug
	}
	b.Message = fmt.Sprintf("The account is the last admin of the workspace %s, which has other members.", slugs[0])
	if len(slugs) > 1 {
		b.Message = fmt.Sprintf("The account is the last admin of the workspaces %s, which have other members.", strings.Join(slugs, ", "))
	}
	return []privacyd.Blocker{b}, nil
}

func errLastAdmin(b privacyd.Blocker) error {
	return privacyd.Errorf(privacyd.ClassConflict, "last_admin", "%s %s", b.Message, b.Remedy)
}

func named(list []privacyd.Workspace) []privacyd.WorkspaceName {
	var names []privacyd.WorkspaceName
	for _, w := range list {
		names = append(names, w.Named())
	}
	return names
}

// abandoned are the workspaces that nobody is left in when the account goes.
// That is allowed, since nobody else is concerned, but not silent.
func (e *Engine) abandoned(ctx context.Context, job *privacyd.Job) ([]privacyd.Workspace, error) {
	if job.Type != privacyd.JobAccountDeletion || job.Subject == nil {
		return nil, nil
	}
	return e.SoleAdmins.SoleMemberOf(ctx, job.Subject.ID)
}

func abandonedNotes(list []privacyd.Workspace) []string {
	var notes []string
	for _, w := range list {
		notes = append(notes, fmt.Sprintf("The account is the only member of the workspace %s, which stays with all its records and without an admin. "+
			"Add somebody as an admin first, or delete it: privacyd workspace delete --slug %s.", w.Slug, w.Slug))
	}
	return notes
}
