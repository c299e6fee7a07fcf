package sqldb

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/ncruces/go-sqlite3"

	"github.com/privacyd/privacyd"
)

// Dialect names a database and holds every difference between the two.
type Dialect string

// The two databases.
const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
)

// ForUpdateSkipLocked is the clause that lets several nodes claim different
// rows. SQLite has one writer and needs none.
func (d Dialect) ForUpdateSkipLocked() string {
	if d == Postgres {
		return " FOR UPDATE SKIP LOCKED"
	}
	return ""
}

// ForUpdate is the clause that locks a row until the transaction ends.
func (d Dialect) ForUpdate() string {
	if d == Postgres {
		return " FOR UPDATE"
	}
	return ""
}

// ForNoKeyUpdate is ForUpdate that lets others refer to the row meanwhile.
func (d Dialect) ForNoKeyUpdate() string {
	if d == Postgres {
		return " FOR NO KEY UPDATE"
	}
	return ""
}

// LockTable is the statement that keeps others from writing to a table, and from
// doing the same, until the transaction ends. SQLite has one writer and needs none.
func (d Dialect) LockTable(table string) string {
	if d == Postgres {
		return "LOCK TABLE " + table + " IN SHARE ROW EXCLUSIVE MODE"
	}
	return ""
}

// rewrite turns $n into ?n for SQLite, whose driver binds $n by order of first
// appearance: VALUES ($2, $1) would be swapped without an error.
func (d Dialect) rewrite(query string) string {
	if d != SQLite || !strings.Contains(query, "$") {
		return query
	}
	b := []byte(query)
	for i := 0; i+1 < len(b); i++ {
		if b[i] == '$' && b[i+1] >= '0' && b[i+1] <= '9' {
			b[i] = '?'
		}
	}
	return string(b)
}

// IsUnique tells whether err is the breach of a unique or primary key.
func IsUnique(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "23505"
	}
	return errors.Is(err, sqlite3.CONSTRAINT_UNIQUE) || errors.Is(err, sqlite3.CONSTRAINT_PRIMARYKEY)
}

// explain turns what an operator can mend into an error that says so; anything
// else passes as it is.
func (d Dialect) explain(err error) error {
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, sqlite3.INTERRUPT): // what a context's end does to a statement
		return fmt.Errorf("%w: %w", context.Canceled, err)
	case diskFull(err):
		return privacyd.Errorf(privacyd.ClassUnavailable, "disk_full",
			"The database's disk is full. Free some space and try again; nothing was changed.").Because(err)
	case errors.Is(err, sqlite3.IOERR):
		return privacyd.Errorf(privacyd.ClassUnavailable, "disk_failed",
			"The database's disk cannot be read or written: it is full, or it fails. Make room or replace it, and try again.").Because(err)
	case connectionLost(err):
		return privacyd.Errorf(privacyd.ClassUnavailable, "database_unavailable",
			"The database cannot be reached. Check that it runs and try again; nothing was changed.").Because(err)
	case forbidden(err):
		return privacyd.Errorf(privacyd.ClassUnavailable, "database_forbidden",
			"The database refuses this to the role that privacyd connects as. Let the owner of the tables run: "+
				"privacyd migrate --database OWNER_DSN --grant ROLE").Because(err)
	case notText(err):
		return privacyd.Errorf(privacyd.ClassInvalid, "text_invalid",
			"The request holds a text that is not UTF-8 or has a zero byte in it.").Because(err)
	case errors.Is(err, sqlite3.BUSY) || conflicting(err):
		return privacyd.Errorf(privacyd.ClassUnavailable, "database_busy",
			"The database is busy with another write. Try again.").Because(err)
	}
	return err
}

func diskFull(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		// A quota that is used up, or a file that may not become longer, is no
		// SQLSTATE of its own: what failed is extending a table.
		return pg.Code == "53100" || pg.Code == "XX000" && (pg.Routine == "mdextend" || pg.Routine == "mdzeroextend")
	}
	return errors.Is(err, sqlite3.FULL)
}

// conflicting tells whether two transactions stood in each other's way.
func conflicting(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40P01" || pg.Code == "40001")
}

// forbidden tells whether PostgreSQL lacks a grant.
func forbidden(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "42501"
}

func notText(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "22021" || pg.Code == "22P05")
}

func connectionLost(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return strings.HasPrefix(pg.Code, "57P") || strings.HasPrefix(pg.Code, "08") || pg.Code == "53300"
	}
	var connect *pgconn.ConnectError
	var network *net.OpError
	return errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, driver.ErrBadConn)
}
