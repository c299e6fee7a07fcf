package store

import (
	"context"
	"fmt"
)

// LogsWith lists the logs in which something of a person is disclosed, whom
// they know by the reference of the key.
func (s *Store) LogsWith(ctx context.Context, owner string) ([]string, error) {
	rows, args := s.rowsAs("r", 1, column{"owner", []string{owner}})
	logs, err := collect(ctx, s, scanText, `SELECT DISTINCT e.log FROM audit_entries e WHERE e.seq IN (
		SELECT d.no / 100 FROM (`+s.ofOwners(rows)+`) d) ORDER BY e.log`, args...)
	if err != nil {
		return nil, fmt.Errorf("list the logs that tell of a person: %w", err)
	}
	return logs, nil
}
