package store

import (
	"context"
	"fmt"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
)

// InsertExportFile records the finished archive of a job: from then on it can
// be downloaded.
func (s *Store) InsertExportFile(ctx context.Context, f privacyd.ExportFile, auditID string) error {
	_, err := s.db.Exec(ctx, `INSERT INTO export_files (job_id, workspace_id, blob_key, name, size, sha256, created_at, expires_at, audit_entry_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		f.JobID, orNull(f.WorkspaceID), f.BlobKey, f.Name, f.Size, f.SHA256, sqldb.Micros(f.CreatedAt), sqldb.Micros(f.ExpiresAt), auditID)
	if err != nil {
		return fmt.Errorf("insert export file: %w", err)
	}
	return nil
}

// ExportFile finds the archive of a job. Code export_not_found.
func (s *Store) ExportFile(ctx context.Context, jobID string) (privacyd.ExportFile, error) {
	var f privacyd.ExportFile
	var created, expires int64
	err := s.db.QueryRow(ctx, `SELECT job_id, coalesce(workspace_id, ''), blob_key, name, size, sha256, created_at, expires_at
		FROM export_files WHERE job_id = $1`, jobID).
		Scan(&f.JobID, &f.WorkspaceID, &f.BlobKey, &f.Name, &f.Size, &f.SHA256, &created, &expires)
	f.CreatedAt, f.ExpiresAt = sqldb.Time(created), sqldb.Time(expires)
	return one(f, err, privacyd.Errorf(privacyd.ClassNotFound, "export_not_found",
		"This export is not there: it is not finished, or its time is over. Ask for a new one."), "read export file")
}

// ExpiredExports lists the jobs whose archives are past their life.
func (s *Store) ExpiredExports(ctx context.Context, now time.Time) ([]string, error) {
	ids, err := collect(ctx, s, func(row scanner) (id string, err error) {
		err = row.Scan(&id)
		return id, err
	}, `SELECT job_id FROM export_files WHERE expires_at <= $1`, sqldb.Micros(now))
	if err != nil {
		return nil, fmt.Errorf("list expired exports: %w", err)
	}
	return ids, nil
}

// DeleteExportFile forgets the archive of a job; its blob is deleted first.
func (s *Store) DeleteExportFile(ctx context.Context, jobID string) error {
	if _, err := s.db.Exec(ctx, `DELETE FROM export_files WHERE job_id = $1`, jobID); err != nil {
		return fmt.Errorf("delete export file: %w", err)
	}
	return nil
}
