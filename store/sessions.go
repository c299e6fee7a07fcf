package store

import (
	"context"
	"fmt"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
)

var errNoSession = privacyd.Errorf(privacyd.ClassUnauthenticated, "session_unknown", "You are not signed in. Sign in first.")

// InsertSession keeps a session under the hash of its secret. about is its
// address and browser, sealed.
func (s *Store) InsertSession(ctx context.Context, v privacyd.Session, hash, about []byte, auditID string) error {
	_, err := s.db.Exec(ctx, `INSERT INTO sessions (id, account_id, hash, created_at, seen_at, expires_at, about, audit_entry_id)
		VALUES ($1, $2, $3, $4, $4, $5, $6, $7)`,
		v.ID, v.AccountID, hash, sqldb.Micros(v.CreatedAt), sqldb.Micros(v.ExpiresAt), about, auditID)
	if err != nil {
		return fmt.Errorf("insert session: %w", err)
	}
	return nil
}

const sessionColumns = "id, account_id, created_at, seen_at, expires_at"

func scanSession(row scanner, more ...any) (privacyd.Session, error) {
	var v privacyd.Session
	var created, seen, expires int64
	err := row.Scan(append([]any{&v.ID, &v.AccountID, &created, &seen, &expires}, more...)...)
	v.CreatedAt, v.SeenAt, v.ExpiresAt = sqldb.Time(created), sqldb.Time(max(seen, created)), sqldb.Time(expires)
	return v, err
}

// Session finds a session by the hash of its secret. Code session_unknown.
func (s *Store) Session(ctx context.Context, hash []byte, now time.Time) (privacyd.Session, error) {
	v, err := scanSession(s.db.QueryRow(ctx, `SELECT `+sessionColumns+` FROM sessions WHERE hash = $1 AND expires_at > $2`,
		hash, sqldb.Micros(now)))
	return one(v, err, errNoSession, "read session")
}

// SessionsOf lists an account's sessions, the one last used first, each with
// what is sealed about it (nil: nothing).
func (s *Store) SessionsOf(ctx context.Context, accountID string, now time.Time) (list []privacyd.Session, about [][]byte, err error) {
	list, err = collect(ctx, s, func(row scanner) (privacyd.Session, error) {
		var sealed []byte
		v, err := scanSession(row, &sealed)
		about = append(about, sealed)
		return v, err
	}, `SELECT `+sessionColumns+`, about FROM sessions WHERE account_id = $1 AND expires_at > $2 ORDER BY seen_at DESC, id DESC`,
		accountID, sqldb.Micros(now))
	if err != nil {
		return nil, nil, fmt.Errorf("list sessions: %w", err)
	}
	return list, about, nil
}

// TouchSession keeps when a session was last used.
func (s *Store) TouchSession(ctx context.Context, id string, at time.Time) error {
	if _, err := s.db.Exec(ctx, `UPDATE sessions SET seen_at = $1 WHERE id = $2`, sqldb.Micros(at), id); err != nil {
		return fmt.Errorf("touch session: %w", err)
	}
	return nil
}

// DeleteOwnSession ends a session of an account and tells whether there was one.
func (s *Store) DeleteOwnSession(ctx context.Context, accountID, id string) (bool, error) {
	n, err := s.db.Exec(ctx, `DELETE FROM sessions WHERE id = $1 AND account_id = $2`, id, accountID)
	if err != nil {
		return false, fmt.Errorf("delete session: %w", err)
	}
	return n > 0, nil
}

// DeleteSessionsOf ends all sessions of an account but one (empty: all of them).
func (s *Store) DeleteSessionsOf(ctx context.Context, accountID, but string) (int64, error) {
	n, err := s.db.Exec(ctx, `DELETE FROM sessions WHERE account_id = $1 AND id <> $2`, accountID, but)
	if err != nil {
		return 0, fmt.Errorf("delete sessions: %w", err)
	}
	return n, nil
}

// DeleteExpiredSessions forgets sessions and one-time links past their life.
func (s *Store) DeleteExpiredSessions(ctx context.Context, now time.Time) error {
	for _, table := range []string{"sessions", "sign_in_links", "links"} {
		if _, err := s.db.Exec(ctx, `DELETE FROM `+table+` WHERE expires_at <= $1`, sqldb.Micros(now)); err != nil {
			return fmt.Errorf("delete expired %s: %w", table, err)
		}
	}
	return nil
}

// InsertSignInLink keeps a one-time link under the hash of its secret.
func (s *Store) InsertSignInLink(ctx context.Context, hash []byte, accountID string, expires time.Time, auditID string) error {
	_, err := s.db.Exec(ctx, `INSERT INTO sign_in_links (hash, account_id, expires_at, audit_entry_id) VALUES ($1, $2, $3, $4)`,
		hash, accountID, sqldb.Micros(expires), auditID)
	if err != nil {
		return fmt.Errorf("insert sign-in link: %w", err)
	}
	return nil
}

// TakeSignInLink uses up a one-time link and says whose it was. Code
// sign_in_link_invalid when it is unknown, used or too old. It needs a
// transaction.
func (s *Store) TakeSignInLink(ctx context.Context, hash []byte, now time.Time) (accountID string, err error) {
	err = s.db.QueryRow(ctx, `DELETE FROM sign_in_links WHERE hash = $1 AND expires_at > $2 RETURNING account_id`,
		hash, sqldb.Micros(now)).Scan(&accountID)
	return one(accountID, err, privacyd.Errorf(privacyd.ClassUnauthenticated, "sign_in_link_invalid",
		"This sign-in link was used already or is too old. Ask for a new one."), "take sign-in link")
}
