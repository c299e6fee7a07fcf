package store

import (
	"context"
	"fmt"
)

// memoPrefix keeps memos apart from what else the instance's table holds.
const memoPrefix = "memo/"

// PutMemo keeps a value under a name, in place of the one before.
func (s *Store) PutMemo(ctx context.Context, name string, value []byte) error {
	_, err := s.db.Exec(ctx, `INSERT INTO instance (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
		memoPrefix+name, value)
	if err != nil {
		return fmt.Errorf("keep a memo: %w", err)
	}
	return nil
}

// Memos gives the values whose names begin with prefix, by their names.
func (s *Store) Memos(ctx context.Context, prefix string) (map[string][]byte, error) {
	prefix = memoPrefix + prefix
	rows, err := s.db.Query(ctx, `SELECT name, value FROM instance WHERE substr(name, 1, `+fmt.Sprint(len(prefix))+`) = $1`, prefix)
	if err != nil {
		return nil, fmt.Errorf("read memos: %w", err)
	}
	defer rows.Close() //nolint:errcheck // Err says what matters
	found := map[string][]byte{}
	for rows.Next() {
		var name string
		var value []byte
		if err := rows.Scan(&name, &value); err != nil {
			return nil, fmt.Errorf("read memos: %w", err)
		}
		found[name[len(memoPrefix):]] = value
	}
	return found, rows.Err()
}

// DeleteMemo removes a value; false: there was none.
func (s *Store) DeleteMemo(ctx context.Context, name string) (was bool, err error) {
	n, err := s.db.Exec(ctx, `DELETE FROM instance WHERE name = $1`, memoPrefix+name)
	if err != nil {
		return false, fmt.Errorf("remove a memo: %w", err)
	}
	return n > 0, nil
}
