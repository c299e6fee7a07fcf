package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
)

const holdColumns = `id, workspace_id, type, target_ref, sealed, ground, review_at, placed_by, placed_at, released_by, released_at`

// scanHold reads a hold without what is sealed: its target but for the type,
// and the reasons.
func scanHold(row scanner) (*privacyd.Hold, error) {
	var h privacyd.Hold
	var review, placed int64
	var released sql.NullInt64
	err := row.Scan(&h.ID, &h.WorkspaceID, &h.Target.Type, &h.TargetRef, &h.Sealed, &h.Ground, &review, &h.PlacedBy, &placed,
		&h.ReleasedBy, &released)
	h.ReviewAt, h.PlacedAt, h.ReleasedAt = sqldb.Time(review), sqldb.Time(placed), sqldb.NullTime(released)
	return &h, err
}

// InsertHold places a hold. Its TargetRef and Sealed must be set: nothing else
// is stored of the target and the reasons.
func (s *Store) InsertHold(ctx context.Context, h *privacyd.Hold, auditID string) error {
	_, err := s.db.Exec(ctx, `INSERT INTO holds (id, workspace_id, type, target_ref, sealed, ground, review_at, placed_by, placed_at, audit_entry_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		h.ID, h.WorkspaceID, h.Target.Type, h.TargetRef, h.Sealed, h.Ground, sqldb.Micros(h.ReviewAt), h.PlacedBy, sqldb.Micros(h.PlacedAt), auditID)
	if err != nil {
		return fmt.Errorf("insert hold: %w", err)
	}
	return nil
}

// LockHolds keeps holds from being placed and released, in any workspace, until
// the transaction ends, and waits for those that are being placed.
func (s *Store) LockHolds(ctx context.Context) error {
	lock := s.db.Dialect.LockTable("holds")
	if lock == "" {
		return nil
	}
	if _, err := s.db.Exec(ctx, lock); err != nil {
		return fmt.Errorf("lock holds: %w", err)
	}
	return nil
}

// ReleaseHold writes that a hold was released, and what was sealed anew with
// the reason. Code hold_released when it no more stands.
func (s *Store) ReleaseHold(ctx context.Context, h *privacyd.Hold, auditID string) error {
	n, err := s.db.Exec(ctx, `UPDATE holds SET sealed = $1, released_by = $2, released_at = $3, audit_entry_id = $4
		WHERE id = $5 AND released_at IS NULL`, h.Sealed, h.ReleasedBy, sqldb.NullMicros(h.ReleasedAt), auditID, h.ID)
	if err != nil {
		return fmt.Errorf("release hold: %w", err)
	}
	if n == 0 {
		return privacyd.Errorf(privacyd.ClassConflict, "hold_released", "This legal hold was released already.")
	}
	return nil
}

// Hold finds a hold of a workspace. Code hold_not_found.
func (s *Store) Hold(ctx context.Context, workspaceID, id string) (*privacyd.Hold, error) {
	h, err := scanHold(s.db.QueryRow(ctx, `SELECT `+holdColumns+` FROM holds WHERE workspace_id = $1 AND id = $2`, workspaceID, id))
	return one(h, err, privacyd.Errorf(privacyd.ClassNotFound, "hold_not_found", "There is no such legal hold in this workspace."), "read hold")
}

// Holds lists a workspace's holds, newest first, older than the one with id
// before when that is not empty.
func (s *Store) Holds(ctx context.Context, workspaceID, before string, limit int) ([]*privacyd.Hold, error) {
	holds, err := collect(ctx, s, scanHold, `SELECT `+holdColumns+` FROM holds WHERE workspace_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3`,
		workspaceID, orLast(before), limit)
	if err != nil {
		return nil, fmt.Errorf("list holds: %w", err)
	}
	return holds, nil
}

// StandingHolds lists the holds that stand in a workspace, oldest first; in
// all of them when that is empty.
func (s *Store) StandingHolds(ctx context.Context, workspaceID string) ([]*privacyd.Hold, error) {
	holds, err := collect(ctx, s, scanHold, `SELECT `+holdColumns+` FROM holds
		WHERE ($1 = '' OR workspace_id = $1) AND released_at IS NULL ORDER BY id`, workspaceID)
	if err != nil {
		return nil, fmt.Errorf("list standing holds: %w", err)
	}
	return holds, nil
}

// HoldsOn lists the standing holds in a workspace on one of the targets,
// given by reference, and those on the workspace itself.
func (s *Store) HoldsOn(ctx context.Context, workspaceID string, refs []string) ([]*privacyd.Hold, error) {
	found, err := collect(ctx, s, scanHold, `SELECT `+holdColumns+` FROM holds
		WHERE workspace_id = $1 AND type = $2 AND released_at IS NULL ORDER BY id`, workspaceID, privacyd.HoldWorkspace)
	if err != nil {
		return nil, fmt.Errorf("list holds on a workspace: %w", err)
	}
	for _, part := range parts(refs) {
		marks, args := list(part, workspaceID, privacyd.HoldWorkspace)
		holds, err := collect(ctx, s, scanHold, `SELECT `+holdColumns+` FROM holds
			WHERE workspace_id = $1 AND type <> $2 AND released_at IS NULL AND target_ref IN (`+marks+`) ORDER BY id`, args...)
		if err != nil {
			return nil, fmt.Errorf("list holds on targets: %w", err)
		}
		found = append(found, holds...)
	}
	return found, nil
}

// HoldsPlaced counts the holds that were ever placed in a workspace, in all of
// them when that is empty. While the number is the same, no new one covers what
// is being erased.
func (s *Store) HoldsPlaced(ctx context.Context, workspaceID string) (n int64, err error) {
	err = s.db.QueryRow(ctx, `SELECT count(*) FROM holds WHERE $1 = '' OR workspace_id = $1`, workspaceID).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count holds: %w", err)
	}
	return n, nil
}
