package sqlsource

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/privacyd/privacyd"
)

// beginWrite keeps a statement from waiting for a row longer than its own
// locks may stand, and fixes how values are read. With row_security off a
// policy that would hide rows is an error. It is one statement, since a message
// with parameters can carry no more.
const beginWrite = `SELECT set_config('lock_timeout', '200ms', true), set_config('row_security', 'off', true),
set_config('statement_timeout', '0', true), set_config('idle_in_transaction_session_timeout', '0', true),
set_config('IntervalStyle', 'iso_8601', true), set_config('DateStyle', 'ISO, YMD', true), set_config('bytea_output', 'hex', true),
set_config('TimeZone', 'UTC', true), set_config('extra_float_digits', '1', true), set_config('synchronize_seqscans', 'off', true),
set_config('jit', 'off', true)`

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
	t := &guestTx{conn: &pgReader{conn: conn}, begin: []string{"BEGIN", beginWrite}}
	err = fn(ctx, t)
	if err == nil {
		err = t.commit(ctx)
	}
	if err != nil && t.begin == nil && !t.ended {
		_ = t.conn.close(ctx) // rolls back
		return err
	}
	_ = conn.Close() // back to the pool
	return err
}

type guestTx struct {
	conn  *pgReader
	begin []string // to be sent before the first statement
	ended bool
}

// send sends statements, with what begins the transaction in the same message,
// and gives the answers to them.
func (t *guestTx) send(ctx context.Context, list ...statement) ([]*pgconn.Result, error) {
	var batch pgconn.Batch
	for _, q := range t.begin {
		batch.ExecParams(q, nil, nil, nil, nil)
	}
	for _, s := range list {
		values, types, formats, err := pgParams(s.args)
		if err != nil {
			return nil, err
		}
		batch.ExecParams(s.query, values, types, formats, nil)
	}
	first := len(t.begin)
	t.begin = nil
	var results []*pgconn.Result
	err := t.conn.raw(func(c *pgconn.PgConn) (err error) {
		results, err = c.ExecBatch(ctx, &batch).ReadAll()
		return err
	})
	if err != nil {
		return nil, err
	}
	return results[first:], nil
}

// pgParams are parameters in PostgreSQL's binary form.
func pgParams(args []any) (values [][]byte, types []uint32, formats []int16, err error) {
	for _, arg := range args {
		switch list := arg.(type) {
		case tidList:
			values, types = append(values, list.binary()), append(types, pgtype.TIDArrayOID)
		case xidList:
			values, types = append(values, list.binary()), append(types, pgtype.XIDArrayOID)
		default:
			return nil, nil, nil, fmt.Errorf("send a parameter: it is %T", arg)
		}
		formats = append(formats, pgtype.BinaryFormatCode)
	}
	return values, types, formats, nil
}

func (t *guestTx) exec(ctx context.Context, query string, args ...any) (int64, error) {
	answers, err := t.all(ctx, []statement{{query: query, args: args}}, false)
	if err != nil {
		return 0, err
	}
	return answers[0], nil
}

func (t *guestTx) finish(ctx context.Context, query string, args ...any) (int64, error) {
	answers, err := t.all(ctx, []statement{{query: query, args: args}}, true)
	if err != nil {
		return 0, err
	}
	return answers[0], nil
}

func (t *guestTx) all(ctx context.Context, list []statement, end bool) ([]int64, error) {
	sent := list
	if end {
		sent = append(slices.Clip(list), statement{query: "COMMIT"})
	}
	results, err := t.send(ctx, sent...)
	if err != nil {
		return nil, err
	}
	answers := make([]int64, len(list))
	for i, s := range list {
		if answers[i] = results[i].CommandTag.RowsAffected(); s.question {
			answers[i] = number(results[i].Rows[0][0])
		}
	}
	t.ended = end
	return answers, nil
}

func (t *guestTx) commit(ctx context.Context) error {
	if t.ended || t.begin != nil {
		return nil
	}
	results, err := t.send(ctx, statement{query: "COMMIT"})
	if err != nil {
		return fmt.Errorf("commit transaction: %w", err)
	}
	if t.ended = true; results[0].CommandTag.String() != "COMMIT" {
		return privacyd.Errorf(privacyd.ClassUnavailable, "database_unavailable", "A dataset's database did not commit what was erased. Try again.")
	}
	return nil
}

func (t *guestTx) rows(ctx context.Context, query string, columns int, args ...any) ([][]any, error) {
	results, err := t.send(ctx, statement{query: query, args: args})
	if err != nil {
		return nil, err
	}
	all := make([][]any, len(results[0].Rows))
	for i, row := range results[0].Rows {
		all[i] = make([]any, columns)
		for j, value := range row {
			if value != nil {
				all[i][j] = string(value)
			}
		}
	}
	return all, nil
}
