package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
)

func errNoLink() error {
	return privacyd.Errorf(privacyd.ClassUnauthenticated, "link_used", "This link was used already or is too old. Ask for a new one.")
}

// InsertLink keeps a one-time link under the hash of its secret. Without an
// account it is for nobody yet.
func (s *Store) InsertLink(ctx context.Context, purpose string, hash []byte, accountID string, expires time.Time, auditID string) error {
	_, err := s.db.Exec(ctx, `INSERT INTO links (hash, purpose, account_id, expires_at, audit_entry_id) VALUES ($1, $2, $3, $4, $5)`,
		hash, purpose, sql.NullString{String: accountID, Valid: accountID != ""}, sqldb.Micros(expires), auditID)
	if err != nil {
		return fmt.Errorf("insert link: %w", err)
	}
	return nil
}

// Link tells whose a link is, and leaves it as it is. Code link_used.
func (s *Store) Link(ctx context.Context, purpose string, hash []byte, now time.Time) (accountID string, err error) {
	err = s.db.QueryRow(ctx, `SELECT coalesce(account_id, '') FROM links WHERE hash = $1 AND purpose = $2 AND expires_at > $3`,
		hash, purpose, sqldb.Micros(now)).Scan(&accountID)
	return one(accountID, err, errNoLink(), "read link")
}

// TakeLink uses a link up and says whose it was. Code link_used. It needs a
// transaction.
func (s *Store) TakeLink(ctx context.Context, purpose string, hash []byte, now time.Time) (accountID string, err error) {
	err = s.db.QueryRow(ctx, `DELETE FROM links WHERE hash = $1 AND purpose = $2 AND expires_at > $3 RETURNING coalesce(account_id, '')`,
		hash, purpose, sqldb.Micros(now)).Scan(&accountID)
	return one(accountID, err, errNoLink(), "take link")
}

// DeleteLinks deletes an account's links of one purpose; without an account,
// those that are for nobody yet.
func (s *Store) DeleteLinks(ctx context.Context, purpose, accountID string) error {
	_, err := s.db.Exec(ctx, `DELETE FROM links WHERE purpose = $1 AND coalesce(account_id, '') = $2`, purpose, accountID)
	if err != nil {
		return fmt.Errorf("delete links: %w", err)
	}
	return nil
}

// SawBrowser keeps that an account was used in a browser, and tells whether it
// had been before, and whether it had been in any.
func (s *Store) SawBrowser(ctx context.Context, accountID string, hash []byte, at time.Time) (known, any bool, err error) {
	var all, same int
	err = s.db.QueryRow(ctx, `SELECT count(*), coalesce(sum(CASE WHEN hash = $2 THEN 1 ELSE 0 END), 0) FROM browsers WHERE account_id = $1`,
		accountID, hash).Scan(&all, &same)
	if err != nil {
		return false, false, fmt.Errorf("read browsers: %w", err)
	}
	_, err = s.db.Exec(ctx, `INSERT INTO browsers (account_id, hash, seen_at) VALUES ($1, $2, $3)
		ON CONFLICT (account_id, hash) DO UPDATE SET seen_at = excluded.seen_at`, accountID, hash, sqldb.Micros(at))
	if err != nil {
		return false, false, fmt.Errorf("keep browser: %w", err)
	}
	return same > 0, all > 0, nil
}

// KnownBrowser tells whether an account was used in a browser.
func (s *Store) KnownBrowser(ctx context.Context, accountID string, hash []byte) (bool, error) {
	var n int
	err := s.db.QueryRow(ctx, `SELECT count(*) FROM browsers WHERE account_id = $1 AND hash = $2`, accountID, hash).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("read browsers: %w", err)
	}
	return n > 0, nil
}

// ForgetBrowsers forgets every browser of an account.
func (s *Store) ForgetBrowsers(ctx context.Context, accountID string) error {
	if _, err := s.db.Exec(ctx, `DELETE FROM browsers WHERE account_id = $1`, accountID); err != nil {
		return fmt.Errorf("forget browsers: %w", err)
	}
	return nil
}

// LockAttempts gives how often something was tried, and keeps other
// transactions that ask for the same waiting until this one ends.
func (s *Store) LockAttempts(ctx context.Context, hash []byte) (privacyd.Attempts, error) {
	var a privacyd.Attempts
	var at, until int64
	err := s.db.QueryRow(ctx, `INSERT INTO attempts (hash, n, at, until_at) VALUES ($1, 0, 0, 0)
		ON CONFLICT (hash) DO UPDATE SET n = attempts.n RETURNING n, at, until_at`, hash).Scan(&a.N, &at, &until)
	if err != nil {
		return a, fmt.Errorf("read attempts: %w", err)
	}
	a.At, a.Until = sqldb.Time(at), sqldb.Time(until)
	return a, nil
}

// PutAttempts keeps how often something was tried.
func (s *Store) PutAttempts(ctx context.Context, hash []byte, a privacyd.Attempts) error {
	_, err := s.db.Exec(ctx, `UPDATE attempts SET n = $1, at = $2, until_at = $3 WHERE hash = $4`,
		a.N, sqldb.Micros(a.At), sqldb.Micros(a.Until), hash)
	if err != nil {
		return fmt.Errorf("keep attempts: %w", err)
	}
	return nil
}

// DeleteOldPeople forgets what was kept of people's coming and going: attempts
// and browsers not seen since, and invitations, requests and kept mails from
// before.
func (s *Store) DeleteOldPeople(ctx context.Context, o privacyd.PeopleAges) error {
	for _, d := range []struct {
		what, query string
		before      time.Time
	}{
		{"attempts", `DELETE FROM attempts WHERE at < $1`, o.Attempts},
		{"browsers", `DELETE FROM browsers WHERE seen_at < $1`, o.Browsers},
		{"invitations", `DELETE FROM invitations WHERE expires_at < $1`, o.Invitations},
		{"requests for passwords", `DELETE FROM reset_requests WHERE created_at < $1`, o.Requests},
		{"kept mails", `DELETE FROM mails WHERE kept = 1 AND created_at < $1`, o.KeptMails},
	} {
		if _, err := s.db.Exec(ctx, d.query, sqldb.Micros(d.before)); err != nil {
			return fmt.Errorf("delete old %s: %w", d.what, err)
		}
	}
	return nil
}
