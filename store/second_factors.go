package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
)

// SecondFactor gives the state of an account's second factor and its sealed
// secret, nil when none was ever begun. On is false until it was confirmed.
func (s *Store) SecondFactor(ctx context.Context, accountID string) (f privacyd.SecondFactor, sealed []byte, err error) {
	var confirmed, created int64
	err = s.db.QueryRow(ctx, `SELECT confirmed, created_at, sealed,
			(SELECT count(*) FROM recovery_codes c WHERE c.account_id = f.account_id)
		FROM second_factors f WHERE account_id = $1`, accountID).Scan(&confirmed, &created, &sealed, &f.CodesLeft)
	if errors.Is(err, sql.ErrNoRows) {
		return f, nil, nil
	}
	if err != nil {
		return f, nil, fmt.Errorf("read second factor: %w", err)
	}
	f.On, f.Since = confirmed != 0, sqldb.Time(created)
	return f, sealed, nil
}

// BeginSecondFactor keeps a sealed secret that is still to be confirmed, in
// place of an older such one. It is false when one is on.
func (s *Store) BeginSecondFactor(ctx context.Context, accountID string, sealed []byte, at time.Time, auditID string) (bool, error) {
	n, err := s.db.Exec(ctx, `INSERT INTO second_factors (account_id, sealed, confirmed, last_step, created_at, audit_entry_id)
		VALUES ($1, $2, 0, 0, $3, $4) ON CONFLICT (account_id) DO UPDATE SET sealed = excluded.sealed, last_step = 0,
		created_at = excluded.created_at, audit_entry_id = excluded.audit_entry_id WHERE second_factors.confirmed = 0`,
		accountID, sealed, sqldb.Micros(at), auditID)
	if err != nil {
		return false, fmt.Errorf("begin second factor: %w", err)
	}
	return n > 0, nil
}

// ConfirmSecondFactor turns it on. It is false when it is on already.
func (s *Store) ConfirmSecondFactor(ctx context.Context, accountID string, at time.Time, auditID string) (bool, error) {
	n, err := s.db.Exec(ctx, `UPDATE second_factors SET confirmed = 1, created_at = $1, audit_entry_id = $2
		WHERE account_id = $3 AND confirmed = 0`, sqldb.Micros(at), auditID, accountID)
	if err != nil {
		return false, fmt.Errorf("confirm second factor: %w", err)
	}
	return n > 0, nil
}

// UseStep uses up the codes of a step of time and all earlier ones. It is false
// when they were used already.
func (s *Store) UseStep(ctx context.Context, accountID string, step int64) (bool, error) {
	n, err := s.db.Exec(ctx, `UPDATE second_factors SET last_step = $1 WHERE account_id = $2 AND last_step < $1`, step, accountID)
	if err != nil {
		return false, fmt.Errorf("use a code up: %w", err)
	}
	return n > 0, nil
}

// DeleteSecondFactor turns it off and deletes its recovery codes. It is false
// when there is none.
func (s *Store) DeleteSecondFactor(ctx context.Context, accountID string) (bool, error) {
	n, err := s.db.Exec(ctx, `DELETE FROM second_factors WHERE account_id = $1`, accountID)
	if err != nil {
		return false, fmt.Errorf("delete second factor: %w", err)
	}
	return n > 0, nil
}

// PutRecoveryCodes keeps the keyed hashes of new recovery codes in place of the
// old ones.
func (s *Store) PutRecoveryCodes(ctx context.Context, accountID string, hashes [][]byte) error {
	if _, err := s.db.Exec(ctx, `DELETE FROM recovery_codes WHERE account_id = $1`, accountID); err != nil {
		return fmt.Errorf("delete recovery codes: %w", err)
	}
	for _, hash := range hashes {
		if _, err := s.db.Exec(ctx, `INSERT INTO recovery_codes (account_id, hash) VALUES ($1, $2)`, accountID, hash); err != nil {
			return fmt.Errorf("insert recovery code: %w", err)
		}
	}
	return nil
}

// TakeRecoveryCode uses a recovery code up. It is false when there is no such
// one.
func (s *Store) TakeRecoveryCode(ctx context.Context, accountID string, hash []byte) (bool, error) {
	n, err := s.db.Exec(ctx, `DELETE FROM recovery_codes WHERE account_id = $1 AND hash = $2`, accountID, hash)
	if err != nil {
		return false, fmt.Errorf("take recovery code: %w", err)
	}
	return n > 0, nil
}
