package store

import (
	"context"
	"fmt"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
)

var errNoReceipt = privacyd.Errorf(privacyd.ClassNotFound, "receipt_not_found", "There is no such receipt.")

const receiptColumns = `r.id, r.issue, r.job_id, coalesce(r.workspace_id, ''), r.file, r.issued_at`

func scanReceipt(row scanner) (privacyd.StoredReceipt, error) {
	var r privacyd.StoredReceipt
	var at int64
	err := row.Scan(&r.ID, &r.Issue, &r.JobID, &r.WorkspaceID, &r.File, &at)
	r.IssuedAt = sqldb.Time(at)
	return r, err
}

// InsertReceipt keeps an issue of a receipt; earlier ones stay.
func (s *Store) InsertReceipt(ctx context.Context, r privacyd.StoredReceipt, auditID string) error {
	_, err := s.db.Exec(ctx, `INSERT INTO receipts (id, issue, job_id, workspace_id, file, issued_at, audit_entry_id) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		r.ID, r.Issue, r.JobID, orNull(r.WorkspaceID), r.File, sqldb.Micros(r.IssuedAt), auditID)
	if err != nil {
		return fmt.Errorf("insert receipt: %w", err)
	}
	return nil
}

// Receipt finds the newest issue of a receipt. Code receipt_not_found.
func (s *Store) Receipt(ctx context.Context, id string) (privacyd.StoredReceipt, error) {
	r, err := scanReceipt(s.db.QueryRow(ctx, `SELECT `+receiptColumns+` FROM receipts r WHERE r.id = $1 ORDER BY r.issue DESC LIMIT 1`, id))
	return one(r, err, errNoReceipt, "read receipt")
}

// ReceiptOfJob finds the newest issue of a job's receipt. Code
// receipt_not_found.
func (s *Store) ReceiptOfJob(ctx context.Context, jobID string) (privacyd.StoredReceipt, error) {
	r, err := scanReceipt(s.db.QueryRow(ctx, `SELECT `+receiptColumns+` FROM receipts r WHERE r.job_id = $1 ORDER BY r.issue DESC LIMIT 1`, jobID))
	return one(r, err, errNoReceipt, "read a job's receipt")
}

// ReceiptsOldest lists the newest issue of each of a workspace's receipts, the
// oldest first, newer than the one with id after.
func (s *Store) ReceiptsOldest(ctx context.Context, workspaceID, after string, limit int) ([]privacyd.StoredReceipt, error) {
	receipts, err := collect(ctx, s, scanReceipt, `SELECT `+receiptColumns+` FROM receipts r WHERE r.workspace_id = $1 AND r.id > $2
		AND r.issue = (SELECT max(issue) FROM receipts l WHERE l.id = r.id) ORDER BY r.id LIMIT $3`, workspaceID, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list receipts: %w", err)
	}
	return receipts, nil
}

// Receipts lists the newest issue of each of a workspace's receipts, newest
// first, older than the one with id before when that is not empty. The empty
// workspace's are those of accounts.
func (s *Store) Receipts(ctx context.Context, workspaceID, before string, limit int) ([]privacyd.StoredReceipt, error) {
	receipts, err := collect(ctx, s, scanReceipt, `SELECT `+receiptColumns+` FROM receipts r
		WHERE (r.workspace_id = $1 OR ($1 = '' AND r.workspace_id IS NULL)) AND r.id < $2
		AND r.issue = (SELECT max(issue) FROM receipts l WHERE l.id = r.id) ORDER BY r.id DESC LIMIT $3`, workspaceID, orLast(before), limit)
	if err != nil {
		return nil, fmt.Errorf("list receipts: %w", err)
	}
	return receipts, nil
}
