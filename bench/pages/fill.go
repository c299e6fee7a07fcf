package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/bench/measure"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/vault"
)

const (
	slug = "large"

	messagesEach      = 20     // of a conversation
	conversationsEach = 2      // of a contact
	busyMessages      = 12_000 // of the one conversation that has most
	busyTalks         = 1_000  // of the one contact that has most
)

// site is a data folder with the workspace, and its database.
type site struct {
	program   measure.Program
	workspace privacyd.Workspace
	open      func(ctx context.Context) (*sqldb.DB, error)
	drop      func() error
	kept      string // a file that says what a kept folder is filled with; empty: it is not kept
}

func (b *bench) onEmbedded(ctx context.Context) (*site, error) {
	data, kept, drop := filepath.Join(b.dir, "embedded"), "", func() error { return os.RemoveAll(filepath.Join(b.dir, "embedded")) }
	if b.keep != "" {
		data, kept, drop = filepath.Join(b.keep, "data"), filepath.Join(b.keep, "filled.json"), func() error { return nil }
	}
	return &site{
		kept:    kept,
		program: measure.Program{Binary: b.binary, Data: data},
		open: func(ctx context.Context) (*sqldb.DB, error) {
			keys, err := vault.Open(ctx, vault.Options{Keys: filepath.Join(data, "keys", "store"), RootFile: filepath.Join(data, "keys", "root.key")})
			if err != nil {
				return nil, err
			}
			defer keys.Close() //nolint:errcheck // nothing was written
			return sqldb.OpenSQLite(ctx, filepath.Join(data, "privacyd.db"), keys.DatabaseKey())
		},
		drop: drop,
	}, nil
}

// filled is what is remembered of a kept folder.
type filled struct {
	Workspace privacyd.Workspace `json:"workspace"`
	Job       string             `json:"job"`
}

// remembered reads what a kept folder is filled with; false: it is not yet.
func (s *site) remembered() (f filled, ok bool, err error) {
	if s.kept == "" {
		return f, false, nil
	}
	text, err := os.ReadFile(s.kept)
	if errors.Is(err, os.ErrNotExist) {
		return f, false, os.MkdirAll(filepath.Dir(s.kept), 0o700)
	}
	if err == nil {
		err = json.Unmarshal(text, &f)
	}
	s.workspace = f.Workspace
	return f, err == nil, err
}

func (s *site) remember(job string) error {
	if s.kept == "" {
		return nil
	}
	text, err := json.Marshal(filled{s.workspace, job})
	if err != nil {
		return err
	}
	return os.WriteFile(s.kept, text, 0o600)
}

func (b *bench) onPostgres(ctx context.Context) (*site, error) {
	server, err := sqldb.OpenPostgres(ctx, b.postgres)
	if err != nil {
		return nil, err
	}
	name := "pages_" + strings.ToLower(rand.Text()[:10])
	if _, err := server.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		return nil, errors.Join(fmt.Errorf("make a database: %w", err), server.Close())
	}
	at, err := url.Parse(b.postgres)
	if err != nil {
		return nil, fmt.Errorf("read the server's address: %w", err)
	}
	at.Path = "/" + name
	dsn := at.String()
	return &site{
		program: measure.Program{Binary: b.binary, Data: filepath.Join(b.dir, "postgres"), Database: dsn},
		open:    func(ctx context.Context) (*sqldb.DB, error) { return sqldb.OpenPostgres(ctx, dsn) },
		drop: func() error {
			_, err := server.Exec(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)")
			return errors.Join(err, server.Close())
		},
	}, nil
}

// fill makes the workspace and its records, most of them by one statement a
// table, the same on both databases.
func (s *site) fill(ctx context.Context, rows int) (err error) {
	if s.workspace, err = s.program.Workspace(ctx, slug); err != nil {
		return err
	}
	db, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // what matters was committed
	start := time.Now()
	for _, statement := range statements(rows, time.Now().Add(-400*24*time.Hour).UnixMicro()) {
		if _, err := db.Exec(ctx, statement, s.workspace.ID); err != nil {
			return fmt.Errorf("fill the tables: %w", err)
		}
	}
	if db.Dialect == sqldb.Postgres {
		if _, err := db.Exec(ctx, "ANALYZE"); err != nil {
			return err
		}
	}
	say("filled with %d messages in %s, not timed", rows, time.Since(start).Round(time.Second))
	return nil
}

// statements fill the tables. Every conversation has twenty messages but the
// first, and every contact two conversations but the first: of these there are
// very many. Three of four conversations are resolved, over the last 400 days.
func statements(rows int, since int64) []string {
	conversations := max(busyTalks+1, rows/messagesEach)
	step := 400 * 24 * int64(time.Hour/time.Microsecond) / int64(conversations)
	series := func(n int) string {
		return fmt.Sprintf("WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < %d) ", n)
	}
	talk := fmt.Sprintf("CASE WHEN i < %d THEN 0 ELSE i / %d END", busyTalks, conversationsEach)
	at := fmt.Sprintf("(%d + CAST(i AS BIGINT) * %d)", since, step)
	inTalk := fmt.Sprintf("CASE WHEN i < %d THEN 0 ELSE i / %d END", busyMessages, messagesEach)
	return []string{
		"INSERT INTO contacts (workspace_id, id, name, email, phone, company, tags, custom_fields, created_at) " + series(conversations/conversationsEach) +
			`SELECT $1, 'contact-' || i, CASE i % 7 WHEN 0 THEN 'Ana' WHEN 1 THEN 'Bo' WHEN 2 THEN 'Chloé' WHEN 3 THEN 'Dana' ELSE 'Eve' END || ' Person' || i, ` +
			`'person' || i || '@users.example.org', '+3120' || (1000000 + i), 'Company ' || (i % 997), '["trial"]', '{"plan": "pro"}', ` + fmt.Sprintf("%d + CAST(i AS BIGINT)", since) + ` FROM n`,
		"INSERT INTO conversations (workspace_id, id, contact_id, channel, status, resolved_at, created_at, last_message_at) " + series(conversations) +
			"SELECT $1, 'talk-' || i, 'contact-' || (" + talk + "), 'email', CASE WHEN i % 4 = 0 THEN 'open' ELSE 'resolved' END, CASE WHEN i % 4 = 0 THEN NULL ELSE " + at + " + 7200000000 END, " +
			at + ", " + at + " + 3600000000 FROM n",
		"INSERT INTO messages (workspace_id, id, conversation_id, direction, author_id, body, created_at) " + series(rows) +
			"SELECT $1, 'message-' || i, 'talk-' || (" + inTalk + "), CASE i % 2 WHEN 0 THEN 'inbound' ELSE 'outbound' END, NULL, " +
			"'Message ' || i || ': I would like to know whether the order that I made on Monday is on its way, and when it comes.', " + at + " + i % 20 FROM n",
	}
}
