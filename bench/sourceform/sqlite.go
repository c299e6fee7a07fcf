package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/ncruces/go-sqlite3"
	sqlitedriver "github.com/ncruces/go-sqlite3/driver"

	"github.com/privacyd/privacyd/source/sqlsource"
	"github.com/privacyd/privacyd/store/sqldb"
)

// scatteredRows bounds the import of ids in no order, which takes some ten
// times as long as one in order.
const scatteredRows = 300_000

// form is a way to keep the messages.
type form struct {
	name      string
	without   bool // WITHOUT ROWID
	scattered bool // ids in no order
}

func measureSQLite(ctx context.Context, dir string, rows int) error {
	tmp, err := os.MkdirTemp(dir, "sourceform-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp) //nolint:errcheck // a temporary folder
	for _, f := range []form{
		{"rowid table, ids in order", false, false},
		{"WITHOUT ROWID, ids in order", true, false},
		{"rowid table, scattered ids", false, true},
		{"WITHOUT ROWID, scattered ids", true, true},
	} {
		n := rows
		if f.scattered {
			n = min(n, scatteredRows)
		}
		fmt.Printf("SQLite, %d messages, %s\n", n, f.name)
		if err := f.measure(ctx, tmp, n); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return nil
}

func (f form) measure(ctx context.Context, dir string, rows int) error {
	plain, sealed := filepath.Join(dir, "plain.db"), filepath.Join(dir, "sealed.db")
	key := make([]byte, 64)
	start := time.Now()
	db, err := sqldb.OpenSQLite(ctx, sealed, key)
	if err != nil {
		return err
	}
	defer os.Remove(sealed) //nolint:errcheck // the folder goes too
	defer db.Close()        //nolint:errcheck // a temporary file
	if err := f.fill(ctx, db, rows); err != nil {
		return err
	}
	filled := time.Since(start)
	if err := copyPlain(ctx, db, plain); err != nil {
		return err
	}
	defer os.Remove(plain) //nolint:errcheck // the folder goes too
	var r report
	shell, err := best(func() error { return shellJSON(ctx, plain) })
	if err != nil {
		return err
	}
	r.line("sqlite3 -json of the same rows unencrypted, discarded", shell)
	object, err := best(func() error { return stepObject(ctx, db) })
	if err != nil {
		return err
	}
	r.line("encrypted, json_object()", object)
	source := sqlsource.New(db.Reader(), sqldb.SQLite)
	decoded, err := best(func() error { return read(ctx, source, "messages") })
	if err != nil {
		return err
	}
	r.line("source: encrypted, columns decoded to JSON", decoded)
	r.line("(import into the encrypted file)", filled)
	return nil
}

func (f form) fill(ctx context.Context, db *sqldb.DB, rows int) error {
	ddl := "CREATE TABLE messages " + schema
	if f.without {
		ddl += " WITHOUT ROWID"
	}
	if _, err := db.Exec(ctx, ddl); err != nil {
		return err
	}
	const batch = 10_000
	r := rand.New(rand.NewPCG(1, 1)) //nolint:gosec // made-up text needs no secrecy
	for from := 0; from < rows; from += batch {
		err := db.InTx(ctx, func(ctx context.Context) error {
			for i := from; i < min(from+batch, rows); i++ {
				m := makeMessage(r, i, f.scattered)
				if _, err := db.Exec(ctx, "INSERT INTO messages VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
					workspace, m.id, m.conversation, m.direction, m.author, m.body, m.metadata, m.created); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// copyPlain writes the database unencrypted, row order and all.
func copyPlain(ctx context.Context, db *sqldb.DB, path string) error {
	conn, err := db.Reader().Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // back to the pool
	return conn.Raw(func(c any) error {
		return c.(sqlitedriver.Conn).Raw().Backup("main", "file:"+path)
	})
}

func shellJSON(ctx context.Context, path string) error {
	query := "SELECT " + columnList + " FROM messages WHERE workspace_id = '" + workspace + "'"
	return exec.CommandContext(ctx, "sqlite3", "-json", path, query).Run() //nolint:gosec // our own words
}

func stepObject(ctx context.Context, db *sqldb.DB) error {
	conn, err := db.Reader().Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // back to the pool
	query := "SELECT json_object('id', id, 'conversation_id', conversation_id, 'direction', direction, 'author_id', author_id, " +
		"'body', body, 'ai_metadata', json(ai_metadata), 'created_at', created_at) FROM messages WHERE workspace_id = '" + workspace + "'"
	return conn.Raw(func(c any) error {
		s, _, err := c.(sqlitedriver.Conn).Raw().Prepare(query)
		if err != nil {
			return err
		}
		defer s.Close() //nolint:errcheck // repeats the error of the last step
		return drain(s)
	})
}

func drain(s *sqlite3.Stmt) error {
	bytes := 0
	for s.Step() {
		bytes += len(s.ColumnRawText(0))
	}
	return s.Err()
}
