package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/privacyd/privacyd"
)

// Settings reads a workspace's settings; the defaults where none were chosen.
func (s *Store) Settings(ctx context.Context, workspaceID string) (privacyd.Settings, error) {
	settings := privacyd.DefaultSettings()
	var text string
	err := s.db.QueryRow(ctx, `SELECT settings FROM workspace_settings WHERE workspace_id = $1`, workspaceID).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) || err == nil && text == "" {
		return settings, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &settings)
	}
	if err != nil {
		return settings, fmt.Errorf("read a workspace's settings: %w", err)
	}
	return settings, nil
}

// PutSettings changes a workspace's settings.
func (s *Store) PutSettings(ctx context.Context, workspaceID string, settings privacyd.Settings, auditID string) error {
	text, err := json.Marshal(settings)
	if err == nil {
		_, err = s.db.Exec(ctx, `INSERT INTO workspace_settings (workspace_id, settings, audit_entry_id) VALUES ($1, $2, $3)
			ON CONFLICT (workspace_id) DO UPDATE SET settings = excluded.settings, audit_entry_id = excluded.audit_entry_id`,
			workspaceID, string(text), auditID)
	}
	if err != nil {
		return fmt.Errorf("change a workspace's settings: %w", err)
	}
	return nil
}

// WorkspaceState tells what may happen in a workspace, and which job deletes or
// deleted it; the job is empty in an active one.
func (s *Store) WorkspaceState(ctx context.Context, workspaceID string) (state privacyd.WorkspaceState, jobID string, err error) {
	err = s.db.QueryRow(ctx, `SELECT state, coalesce(job_id, '') FROM workspace_settings WHERE workspace_id = $1`, workspaceID).Scan(&state, &jobID)
	if errors.Is(err, sql.ErrNoRows) {
		return privacyd.WorkspaceActive, "", nil
	}
	if err != nil {
		return "", "", fmt.Errorf("read a workspace's state: %w", err)
	}
	return state, jobID, nil
}

// SetWorkspaceState changes what may happen in a workspace; the job is the one
// that deletes it, empty for an active one.
func (s *Store) SetWorkspaceState(ctx context.Context, workspaceID string, state privacyd.WorkspaceState, jobID, auditID string) error {
	_, err := s.db.Exec(ctx, `INSERT INTO workspace_settings (workspace_id, state, job_id, audit_entry_id) VALUES ($1, $2, $3, $4)
		ON CONFLICT (workspace_id) DO UPDATE SET state = excluded.state, job_id = excluded.job_id, audit_entry_id = excluded.audit_entry_id`,
		workspaceID, state, orNull(jobID), auditID)
	if err != nil {
		return fmt.Errorf("change a workspace's state: %w", err)
	}
	return nil
}

// ClearWorkspace deletes what privacyd's own tables know of a workspace whose
// records are gone: members, tokens, dataset keys, settings, policies, holds,
// plans, idempotency keys, and whom its jobs were about. What stays is its row
// without a name, the countries that it allowed, which still count for mails
// about it, its jobs without subjects, its receipts and its audit log. Exports
// and files must be gone before.
func (s *Store) ClearWorkspace(ctx context.Context, workspaceID, jobID, auditID string) error {
	return s.db.InTx(ctx, func(ctx context.Context) error {
		countries, err := s.countriesAlone(ctx, workspaceID)
		if err != nil {
			return err
		}
		for _, statement := range []string{
			`DELETE FROM members WHERE workspace_id = $1`,
			`DELETE FROM api_tokens WHERE workspace_id = $1`,
			`DELETE FROM workspace_datasets WHERE workspace_id = $1`,
			`DELETE FROM retention_policies WHERE workspace_id = $1`,
			`DELETE FROM kept_rows WHERE workspace_id = $1`,
			`DELETE FROM holds WHERE workspace_id = $1`,
			`DELETE FROM plans WHERE scope = $1`,
			`DELETE FROM job_keys WHERE scope = $1`,
			`DELETE FROM audit_keys WHERE workspace_id = $1`,
			`DELETE FROM audit_known WHERE log = $1`,
			`DELETE FROM llm_calls WHERE workspace_id = $1`,
			`DELETE FROM objections WHERE workspace_id = $1`,
			`DELETE FROM erasure_runs WHERE job_id IN (SELECT id FROM jobs WHERE workspace_id = $1 AND state = 'failed')`,
			`DELETE FROM review_items WHERE job_id IN (SELECT id FROM jobs WHERE workspace_id = $1)`,
			`UPDATE jobs SET subject_id = '', subject_ref = '', subject_sealed = NULL WHERE workspace_id = $1`,
			`UPDATE workspaces SET slug = 'deleted-' || id, name = '' WHERE id = $1`,
		} {
			if _, err := s.db.Exec(ctx, statement, workspaceID); err != nil {
				return fmt.Errorf("clear a workspace: %w", err)
			}
		}
		if _, err := s.db.Exec(ctx, `UPDATE workspace_settings SET settings = $1 WHERE workspace_id = $2`, countries, workspaceID); err != nil {
			return fmt.Errorf("clear a workspace's settings: %w", err)
		}
		return s.SetWorkspaceState(ctx, workspaceID, privacyd.WorkspaceDeleted, jobID, auditID)
	})
}

// countriesAlone gives a workspace's settings with nothing but the countries
// that it allows, as they are kept; empty where it said nothing of them.
func (s *Store) countriesAlone(ctx context.Context, workspaceID string) (string, error) {
	settings, err := s.Settings(ctx, workspaceID)
	if err != nil || len(settings.AllowedCountries) == 0 {
		return "", err
	}
	only := privacyd.DefaultSettings()
	only.AllowedCountries = settings.AllowedCountries
	text, err := json.Marshal(only)
	if err != nil {
		return "", fmt.Errorf("keep the countries of a workspace: %w", err)
	}
	return string(text), nil
}

// AccountState tells what an account may do, and which job deletes it; the job
// is empty for an active one.
func (s *Store) AccountState(ctx context.Context, accountID string) (state privacyd.AccountState, jobID string, err error) {
	err = s.db.QueryRow(ctx, `SELECT job_id FROM leaving_accounts WHERE account_id = $1`, accountID).Scan(&jobID)
	if errors.Is(err, sql.ErrNoRows) {
		return privacyd.AccountActive, "", nil
	}
	if err != nil {
		return "", "", fmt.Errorf("read an account's state: %w", err)
	}
	return privacyd.AccountLeaving, jobID, nil
}

// LeaveAccount begins the grace period of an account's deletion, or begins it
// anew when that had gone as far as to forget who asked: its sessions end, and
// its API tokens are taken back.
func (s *Store) LeaveAccount(ctx context.Context, accountID, jobID, auditID string) error {
	return s.db.InTx(ctx, func(ctx context.Context) error {
		_, err := s.db.Exec(ctx, `INSERT INTO leaving_accounts (account_id, job_id, audit_entry_id) VALUES ($1, $2, $3)
			ON CONFLICT (account_id) DO UPDATE SET job_id = excluded.job_id, audit_entry_id = excluded.audit_entry_id`, accountID, jobID, auditID)
		if err != nil {
			return fmt.Errorf("begin the grace period of an account: %w", err)
		}
		for _, column := range []string{"requested_by", "confirmed_by"} {
			_, err := s.db.Exec(ctx, `UPDATE jobs SET `+column+` = $1 WHERE id = $2 AND `+column+` = $3`, accountID, jobID, privacyd.FormerAccount)
			if err != nil {
				return fmt.Errorf("say again who asked for the deletion of an account: %w", err)
			}
		}
		return s.SignOut(ctx, accountID)
	})
}

// StayAccount ends the grace period: the deletion was cancelled.
func (s *Store) StayAccount(ctx context.Context, accountID string) error {
	if _, err := s.db.Exec(ctx, `DELETE FROM leaving_accounts WHERE account_id = $1`, accountID); err != nil {
		return fmt.Errorf("end the grace period of an account: %w", err)
	}
	return nil
}
