package sqlsource

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/ncruces/go-sqlite3"

	"github.com/privacyd/privacyd/store/sqldb"
)

// writer runs the transactions in which rows are erased.
type writer interface {
	// inTx runs fn in a transaction that commits when fn returns nil.
	inTx(ctx context.Context, fn func(ctx context.Context, tx statements) error) error
	// own: the database is privacyd's, so that what else is written to it with
	// fn's context is part of the transaction.
	own() bool
	// truncate folds a write-ahead log that holds old pages into the file.
	truncate(ctx context.Context) (bool, error)
	close() error
}

// statements runs statements in a transaction.
type statements interface {
	exec(ctx context.Context, query string, args ...any) (int64, error)
	// finish is exec for what ends the transaction, so that the two may go to the
	// server together.
	finish(ctx context.Context, query string, args ...any) (int64, error)
	// all is exec for several statements, which may go to the server together; with
	// end, they end the transaction.
	all(ctx context.Context, list []statement, end bool) ([]int64, error)
	// rows are those of a query, as the driver has them.
	rows(ctx context.Context, query string, columns int, args ...any) ([][]any, error)
}

// statement is one with its parameters. A question is a query for one number,
// which is its answer; of any other the answer is how many rows it changed.
type statement struct {
	query    string
	args     []any
	question bool
}

// oneByOne is all for a connection that takes one statement at a time.
func oneByOne(ctx context.Context, tx statements, list []statement) ([]int64, error) {
	answers := make([]int64, len(list))
	for i, s := range list {
		var err error
		if !s.question {
			answers[i], err = tx.exec(ctx, s.query, s.args...)
		} else {
			var rows [][]any
			if rows, err = tx.rows(ctx, s.query, 1, s.args...); err == nil {
				answers[i] = number([]byte(plainValue(rows[0][0])))
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return answers, nil
}

// ownWriter writes to privacyd's own database, in the transactions that it
// carries in contexts.
type ownWriter struct{ db *sqldb.DB }

func (w ownWriter) own() bool    { return true }
func (w ownWriter) close() error { return nil }

func (w ownWriter) truncate(ctx context.Context) (bool, error) { return w.db.TruncateLog(ctx) }

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

func (w ownWriter) finish(ctx context.Context, query string, args ...any) (int64, error) {
	return w.exec(ctx, query, args...)
}

func (w ownWriter) all(ctx context.Context, list []statement, _ bool) ([]int64, error) {
	return oneByOne(ctx, w, list)
}

func (w ownWriter) rows(ctx context.Context, query string, columns int, args ...any) ([][]any, error) {
	rows, err := w.db.Query(ctx, query, w.args(args)...)
	if err != nil {
		return nil, err
	}
	return scan(rows, columns)
}

// args tells pgx not to keep a statement prepared, since each is run once: the
// values stand in it, but for places of rows.
func (w ownWriter) args(args []any) []any {
	if w.db.Dialect != sqldb.Postgres {
		return args
	}
	if len(args) == 0 {
		return []any{pgx.QueryExecModeSimpleProtocol}
	}
	all := []any{pgx.QueryExecModeExec}
	for _, arg := range args {
		switch list := arg.(type) {
		case tidList:
			arg = list.typed()
		case xidList:
			arg = []uint32(list)
		}
		all = append(all, arg)
	}
	return all
}

func scan(rows *sql.Rows, columns int) (all [][]any, err error) {
	defer rows.Close() //nolint:errcheck // Err says it
	for rows.Next() {
		values, into := make([]any, columns), make([]any, columns)
		for i := range into {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		all = append(all, values)
	}
	return all, rows.Err()
}

// fileWriter writes to a product's SQLite file.
type fileWriter struct{ db *sql.DB }

func (w *fileWriter) own() bool    { return false }
func (w *fileWriter) close() error { return w.db.Close() }

const truncatePatience = 200 * time.Millisecond // how long the product's writes are held up

// truncate finds the log busy where another connection reads an older state.
func (w *fileWriter) truncate(ctx context.Context) (bool, error) {
	conn, err := w.db.Conn(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Close() //nolint:errcheck // back to the pool
	r := &sqliteReader{conn: conn}
	err = r.raw(ctx, func(c *sqlite3.Conn) (err error) {
		if err := c.BusyTimeout(truncatePatience); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, c.BusyTimeout(busyPatience)) }()
		_, _, err = c.WALCheckpoint("main", sqlite3.CHECKPOINT_TRUNCATE)
		return err
	})
	if errors.Is(err, sqlite3.BUSY) {
		return false, nil
	}
	return err == nil, err
}

func (w *fileWriter) inTx(ctx context.Context, fn func(context.Context, statements) error) error {
	tx, err := w.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing
	if err := fn(ctx, fileTx{tx}); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit transaction: %w", err)
	}
	return nil
}

type fileTx struct{ tx *sql.Tx }

func (t fileTx) exec(ctx context.Context, query string, args ...any) (int64, error) {
	res, err := t.tx.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (t fileTx) finish(ctx context.Context, query string, args ...any) (int64, error) {
	return t.exec(ctx, query, args...)
}

func (t fileTx) all(ctx context.Context, list []statement, _ bool) ([]int64, error) {
	return oneByOne(ctx, t, list)
}

func (t fileTx) rows(ctx context.Context, query string, columns int, args ...any) ([][]any, error) {
	rows, err := t.tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return scan(rows, columns)
}
