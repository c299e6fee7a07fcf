// Package sqldb is one handle on either of privacyd's databases: encrypted
// SQLite or PostgreSQL. It opens them, runs one SQL text on both, carries the
// transaction of a use-case in its context, and applies migrations.
//
// It knows no table. SQL is written once with $1, $2 … and must be portable:
// times are BIGINT microseconds passed from Go, never now(); ids are TEXT;
// booleans are SMALLINT 0/1; bytes are BYTEA; JSON is TEXT that SQL never
// looks into. What cannot be portable is in dialect.go.
//
// Open sqldb.go first; transactions are the one idea in here.
package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"
)

// DB is an open database. Its methods use the transaction that InTx put in the
// context, and none outside of one.
type DB struct {
	Dialect Dialect
	write   *sql.DB       // SQLite: one connection, since it has one writer
	read    *sql.DB       // SQLite: query_only connections; PostgreSQL: the same pool
	guard   *guard        // SQLite alone
	kept    kept          // SQLite alone
	turn    chan struct{} // SQLite alone: whose holder may begin a transaction
}

type txKey struct{ db *DB }

type transaction struct {
	conn  *sql.Conn // of tx
	tx    *sql.Tx
	later []statement
	after []func()
}

// InTx runs fn in a transaction: every call on db with the context that fn
// gets is part of it. It commits when fn returns nil and rolls back
// otherwise, also when fn panics. Within a transaction of the same database
// it joins that one.
//
// On SQLite there is one writer: inside fn always use fn's context, since a
// write with another one waits for this transaction to end.
func (db *DB) InTx(ctx context.Context, fn func(ctx context.Context) error) error {
	if db.current(ctx) != nil {
		return fn(ctx)
	}
	after, err := db.transact(ctx, fn)
	for _, f := range after {
		f()
	}
	return err
}

// transact gives what is to be done after the commit, when others may have the
// connection already.
func (db *DB) transact(ctx context.Context, fn func(ctx context.Context) error) (after []func(), err error) {
	giveBack, err := db.take(ctx)
	if err != nil {
		return nil, fmt.Errorf("begin transaction: %w", err)
	}
	defer giveBack()
	t, err := db.begin(ctx)
	if err != nil {
		return nil, fmt.Errorf("begin transaction: %w", db.Dialect.explain(err))
	}
	defer t.conn.Close()  //nolint:errcheck // it goes back to the pool
	defer t.tx.Rollback() //nolint:errcheck // after a commit it does nothing
	if err := fn(context.WithValue(ctx, txKey{db}, t)); err != nil {
		return nil, err
	}
	if err := db.commit(ctx, t); err != nil {
		return nil, fmt.Errorf("commit transaction: %w", db.Dialect.explain(err))
	}
	return t.after, nil
}

// take waits for the right to begin a transaction and gives what gives it
// back. On SQLite those who wait come one after the other: the pool would take
// one of them at random, and somebody would wait for seconds where many write.
func (db *DB) take(ctx context.Context) (giveBack func(), err error) {
	if db.turn == nil {
		return func() {}, nil
	}
	select {
	case db.turn <- struct{}{}:
		return func() { <-db.turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// begin begins a transaction on a connection of its own. One from the pool may
// turn out to be dead; it is taken out, and another is tried.
func (db *DB) begin(ctx context.Context) (*transaction, error) {
	for try := 0; ; try++ {
		conn, err := db.write.Conn(ctx)
		if err != nil {
			return nil, err
		}
		tx, err := conn.BeginTx(ctx, nil)
		if err == nil {
			return &transaction{conn: conn, tx: tx}, nil
		}
		_ = conn.Close() // it is of no use
		if !errors.Is(err, driver.ErrBadConn) || try == pgConnections {
			return nil, err
		}
	}
}

func (db *DB) commit(ctx context.Context, t *transaction) error {
	if _, err := t.send(ctx); err != nil {
		return err
	}
	return t.tx.Commit()
}

// AfterCommit runs fn once the transaction in ctx has committed, or at once
// outside of one. It is for waking somebody up, never for an effect that must
// happen: the process may die in between.
func (db *DB) AfterCommit(ctx context.Context, fn func()) {
	if t := db.current(ctx); t != nil {
		t.after = append(t.after, fn)
		return
	}
	fn()
}

func (db *DB) current(ctx context.Context) *transaction {
	t, _ := ctx.Value(txKey{db}).(*transaction)
	return t
}

// Exec runs a statement that returns no rows and says how many it affected.
func (db *DB) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	var res sql.Result
	var err error
	query = db.Dialect.rewrite(query)
	if t := db.current(ctx); t != nil && len(t.later) > 0 {
		n, err := t.send(ctx, statement{query, args})
		return n, db.Dialect.explain(err)
	} else if t != nil {
		res, err = t.tx.ExecContext(ctx, query, args...)
	} else {
		res, err = db.write.ExecContext(ctx, query, args...)
	}
	if err != nil {
		return 0, db.Dialect.explain(err)
	}
	return res.RowsAffected()
}

// Query runs a query; outside of a transaction on a connection that cannot
// write, so a statement with RETURNING needs InTx.
func (db *DB) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	query = db.Dialect.rewrite(query)
	var rows *sql.Rows
	var err error
	if t := db.current(ctx); t != nil {
		if _, err = t.send(ctx); err == nil {
			rows, err = t.tx.QueryContext(ctx, query, args...)
		}
	} else {
		rows, err = db.read.QueryContext(ctx, query, args...)
	}
	if err != nil {
		return nil, db.Dialect.explain(err)
	}
	return rows, nil
}

// Row is the single row of a query. Scan gives sql.ErrNoRows when there is none.
type Row struct {
	row     *sql.Row
	err     error // of what came before; there is no row then
	dialect Dialect
}

// Scan copies the row's columns.
func (r Row) Scan(dest ...any) error {
	if r.err != nil {
		return r.dialect.explain(r.err)
	}
	return r.dialect.explain(r.row.Scan(dest...))
}

// QueryRow runs a query for one row, by the rules of Query.
func (db *DB) QueryRow(ctx context.Context, query string, args ...any) Row {
	query = db.Dialect.rewrite(query)
	if t := db.current(ctx); t != nil {
		if _, err := t.send(ctx); err != nil {
			return Row{err: err, dialect: db.Dialect}
		}
		return Row{row: t.tx.QueryRowContext(ctx, query, args...), dialect: db.Dialect}
	}
	return Row{row: db.read.QueryRowContext(ctx, query, args...), dialect: db.Dialect}
}

// Writer is the pool that may write: for migrations and for readers that need
// a connection of their own kind.
func (db *DB) Writer() *sql.DB { return db.write }

// Reader is the pool that only reads.
func (db *DB) Reader() *sql.DB { return db.read }

// Close closes every connection. On SQLite the write-ahead log is folded into
// the file first, and statistics are kept for the next start.
func (db *DB) Close() error {
	_ = db.Optimize(context.Background()) // statistics are no reason to fail
	err := db.forget()
	if db.read != db.write {
		err = errors.Join(err, db.read.Close())
	}
	if werr := db.write.Close(); err == nil {
		err = werr
	}
	return err
}

// Micros is how times are stored: microseconds since 1970 in UTC.
func Micros(t time.Time) int64 { return t.UnixMicro() }

// Time reads what Micros wrote.
func Time(us int64) time.Time { return time.UnixMicro(us).UTC() }

// NullMicros is Micros for a time that may be absent.
func NullMicros(t *time.Time) sql.NullInt64 {
	if t == nil {
		return sql.NullInt64{}
	}
	return sql.NullInt64{Int64: t.UnixMicro(), Valid: true}
}

// NullTime reads what NullMicros wrote.
func NullTime(us sql.NullInt64) *time.Time {
	if !us.Valid {
		return nil
	}
	t := Time(us.Int64)
	return &t
}
