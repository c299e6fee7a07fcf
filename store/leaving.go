package store

import (
	"context"
	"fmt"

	"github.com/privacyd/privacyd"
)

// SoleAdminOf lists the workspaces in which an account is the only admin, but for
// those who are leaving, and there are other members: they would be left without
// one.
func (s *Store) SoleAdminOf(ctx context.Context, accountID string) ([]privacyd.Workspace, error) {
	found, err := collect(ctx, s, func(row scanner) (w privacyd.Workspace, err error) {
		err = row.Scan(&w.ID, &w.Slug, &w.Name)
		return w, err
	}, `SELECT w.id, w.slug, w.name FROM members m JOIN workspaces w ON w.id = m.workspace_id
		WHERE m.account_id = $1 AND m.role = 'admin'
		AND NOT EXISTS (SELECT 1 FROM members o WHERE o.workspace_id = m.workspace_id AND o.account_id <> $1 AND o.role = 'admin'
			AND o.account_id NOT IN (SELECT account_id FROM leaving_accounts))
		AND EXISTS (SELECT 1 FROM members o WHERE o.workspace_id = m.workspace_id AND o.account_id <> $1)
		ORDER BY w.slug`, accountID)
	if err != nil {
		return nil, fmt.Errorf("look where an account is the last admin: %w", err)
	}
	return found, nil
}

// SoleMemberOf lists the workspaces of which an account is the only member:
// nobody would be left in them.
func (s *Store) SoleMemberOf(ctx context.Context, accountID string) ([]privacyd.Workspace, error) {
	found, err := collect(ctx, s, func(row scanner) (w privacyd.Workspace, err error) {
		err = row.Scan(&w.ID, &w.Slug, &w.Name)
		return w, err
	}, `SELECT w.id, w.slug, w.name FROM members m JOIN workspaces w ON w.id = m.workspace_id
		WHERE m.account_id = $1
		AND NOT EXISTS (SELECT 1 FROM members o WHERE o.workspace_id = m.workspace_id AND o.account_id <> $1)
		ORDER BY w.slug`, accountID)
	if err != nil {
		return nil, fmt.Errorf("look where an account is the only member: %w", err)
	}
	return found, nil
}
