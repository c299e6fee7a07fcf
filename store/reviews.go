package store

import (
	"context"
	"fmt"

	"github.com/privacyd/privacyd"
)

// InsertReviewItems adds to a job's review list; what is there under the same
// number stays.
func (s *Store) InsertReviewItems(ctx context.Context, jobID string, items []privacyd.ReviewItem) error {
	for _, i := range items {
		_, err := s.db.Exec(ctx, `INSERT INTO review_items (job_id, n, sealed) VALUES ($1, $2, $3) ON CONFLICT (job_id, n) DO NOTHING`, jobID, i.N, i.Sealed)
		if err != nil {
			return fmt.Errorf("add to a review list: %w", err)
		}
	}
	return nil
}

// ReviewItems lists a job's review list: at most limit, after the n-th.
func (s *Store) ReviewItems(ctx context.Context, jobID string, after int64, limit int) ([]privacyd.ReviewItem, error) {
	items, err := collect(ctx, s, func(row scanner) (i privacyd.ReviewItem, err error) {
		i.JobID = jobID
		err = row.Scan(&i.N, &i.Sealed)
		return i, err
	}, `SELECT n, sealed FROM review_items WHERE job_id = $1 AND n > $2 ORDER BY n LIMIT $3`, jobID, after, limit)
	if err != nil {
		return nil, fmt.Errorf("read a review list: %w", err)
	}
	return items, nil
}

// WorkspaceReviewItems lists what is on all review lists of a workspace: at most
// limit, behind the one given.
func (s *Store) WorkspaceReviewItems(ctx context.Context, workspaceID string, after privacyd.ReviewItem, limit int) ([]privacyd.ReviewItem, error) {
	items, err := collect(ctx, s, func(row scanner) (i privacyd.ReviewItem, err error) {
		err = row.Scan(&i.JobID, &i.N, &i.Sealed)
		return i, err
	}, `SELECT r.job_id, r.n, r.sealed FROM review_items r JOIN jobs j ON j.id = r.job_id
		WHERE j.workspace_id = $1 AND (r.job_id > $2 OR (r.job_id = $2 AND r.n > $3)) ORDER BY r.job_id, r.n LIMIT $4`,
		workspaceID, after.JobID, after.N, limit)
	if err != nil {
		return nil, fmt.Errorf("read the review lists of a workspace: %w", err)
	}
	return items, nil
}

// DeleteReviewItem takes the n-th row off a job's review list once somebody has
// looked at it; n 0 clears the list.
func (s *Store) DeleteReviewItem(ctx context.Context, jobID string, n int64) error {
	if _, err := s.db.Exec(ctx, `DELETE FROM review_items WHERE job_id = $1 AND ($2 = 0 OR n = $2)`, jobID, n); err != nil {
		return fmt.Errorf("take off a review list: %w", err)
	}
	return nil
}
