package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
)

var errNoJob = privacyd.Errorf(privacyd.ClassNotFound, "job_not_found", "There is no such job in this workspace.")

const jobColumns = `id, workspace_id, type, state, subject_kind, subject_id, format, requested_by,
	done, total, unit, bytes, result, error_code, error_message, cancel_asked, cancelled_by,
	created_at, execute_after, started_at, ended_at, expires_at, runs`

func scanJob(row scanner) (*privacyd.Job, error) {
	var j privacyd.Job
	var subject privacyd.Subject
	var result string
	var created, cancel int64
	var after, started, ended, expires sql.NullInt64
	err := row.Scan(&j.ID, &j.WorkspaceID, &j.Type, &j.State, &subject.Kind, &subject.ID, &j.Format, &j.RequestedBy,
		&j.Progress.Done, &j.Progress.Total, &j.Progress.Unit, &j.Progress.Bytes, &result, &j.ErrorCode, &j.ErrorMessage, &cancel, &j.CancelledBy,
		&created, &after, &started, &ended, &expires, &j.Runs)
	if err != nil {
		return nil, err
	}
	if subject.Kind != "" {
		j.Subject = &subject
	}
	if result != "" {
		j.Result = new(privacyd.JobResult)
		if err := json.Unmarshal([]byte(result), j.Result); err != nil {
			return nil, fmt.Errorf("decode result: %w", err)
		}
	}
	j.CancelAsked, j.CreatedAt = cancel != 0, sqldb.Time(created)
	j.ExecuteAfter, j.StartedAt = sqldb.NullTime(after), sqldb.NullTime(started)
	j.EndedAt, j.ExpiresAt = sqldb.NullTime(ended), sqldb.NullTime(expires)
	return &j, nil
}

// InsertJob adds a job.
func (s *Store) InsertJob(ctx context.Context, j *privacyd.Job, auditID string) error {
	var subject privacyd.Subject
	if j.Subject != nil {
		subject = *j.Subject
	}
	_, err := s.db.Exec(ctx, `INSERT INTO jobs (id, workspace_id, type, state, subject_kind, subject_id, format, requested_by,
		unit, created_at, execute_after, audit_entry_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		j.ID, j.WorkspaceID, j.Type, j.State, subject.Kind, subject.ID, j.Format, j.RequestedBy,
		j.Progress.Unit, sqldb.Micros(j.CreatedAt), sqldb.NullMicros(j.ExecuteAfter), auditID)
	if err != nil {
		return fmt.Errorf("insert job: %w", err)
	}
	return nil
}

// UpdateJob writes what may change of a job together with the audit entry that
// records the change.
func (s *Store) UpdateJob(ctx context.Context, j *privacyd.Job, auditID string) error {
	var result []byte
	if j.Result != nil {
		var err error
		if result, err = json.Marshal(j.Result); err != nil {
			return fmt.Errorf("encode result: %w", err)
		}
	}
	_, err := s.db.Exec(ctx, `UPDATE jobs SET state = $1, done = $2, total = $3, unit = $4, bytes = $5, result = $6,
		error_code = $7, error_message = $8, cancel_asked = $9, cancelled_by = $10,
		execute_after = $11, started_at = $12, ended_at = $13, expires_at = $14, runs = $15, audit_entry_id = $16 WHERE id = $17`,
		j.State, j.Progress.Done, j.Progress.Total, j.Progress.Unit, j.Progress.Bytes, string(result),
		j.ErrorCode, j.ErrorMessage, toInt(j.CancelAsked), j.CancelledBy,
		sqldb.NullMicros(j.ExecuteAfter), sqldb.NullMicros(j.StartedAt), sqldb.NullMicros(j.EndedAt), sqldb.NullMicros(j.ExpiresAt),
		j.Runs, auditID, j.ID)
	if err != nil {
		return fmt.Errorf("update job: %w", err)
	}
	return nil
}

// UpdateJobProgress writes how far a running job is.
func (s *Store) UpdateJobProgress(ctx context.Context, id string, p privacyd.Progress) error {
	_, err := s.db.Exec(ctx, `UPDATE jobs SET done = $1, total = $2, bytes = $3 WHERE id = $4 AND state = 'running'`,
		p.Done, p.Total, p.Bytes, id)
	if err != nil {
		return fmt.Errorf("update progress: %w", err)
	}
	return nil
}

// Job finds a job by id. Code job_not_found.
func (s *Store) Job(ctx context.Context, id string) (*privacyd.Job, error) {
	j, err := scanJob(s.db.QueryRow(ctx, `SELECT `+jobColumns+` FROM jobs WHERE id = $1`, id))
	return one(j, err, errNoJob, "read job")
}

// LockJob is Job, and keeps others from changing it until the transaction
// ends. Who locks the workspace too does that first.
func (s *Store) LockJob(ctx context.Context, id string) (*privacyd.Job, error) {
	j, err := scanJob(s.db.QueryRow(ctx, `SELECT `+jobColumns+` FROM jobs WHERE id = $1`+s.db.Dialect.ForUpdate(), id))
	return one(j, err, errNoJob, "lock job")
}

// InsertJobKey remembers that a request with this idempotency key got this
// job. Callers choose keys freely, so only their hash is kept.
func (s *Store) InsertJobKey(ctx context.Context, workspaceID string, keyHash []byte, jobID string, at time.Time) error {
	_, err := s.db.Exec(ctx, `INSERT INTO job_keys (workspace_id, hash, job_id, created_at) VALUES ($1, $2, $3, $4)`,
		workspaceID, keyHash, jobID, sqldb.Micros(at))
	if err != nil {
		return fmt.Errorf("insert idempotency key: %w", err)
	}
	return nil
}

// DeleteJobKeys forgets idempotency keys that are older.
func (s *Store) DeleteJobKeys(ctx context.Context, before time.Time) error {
	if _, err := s.db.Exec(ctx, `DELETE FROM job_keys WHERE created_at < $1`, sqldb.Micros(before)); err != nil {
		return fmt.Errorf("delete idempotency keys: %w", err)
	}
	return nil
}

// JobByKey finds the job that a request with this key got; nil when there is
// none.
func (s *Store) JobByKey(ctx context.Context, workspaceID string, keyHash []byte) (*privacyd.Job, error) {
	j, err := scanJob(s.db.QueryRow(ctx, `SELECT `+jobColumns+` FROM jobs
		WHERE id = (SELECT job_id FROM job_keys WHERE workspace_id = $1 AND hash = $2)`, workspaceID, keyHash))
	return orNil(j, err, "read job by key")
}

// PendingJob finds a job of the workspace that asks for the same and has not
// ended; nil when there is none.
func (s *Store) PendingJob(ctx context.Context, like *privacyd.Job) (*privacyd.Job, error) {
	var subject privacyd.Subject
	if like.Subject != nil {
		subject = *like.Subject
	}
	j, err := scanJob(s.db.QueryRow(ctx, `SELECT `+jobColumns+` FROM jobs WHERE workspace_id = $1 AND type = $2
		AND subject_kind = $3 AND subject_id = $4 AND format = $5 AND cancel_asked = 0
		AND state IN ('pending_approval', 'scheduled', 'queued', 'running', 'blocked') ORDER BY id LIMIT 1`,
		like.WorkspaceID, like.Type, subject.Kind, subject.ID, like.Format))
	return orNil(j, err, "read pending job")
}

// RunningJobs counts the workspace's jobs of a type that run, without one.
func (s *Store) RunningJobs(ctx context.Context, workspaceID string, t privacyd.JobType, without string) (n int, err error) {
	err = s.db.QueryRow(ctx, `SELECT count(*) FROM jobs WHERE workspace_id = $1 AND type = $2 AND state = 'running' AND id <> $3`,
		workspaceID, t, without).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count running jobs: %w", err)
	}
	return n, nil
}

// Jobs lists a workspace's jobs, newest first, older than the job with id
// before when that is not empty.
func (s *Store) Jobs(ctx context.Context, workspaceID, before string, limit int) ([]*privacyd.Job, error) {
	jobs, err := collect(ctx, s, scanJob, `SELECT `+jobColumns+` FROM jobs
		WHERE workspace_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3`, workspaceID, orLast(before), limit)
	if err != nil {
		return nil, fmt.Errorf("list jobs: %w", err)
	}
	return jobs, nil
}

func orNil(j *privacyd.Job, err error, doing string) (*privacyd.Job, error) {
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	return j, nil
}
