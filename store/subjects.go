package store

import (
	"context"
	"fmt"

	"github.com/privacyd/privacyd"
)

// PlainJobs lists at most limit jobs whose subject is still stored in the
// clear, as it was before there were references: with the subject's id.
func (s *Store) PlainJobs(ctx context.Context, limit int) ([]*privacyd.Job, error) {
	jobs, err := collect(ctx, s, scanJob, `SELECT `+jobColumns+` FROM jobs WHERE subject_id <> '' ORDER BY id LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("list jobs with subjects in the clear: %w", err)
	}
	return jobs, nil
}

// SealJob replaces the subject's id of an old job by its reference and the
// sealed id; both are empty for a subject that was erased.
func (s *Store) SealJob(ctx context.Context, id, ref string, sealed []byte) error {
	_, err := s.db.Exec(ctx, `UPDATE jobs SET subject_id = '', subject_ref = $1, subject_sealed = $2 WHERE id = $3`, ref, orNoBytes(sealed), id)
	if err != nil {
		return fmt.Errorf("seal a job's subject: %w", err)
	}
	return nil
}

// JobsOf lists the jobs about a person, by reference, newest first.
func (s *Store) JobsOf(ctx context.Context, ref string) ([]*privacyd.Job, error) {
	jobs, err := collect(ctx, s, scanJob, `SELECT `+jobColumns+` FROM jobs WHERE subject_ref = $1 AND subject_ref <> '' ORDER BY id DESC`, ref)
	if err != nil {
		return nil, fmt.Errorf("list a person's jobs: %w", err)
	}
	return jobs, nil
}

// ForgetSubject deletes from privacyd's own tables what they still know of an
// erased person: in jobs who it was, holds that were released, and what had
// been kept from a retention run; of one workspace, or of all for the empty
// one. Refs are the keyed hashes of the person and of the rows that went with
// them. A hold that stands is left: it is there to keep.
func (s *Store) ForgetSubject(ctx context.Context, workspaceID string, refs []string) error {
	return s.db.InTx(ctx, func(ctx context.Context) error {
		for _, part := range parts(refs) {
			marks, args := list(part, workspaceID)
			marks += `) AND ($1 = '' OR workspace_id = $1`
			for _, statement := range []string{
				`UPDATE jobs SET subject_id = '', subject_ref = '', subject_sealed = NULL WHERE subject_ref IN (` + marks + `)`,
				`DELETE FROM holds WHERE released_at IS NOT NULL AND target_ref IN (` + marks + `)`,
				`DELETE FROM kept_rows WHERE ref IN (` + marks + `)`,
			} {
				if _, err := s.db.Exec(ctx, statement, args...); err != nil {
					return fmt.Errorf("forget an erased person: %w", err)
				}
			}
		}
		return nil
	})
}

// ForgetAccount deletes from privacyd's own tables what names an account,
// before its row goes: sessions, links, tokens that it made, plans that it was
// shown. Where a row says who did something, that becomes the text somebody.
// Memberships are left to the data map.
func (s *Store) ForgetAccount(ctx context.Context, accountID, somebody string) error {
	return s.db.InTx(ctx, func(ctx context.Context) error {
		if err := s.SignOut(ctx, accountID); err != nil {
			return err
		}
		for _, statement := range []string{
			`DELETE FROM leaving_accounts WHERE account_id = $1`,
			`DELETE FROM plans WHERE scope = $1 OR shown_to = $1`,
			`DELETE FROM job_keys WHERE scope = $1`,
		} {
			if _, err := s.db.Exec(ctx, statement, accountID); err != nil {
				return fmt.Errorf("forget an account: %w", err)
			}
		}
		for _, c := range [][2]string{
			{"jobs", "requested_by"},
			{"jobs", "cancelled_by"},
			{"jobs", "confirmed_by"},
			{"jobs", "approved_by"},
			{"holds", "placed_by"},
			{"holds", "released_by"},
			{"retention_policies", "set_by"},
			{"kept_rows", "kept_by"},
			{"approvals", "decided_by"},
			{"invitations", "invited_by"},
		} {
			_, err := s.db.Exec(ctx, `UPDATE `+c[0]+` SET `+c[1]+` = $2 WHERE `+c[1]+` = $1`, accountID, somebody)
			if err != nil {
				return fmt.Errorf("forget who did something: %w", err)
			}
		}
		return nil
	})
}

// SignOut ends every session and one-time link of an account and takes back
// the API tokens that it made.
func (s *Store) SignOut(ctx context.Context, accountID string) error {
	for _, statement := range []string{
		`DELETE FROM sessions WHERE account_id = $1`,
		`DELETE FROM sign_in_links WHERE account_id = $1`,
		`DELETE FROM links WHERE account_id = $1`,
		`DELETE FROM api_tokens WHERE created_by = $1`,
	} {
		if _, err := s.db.Exec(ctx, statement, accountID); err != nil {
			return fmt.Errorf("sign an account out: %w", err)
		}
	}
	return nil
}
