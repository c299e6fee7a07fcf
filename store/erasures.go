package store

import (
	"context"
	"fmt"
	"time"

	"github.com/privacyd/privacyd/store/sqldb"
)

// RecordErasure writes that this database knows of a mark of the suppression
// ledger. Recording it again is fine.
func (s *Store) RecordErasure(ctx context.Context, sequence int64, jobID string, at time.Time) error {
	_, err := s.db.Exec(ctx, `INSERT INTO erasures (sequence, job_id, at) VALUES ($1, $2, $3) ON CONFLICT (sequence) DO NOTHING`,
		sequence, jobID, sqldb.Micros(at))
	if err != nil {
		return fmt.Errorf("record an erasure: %w", err)
	}
	return nil
}

// ErasureSequence is the newest mark of the suppression ledger that this
// database knows; 0 when it knows none. A ledger that is ahead says that the
// database was restored.
func (s *Store) ErasureSequence(ctx context.Context) (n int64, err error) {
	if err := s.db.QueryRow(ctx, `SELECT coalesce(max(sequence), 0) FROM erasures`).Scan(&n); err != nil {
		return 0, fmt.Errorf("read the erasure sequence: %w", err)
	}
	return n, nil
}

// KnowsErasure tells whether this database knows of a mark.
func (s *Store) KnowsErasure(ctx context.Context, sequence int64) (bool, error) {
	var n int64
	if err := s.db.QueryRow(ctx, `SELECT count(*) FROM erasures WHERE sequence = $1`, sequence).Scan(&n); err != nil {
		return false, fmt.Errorf("look for an erasure: %w", err)
	}
	return n > 0, nil
}

// DeleteErasures forgets the marks that were recorded before the time given,
// but for the newest.
func (s *Store) DeleteErasures(ctx context.Context, before time.Time) error {
	_, err := s.db.Exec(ctx, `DELETE FROM erasures WHERE at < $1 AND sequence < (SELECT max(sequence) FROM erasures)`, sqldb.Micros(before))
	if err != nil {
		return fmt.Errorf("forget old erasures: %w", err)
	}
	return nil
}
