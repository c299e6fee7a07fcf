package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
)

var errNoAccount = privacyd.Errorf(privacyd.ClassNotFound, "account_not_found", "There is no such account.")

const accountColumns = "id, email, name, invited, created_at"

func scanAccount(row scanner) (privacyd.Account, error) {
	var a privacyd.Account
	var invited, created int64
	err := row.Scan(&a.ID, &a.Email, &a.Name, &invited, &created)
	a.Invited, a.CreatedAt = invited != 0, sqldb.Time(created)
	return a, err
}

// InsertAccount adds an account. Code account_exists when the address is taken.
func (s *Store) InsertAccount(ctx context.Context, a privacyd.Account, passwordHash, auditID string) error {
	// Not an error of the database's: that would end the transaction.
	n, err := s.db.Exec(ctx, `INSERT INTO accounts (id, email, name, password_hash, invited, created_at, audit_entry_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (email) DO NOTHING`,
		a.ID, a.Email, a.Name, passwordHash, toInt(a.Invited), sqldb.Micros(a.CreatedAt), auditID)
	if err == nil && n == 0 {
		return privacyd.Errorf(privacyd.ClassConflict, "account_exists", "An account with this e-mail address exists already.")
	}
	if err != nil {
		return fmt.Errorf("insert account: %w", err)
	}
	return nil
}

// AdoptAccount gives an account that was only known as an author its name and
// password.
func (s *Store) AdoptAccount(ctx context.Context, id, name, passwordHash, auditID string) error {
	_, err := s.db.Exec(ctx, `UPDATE accounts SET name = $1, password_hash = $2, invited = 1, audit_entry_id = $3 WHERE id = $4`,
		name, passwordHash, auditID, id)
	if err == nil {
		_, err = s.db.Exec(ctx, `UPDATE members SET sort_name = lower(CAST($1 AS TEXT)) WHERE account_id = $2`, name, id)
	}
	if err != nil {
		return fmt.Errorf("update account: %w", err)
	}
	return nil
}

// Account finds an account by id. Code account_not_found.
func (s *Store) Account(ctx context.Context, id string) (privacyd.Account, error) {
	a, err := scanAccount(s.db.QueryRow(ctx, `SELECT `+accountColumns+` FROM accounts WHERE id = $1`, id))
	return one(a, err, errNoAccount, "read account")
}

// AccountByEmail finds an account by its normal e-mail address and gives the
// hash of its password too. Code account_not_found.
func (s *Store) AccountByEmail(ctx context.Context, email string) (privacyd.Account, string, error) {
	var a privacyd.Account
	var hash string
	var invited, created int64
	err := s.db.QueryRow(ctx, `SELECT `+accountColumns+`, password_hash FROM accounts WHERE email = $1`, email).
		Scan(&a.ID, &a.Email, &a.Name, &invited, &created, &hash)
	a.Invited, a.CreatedAt = invited != 0, sqldb.Time(created)
	a, err = one(a, err, errNoAccount, "read account")
	return a, hash, err
}

// Password gives the hash of an account's password, empty when it has none.
// Code account_not_found.
func (s *Store) Password(ctx context.Context, accountID string) (hash string, err error) {
	err = s.db.QueryRow(ctx, `SELECT password_hash FROM accounts WHERE id = $1`, accountID).Scan(&hash)
	return one(hash, err, errNoAccount, "read password")
}

// LockPassword tells whether the hash of an account's password is still the one
// that was read, and keeps it until the transaction ends.
func (s *Store) LockPassword(ctx context.Context, accountID, hash string) (still bool, err error) {
	var id string
	err = s.db.QueryRow(ctx, `SELECT id FROM accounts WHERE id = $1 AND password_hash = $2`+s.db.Dialect.ForUpdate(), accountID, hash).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("lock a password: %w", err)
	}
	return true, nil
}

// SetPassword changes the hash of an account's password.
func (s *Store) SetPassword(ctx context.Context, accountID, hash, auditID string) error {
	_, err := s.db.Exec(ctx, `UPDATE accounts SET password_hash = $1, audit_entry_id = $2 WHERE id = $3`, hash, auditID, accountID)
	if err != nil {
		return fmt.Errorf("change password: %w", err)
	}
	return nil
}

// AnyAccount tells whether anybody can sign in.
func (s *Store) AnyAccount(ctx context.Context) (bool, error) {
	var n int
	if err := s.db.QueryRow(ctx, `SELECT count(*) FROM accounts WHERE invited = 1`).Scan(&n); err != nil {
		return false, fmt.Errorf("count accounts: %w", err)
	}
	return n > 0, nil
}

// LockFirst keeps other transactions that would make the first account waiting
// until this one ends.
func (s *Store) LockFirst(ctx context.Context) error {
	_, err := s.db.Exec(ctx, `INSERT INTO instance (name, value) VALUES ('first_account', $1)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`, []byte{1})
	if err != nil {
		return fmt.Errorf("lock the first account: %w", err)
	}
	return nil
}
