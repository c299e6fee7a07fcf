package sqlsource

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/privacyd/privacyd/store/sqldb"
)

// writer runs the transactions in which rows are erased.
type writer interface {
	// inTx runs fn in a transaction that commits when fn returns nil.
	inTx(ctx context.Context, fn func(ctx context.Context, tx statements) error) error
	// own: the database is privacyd's, so that what else is written to it with
	// fn's context is part of the transaction.
	own() bool
	close() error
}

// statements runs statements in a transaction.
type statements interface {
	exec(ctx context.Context, query string, args ...any) (int64, error)
	query(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// beginWrite keeps a statement from waiting for a row longer than its own
// locks may stand, and fixes how values are read. With row_security off a
// policy that would hide rows is an error.
const beginWrite = `SET LOCAL lock_timeout = '200ms';
SET LOCAL row_security = off;
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = 0;
SET LOCAL IntervalStyle = 'iso_8601';
SET LOCAL DateStyle = 'ISO, YMD';
SET LOCAL bytea_output = 'hex';
SET LOCAL TimeZone = 'UTC';
SET LOCAL extra_float_digits = 1;
SET LOCAL synchronize_seqscans = off;
SET LOCAL jit = off`

// plainly sends a statement as it is: the values stand in it, since each is
// run once and must not be kept prepared.
const plainly = pgx.QueryExecModeSimpleProtocol

// ownWriter writes to privacyd's own database, in the transactions that it
// carries in contexts.
type ownWriter struct{ db *sqldb.DB }

func (w ownWriter) own() bool    { return true }
func (w ownWriter) close() error { return nil }

func (w ownWriter) inTx(ctx context.Context, fn func(context.Context, statements) error) error {
	return w.db.InTx(ctx, func(ctx context.Context) error {
		if w.db.Dialect == sqldb.Postgres {
			if _, err := w.exec(ctx, beginWrite); err != nil {
				return err
			}
		}
		return fn(ctx, w)
	})
}

func (w ownWriter) exec(ctx context.Context, query string, args ...any) (int64, error) {
	return w.db.Exec(ctx, query, w.args(args)...)
}

func (w ownWriter) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return w.db.Query(ctx, query, w.args(args)...)
}

func (w ownWriter) args(args []any) []any { return withMode(w.db.Dialect, args) }

// withMode tells pgx how to run a statement.
func withMode(d sqldb.Dialect, args []any) []any {
	if d == sqldb.Postgres {
		return append([]any{plainly}, args...)
	}
	return args
}

// guestWriter writes to a product's database.
type guestWriter struct {
	db      *sql.DB
	dialect sqldb.Dialect
}

func (w *guestWriter) own() bool    { return false }
func (w *guestWriter) close() error { return w.db.Close() }

func (w *guestWriter) inTx(ctx context.Context, fn func(context.Context, statements) error) error {
	tx, err := w.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing
	t := guestTx{tx, w.dialect}
	if w.dialect == sqldb.Postgres {
		if _, err := t.exec(ctx, beginWrite); err != nil {
			return err
		}
	}
	if err := fn(ctx, t); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit transaction: %w", err)
	}
	return nil
}

type guestTx struct {
	tx      *sql.Tx
	dialect sqldb.Dialect
}

func (t guestTx) exec(ctx context.Context, query string, args ...any) (int64, error) {
	res, err := t.tx.ExecContext(ctx, query, withMode(t.dialect, args)...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (t guestTx) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return t.tx.QueryContext(ctx, query, withMode(t.dialect, args)...)
}
