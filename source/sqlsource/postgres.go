package sqlsource

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/privacyd/privacyd/datamap"
)

// beginSnapshot fixes how PostgreSQL writes values as text and what could hide
// rows or end a long read. With row_security off a policy that would hide rows
// is an error. A database in SQL_ASCII holds any bytes, which it would refuse
// to send as UTF-8.
const beginSnapshot = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET LOCAL IntervalStyle = 'iso_8601';
SET LOCAL DateStyle = 'ISO, YMD';
SET LOCAL bytea_output = 'hex';
SET LOCAL TimeZone = 'UTC';
SET LOCAL extra_float_digits = 1;
SET LOCAL row_security = off;
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = 0;
SET LOCAL synchronize_seqscans = off;
SET LOCAL jit = off;
SELECT set_config('client_encoding', CASE getdatabaseencoding() WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END, true)`

type pgReader struct {
	conn *sql.Conn
	// begin is sent before the first query: with that, if the snapshot may begin
	// then, since each message to the server takes its time there and back.
	begin string
}

func beginPostgres(ctx context.Context, conn *sql.Conn) (reader, error) {
	r := &pgReader{conn: conn, begin: beginSnapshot}
	return r, r.begun(ctx)
}

// begun begins the snapshot unless it stands.
func (r *pgReader) begun(ctx context.Context) error {
	begin := r.begin
	if begin == "" {
		return nil
	}
	r.begin = ""
	return r.raw(func(c *pgconn.PgConn) error {
		_, err := c.Exec(ctx, begin).ReadAll()
		return err
	})
}

// raw lends the connection below database/sql.
func (r *pgReader) raw(fn func(*pgconn.PgConn) error) error {
	var failed error
	err := r.conn.Raw(func(driverConn any) error {
		c, ok := driverConn.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("the pool's driver is %T, not pgx", driverConn)
		}
		if failed = fn(c.Conn().PgConn()); failed != nil && c.Conn().IsClosed() {
			return driver.ErrBadConn // so that the pool forgets it
		}
		return nil
	})
	if failed != nil {
		return failed
	}
	return err
}

func (r *pgReader) close(ctx context.Context) error {
	if r.begin != "" {
		return r.conn.Close()
	}
	err := r.raw(func(c *pgconn.PgConn) error {
		_, err := c.Exec(ctx, "ROLLBACK").ReadAll()
		if err != nil {
			_ = c.Close(ctx) // a connection in an unknown state must not be used again
		}
		return err
	})
	closed := r.conn.Close()
	if errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) {
		return nil // lost before; the read has said so
	}
	if err == nil && !errors.Is(closed, sql.ErrConnDone) {
		err = closed
	}
	return err
}

// read decodes COPY's binary form: PostgreSQL makes no text, and no JSON, of
// what is turned into JSON here in one pass.
func (r *pgReader) read(ctx context.Context, p plan, fn func(datamap.Row) error) error {
	w := &pgRows{plan: &p, fn: fn}
	w.stream = copyStream{values: make([][]byte, max(1, len(p.columns))), row: w.row}
	return r.copy(ctx, p.query, &w.stream)
}

func (r *pgReader) values(ctx context.Context, query string, columns int, fn func([][]byte) error) error {
	s := &copyStream{values: make([][]byte, columns)}
	s.row = func() error { return fn(s.values) }
	return r.copy(ctx, query, s)
}

func (r *pgReader) copy(ctx context.Context, query string, s *copyStream) error {
	query = "COPY (" + query + ") TO STDOUT (FORMAT binary)"
	if r.begin != "" {
		query, r.begin = r.begin+"; "+query, ""
	}
	return r.raw(func(c *pgconn.PgConn) error {
		_, err := c.CopyTo(ctx, s, query)
		if err == nil || s.failed != nil {
			return s.finish()
		}
		return err
	})
}

// pgRows turns a stream's rows into JSON.
type pgRows struct {
	plan    *plan
	stream  copyStream
	decoder decoder
	out     []byte
	files   []datamap.File
	fn      func(datamap.Row) error
}

func (w *pgRows) row() error {
	out := w.out[:0]
	for i := range w.plan.outputs {
		o := &w.plan.outputs[i]
		out = o.start(out)
		value := w.stream.values[i]
		if value == nil {
			out = append(out, "null"...)
			continue
		}
		var err error
		if out, err = w.decoder.append(out, value, o.column.kind, o.column.elem, o.format); err != nil {
			return fmt.Errorf("decode %q, a %s: %w", o.name, o.column.declared, err)
		}
	}
	w.out = w.plan.end(out)
	if len(w.plan.files) > 0 {
		w.files = w.plan.filesOf(w.files[:0], w.text)
	}
	return w.fn(datamap.Row{JSON: w.out, Files: w.files})
}

// text is the plain text of a value that names a file; none for NULL.
func (w *pgRows) text(i int) string {
	value, c := w.stream.values[i], w.plan.columns[i]
	if value == nil || c.kind == kindText {
		return string(value)
	}
	out, err := w.decoder.append(nil, value, c.kind, c.elem, datamap.FormatPlain)
	if err != nil {
		return string(value)
	}
	return plainText(out)
}

// estimate asks the planner.
func (r *pgReader) estimate(ctx context.Context, query string, _ datamap.Selection) (int64, error) {
	var explained []struct {
		Plan struct {
			Rows float64 `json:"Plan Rows"`
		}
	}
	err := r.raw(func(c *pgconn.PgConn) error {
		results, err := c.Exec(ctx, "EXPLAIN (FORMAT JSON) "+query).ReadAll()
		if err != nil {
			return err
		}
		return json.Unmarshal(results[0].Rows[0][0], &explained)
	})
	if err != nil || len(explained) == 0 {
		return 0, err
	}
	return int64(explained[0].Plan.Rows), nil
}
