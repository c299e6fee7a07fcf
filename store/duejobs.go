package store

import (
	"context"
	"fmt"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
)

// UnfinishedJobs lists a workspace's jobs that have not ended, oldest first; of
// all of them when that is empty.
func (s *Store) UnfinishedJobs(ctx context.Context, workspaceID string) ([]*privacyd.Job, error) {
	jobs, err := collect(ctx, s, scanJob, `SELECT `+jobColumns+` FROM jobs WHERE `+unfinished+` AND ($1 = '' OR workspace_id = $1) ORDER BY id`,
		workspaceID)
	if err != nil {
		return nil, fmt.Errorf("list unfinished jobs: %w", err)
	}
	return jobs, nil
}

// DueReminders lists the scheduled jobs of which those concerned are to be told
// by now.
func (s *Store) DueReminders(ctx context.Context, now time.Time) ([]*privacyd.Job, error) {
	jobs, err := collect(ctx, s, scanJob, `SELECT `+jobColumns+` FROM jobs WHERE remind_at IS NOT NULL AND remind_at <= $1 AND state = 'scheduled'
		ORDER BY remind_at`, sqldb.Micros(now))
	if err != nil {
		return nil, fmt.Errorf("list due reminders: %w", err)
	}
	return jobs, nil
}

// ExportsWith lists the jobs whose archives lie there and hold what an erasure
// takes: a workspace's exports of everything, and those of the persons given
// by reference, in whichever workspace.
func (s *Store) ExportsWith(ctx context.Context, workspaceID string, refs []string) ([]*privacyd.Job, error) {
	const stored = `EXISTS (SELECT 1 FROM export_files f WHERE f.job_id = jobs.id)`
	found, err := collect(ctx, s, scanJob, `SELECT `+jobColumns+` FROM jobs WHERE workspace_id = $1 AND type = $2 AND `+stored+` ORDER BY id`,
		workspaceID, privacyd.JobDataExport)
	if err != nil {
		return nil, fmt.Errorf("list exports of a workspace: %w", err)
	}
	for _, part := range parts(refs) {
		marks, args := list(part)
		jobs, err := collect(ctx, s, scanJob, `SELECT `+jobColumns+` FROM jobs WHERE subject_ref <> '' AND subject_ref IN (`+marks+`) AND `+stored+`
			ORDER BY id`, args...)
		if err != nil {
			return nil, fmt.Errorf("list exports of a person: %w", err)
		}
		found = append(found, jobs...)
	}
	return found, nil
}
