package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
)

const tokenColumns = `id, workspace_id, label, scopes, created_at, created_by, used_at`

func scanToken(row scanner) (t privacyd.Token, err error) {
	var scopes string
	var created int64
	var used sql.NullInt64
	if err = row.Scan(&t.ID, &t.WorkspaceID, &t.Label, &scopes, &created, &t.CreatedBy, &used); err != nil {
		return t, err
	}
	t.CreatedAt, t.LastUsedAt = sqldb.Time(created), sqldb.NullTime(used)
	if err := json.Unmarshal([]byte(scopes), &t.Scopes); err != nil {
		return t, fmt.Errorf("decode scopes: %w", err)
	}
	return t, nil
}

// InsertToken keeps an API token under the hash of its secret.
func (s *Store) InsertToken(ctx context.Context, t privacyd.Token, hash []byte, auditID string) error {
	scopes, err := json.Marshal(t.Scopes)
	if err != nil {
		return fmt.Errorf("encode scopes: %w", err)
	}
	_, err = s.db.Exec(ctx, `INSERT INTO api_tokens (id, workspace_id, label, hash, scopes, created_at, created_by, audit_entry_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		t.ID, t.WorkspaceID, t.Label, hash, string(scopes), sqldb.Micros(t.CreatedAt), t.CreatedBy, auditID)
	if err != nil {
		return fmt.Errorf("insert token: %w", err)
	}
	return nil
}

// TokenLabels gives the labels of a workspace's newest API tokens by their ids.
func (s *Store) TokenLabels(ctx context.Context, workspaceID string, most int) (map[string]string, error) {
	rows, err := s.db.Query(ctx, `SELECT id, label FROM api_tokens WHERE workspace_id = $1 ORDER BY id DESC LIMIT $2`, workspaceID, most)
	if err != nil {
		return nil, fmt.Errorf("read the labels of tokens: %w", err)
	}
	defer rows.Close() //nolint:errcheck // its errors are those of Err
	labels := map[string]string{}
	for rows.Next() {
		var id, label string
		if err := rows.Scan(&id, &label); err != nil {
			return nil, fmt.Errorf("read the label of a token: %w", err)
		}
		labels[id] = label
	}
	return labels, rows.Err()
}

// Token finds an API token by the hash of its secret. Code token_unknown.
func (s *Store) Token(ctx context.Context, hash []byte) (privacyd.Token, error) {
	t, err := scanToken(s.db.QueryRow(ctx, `SELECT `+tokenColumns+` FROM api_tokens WHERE hash = $1`, hash))
	return one(t, err, privacyd.Errorf(privacyd.ClassUnauthenticated, "token_unknown",
		"This API token is not known here. Make one with: privacyd token create."), "read token")
}

// TokensPage lists a part of a workspace's API tokens, the newest first if not
// sorted otherwise, and how many there are.
func (s *Store) TokensPage(ctx context.Context, workspaceID string, q privacyd.PageQuery) (list []privacyd.Token, total int, err error) {
	if total, err = s.countOf(ctx, "api_tokens", workspaceID); err != nil {
		return nil, 0, err
	}
	columns := map[string]string{"label": "lower(label)", "made": "created_at", "used": "coalesce(used_at, 0)"}
	list, err = collect(ctx, s, scanToken, `SELECT `+tokenColumns+` FROM api_tokens WHERE workspace_id = $1`+
		orderedBy(q.Sort, columns, "created_at DESC, id DESC", "id")+` LIMIT $2 OFFSET $3`, workspaceID, q.Limit, q.Offset)
	if err != nil {
		return nil, 0, fmt.Errorf("list tokens: %w", err)
	}
	return list, total, nil
}

// TouchToken keeps when a token was used last.
func (s *Store) TouchToken(ctx context.Context, id string, at time.Time) error {
	if _, err := s.db.Exec(ctx, `UPDATE api_tokens SET used_at = $1 WHERE id = $2`, sqldb.Micros(at), id); err != nil {
		return fmt.Errorf("keep the use of a token: %w", err)
	}
	return nil
}

// TakeToken deletes a workspace's token and gives what it was. Code
// token_not_found. It needs a transaction.
func (s *Store) TakeToken(ctx context.Context, workspaceID, id string) (privacyd.Token, error) {
	t, err := scanToken(s.db.QueryRow(ctx, `DELETE FROM api_tokens WHERE workspace_id = $1 AND id = $2 RETURNING `+tokenColumns, workspaceID, id))
	return one(t, err, privacyd.Errorf(privacyd.ClassNotFound, "token_not_found", "There is no such API token in this workspace."), "delete token")
}
