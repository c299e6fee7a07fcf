package sqldb

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// statement is one that waits to be sent.
type statement struct {
	query string
	args  []any
}

// ExecLater runs a statement of which nothing is asked but that it succeeds,
// and whose text is always the same. It is for what is written in nearly every
// transaction.
//
// In a transaction on PostgreSQL it is sent together with the next statement, or
// before the commit, so that it takes no round trip of its own: an error of it
// may come from there, and everything is rolled back as it would be otherwise.
// Whatever comes next in the transaction sees its effect. On SQLite it runs at
// once, and is compiled once for all.
func (db *DB) ExecLater(ctx context.Context, query string, args ...any) error {
	t := db.current(ctx)
	switch {
	case t == nil:
		_, err := db.Exec(ctx, query, args...)
		return err
	case db.Dialect == SQLite:
		return db.Dialect.explain(t.conn.Raw(func(c any) error {
			return db.kept.exec(ctx, c.(driver.ConnPrepareContext), db.guard.limits.Load(), db.Dialect.rewrite(query), args)
		}))
	}
	t.later = append(t.later, statement{query, args})
	return nil
}

// send sends what waits and more in one round trip, and tells how many rows
// the last of them affected.
func (t *transaction) send(ctx context.Context, more ...statement) (affected int64, err error) {
	all := append(t.later, more...)
	t.later = nil
	if len(all) == 0 {
		return 0, nil
	}
	err = t.conn.Raw(func(c any) error {
		affected, err = sendAll(ctx, c.(*stdlib.Conn).Conn(), all)
		return err
	})
	return affected, err
}

func sendAll(ctx context.Context, conn *pgx.Conn, all []statement) (affected int64, err error) {
	p := preparedOn(conn)
	list, err := p.bind(ctx, conn, all)
	if err != nil {
		return 0, err
	}
	if list != nil {
		return p.sendBound(ctx, conn.PgConn(), list)
	}
	return sendByPgx(ctx, conn, all)
}

func sendByPgx(ctx context.Context, conn *pgx.Conn, all []statement) (affected int64, err error) {
	batch := &pgx.Batch{}
	for _, s := range all {
		batch.Queue(s.query, s.args...)
	}
	results := conn.SendBatch(ctx, batch)
	for range all {
		tag, err := results.Exec()
		if err != nil {
			_ = results.Close() // it says the same again
			return 0, err
		}
		affected = tag.RowsAffected()
	}
	return affected, results.Close()
}

// kept are statements that stay compiled on the one connection that writes.
// They are used while that connection is held.
type kept struct {
	on     driver.ConnPrepareContext
	limits *map[string]Rights // in force when they were compiled, which is when they are authorised
	by     map[string]driver.StmtExecContext
}

func (k *kept) exec(ctx context.Context, on driver.ConnPrepareContext, limits *map[string]Rights, query string, args []any) error {
	if k.on != on || k.limits != limits {
		if err := k.close(); err != nil {
			return err
		}
		*k = kept{on: on, limits: limits, by: map[string]driver.StmtExecContext{}}
	}
	s := k.by[query]
	if s == nil {
		made, err := on.PrepareContext(ctx, query)
		if err != nil {
			return err
		}
		s = made.(driver.StmtExecContext) //nolint:forcetypeassert // SQLite's are
		k.by[query] = s
	}
	values := make([]driver.NamedValue, len(args))
	for i, a := range args {
		v, err := driver.DefaultParameterConverter.ConvertValue(a)
		if err != nil {
			return fmt.Errorf("argument %d: %w", i+1, err)
		}
		values[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
	}
	_, err := s.ExecContext(ctx, values)
	return err
}

func (k *kept) close() error {
	var err error
	for _, s := range k.by {
		err = errors.Join(err, s.(driver.Stmt).Close()) //nolint:forcetypeassert // it was made as one
	}
	k.by = nil
	return err
}

// forget closes kept statements: SQLite keeps a connection open that has any.
func (db *DB) forget() error {
	if db.Dialect != SQLite {
		return nil
	}
	ctx := context.Background()
	conn, err := db.write.Conn(ctx)
	if err != nil {
		return fmt.Errorf("close statements: %w", err)
	}
	return errors.Join(conn.Raw(func(any) error { return db.kept.close() }), conn.Close())
}
