package store

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/subtle"
	"fmt"

	"github.com/privacyd/privacyd"
)

// CheckKeys binds the database to the root key: mac is what that key makes of
// a fixed text. The first one is kept; a later one that differs is refused
// before anything is sealed with keys that the others do not have. Code
// key_wrong; key_missing when the key store was made just now and the database
// has been used before.
func (s *Store) CheckKeys(ctx context.Context, mac []byte, fresh bool) error {
	const name = "key_check"
	made, err := s.db.Exec(ctx, `INSERT INTO instance (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING`, name, mac)
	if err != nil {
		return fmt.Errorf("keep the check of the root key: %w", err)
	}
	if fresh && made == 0 {
		return privacyd.Errorf(privacyd.ClassUnavailable, "key_missing",
			"The key store that this database was used with is not there: a new one would lose what it sealed. "+
				"Put the key store back from its backup, or name its place by keys.store.")
	}
	var kept []byte
	if err := s.db.QueryRow(ctx, `SELECT value FROM instance WHERE name = $1`, name).Scan(&kept); err != nil {
		return fmt.Errorf("read the check of the root key: %w", err)
	}
	if subtle.ConstantTimeCompare(kept, mac) != 1 {
		return privacyd.Errorf(privacyd.ClassUnavailable, "key_wrong",
			"This database was made with another root key than the one in this data folder. "+
				"Give the folder that belongs to it with --data, or its key file by keys.root; nothing was changed.")
	}
	return nil
}

// CheckSigner binds the database to the key that signs its audit log. The first
// one is kept. A later one that differs was made because the first is lost:
// nothing may be signed with it, since whoever has the key that was given out
// would find every new checkpoint wrong. Code key_missing.
func (s *Store) CheckSigner(ctx context.Context, public ed25519.PublicKey) error {
	const name = "signing_key"
	if _, err := s.db.Exec(ctx, `INSERT INTO instance (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING`, name, []byte(public)); err != nil {
		return fmt.Errorf("keep the key that signs the audit log: %w", err)
	}
	var kept []byte
	if err := s.db.QueryRow(ctx, `SELECT value FROM instance WHERE name = $1`, name).Scan(&kept); err != nil {
		return fmt.Errorf("read the key that signs the audit log: %w", err)
	}
	if !bytes.Equal(kept, public) {
		return privacyd.Errorf(privacyd.ClassUnavailable, "key_missing",
			"The key that signs this database's audit log is not in the key store: there is another one. "+
				"Restore the newest backup of the key store; nothing was signed.")
	}
	return nil
}
