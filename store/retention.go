package store

import (
	"context"
	"fmt"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
)

// InsertPolicy adds a version of a workspace's retention policy. Code
// retention_conflict when that version is there already: somebody else changed
// the policy at the same moment.
func (s *Store) InsertPolicy(ctx context.Context, p privacyd.Policy, auditID string) error {
	n, err := s.db.Exec(ctx, `INSERT INTO retention_policies (workspace_id, version, days, from_at, set_by, audit_entry_id)
		VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (workspace_id, version) DO NOTHING`,
		p.WorkspaceID, p.Version, p.Days, sqldb.Micros(p.From), p.SetBy, auditID)
	if err == nil && n == 0 {
		return privacyd.Errorf(privacyd.ClassConflict, "retention_conflict",
			"The retention policy was changed by somebody else at the same moment. Look at it again.")
	}
	if err != nil {
		return fmt.Errorf("insert retention policy: %w", err)
	}
	return nil
}

// Policies lists the versions of a workspace's retention policy, oldest first.
func (s *Store) Policies(ctx context.Context, workspaceID string) ([]privacyd.Policy, error) {
	versions, err := collect(ctx, s, func(row scanner) (p privacyd.Policy, err error) {
		var from int64
		err = row.Scan(&p.WorkspaceID, &p.Version, &p.Days, &from, &p.SetBy)
		p.From = sqldb.Time(from)
		return p, err
	}, `SELECT workspace_id, version, days, from_at, set_by FROM retention_policies WHERE workspace_id = $1 ORDER BY version`, workspaceID)
	if err != nil {
		return nil, fmt.Errorf("list retention policies: %w", err)
	}
	return versions, nil
}

// KeepRow keeps a row from retention runs; keeping it again is fine.
func (s *Store) KeepRow(ctx context.Context, k privacyd.KeptRow, auditID string) error {
	_, err := s.db.Exec(ctx, `INSERT INTO kept_rows (workspace_id, ref, sealed, kept_by, kept_at, audit_entry_id)
		VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (workspace_id, ref) DO NOTHING`,
		k.WorkspaceID, k.Ref, k.Sealed, k.KeptBy, sqldb.Micros(k.KeptAt), auditID)
	if err != nil {
		return fmt.Errorf("keep a row: %w", err)
	}
	return nil
}

// UnkeepRow gives a row back to retention runs; known tells whether it was
// kept.
func (s *Store) UnkeepRow(ctx context.Context, workspaceID, ref string) (known bool, err error) {
	n, err := s.db.Exec(ctx, `DELETE FROM kept_rows WHERE workspace_id = $1 AND ref = $2`, workspaceID, ref)
	if err != nil {
		return false, fmt.Errorf("keep a row no more: %w", err)
	}
	return n > 0, nil
}

// KeptRows lists what is kept from a workspace's retention runs: at most limit,
// in the order of their references, after the one given.
func (s *Store) KeptRows(ctx context.Context, workspaceID, after string, limit int) ([]privacyd.KeptRow, error) {
	rows, err := collect(ctx, s, func(row scanner) (k privacyd.KeptRow, err error) {
		var at int64
		err = row.Scan(&k.WorkspaceID, &k.Ref, &k.Sealed, &k.KeptBy, &at)
		k.KeptAt = sqldb.Time(at)
		return k, err
	}, `SELECT workspace_id, ref, sealed, kept_by, kept_at FROM kept_rows WHERE workspace_id = $1 AND ref > $2 ORDER BY ref LIMIT $3`,
		workspaceID, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list kept rows: %w", err)
	}
	return rows, nil
}

// KeptAmong tells which of some rows, given by reference, are kept.
func (s *Store) KeptAmong(ctx context.Context, workspaceID string, refs []string) (map[string]bool, error) {
	kept := map[string]bool{}
	for _, part := range parts(refs) {
		marks, args := list(part, workspaceID)
		found, err := collect(ctx, s, scanText, `SELECT ref FROM kept_rows WHERE workspace_id = $1 AND ref IN (`+marks+`)`, args...)
		if err != nil {
			return nil, fmt.Errorf("look for kept rows: %w", err)
		}
		for _, ref := range found {
			kept[ref] = true
		}
	}
	return kept, nil
}
