package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
)

var errNoJob = privacyd.Errorf(privacyd.ClassNotFound, "job_not_found", "There is no such job in this workspace.")

const jobColumns = `id, workspace_id, type, state, subject_kind, subject_id, format, requested_by, coalesce(idempotency_key, ''),
	done, total, unit, bytes, result, error_code, error_message, cancel_asked, cancelled_by,
	created_at, execute_after, started_at, ended_at, expires_at, runs`

func scanJob(row scanner) (*privacyd.Job, error) {
	var j privacyd.Job
	var subject privacyd.Subject
	var result string
	var created, cancel int64
	var after, started, ended, expires sql.NullInt64
	err := row.Scan(&j.ID, &j.WorkspaceID, &j.Type, &j.State, &subject.Kind, &subject.ID, &j.Format, &j.RequestedBy, &j.IdempotencyKey,
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

// InsertJob adds a job. Code job_exists when its idempotency key is taken.
func (s *Store) InsertJob(ctx context.Context, j *privacyd.Job, auditID string) error {
	var subject privacyd.Subject
	if j.Subject != nil {
		subject = *j.Subject
	}
	key := sql.NullString{String: j.IdempotencyKey, Valid: j.IdempotencyKey != ""}
	_, err := s.db.Exec(ctx, `INSERT INTO jobs (id, workspace_id, type, state, subject_kind, subject_id, format, requested_by,
		idempotency_key, unit, created_at, execute_after, audit_entry_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		j.ID, j.WorkspaceID, j.Type, j.State, subject.Kind, subject.ID, j.Format, j.RequestedBy,
		key, j.Progress.Unit, sqldb.Micros(j.CreatedAt), sqldb.NullMicros(j.ExecuteAfter), auditID)
	if sqldb.IsUnique(err) {
		return privacyd.Errorf(privacyd.ClassConflict, "job_exists", "This request was made already.")
	}
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

// Job finds a job by id; within a transaction its row stays locked until the
// end. Code job_not_found.
func (s *Store) Job(ctx context.Context, id string) (*privacyd.Job, error) {
	j, err := scanJob(s.db.QueryRow(ctx, `SELECT `+jobColumns+` FROM jobs WHERE id = $1`+s.db.Dialect.ForUpdate(), id))
	return one(j, err, errNoJob, "read job")
}

// JobByIdempotencyKey finds the job that a request with this key made; nil when
// there is none.
func (s *Store) JobByIdempotencyKey(ctx context.Context, workspaceID, key string) (*privacyd.Job, error) {
	j, err := scanJob(s.db.QueryRow(ctx, `SELECT `+jobColumns+` FROM jobs WHERE workspace_id = $1 AND idempotency_key = $2`, workspaceID, key))
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
		WHERE workspace_id = $1 AND ($2 = '' OR id < $2) ORDER BY id DESC LIMIT $3`, workspaceID, before, limit)
	if err != nil {
		return nil, fmt.Errorf("list jobs: %w", err)
	}
	return jobs, nil
}

// NextQueuedJob finds the workspace's oldest queued job of a type; nil when
// there is none.
func (s *Store) NextQueuedJob(ctx context.Context, workspaceID string, t privacyd.JobType) (*privacyd.Job, error) {
	j, err := scanJob(s.db.QueryRow(ctx, `SELECT `+jobColumns+` FROM jobs
		WHERE workspace_id = $1 AND type = $2 AND state = 'queued' ORDER BY id LIMIT 1`, workspaceID, t))
	return orNil(j, err, "read next queued job")
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
