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

const stored = `EXISTS (SELECT 1 FROM export_files f WHERE f.job_id = jobs.id)`

// ExportsWith lists the jobs whose archives lie there and hold what an erasure
// takes: the workspaces' exports of everything, and those of the persons given
// by reference, in whichever workspace.
func (s *Store) ExportsWith(ctx context.Context, workspaces, refs []string) ([]*privacyd.Job, error) {
	var found []*privacyd.Job
	for _, part := range parts(workspaces) {
		marks, args := list(part, privacyd.JobDataExport)
		jobs, err := collect(ctx, s, scanJob, `SELECT `+jobColumns+` FROM jobs WHERE type = $1 AND workspace_id IN (`+marks+`) AND `+stored+`
			ORDER BY id`, args...)
		if err != nil {
			return nil, fmt.Errorf("list exports of a workspace: %w", err)
		}
		found = append(found, jobs...)
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

// ExportedWorkspaces lists the workspaces of which an export of everything lies
// there or is on its way.
func (s *Store) ExportedWorkspaces(ctx context.Context) ([]string, error) {
	found, err := collect(ctx, s, scanText, `SELECT DISTINCT workspace_id FROM jobs
		WHERE type = $1 AND workspace_id IS NOT NULL AND (`+stored+` OR `+unfinished+`) ORDER BY workspace_id`, privacyd.JobDataExport)
	if err != nil {
		return nil, fmt.Errorf("list workspaces with exports: %w", err)
	}
	return found, nil
}

// WorkspacesWith lists the workspaces that an account is a member of, or stands
// under a record of.
func (s *Store) WorkspacesWith(ctx context.Context, accountID string) ([]string, error) {
	found, err := collect(ctx, s, scanText, `SELECT workspace_id FROM members WHERE account_id = $1
		UNION SELECT workspace_id FROM record_authors WHERE account_id = $1 ORDER BY workspace_id`, accountID)
	if err != nil {
		return nil, fmt.Errorf("list the workspaces of an account: %w", err)
	}
	return found, nil
}
