package store

import (
	"context"
	"fmt"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
)

// InsertApproval keeps a decision on a job's plan. Of a plan that is confirmed
// and decided on again it is the newest.
func (s *Store) InsertApproval(ctx context.Context, a privacyd.Approval, auditID string) error {
	_, err := s.db.Exec(ctx, `INSERT INTO approvals (job_id, plan_hash, decided_by, approved, at, audit_entry_id)
		VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (job_id, plan_hash) DO UPDATE SET
		decided_by = excluded.decided_by, approved = excluded.approved, at = excluded.at, audit_entry_id = excluded.audit_entry_id`,
		a.JobID, a.PlanHash, a.DecidedBy, toInt(a.Approved), sqldb.Micros(a.At), auditID)
	if err != nil {
		return fmt.Errorf("insert approval: %w", err)
	}
	return nil
}

// Approvals lists the decisions on a job's plans, oldest first.
func (s *Store) Approvals(ctx context.Context, jobID string) ([]privacyd.Approval, error) {
	approvals, err := collect(ctx, s, func(row scanner) (a privacyd.Approval, err error) {
		var approved, at int64
		err = row.Scan(&a.JobID, &a.PlanHash, &a.DecidedBy, &approved, &at)
		a.Approved, a.At = approved != 0, sqldb.Time(at)
		return a, err
	}, `SELECT job_id, plan_hash, decided_by, approved, at FROM approvals WHERE job_id = $1 ORDER BY at, plan_hash`, jobID)
	if err != nil {
		return nil, fmt.Errorf("list approvals: %w", err)
	}
	return approvals, nil
}
