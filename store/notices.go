package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
)

const noticeColumns = "id, workspace_id, coalesce(job_id, ''), sealed, after_id, created_at"

func scanNotice(row scanner) (privacyd.Notice, error) {
	var n privacyd.Notice
	var created int64
	err := row.Scan(&n.ID, &n.WorkspaceID, &n.JobID, &n.Sealed, &n.After, &created)
	n.CreatedAt = sqldb.Time(created)
	return n, err
}

// InsertNotice keeps a mail to many that is on its way.
func (s *Store) InsertNotice(ctx context.Context, n privacyd.Notice) error {
	_, err := s.db.Exec(ctx, `INSERT INTO notices (id, workspace_id, job_id, sealed, after_id, created_at) VALUES ($1, $2, $3, $4, $5, $6)`,
		n.ID, n.WorkspaceID, orNull(n.JobID), n.Sealed, n.After, sqldb.Micros(n.CreatedAt))
	if err != nil {
		return fmt.Errorf("insert notice: %w", err)
	}
	return nil
}

// Notice finds a mail to many that is on its way. Code notice_not_found.
func (s *Store) Notice(ctx context.Context, id string) (privacyd.Notice, error) {
	n, err := scanNotice(s.db.QueryRow(ctx, `SELECT `+noticeColumns+` FROM notices WHERE id = $1`, id))
	return one(n, err, privacyd.Errorf(privacyd.ClassNotFound, "notice_not_found", "There is no such notice: everybody was told."), "read notice")
}

// AdvanceNotice keeps who was told last, and forgets who had been put aside up
// to there.
func (s *Store) AdvanceNotice(ctx context.Context, n privacyd.Notice, accountID string) error {
	if _, err := s.db.Exec(ctx, `UPDATE notices SET after_id = $1 WHERE id = $2`, accountID, n.ID); err != nil {
		return fmt.Errorf("keep who was told: %w", err)
	}
	if n.JobID == "" {
		return nil
	}
	if _, err := s.db.Exec(ctx, `DELETE FROM notice_readers WHERE job_id = $1 AND account_id <= $2`, n.JobID, accountID); err != nil {
		return fmt.Errorf("forget who was told: %w", err)
	}
	return nil
}

// DeleteNotice deletes a notice, and the readers that were put aside for it.
func (s *Store) DeleteNotice(ctx context.Context, n privacyd.Notice) error {
	if _, err := s.db.Exec(ctx, `DELETE FROM notices WHERE id = $1`, n.ID); err != nil {
		return fmt.Errorf("delete notice: %w", err)
	}
	if n.JobID == "" {
		return nil
	}
	return s.DeleteReaders(ctx, n.JobID)
}

// NoticeReaders lists, by account id, at most limit of those whom a notice is
// for and who were not told yet; of members only those with the role, unless
// that is empty.
func (s *Store) NoticeReaders(ctx context.Context, n privacyd.Notice, role privacyd.Role, limit int) ([]privacyd.Addressee, error) {
	query, args := `SELECT a.id, a.email FROM members r JOIN accounts a ON a.id = r.account_id
		WHERE r.workspace_id = $1 AND r.account_id > $2 AND ($3 = '' OR r.role = $3) ORDER BY r.account_id LIMIT $4`,
		[]any{n.WorkspaceID, n.After, string(role), limit}
	if n.JobID != "" {
		query, args = `SELECT a.id, a.email FROM notice_readers r JOIN accounts a ON a.id = r.account_id
			WHERE r.job_id = $1 AND r.account_id > $2 ORDER BY r.account_id LIMIT $3`, []any{n.JobID, n.After, limit}
	}
	list, err := collect(ctx, s, func(row scanner) (a privacyd.Addressee, err error) {
		err = row.Scan(&a.AccountID, &a.Email)
		return a, err
	}, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list the readers of a notice: %w", err)
	}
	return list, nil
}

// PutReadersAside keeps at most limit members of a workspace for the end of a
// job, those after an account's id, and gives the last one; empty when there
// are no more.
func (s *Store) PutReadersAside(ctx context.Context, jobID, workspaceID, after string, limit int) (last string, err error) {
	var to sql.NullString
	const some = `SELECT account_id FROM members WHERE workspace_id = $1 AND account_id > $2 ORDER BY account_id LIMIT $3`
	err = s.db.QueryRow(ctx, `SELECT max(account_id) FROM (`+some+`) AS listed`, workspaceID, after, limit).Scan(&to)
	if err == nil && to.Valid {
		_, err = s.db.Exec(ctx, `INSERT INTO notice_readers (job_id, account_id)
			SELECT $4, account_id FROM (`+some+`) AS listed WHERE true ON CONFLICT DO NOTHING`, workspaceID, after, limit, jobID)
	}
	if err != nil {
		return "", fmt.Errorf("put aside who is to be told: %w", err)
	}
	return to.String, nil
}

// DeleteReaders forgets who was to be told at the end of a job.
func (s *Store) DeleteReaders(ctx context.Context, jobID string) error {
	if _, err := s.db.Exec(ctx, `DELETE FROM notice_readers WHERE job_id = $1`, jobID); err != nil {
		return fmt.Errorf("forget who was to be told: %w", err)
	}
	return nil
}

// DeleteMailsOf deletes the mails to an owner of keys: nobody can read them any
// more.
func (s *Store) DeleteMailsOf(ctx context.Context, owner string) error {
	if _, err := s.db.Exec(ctx, `DELETE FROM mails WHERE owner = $1`, owner); err != nil {
		return fmt.Errorf("delete somebody's mails: %w", err)
	}
	return nil
}
