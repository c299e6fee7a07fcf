package sqlsource

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/privacyd/privacyd"
)

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

// guestWriter writes to a product's PostgreSQL database. It speaks to the
// connection below database/sql, so that what begins and ends a transaction
// goes together with its statements: each message to the server takes its time
// there and back, and locks stand that long.
type guestWriter struct{ db *sql.DB }

func (w *guestWriter) own() bool    { return false }
func (w *guestWriter) close() error { return w.db.Close() }

func (w *guestWriter) truncate(context.Context) (bool, error) { return true, nil }

func (w *guestWriter) inTx(ctx context.Context, fn func(context.Context, statements) error) error {
	conn, err := w.db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	t := &guestTx{conn: &pgReader{conn: conn}, begin: "BEGIN; " + beginWrite + "; "}
	err = fn(ctx, t)
	if err == nil {
		err = t.commit(ctx)
	}
	if err != nil && t.begin == "" && !t.ended {
		_ = t.conn.close(ctx) // rolls back
		return err
	}
	_ = conn.Close() // back to the pool
	return err
}

type guestTx struct {
	conn  *pgReader
	begin string // to be sent before the first statement
	ended bool
}

// send sends statements and gives the answer to the last but so many of them.
func (t *guestTx) send(ctx context.Context, query string, after int) (*pgconn.Result, error) {
	query, t.begin = t.begin+query, ""
	var result *pgconn.Result
	err := t.conn.raw(func(c *pgconn.PgConn) error {
		results, err := c.Exec(ctx, query).ReadAll()
		if err == nil {
			result = results[len(results)-1-after]
		}
		return err
	})
	return result, err
}

func (t *guestTx) exec(ctx context.Context, query string, _ ...any) (int64, error) {
	result, err := t.send(ctx, query, 0)
	if err != nil {
		return 0, err
	}
	return result.CommandTag.RowsAffected(), nil
}

func (t *guestTx) finish(ctx context.Context, query string, _ ...any) (int64, error) {
	result, err := t.send(ctx, query+"; COMMIT", 1)
	if err != nil {
		return 0, err
	}
	t.ended = true
	return result.CommandTag.RowsAffected(), nil
}

func (t *guestTx) commit(ctx context.Context) error {
	if t.ended || t.begin != "" {
		return nil
	}
	result, err := t.send(ctx, "COMMIT", 0)
	if err != nil {
		return fmt.Errorf("commit transaction: %w", err)
	}
	if t.ended = true; result.CommandTag.String() != "COMMIT" {
		return privacyd.Errorf(privacyd.ClassUnavailable, "database_unavailable", "A dataset's database did not commit what was erased. Try again.")
	}
	return nil
}

func (t *guestTx) rows(ctx context.Context, query string, columns int, _ ...any) ([][]any, error) {
	result, err := t.send(ctx, query, 0)
	if err != nil {
		return nil, err
	}
	all := make([][]any, len(result.Rows))
	for i, row := range result.Rows {
		all[i] = make([]any, columns)
		for j, value := range row {
			if value != nil {
				all[i][j] = string(value)
			}
		}
	}
	return all, nil
}
