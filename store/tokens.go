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

// TokenLabels gives the labels of those of these ids that are API tokens of the
// workspace.
func (s *Store) TokenLabels(ctx context.Context, workspaceID string, ids []string) (map[string]string, error) {
	return s.named(ctx, `SELECT id, label FROM api_tokens WHERE workspace_id = $1`, "id", workspaceID, ids)
}

// Token finds an API token by the hash of its secret. Code token_unknown.
func (s *Store) Token(ctx context.Context, hash []byte) (privacyd.Token, error) {
	t, err := scanToken(s.db.QueryRow(ctx, `SELECT `+tokenColumns+` FROM api_tokens WHERE hash = $1`, hash))
	return one(t, err, privacyd.Errorf(privacyd.ClassUnauthenticated, "token_unknown",
		"This API token is not known here. Make one with: privacyd token create."), "read token")
}

// TokensPage reads a page of a workspace's API tokens, the newest first if not
// sorted otherwise. Code cursor_invalid.
func (s *Store) TokensPage(ctx context.Context, workspaceID string, q privacyd.PageQuery) (privacyd.Page[privacyd.Token], error) {
	return pageOf(ctx, s, s.tokenList(), scanToken, func(t privacyd.Token) string { return t.ID }, workspaceID, q)
}

func (s *Store) tokenList() listing {
	const rows = `SELECT ` + tokenColumns + ` FROM api_tokens WHERE workspace_id = $1`
	return listing{table: "api_tokens", id: "id", rows: rows, count: "count(*)", first: "-made", orders: map[string]string{
		"label": s.bytewise("lower(label)"), "made": "created_at", "used": "coalesce(used_at, 0)",
	}}
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
