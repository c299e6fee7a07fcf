package store

import (
	"context"
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
	var hash string
	a, err := scanAccount(s.db.QueryRow(ctx, `SELECT `+accountColumns+` FROM accounts WHERE email = $1`, email))
	if err == nil {
		err = s.db.QueryRow(ctx, `SELECT password_hash FROM accounts WHERE id = $1`, a.ID).Scan(&hash)
	}
	a, err = one(a, err, errNoAccount, "read account")
	return a, hash, err
}
