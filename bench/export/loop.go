package main

import (
	"archive/zip"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/privacyd/privacyd/bench/measure"
	"github.com/privacyd/privacyd/store/sqldb"
)

// What a product's own export would be: a struct a table, encoding/json,
// archive/zip.
type (
	loopContact struct {
		ID           string          `json:"id"`
		Name         *string         `json:"name"`
		Email        *string         `json:"email"`
		Phone        *string         `json:"phone"`
		Language     *string         `json:"language"`
		Company      *string         `json:"company"`
		Tags         json.RawMessage `json:"tags"`
		CustomFields json.RawMessage `json:"custom_fields"`
		Identities   json.RawMessage `json:"identities"`
		CreatedAt    *time.Time      `json:"created_at"`
	}
	loopConversation struct {
		ID            string          `json:"id"`
		ContactID     string          `json:"contact_id"`
		Channel       *string         `json:"channel"`
		Status        *string         `json:"status"`
		Resolution    *string         `json:"resolution"`
		ResolvedAt    *time.Time      `json:"resolved_at"`
		Priority      json.RawMessage `json:"priority"`
		Tags          json.RawMessage `json:"tags"`
		AssigneeID    *string         `json:"assignee_id"`
		CreatedAt     *time.Time      `json:"created_at"`
		LastMessageAt *time.Time      `json:"last_message_at"`
	}
	loopMessage struct {
		ID             string          `json:"id"`
		ConversationID string          `json:"conversation_id"`
		Direction      *string         `json:"direction"`
		AuthorID       *string         `json:"author_id"`
		Body           *string         `json:"body"`
		AIMetadata     json.RawMessage `json:"ai_metadata"`
		CreatedAt      *time.Time      `json:"created_at"`
	}
)

// plainLoop exports the workspace so, in one snapshot too.
func plainLoop(ctx context.Context, dsn, workspace, file string) (measure.Sample, error) {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		return measure.Sample{}, err
	}
	db := stdlib.OpenDB(*cfg)
	defer db.Close() //nolint:errcheck // nothing to lose
	start := time.Now()
	err = writeLoop(ctx, db, workspace, file)
	return measure.Sample{Took: time.Since(start)}, err
}

func writeLoop(ctx context.Context, db *sql.DB, workspace, file string) error {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // closed below
	z := zip.NewWriter(f)
	for table, scan := range map[string]func(*sql.Rows) (any, error){
		"contacts": scanContact, "conversations": scanConversation, "messages": scanMessage,
	} {
		w, err := z.Create("data/" + table + ".json")
		if err != nil {
			return err
		}
		if err := loopTable(ctx, tx, table, workspace, scan, w); err != nil {
			return fmt.Errorf("loop over %s: %w", table, err)
		}
	}
	if err := z.Close(); err != nil {
		return err
	}
	if err := f.Sync(); err != nil { // as privacyd's archive is
		return err
	}
	return f.Close()
}

func loopTable(ctx context.Context, tx *sql.Tx, table, workspace string, scan func(*sql.Rows) (any, error), w io.Writer) error {
	query := "SELECT " + exported()[table] + " FROM " + sqldb.PostgresSchema + "." + table + " WHERE workspace_id = $1"
	rows, err := tx.QueryContext(ctx, query, workspace)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // Err says it
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	for rows.Next() {
		record, err := scan(rows)
		if err != nil {
			return err
		}
		if err := out.Encode(record); err != nil {
			return err
		}
	}
	return rows.Err()
}

func scanContact(rows *sql.Rows) (any, error) {
	var c loopContact
	var created *int64
	err := rows.Scan(&c.ID, &c.Name, &c.Email, &c.Phone, &c.Language, &c.Company, raw(&c.Tags), raw(&c.CustomFields), raw(&c.Identities), &created)
	c.CreatedAt = moment(created)
	return &c, err
}

func scanConversation(rows *sql.Rows) (any, error) {
	var c loopConversation
	var resolved, created, last *int64
	err := rows.Scan(&c.ID, &c.ContactID, &c.Channel, &c.Status, &c.Resolution, &resolved, raw(&c.Priority), raw(&c.Tags), &c.AssigneeID, &created, &last)
	c.ResolvedAt, c.CreatedAt, c.LastMessageAt = moment(resolved), moment(created), moment(last)
	return &c, err
}

func scanMessage(rows *sql.Rows) (any, error) {
	var m loopMessage
	var created *int64
	err := rows.Scan(&m.ID, &m.ConversationID, &m.Direction, &m.AuthorID, &m.Body, raw(&m.AIMetadata), &created)
	m.CreatedAt = moment(created)
	return &m, err
}

func raw(m *json.RawMessage) *[]byte { return (*[]byte)(m) }

func moment(micros *int64) *time.Time {
	if micros == nil {
		return nil
	}
	t := time.UnixMicro(*micros).UTC()
	return &t
}
