package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/store/sqldb"
)

// ErasureRun gives what an erasure must still know after its process died,
// sealed; nil when there is nothing.
func (s *Store) ErasureRun(ctx context.Context, jobID string) (sealed []byte, err error) {
	err = s.db.QueryRow(ctx, `SELECT sealed FROM erasure_runs WHERE job_id = $1`, jobID).Scan(&sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the state of an erasure: %w", err)
	}
	return sealed, nil
}

// PutErasureRun keeps what an erasure must still know.
func (s *Store) PutErasureRun(ctx context.Context, jobID string, sealed []byte) error {
	_, err := s.db.Exec(ctx, `INSERT INTO erasure_runs (job_id, sealed) VALUES ($1, $2)
		ON CONFLICT (job_id) DO UPDATE SET sealed = EXCLUDED.sealed`, jobID, sealed)
	if err != nil {
		return fmt.Errorf("keep the state of an erasure: %w", err)
	}
	return nil
}

// DeleteErasureRun forgets it.
func (s *Store) DeleteErasureRun(ctx context.Context, jobID string) error {
	if _, err := s.db.Exec(ctx, `DELETE FROM erasure_runs WHERE job_id = $1`, jobID); err != nil {
		return fmt.Errorf("forget the state of an erasure: %w", err)
	}
	return nil
}

// DeleteFailedRuns forgets it of jobs that failed before the time given.
func (s *Store) DeleteFailedRuns(ctx context.Context, before time.Time) error {
	_, err := s.db.Exec(ctx, `DELETE FROM erasure_runs WHERE job_id IN (SELECT id FROM jobs WHERE state = 'failed' AND ended_at < $1)`, sqldb.Micros(before))
	if err != nil {
		return fmt.Errorf("forget the state of failed erasures: %w", err)
	}
	return nil
}

// LogDisclosures gives the disclosures of at most limit entries of one log,
// whoever they are of, behind the entry given, and where the entries are.
func (s *Store) LogDisclosures(ctx context.Context, log, after string, limit int) ([]auditlog.Disclosed, error) {
	found, err := collect(ctx, s, scanDisclosed, `SELECT d.no, e.id, d.owner, coalesce(p.tree, 0), coalesce(p.idx, 0)
		FROM (SELECT e.id, e.seq FROM audit_entries e WHERE e.log = $1 AND e.id > $2
			AND EXISTS (SELECT 1 FROM audit_disclosures x WHERE x.no >= e.seq * 100 AND x.no < e.seq * 100 + 100) ORDER BY e.id LIMIT $3) e
		`+s.leftJoinDisclosures()+` LEFT JOIN audit_positions p ON p.entry = e.seq WHERE d.no IS NOT NULL ORDER BY d.no`,
		log, after, limit)
	if err != nil {
		return nil, fmt.Errorf("find what a log discloses: %w", err)
	}
	return s.located(ctx, found)
}

// DisclosedOwners gives at most limit owners of audit disclosures whose keys
// hang on a workspace's, given by reference, or are that one.
func (s *Store) DisclosedOwners(ctx context.Context, workspaceRef string, limit int) ([]string, error) {
	owners, err := collect(ctx, s, scanText, `SELECT DISTINCT owner FROM (`+s.beneath()+`) d LIMIT $2`, workspaceRef, limit)
	if err != nil {
		return nil, fmt.Errorf("find whom an audit log disclosed: %w", err)
	}
	return owners, nil
}

// OpenErasuresOf gives at most limit owners whose keys hang on a workspace's,
// given by reference, and whose erasure from the audit log was begun and is not
// done.
func (s *Store) OpenErasuresOf(ctx context.Context, workspaceRef string, limit int) ([]string, error) {
	owners, err := collect(ctx, s, scanText, `SELECT owner FROM audit_erasures
		WHERE done_at IS NULL AND owner > $1 || '/' AND owner < $1 || '0' LIMIT $2`, workspaceRef, limit)
	if err != nil {
		return nil, fmt.Errorf("find whose erasure from an audit log is not done: %w", err)
	}
	return owners, nil
}
