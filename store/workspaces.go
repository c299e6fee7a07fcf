package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
)

var errNoWorkspace = privacyd.Errorf(privacyd.ClassNotFound, "workspace_not_found",
	"There is no such workspace, or you are not a member of it. Check its id or slug.")

const workspaceColumns = "w.id, w.slug, w.name, w.created_at"

func scanWorkspace(row scanner) (privacyd.Workspace, error) {
	var w privacyd.Workspace
	var created int64
	err := row.Scan(&w.ID, &w.Slug, &w.Name, &created)
	w.CreatedAt = sqldb.Time(created)
	return w, err
}

// InsertWorkspace adds a workspace and the keys by which datasets know it.
// Codes workspace_exists, dataset_key_taken.
func (s *Store) InsertWorkspace(ctx context.Context, w privacyd.Workspace, auditID string) error {
	_, err := s.db.Exec(ctx, `INSERT INTO workspaces (id, slug, name, created_at, audit_entry_id) VALUES ($1, $2, $3, $4, $5)`,
		w.ID, w.Slug, w.Name, sqldb.Micros(w.CreatedAt), auditID)
	if sqldb.IsUnique(err) {
		return privacyd.Errorf(privacyd.ClassConflict, "workspace_exists", "A workspace with this slug exists already. Choose another slug.")
	}
	if err != nil {
		return fmt.Errorf("insert workspace: %w", err)
	}
	for dataset, key := range w.DatasetKeys {
		if err := s.insertDatasetKey(ctx, w.ID, dataset, key); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) insertDatasetKey(ctx context.Context, workspaceID, dataset, key string) error {
	_, err := s.db.Exec(ctx, `INSERT INTO workspace_datasets (workspace_id, dataset, dataset_key) VALUES ($1, $2, $3)`,
		workspaceID, dataset, sql.NullString{String: key, Valid: key != ""})
	if sqldb.IsUnique(err) {
		return privacyd.Errorf(privacyd.ClassConflict, "dataset_key_taken",
			"Another workspace has this key in dataset %s already. Give each workspace its own key.", dataset)
	}
	if err != nil {
		return fmt.Errorf("insert dataset key: %w", err)
	}
	return nil
}

// SetDatasetKey changes the key by which a dataset knows a workspace; empty:
// it has nothing of it. Code dataset_key_taken.
func (s *Store) SetDatasetKey(ctx context.Context, workspaceID, dataset, key string) error {
	_, err := s.db.Exec(ctx, `DELETE FROM workspace_datasets WHERE workspace_id = $1 AND dataset = $2`, workspaceID, dataset)
	if err != nil {
		return fmt.Errorf("replace dataset key: %w", err)
	}
	return s.insertDatasetKey(ctx, workspaceID, dataset, key)
}

// Workspace finds a workspace by id or slug. Code workspace_not_found.
func (s *Store) Workspace(ctx context.Context, ref string) (privacyd.Workspace, error) {
	w, err := scanWorkspace(s.db.QueryRow(ctx,
		`SELECT `+workspaceColumns+` FROM workspaces w WHERE w.id = $1 OR w.slug = $1`, ref))
	if w, err = one(w, err, errNoWorkspace, "read workspace"); err != nil {
		return w, err
	}
	w.DatasetKeys, err = s.datasetKeys(ctx, w.ID)
	return w, err
}

func (s *Store) datasetKeys(ctx context.Context, workspaceID string) (map[string]string, error) {
	pairs, err := collect(ctx, s, func(row scanner) (p [2]string, err error) {
		err = row.Scan(&p[0], &p[1])
		return p, err
	}, `SELECT dataset, coalesce(dataset_key, '') FROM workspace_datasets WHERE workspace_id = $1`, workspaceID)
	if err != nil {
		return nil, fmt.Errorf("read dataset keys: %w", err)
	}
	keys := make(map[string]string, len(pairs))
	for _, p := range pairs {
		keys[p[0]] = p[1]
	}
	return keys, nil
}

// WorkspaceByDatasetKey tells whether a workspace with that key is known.
func (s *Store) WorkspaceByDatasetKey(ctx context.Context, dataset, key string) (bool, error) {
	var n int
	err := s.db.QueryRow(ctx, `SELECT count(*) FROM workspace_datasets WHERE dataset = $1 AND dataset_key = $2`, dataset, key).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("read dataset keys: %w", err)
	}
	return n > 0, nil
}

// Workspaces lists workspaces by slug: those of one account, or all when
// accountID is empty. What is left of deleted ones is not among them.
func (s *Store) Workspaces(ctx context.Context, accountID string) ([]privacyd.Workspace, error) {
	list, err := collect(ctx, s, scanWorkspace, `SELECT `+workspaceColumns+` FROM workspaces w
		WHERE ($1 = '' OR EXISTS (SELECT 1 FROM members m WHERE m.workspace_id = w.id AND m.account_id = $1))
		AND NOT EXISTS (SELECT 1 FROM workspace_settings d WHERE d.workspace_id = w.id AND d.state = $2) ORDER BY w.slug`,
		accountID, privacyd.WorkspaceDeleted)
	if err != nil {
		return nil, fmt.Errorf("list workspaces: %w", err)
	}
	return list, nil
}

// InsertMember adds an account to a workspace. Code member_exists.
func (s *Store) InsertMember(ctx context.Context, m privacyd.Member, auditID string) error {
	_, err := s.db.Exec(ctx, `INSERT INTO members (workspace_id, account_id, role, created_at, audit_entry_id, sort_name, sort_email) VALUES ($1, $2, $3, $4, $5,
		coalesce((SELECT lower(name) FROM accounts WHERE id = $2), ''), coalesce((SELECT email FROM accounts WHERE id = $2), ''))`,
		m.WorkspaceID, m.AccountID, m.Role, sqldb.Micros(m.CreatedAt), auditID)
	if sqldb.IsUnique(err) {
		return privacyd.Errorf(privacyd.ClassConflict, "member_exists", "This account is a member of the workspace already.")
	}
	if err != nil {
		return fmt.Errorf("insert member: %w", err)
	}
	return nil
}

// MemberRole gives the role of an account in a workspace. Code
// workspace_not_found when it is no member.
func (s *Store) MemberRole(ctx context.Context, workspaceID, accountID string) (privacyd.Role, error) {
	var role privacyd.Role
	err := s.db.QueryRow(ctx, `SELECT role FROM members WHERE workspace_id = $1 AND account_id = $2`, workspaceID, accountID).Scan(&role)
	return one(role, err, errNoWorkspace, "read member")
}

// LockWorkspace keeps other transactions that lock the same workspace waiting
// until this one ends.
func (s *Store) LockWorkspace(ctx context.Context, id string) error {
	err := s.db.QueryRow(ctx, `SELECT id FROM workspaces WHERE id = $1`+s.db.Dialect.ForNoKeyUpdate(), id).Scan(&id)
	_, err = one(id, err, errNoWorkspace, "lock workspace")
	return err
}

// LockWorkspaces is LockWorkspace for all of them, in the order of their ids so
// that two who do so do not stand in each other's way.
func (s *Store) LockWorkspaces(ctx context.Context) error {
	if _, err := s.db.Exec(ctx, `SELECT id FROM workspaces ORDER BY id`+s.db.Dialect.ForNoKeyUpdate()); err != nil {
		return fmt.Errorf("lock workspaces: %w", err)
	}
	return nil
}
