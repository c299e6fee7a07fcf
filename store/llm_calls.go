package store

import (
	"context"
	"fmt"

	"github.com/privacyd/privacyd"
)

// CountCall adds to what a workspace's calls of a provider on a day come to.
func (s *Store) CountCall(ctx context.Context, workspaceID string, c privacyd.CallCount) error {
	_, err := s.db.Exec(ctx, `INSERT INTO llm_calls (workspace_id, provider, day, calls, failed, refused, sent_bytes, received_bytes)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (workspace_id, day, provider) DO UPDATE SET calls = llm_calls.calls + excluded.calls, failed = llm_calls.failed + excluded.failed,
			refused = llm_calls.refused + excluded.refused, sent_bytes = llm_calls.sent_bytes + excluded.sent_bytes,
			received_bytes = llm_calls.received_bytes + excluded.received_bytes`,
		workspaceID, c.Provider, c.Day, c.Calls, c.Failed, c.Refused, c.Sent, c.Received)
	if err != nil {
		return fmt.Errorf("count a call of a language model: %w", err)
	}
	return nil
}

// CallCounts lists how often a workspace called which provider since a day,
// the newest first.
func (s *Store) CallCounts(ctx context.Context, workspaceID, since string) ([]privacyd.CallCount, error) {
	rows, err := s.db.Query(ctx, `SELECT provider, day, calls, failed, refused, sent_bytes, received_bytes FROM llm_calls
		WHERE workspace_id = $1 AND day >= $2 ORDER BY day DESC, provider`, workspaceID, since)
	if err != nil {
		return nil, fmt.Errorf("list calls of language models: %w", err)
	}
	defer rows.Close() //nolint:errcheck // Err says what matters
	list := []privacyd.CallCount{}
	for rows.Next() {
		var c privacyd.CallCount
		if err := rows.Scan(&c.Provider, &c.Day, &c.Calls, &c.Failed, &c.Refused, &c.Sent, &c.Received); err != nil {
			return nil, fmt.Errorf("list calls of language models: %w", err)
		}
		list = append(list, c)
	}
	return list, rows.Err()
}
