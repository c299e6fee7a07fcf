package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	sqlitedriver "github.com/ncruces/go-sqlite3/driver"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/bench/measure"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/vault"
)

// embedded is a workspace in the encrypted SQLite file of a data folder, and
// the same file unencrypted.
type embedded struct {
	dir       string
	plain     string
	program   measure.Program
	workspace privacyd.Workspace
}

func (b *bench) newEmbedded(ctx context.Context, dir string, rows int) (store, error) {
	e := &embedded{dir: dir, plain: filepath.Join(dir, "plain.db")}
	e.program = measure.Program{Binary: b.binary, Data: filepath.Join(dir, "data")}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	var err error
	if e.workspace, err = e.program.Workspace(ctx, slug); err != nil {
		return nil, err
	}
	say("embedded, %s messages: filling the tables by direct inserts, not timed", count(rows))
	keys, err := openKeys(ctx, e.program.Data)
	if err != nil {
		return nil, err
	}
	defer keys.Close() //nolint:errcheck // nothing was written
	db, err := sqldb.OpenSQLite(ctx, filepath.Join(e.program.Data, "privacyd.db"), keys.DatabaseKey())
	if err != nil {
		return nil, err
	}
	err = e.fill(ctx, db, b.text, rows)
	if closing := db.Close(); err == nil {
		err = closing
	}
	return e, err
}

func openKeys(ctx context.Context, data string) (*vault.Vault, error) {
	return vault.Open(ctx, vault.Options{Keys: filepath.Join(data, "keys", "store"), RootFile: filepath.Join(data, "keys", "root.key")})
}

func (e *embedded) fill(ctx context.Context, db *sqldb.DB, t text, rows int) error {
	for _, table := range t.tables() {
		if err := fillTable(ctx, db.Writer(), table, e.workspace.ID, rows); err != nil {
			return fmt.Errorf("fill %s: %w", table.name, err)
		}
	}
	if err := copyPlain(ctx, db, e.plain); err != nil {
		return fmt.Errorf("copy the tables unencrypted: %w", err)
	}
	return nil
}

const batch = 200_000 // rows in one transaction

func fillTable(ctx context.Context, db *sql.DB, t table, workspace string, rows int) error {
	i := inserter{ctx: ctx, db: db, workspace: workspace}
	i.statement = "INSERT INTO " + t.name + " (workspace_id, " + strings.Join(t.columns, ", ") + ") VALUES (?" +
		strings.Repeat(", ?", len(t.columns)) + ")"
	t.rows(rows, func(values []any) bool {
		i.err = i.add(values)
		return i.err == nil
	})
	if i.err == nil {
		i.err = i.commit()
	}
	return i.err
}

type inserter struct {
	ctx       context.Context
	db        *sql.DB
	statement string
	workspace string
	tx        *sql.Tx
	insert    *sql.Stmt
	rows      int
	err       error
}

func (i *inserter) add(values []any) (err error) {
	if i.tx == nil {
		if i.tx, err = i.db.BeginTx(i.ctx, nil); err != nil {
			return err
		}
		if i.insert, err = i.tx.PrepareContext(i.ctx, i.statement); err != nil {
			return err
		}
	}
	if _, err := i.insert.ExecContext(i.ctx, append([]any{i.workspace}, values...)...); err != nil {
		return err
	}
	if i.rows++; i.rows%batch == 0 {
		return i.commit()
	}
	return nil
}

func (i *inserter) commit() error {
	if i.tx == nil {
		return nil
	}
	tx := i.tx
	i.tx = nil
	return tx.Commit()
}

// copyPlain writes the file page by page without its encryption.
func copyPlain(ctx context.Context, db *sqldb.DB, path string) error {
	conn, err := db.Writer().Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // back to the pool
	return conn.Raw(func(c any) error {
		raw := c.(sqlitedriver.Conn).Raw()
		if err := raw.Exec("PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
			return err
		}
		return raw.Backup("main", "file:"+path)
	})
}

func (e *embedded) export(ctx context.Context) (measure.Export, string, error) {
	file := filepath.Join(e.dir, "export.zip")
	if err := e.program.Forget(e.workspace); err != nil {
		return measure.Export{}, "", err
	}
	x, err := e.program.Export(ctx, slug, file)
	return x, file, err
}

func (e *embedded) yardsticks() []yardstick {
	return []yardstick{{"sqlite3 -json of the rows unencrypted > /dev/null", 1.5, func(ctx context.Context) (measure.Sample, error) {
		var script []string
		for table, columns := range exported() {
			script = append(script, fmt.Sprintf("SELECT %s FROM %s WHERE workspace_id = '%s';", columns, table, e.workspace.ID))
		}
		return measure.ToNull(ctx, exec.CommandContext(ctx, "sqlite3", "-json", e.plain, strings.Join(script, "\n")))
	}}}
}

func (e *embedded) close(context.Context) error { return os.RemoveAll(e.dir) }
