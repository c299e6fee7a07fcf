package store

import (
	"context"
	"crypto/subtle"
	"fmt"

	"github.com/privacyd/privacyd"
)

// CheckKeys binds the database to the root key: mac is what that key makes of
// a fixed text. The first one is kept; a later one that differs is refused
// before anything is sealed with keys that the others do not have. Code
// key_wrong.
func (s *Store) CheckKeys(ctx context.Context, mac []byte) error {
	const name = "key_check"
	_, err := s.db.Exec(ctx, `INSERT INTO instance (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING`, name, mac)
	if err != nil {
		return fmt.Errorf("keep the check of the root key: %w", err)
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
