package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
)

// purgesAtOnce is how many files one statement writes.
const purgesAtOnce = 60

// QueuePurges writes files that are about to lose their rows, before the rows
// go: nothing happens to them until ArmPurges. A file that the job had queued
// before waits anew, unless it is deleted: it may have been left because of the
// rows that go now.
func (s *Store) QueuePurges(ctx context.Context, purges []privacyd.Purge) error {
	for part := range slices.Chunk(distinctPurges(purges), purgesAtOnce) {
		var values strings.Builder
		var args []any
		for i, p := range part {
			if i > 0 {
				values.WriteString(", ")
			}
			n := len(args)
			fmt.Fprintf(&values, "($%d, $%d, $%d, $%d, $%d, 'pending', $%d, $%d)", n+1, n+2, n+3, n+4, n+5, n+6, n+7)
			args = append(args, p.JobID, p.Ref, p.Dataset, p.Bucket, p.Sealed, sqldb.Micros(p.Due), sqldb.Micros(p.Deadline))
		}
		_, err := s.db.Exec(ctx, `INSERT INTO purges (job_id, ref, dataset, bucket, sealed, state, due_at, deadline) VALUES `+values.String()+`
			ON CONFLICT (job_id, ref) DO UPDATE SET state = 'pending', sealed = excluded.sealed, finished_at = NULL
			WHERE purges.state <> 'deleted'`, args...)
		if err != nil {
			return fmt.Errorf("queue files for deletion: %w", err)
		}
	}
	return nil
}

// distinctPurges drops files that come twice: one statement may not write a row
// twice.
func distinctPurges(purges []privacyd.Purge) []privacyd.Purge {
	seen := make(map[[2]string]bool, len(purges))
	return slices.DeleteFunc(slices.Clone(purges), func(p privacyd.Purge) bool {
		at := [2]string{p.JobID, p.Ref}
		known := seen[at]
		seen[at] = true
		return known
	})
}

// ArmPurges lets a job's queued files go at now: their rows are gone.
func (s *Store) ArmPurges(ctx context.Context, jobID string, now time.Time) error {
	_, err := s.db.Exec(ctx, `UPDATE purges SET state = 'armed', due_at = $1 WHERE job_id = $2 AND state = 'pending'`, sqldb.Micros(now), jobID)
	if err != nil {
		return fmt.Errorf("let files go: %w", err)
	}
	return nil
}

// ClaimPurges gives at most limit files that may go at now, the most urgent
// first, and counts an attempt. Nobody else gets them before again, so that
// nodes share the work; one that dies leaves its files to the next.
func (s *Store) ClaimPurges(ctx context.Context, now, again time.Time, limit int) (claimed []privacyd.Purge, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		// The lock on the rows keeps two nodes from claiming the same ones.
		claimed, err = collect(ctx, s, scanPurge, `SELECT job_id, ref, dataset, bucket, sealed, due_at, deadline, attempts FROM purges
			WHERE state = 'armed' AND due_at <= $1 ORDER BY due_at LIMIT $2`+s.db.Dialect.ForUpdateSkipLocked(), sqldb.Micros(now), limit)
		if err != nil {
			return err
		}
		for i := range claimed {
			p := &claimed[i]
			p.Attempts++
			_, err := s.db.Exec(ctx, `UPDATE purges SET attempts = attempts + 1, due_at = $1 WHERE job_id = $2 AND ref = $3`,
				sqldb.Micros(again), p.JobID, p.Ref)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("claim files to delete: %w", err)
	}
	return claimed, nil
}

func scanPurge(row scanner) (p privacyd.Purge, err error) {
	var due, deadline int64
	err = row.Scan(&p.JobID, &p.Ref, &p.Dataset, &p.Bucket, &p.Sealed, &due, &deadline, &p.Attempts)
	p.Due, p.Deadline = sqldb.Time(due), sqldb.Time(deadline)
	return p, err
}

// FinishPurge writes that a file was deleted, or left because it is shared, and
// forgets its key. A file that the job queued anew in the meantime is left
// waiting.
func (s *Store) FinishPurge(ctx context.Context, p privacyd.Purge, state privacyd.PurgeState, now time.Time) error {
	_, err := s.db.Exec(ctx, `UPDATE purges SET state = $1, sealed = NULL, error_code = '', finished_at = $2
		WHERE job_id = $3 AND ref = $4 AND state = 'armed'`, state, sqldb.Micros(now), p.JobID, p.Ref)
	if err != nil {
		return fmt.Errorf("finish a file: %w", err)
	}
	return nil
}

// FailPurge writes why a file could not be deleted and when to try again.
func (s *Store) FailPurge(ctx context.Context, p privacyd.Purge, code string, again time.Time) error {
	_, err := s.db.Exec(ctx, `UPDATE purges SET error_code = $1, due_at = $2 WHERE job_id = $3 AND ref = $4 AND state = 'armed'`,
		code, sqldb.Micros(again), p.JobID, p.Ref)
	if err != nil {
		return fmt.Errorf("put off a file: %w", err)
	}
	return nil
}

// NextPurge is when the next file is due; nil when none is armed.
func (s *Store) NextPurge(ctx context.Context) (*time.Time, error) {
	var due sql.NullInt64
	if err := s.db.QueryRow(ctx, `SELECT min(due_at) FROM purges WHERE state = 'armed'`).Scan(&due); err != nil {
		return nil, fmt.Errorf("look for the next file to delete: %w", err)
	}
	return sqldb.NullTime(due), nil
}

// CountPurges tells where the files of a job stand.
func (s *Store) CountPurges(ctx context.Context, jobID string) (privacyd.PurgeCounts, error) {
	var c privacyd.PurgeCounts
	var last, deadline sql.NullInt64
	err := s.db.QueryRow(ctx, `SELECT count(*), count(CASE WHEN state = 'deleted' THEN 1 END), count(CASE WHEN state = 'shared' THEN 1 END),
		max(finished_at), max(deadline) FROM purges WHERE job_id = $1`, jobID).Scan(&c.Queued, &c.Deleted, &c.Shared, &last, &deadline)
	if err != nil {
		return c, fmt.Errorf("count a job's files: %w", err)
	}
	if last.Valid {
		c.LastAt = sqldb.Time(last.Int64)
	}
	if deadline.Valid {
		c.Deadline = sqldb.Time(deadline.Int64)
	}
	return c, nil
}

// OverduePurges counts, over all jobs, the files that should be gone by now and
// are not.
func (s *Store) OverduePurges(ctx context.Context, now time.Time) (n int64, err error) {
	err = s.db.QueryRow(ctx, `SELECT count(*) FROM purges WHERE state IN ('pending', 'armed') AND deadline < $1`, sqldb.Micros(now)).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count overdue files: %w", err)
	}
	return n, nil
}

// DeletePurges forgets the files of jobs of which each was done with before
// the time given.
func (s *Store) DeletePurges(ctx context.Context, before time.Time) error {
	_, err := s.db.Exec(ctx, `DELETE FROM purges WHERE finished_at < $1 AND NOT EXISTS (SELECT 1 FROM purges other
		WHERE other.job_id = purges.job_id AND (other.finished_at IS NULL OR other.finished_at >= $1))`, sqldb.Micros(before))
	if err != nil {
		return fmt.Errorf("forget files that are gone: %w", err)
	}
	return nil
}
