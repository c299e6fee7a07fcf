package store

import (
	"context"
	"fmt"
)

// LogsWith lists the logs in which something of a person is disclosed, whom
// they know by the reference of the key.
func (s *Store) LogsWith(ctx context.Context, owner string) ([]string, error) {
	logs, err := collect(ctx, s, scanText, `SELECT DISTINCT e.log FROM audit_entries e WHERE e.id IN (
		SELECT d.entry_id FROM audit_disclosures d WHERE d.owner = $1) ORDER BY e.log`, owner)
	if err != nil {
		return nil, fmt.Errorf("list the logs that tell of a person: %w", err)
	}
	return logs, nil
}
