package store

import (
	"context"
	"fmt"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
)

// RecordErasure writes that this database knows of a mark of the suppression
// ledger. Recording it again is fine; code ledger_damaged when the mark's number
// was another job's.
func (s *Store) RecordErasure(ctx context.Context, sequence int64, jobID string, at time.Time) error {
	return s.recordErasure(ctx, sequence, jobID, "", at)
}

// BeginReplay writes that the erasure of a mark is run again by a job: it is
// known once EndReplay says that this is done.
func (s *Store) BeginReplay(ctx context.Context, sequence int64, jobID, replayJobID string, at time.Time) error {
	return s.recordErasure(ctx, sequence, jobID, replayJobID, at)
}

func (s *Store) recordErasure(ctx context.Context, sequence int64, jobID, replayJobID string, at time.Time) error {
	n, err := s.db.Exec(ctx, `INSERT INTO erasures (sequence, job_id, at, replay_job_id) VALUES ($1, $2, $3, $4)
		ON CONFLICT (sequence) DO UPDATE SET replay_job_id = excluded.replay_job_id WHERE erasures.job_id = excluded.job_id`,
		sequence, jobID, sqldb.Micros(at), replayJobID)
	if err != nil {
		return fmt.Errorf("record an erasure: %w", err)
	}
	if n == 0 {
		return privacyd.Errorf(privacyd.ClassUnavailable, "ledger_damaged",
			"The suppression ledger gave the number %d a second time: it was emptied, or is another one. Put it back from its own copy.", sequence)
	}
	return nil
}

// EndReplay writes that a job has run erasures again.
func (s *Store) EndReplay(ctx context.Context, replayJobID string) error {
	if _, err := s.db.Exec(ctx, `UPDATE erasures SET replay_job_id = '' WHERE replay_job_id = $1`, replayJobID); err != nil {
		return fmt.Errorf("end a replay: %w", err)
	}
	return nil
}

// ReplayOf is the job that runs the erasure of a mark again and is not done;
// empty for none.
func (s *Store) ReplayOf(ctx context.Context, sequence int64) (jobID string, err error) {
	if err := s.db.QueryRow(ctx, `SELECT coalesce(max(replay_job_id), '') FROM erasures WHERE sequence = $1`, sequence).Scan(&jobID); err != nil {
		return "", fmt.Errorf("look for a replay: %w", err)
	}
	return jobID, nil
}

// ErasureSequence is the newest mark of the suppression ledger up to which this
// database knows all, and the newest that it was told of; 0 for none. A ledger
// that is ahead of the first says that the database was restored, one behind the
// second that it is not the ledger that it was.
func (s *Store) ErasureSequence(ctx context.Context) (known, told int64, err error) {
	err = s.db.QueryRow(ctx, `SELECT coalesce((SELECT min(sequence) - 1 FROM erasures WHERE replay_job_id <> ''), max(sequence), 0),
		coalesce(max(sequence), 0) FROM erasures`).Scan(&known, &told)
	if err != nil {
		return 0, 0, fmt.Errorf("read the erasure sequence: %w", err)
	}
	return known, told, nil
}

// KnowsErasure tells whether this database knows of a mark.
func (s *Store) KnowsErasure(ctx context.Context, sequence int64) (bool, error) {
	var n int64
	if err := s.db.QueryRow(ctx, `SELECT count(*) FROM erasures WHERE sequence = $1 AND replay_job_id = ''`, sequence).Scan(&n); err != nil {
		return false, fmt.Errorf("look for an erasure: %w", err)
	}
	return n > 0, nil
}

// ForgetErasures forgets all marks: those of a suppression ledger that is lost.
func (s *Store) ForgetErasures(ctx context.Context) error {
	if _, err := s.db.Exec(ctx, `DELETE FROM erasures`); err != nil {
		return fmt.Errorf("forget the marks of a suppression ledger: %w", err)
	}
	return nil
}
