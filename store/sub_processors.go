package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
)

// InsertSubProcessor adds a version of a sub-processor. Code
// sub_processor_conflict when that version is there already.
func (s *Store) InsertSubProcessor(ctx context.Context, p privacyd.SubProcessor, auditID string) error {
	categories, err := json.Marshal(p.Categories)
	if err != nil {
		return fmt.Errorf("insert sub-processor: %w", err)
	}
	n, err := s.db.Exec(ctx, `INSERT INTO sub_processors (id, version, name, purpose, country, categories, basis, from_at, ended, announced_at, told_after, audit_entry_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, '', $11) ON CONFLICT (id, version) DO NOTHING`,
		p.ID, p.Version, p.Name, p.Purpose, p.Country, string(categories), p.Basis, sqldb.Micros(p.From), flag(p.Ended), sqldb.Micros(p.AnnouncedAt), auditID)
	if err == nil && n == 0 {
		return privacyd.Errorf(privacyd.ClassConflict, "sub_processor_conflict",
			"The sub-processor was changed by somebody else at the same moment. Look at it again.")
	}
	if err != nil {
		return fmt.Errorf("insert sub-processor: %w", err)
	}
	return nil
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// SubProcessors lists every version of every sub-processor.
func (s *Store) SubProcessors(ctx context.Context) ([]privacyd.SubProcessor, error) {
	list, err := collect(ctx, s, func(row scanner) (p privacyd.SubProcessor, err error) {
		var categories string
		var from, ended, announced int64
		if err = row.Scan(&p.ID, &p.Version, &p.Name, &p.Purpose, &p.Country, &categories, &p.Basis, &from, &ended, &announced); err == nil {
			err = json.Unmarshal([]byte(categories), &p.Categories)
		}
		p.From, p.Ended, p.AnnouncedAt = sqldb.Time(from), ended != 0, sqldb.Time(announced)
		return p, err
	}, `SELECT id, version, name, purpose, country, categories, basis, from_at, ended, announced_at FROM sub_processors ORDER BY id, version`)
	if err != nil {
		return nil, fmt.Errorf("list sub-processors: %w", err)
	}
	return list, nil
}

// ToldOf lists the next workspaces, in the order of their ids, whose admins are
// to be told of a version of a sub-processor.
func (s *Store) ToldOf(ctx context.Context, id string, version, limit int) ([]privacyd.Workspace, error) {
	list, err := collect(ctx, s, func(row scanner) (w privacyd.Workspace, err error) {
		err = row.Scan(&w.ID, &w.Slug, &w.Name)
		return w, err
	}, `SELECT w.id, w.slug, w.name FROM workspaces w
		WHERE w.id > (SELECT told_after FROM sub_processors WHERE id = $1 AND version = $2)
		AND NOT EXISTS (SELECT 1 FROM workspace_settings x WHERE x.workspace_id = w.id AND x.state = 'deleted')
		ORDER BY w.id LIMIT $3`, id, version, limit)
	if err != nil {
		return nil, fmt.Errorf("list whom to tell of a sub-processor: %w", err)
	}
	return list, nil
}

// TellOf notes that the admins of workspaces up to one are told.
func (s *Store) TellOf(ctx context.Context, id string, version int, upTo string) error {
	if _, err := s.db.Exec(ctx, `UPDATE sub_processors SET told_after = $3 WHERE id = $1 AND version = $2`, id, version, upTo); err != nil {
		return fmt.Errorf("note who is told of a sub-processor: %w", err)
	}
	return nil
}

// InsertObjection adds a workspace's objection; added tells whether it is the
// first against that version.
func (s *Store) InsertObjection(ctx context.Context, o privacyd.Objection, auditID string) (added bool, err error) {
	n, err := s.db.Exec(ctx, `INSERT INTO objections (workspace_id, sub_processor_id, version, account_id, at, audit_entry_id)
		VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (workspace_id, sub_processor_id, version) DO NOTHING`,
		o.WorkspaceID, o.SubProcessor, o.Version, o.By, sqldb.Micros(o.At), auditID)
	if err != nil {
		return false, fmt.Errorf("insert objection: %w", err)
	}
	return n > 0, nil
}

// Objections lists those of a workspace, or of all where none is named.
func (s *Store) Objections(ctx context.Context, workspaceID string) ([]privacyd.Objection, error) {
	list, err := collect(ctx, s, func(row scanner) (o privacyd.Objection, err error) {
		var at int64
		err = row.Scan(&o.WorkspaceID, &o.SubProcessor, &o.Version, &o.By, &at)
		o.At = sqldb.Time(at)
		return o, err
	}, `SELECT workspace_id, sub_processor_id, version, account_id, at FROM objections WHERE workspace_id = $1 OR $1 = '' ORDER BY at, workspace_id`, workspaceID)
	if err != nil {
		return nil, fmt.Errorf("list objections: %w", err)
	}
	return list, nil
}
