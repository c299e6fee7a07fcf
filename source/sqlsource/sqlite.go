package sqlsource

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/ncruces/go-sqlite3"
	sqlitedriver "github.com/ncruces/go-sqlite3/driver"
)

type sqliteReader struct{ conn *sql.Conn }

// beginSQLite also reads once: a transaction sees what was there at its first
// read.
func beginSQLite(ctx context.Context, conn *sql.Conn) (reader, error) {
	r := &sqliteReader{conn: conn}
	return r, r.raw(ctx, func(c *sqlite3.Conn) error {
		if err := c.Exec("BEGIN"); err != nil {
			return err
		}
		err := c.Exec("SELECT 1 FROM sqlite_schema LIMIT 1")
		if err != nil {
			_ = c.Exec("ROLLBACK")
		}
		return err
	})
}

// raw lends the connection below database/sql, which ctx interrupts.
func (r *sqliteReader) raw(ctx context.Context, fn func(*sqlite3.Conn) error) error {
	return r.conn.Raw(func(driverConn any) error {
		d, ok := driverConn.(sqlitedriver.Conn)
		if !ok {
			return fmt.Errorf("the pool's driver is %T, not ncruces/go-sqlite3", driverConn)
		}
		c := d.Raw()
		old := c.SetInterrupt(ctx)
		defer c.SetInterrupt(old)
		return fn(c)
	})
}

func (r *sqliteReader) close(ctx context.Context) error {
	err := r.raw(ctx, func(c *sqlite3.Conn) error {
		if c.GetAutocommit() {
			return nil // an error has ended the transaction
		}
		return c.Exec("ROLLBACK")
	})
	if errors.Is(err, sql.ErrConnDone) {
		return nil // closed before
	}
	return errors.Join(err, r.conn.Close())
}

func (r *sqliteReader) columns(ctx context.Context, tables []string) (map[string]columns, error) {
	all := map[string]columns{}
	for _, t := range tables {
		found, err := r.columnsOf(ctx, t)
		if err != nil {
			return nil, err
		}
		if len(found) > 0 {
			all[t] = found
		}
	}
	return all, nil
}

// columnsOf asks for a table's own columns, generated ones too.
func (r *sqliteReader) columnsOf(ctx context.Context, table string) (columns, error) {
	found := columns{}
	schema, name := "main", table
	if before, after, ok := strings.Cut(table, "."); ok {
		schema, name = before, after
	}
	quoted, err := literal(name)
	if err != nil {
		return nil, err
	}
	query := "SELECT name, type, hidden FROM pragma_table_xinfo(" + quoted + ", '" + strings.ReplaceAll(schema, "'", "''") + "') WHERE hidden <> 1"
	err = r.raw(ctx, func(c *sqlite3.Conn) error {
		return each(c, query, func(s *sqlite3.Stmt) error {
			col := sqliteColumn(s.ColumnText(0), s.ColumnText(1))
			col.computed = s.ColumnInt(2) > 1
			col.texts = col.class != classInteger
			found[col.name] = col
			return nil
		})
	})
	return found, err
}

// each steps through the rows of a query.
func each(c *sqlite3.Conn, query string, row func(*sqlite3.Stmt) error) error {
	s, _, err := c.Prepare(query)
	if err != nil {
		return err
	}
	defer s.Close() //nolint:errcheck // repeats the error of the last step
	for s.Step() {
		if err := row(s); err != nil {
			return err
		}
	}
	return s.Err()
}

// sqliteColumn follows SQLite's rules of affinity, but for BYTEA, which has
// none of its own there.
func sqliteColumn(name, declared string) column {
	c := column{name: name, declared: declared, kind: kindAny, class: classNumber}
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(strings.ToUpper(declared), p) {
				return true
			}
		}
		return false
	}
	switch {
	case has("INT"):
		c.class = classInteger
	case has("CHAR", "CLOB", "TEXT"):
		c.class = classText
	case declared == "" || strings.EqualFold(declared, "ANY"):
		c.class = classAny
	case has("BLOB"):
		c.kind, c.class = kindBlob, classAny
	case has("BYTEA", "BINARY"):
		c.kind = kindBlob
	}
	return c
}
