package store

import (
	"context"
	"fmt"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
)

// Troubles counts what has not gone as it should; of jobs that failed, those
// that ended since a time.
func (s *Store) Troubles(ctx context.Context, now, since time.Time) (t privacyd.Troubles, err error) {
	for _, q := range []struct {
		into  *int64
		query string
		args  []any
	}{
		{&t.OverdueFiles, `SELECT count(*) FROM purges WHERE state = 'armed' AND deadline < $1`, []any{sqldb.Micros(now)}},
		{&t.FailedJobs, `SELECT count(*) FROM jobs WHERE state = 'failed' AND ended_at >= $1`, []any{sqldb.Micros(since)}},
		{&t.BlockedJobs, `SELECT count(*) FROM jobs WHERE state = 'blocked'`, nil},
		{&t.DeadWork, `SELECT count(*) FROM work_items WHERE state = 'dead'`, nil},
	} {
		if err := s.db.QueryRow(ctx, q.query, q.args...).Scan(q.into); err != nil {
			return t, fmt.Errorf("count what has gone wrong: %w", err)
		}
	}
	return t, nil
}

// WaitingDeletions lists deletions in their grace period, those first that
// begin first.
func (s *Store) WaitingDeletions(ctx context.Context, limit int) ([]*privacyd.Job, error) {
	jobs, err := collect(ctx, s, scanJob, `SELECT `+jobColumns+` FROM jobs WHERE state = 'scheduled' ORDER BY execute_after, id LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("list deletions that wait: %w", err)
	}
	return jobs, nil
}
