package store

import (
	"context"
	"fmt"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
)

var errNoAgreement = privacyd.Errorf(privacyd.ClassNotFound, "agreement_not_found",
	"There is no such version of the data processing agreement. The list of versions shows those that there are.")

// InsertAgreement adds a version of the agreement. Code agreement_conflict when
// it is there already.
func (s *Store) InsertAgreement(ctx context.Context, a privacyd.ProcessingAgreement, auditID string) error {
	n, err := s.db.Exec(ctx, `INSERT INTO agreements (version, body, sha256, published_at, told_after, audit_entry_id)
		VALUES ($1, $2, $3, $4, '', $5) ON CONFLICT (version) DO NOTHING`, a.Version, a.Text, a.SHA256, sqldb.Micros(a.PublishedAt), auditID)
	if err == nil && n == 0 {
		return privacyd.Errorf(privacyd.ClassConflict, "agreement_conflict", "Another version was published at the same moment. Look at it, and publish again.")
	}
	if err != nil {
		return fmt.Errorf("insert agreement: %w", err)
	}
	return nil
}

// Agreements lists all versions of the agreement without their texts, the
// newest first.
func (s *Store) Agreements(ctx context.Context) ([]privacyd.ProcessingAgreement, error) {
	list, err := collect(ctx, s, func(row scanner) (a privacyd.ProcessingAgreement, err error) {
		var at int64
		err = row.Scan(&a.Version, &a.SHA256, &at)
		a.PublishedAt = sqldb.Time(at)
		return a, err
	}, `SELECT version, sha256, published_at FROM agreements ORDER BY version DESC`)
	if err != nil {
		return nil, fmt.Errorf("list agreements: %w", err)
	}
	return list, nil
}

// Agreement reads one version. Code agreement_not_found.
func (s *Store) Agreement(ctx context.Context, version int) (privacyd.ProcessingAgreement, error) {
	a, at := privacyd.ProcessingAgreement{Version: version}, int64(0)
	err := s.db.QueryRow(ctx, `SELECT body, sha256, published_at FROM agreements WHERE version = $1`, version).Scan(&a.Text, &a.SHA256, &at)
	a.PublishedAt = sqldb.Time(at)
	return one(a, err, errNoAgreement, "read agreement")
}

// InsertAcceptance adds a workspace's acceptance; added tells whether it is the
// first of that version.
func (s *Store) InsertAcceptance(ctx context.Context, a privacyd.Acceptance, auditID string) (added bool, err error) {
	n, err := s.db.Exec(ctx, `INSERT INTO agreement_acceptances (workspace_id, version, sha256, account_id, accepted_at, audit_entry_id)
		VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (workspace_id, version) DO NOTHING`,
		a.WorkspaceID, a.Version, a.SHA256, a.By, sqldb.Micros(a.At), auditID)
	if err == nil && n > 0 {
		_, err = s.db.Exec(ctx, `INSERT INTO agreement_signatures (workspace_id, version, account_id, name) VALUES ($1, $2, $3, $4)`,
			a.WorkspaceID, a.Version, a.By, a.Name)
	}
	if err != nil {
		return false, fmt.Errorf("insert acceptance: %w", err)
	}
	return n > 0, nil
}

// Acceptances lists those of a workspace, or of all where none is named, the
// newest first.
func (s *Store) Acceptances(ctx context.Context, workspaceID string) ([]privacyd.Acceptance, error) {
	list, err := collect(ctx, s, func(row scanner) (a privacyd.Acceptance, err error) {
		var at int64
		err = row.Scan(&a.WorkspaceID, &a.Workspace, &a.Version, &a.SHA256, &at, &a.By, &a.Name)
		a.At = sqldb.Time(at)
		return a, err
	}, `SELECT a.workspace_id, w.name, a.version, a.sha256, a.accepted_at, a.account_id, coalesce(s.name, '')
		FROM agreement_acceptances a JOIN workspaces w ON w.id = a.workspace_id
		LEFT JOIN agreement_signatures s ON s.workspace_id = a.workspace_id AND s.version = a.version AND s.account_id = a.account_id
		WHERE a.workspace_id = $1 OR $1 = '' ORDER BY a.accepted_at DESC, a.workspace_id, a.version DESC`, workspaceID)
	if err != nil {
		return nil, fmt.Errorf("list acceptances: %w", err)
	}
	return list, nil
}

// ToldOfAgreement lists the next workspaces, in the order of their ids, whose
// admins are to be told of a version of the agreement.
func (s *Store) ToldOfAgreement(ctx context.Context, version, limit int) ([]privacyd.Workspace, error) {
	list, err := collect(ctx, s, func(row scanner) (w privacyd.Workspace, err error) {
		err = row.Scan(&w.ID, &w.Slug, &w.Name)
		return w, err
	}, `SELECT w.id, w.slug, w.name FROM workspaces w
		WHERE w.id > (SELECT told_after FROM agreements WHERE version = $1)
		AND NOT EXISTS (SELECT 1 FROM workspace_settings x WHERE x.workspace_id = w.id AND x.state = 'deleted')
		ORDER BY w.id LIMIT $2`, version, limit)
	if err != nil {
		return nil, fmt.Errorf("list whom to tell of an agreement: %w", err)
	}
	return list, nil
}

// TellOfAgreement notes that the admins of workspaces up to one are told.
func (s *Store) TellOfAgreement(ctx context.Context, version int, upTo string) error {
	if _, err := s.db.Exec(ctx, `UPDATE agreements SET told_after = $2 WHERE version = $1`, version, upTo); err != nil {
		return fmt.Errorf("note who is told of an agreement: %w", err)
	}
	return nil
}
