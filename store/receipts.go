package store

import (
	"context"
	"fmt"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
)

var errNoReceipt = privacyd.Errorf(privacyd.ClassNotFound, "receipt_not_found", "There is no such receipt.")

const receiptColumns = `r.id, r.issue, r.job_id, coalesce(r.workspace_id, ''), r.operation, r.deleted, r.file, r.issued_at`

func scanReceipt(row scanner) (privacyd.StoredReceipt, error) {
	var r privacyd.StoredReceipt
	var at int64
	err := row.Scan(&r.ID, &r.Issue, &r.JobID, &r.WorkspaceID, &r.Operation, &r.Deleted, &r.File, &at)
	r.IssuedAt = sqldb.Time(at)
	return r, err
}

// InsertReceipt keeps an issue of a receipt; earlier ones stay.
func (s *Store) InsertReceipt(ctx context.Context, r privacyd.StoredReceipt, auditID string) error {
	_, err := s.db.Exec(ctx, `INSERT INTO receipts (id, issue, job_id, workspace_id, operation, deleted, file, issued_at, audit_entry_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		r.ID, r.Issue, r.JobID, orNull(r.WorkspaceID), r.Operation, r.Deleted, r.File, sqldb.Micros(r.IssuedAt), auditID)
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

// ReceiptsPage reads a page of the newest issue of each of a workspace's
// receipts, the newest first if not sorted otherwise. Code cursor_invalid.
func (s *Store) ReceiptsPage(ctx context.Context, workspaceID string, q privacyd.PageQuery) (privacyd.Page[privacyd.StoredReceipt], error) {
	return pageOf(ctx, s, s.receiptList(), scanReceipt, func(r privacyd.StoredReceipt) string { return r.ID }, workspaceID, q)
}

func (s *Store) receiptList() listing {
	const newest = ` r.issue = (SELECT max(issue) FROM receipts l WHERE l.id = r.id)`
	const rows = `SELECT ` + receiptColumns + ` FROM receipts r WHERE r.workspace_id = $1 AND` + newest
	return listing{table: "receipts r", id: "r.id", rows: rows, first: "-ended", orders: map[string]string{
		"ended": "r.id", "kind": s.bytewise("r.operation"), "deleted": "r.deleted",
	}}
}
