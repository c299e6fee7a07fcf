package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
)

const keysAtOnce = 500

// AuditKeys gives those of the keys that a workspace has used, by their
// hashes.
func (s *Store) AuditKeys(ctx context.Context, workspaceID string, hashes [][]byte) (map[string]privacyd.AuditKey, error) {
	known := map[string]privacyd.AuditKey{}
	for len(hashes) > 0 {
		n := min(len(hashes), keysAtOnce)
		args := []any{workspaceID}
		for _, h := range hashes[:n] {
			args = append(args, h)
		}
		page, err := collect(ctx, s, scanAuditKey, `SELECT hash, content, entries FROM audit_keys
			WHERE workspace_id = $1 AND hash IN (`+parameters(2, n)+`)`, args...)
		if err != nil {
			return nil, fmt.Errorf("read keys of audit entries: %w", err)
		}
		for _, k := range page {
			known[string(k.Hash)] = k
		}
		hashes = hashes[n:]
	}
	return known, nil
}

func scanAuditKey(row scanner) (k privacyd.AuditKey, err error) {
	return k, row.Scan(&k.Hash, &k.Content, &k.Entries)
}

// InsertAuditKeys remembers keys, and tells whether none of them was taken. It
// locks them in the order in which they are given.
func (s *Store) InsertAuditKeys(ctx context.Context, workspaceID string, keys []privacyd.AuditKey, at time.Time) (bool, error) {
	free := true
	for len(keys) > 0 {
		n := min(len(keys), keysAtOnce)
		var rows []string
		args := []any{workspaceID, sqldb.Micros(at)}
		for i, k := range keys[:n] {
			rows = append(rows, "($1, "+parameters(3*i+3, 3)+", $2)")
			args = append(args, k.Hash, k.Content, k.Entries)
		}
		made, err := s.db.Exec(ctx, `INSERT INTO audit_keys (workspace_id, hash, content, entries, created_at)
			VALUES `+strings.Join(rows, ", ")+` ON CONFLICT DO NOTHING`, args...)
		if err != nil {
			return false, fmt.Errorf("insert keys of audit entries: %w", err)
		}
		free = free && made == int64(n)
		keys = keys[n:]
	}
	return free, nil
}

// DeleteAuditKeys forgets keys that are older.
func (s *Store) DeleteAuditKeys(ctx context.Context, before time.Time) error {
	if _, err := s.db.Exec(ctx, `DELETE FROM audit_keys WHERE created_at < $1`, sqldb.Micros(before)); err != nil {
		return fmt.Errorf("delete keys of audit entries: %w", err)
	}
	return nil
}

// parameters is $first to $(first+n-1).
func parameters(first, n int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = "$" + strconv.Itoa(first+i)
	}
	return strings.Join(names, ", ")
}
