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

// unfinished is the condition of the index jobs_unfinished, to the letter.
const unfinished = `state IN ('pending_approval', 'scheduled', 'queued', 'running', 'blocked')`

var errNoJob = privacyd.Errorf(privacyd.ClassNotFound, "job_not_found", "There is no such job in this workspace.")

const jobColumns = `id, coalesce(workspace_id, ''), type, state, subject_kind, subject_id, subject_ref, subject_sealed, format, requested_by,
	done, total, unit, bytes, result, error_code, error_message, cancel_asked, cancelled_by,
	created_at, execute_after, started_at, ended_at, expires_at, runs,
	waiting_on, before_at, plan_hash, confirmed_by, confirmed_at, approved_by, remind_at`

func scanJob(row scanner) (*privacyd.Job, error) {
	var j privacyd.Job
	var subject privacyd.Subject
	var result string
	var created, cancel int64
	var after, started, ended, expires, before, confirmed, remind sql.NullInt64
	err := row.Scan(&j.ID, &j.WorkspaceID, &j.Type, &j.State, &subject.Kind, &subject.ID, &j.SubjectRef, &j.SubjectSealed, &j.Format, &j.RequestedBy,
		&j.Progress.Done, &j.Progress.Total, &j.Progress.Unit, &j.Progress.Bytes, &result, &j.ErrorCode, &j.ErrorMessage, &cancel, &j.CancelledBy,
		&created, &after, &started, &ended, &expires, &j.Runs,
		&j.WaitingOn, &before, &j.PlanHash, &j.ConfirmedBy, &confirmed, &j.ApprovedBy, &remind)
	if err != nil {
		return nil, err
	}
	if subject.Kind != "" {
		j.Subject = &subject
	}
	if len(j.SubjectSealed) == 0 {
		j.SubjectSealed = nil
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
	j.Before, j.ConfirmedAt, j.RemindAt = sqldb.NullTime(before), sqldb.NullTime(confirmed), sqldb.NullTime(remind)
	return &j, nil
}

// storedSubject is a job's subject as the table has it: with a reference the id
// is sealed and never in the clear.
func storedSubject(j *privacyd.Job) privacyd.Subject {
	switch {
	case j.Subject == nil:
		return privacyd.Subject{}
	case j.SubjectRef != "":
		return privacyd.Subject{Kind: j.Subject.Kind}
	default:
		return *j.Subject
	}
}

// orNull is an id that may be none.
func orNull(id string) sql.NullString { return sql.NullString{String: id, Valid: id != ""} }

// orNoBytes is a value that may be none: an empty slice is not NULL everywhere.
func orNoBytes(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return b
}

// InsertJob adds a job. Its subject is stored sealed where the job has a
// SubjectRef, and then it is read back without its id.
func (s *Store) InsertJob(ctx context.Context, j *privacyd.Job, auditID string) error {
	subject := storedSubject(j)
	_, err := s.db.Exec(ctx, `INSERT INTO jobs (id, workspace_id, type, state, subject_kind, subject_id, subject_ref, subject_sealed,
		format, requested_by, unit, created_at, execute_after, waiting_on, before_at, plan_hash, confirmed_by, confirmed_at, approved_by,
		remind_at, audit_entry_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)`,
		j.ID, orNull(j.WorkspaceID), j.Type, j.State, subject.Kind, subject.ID, j.SubjectRef, orNoBytes(j.SubjectSealed),
		j.Format, j.RequestedBy, j.Progress.Unit, sqldb.Micros(j.CreatedAt), sqldb.NullMicros(j.ExecuteAfter),
		j.WaitingOn, sqldb.NullMicros(j.Before), j.PlanHash, j.ConfirmedBy, sqldb.NullMicros(j.ConfirmedAt), j.ApprovedBy,
		sqldb.NullMicros(j.RemindAt), auditID)
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
		execute_after = $11, started_at = $12, ended_at = $13, expires_at = $14, runs = $15, audit_entry_id = $16,
		waiting_on = $17, plan_hash = $18, confirmed_by = $19, confirmed_at = $20, approved_by = $21, remind_at = $22 WHERE id = $23`,
		j.State, j.Progress.Done, j.Progress.Total, j.Progress.Unit, j.Progress.Bytes, string(result),
		j.ErrorCode, j.ErrorMessage, toInt(j.CancelAsked), j.CancelledBy,
		sqldb.NullMicros(j.ExecuteAfter), sqldb.NullMicros(j.StartedAt), sqldb.NullMicros(j.EndedAt), sqldb.NullMicros(j.ExpiresAt),
		j.Runs, auditID, j.WaitingOn, j.PlanHash, j.ConfirmedBy, sqldb.NullMicros(j.ConfirmedAt), j.ApprovedBy, sqldb.NullMicros(j.RemindAt), j.ID)
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
// job. Callers choose keys freely, so only their hash is kept. The scope is a
// workspace's id, or an account's for a job without a workspace.
func (s *Store) InsertJobKey(ctx context.Context, scope string, keyHash []byte, jobID string, at time.Time) error {
	_, err := s.db.Exec(ctx, `INSERT INTO job_keys (scope, hash, job_id, created_at) VALUES ($1, $2, $3, $4)`,
		scope, keyHash, jobID, sqldb.Micros(at))
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
func (s *Store) JobByKey(ctx context.Context, scope string, keyHash []byte) (*privacyd.Job, error) {
	j, err := scanJob(s.db.QueryRow(ctx, `SELECT `+jobColumns+` FROM jobs
		WHERE id = (SELECT job_id FROM job_keys WHERE scope = $1 AND hash = $2)`, scope, keyHash))
	return orNil(j, err, "read job by key")
}

// PendingJob finds a job of the workspace that asks for the same and has not
// ended; nil when there is none.
func (s *Store) PendingJob(ctx context.Context, like *privacyd.Job) (*privacyd.Job, error) {
	var subject privacyd.Subject // with its id: a job from before may have it in the clear
	if like.Subject != nil {
		subject = *like.Subject
	}
	j, err := scanJob(s.db.QueryRow(ctx, `SELECT `+jobColumns+` FROM jobs WHERE `+unfinished+`
		AND (workspace_id = $1 OR ($1 = '' AND workspace_id IS NULL)) AND type = $2
		AND subject_kind = $3 AND ((subject_ref = $4 AND subject_id = '') OR (subject_ref = '' AND subject_id = $5))
		AND format = $6 AND coalesce(before_at, 0) = $7 AND cancel_asked = 0 ORDER BY id LIMIT 1`,
		like.WorkspaceID, like.Type, subject.Kind, like.SubjectRef, subject.ID, like.Format, sqldb.NullMicros(like.Before).Int64))
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
