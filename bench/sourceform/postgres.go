package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/privacyd/privacyd/source/sqlsource"
)

const pgTable = "sourceform_messages"

func measurePostgres(ctx context.Context, dsn string, rows int) (err error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer func() {
		_, dropped := conn.Exec(ctx, "DROP TABLE IF EXISTS "+pgTable)
		err = errors.Join(err, dropped, conn.Close(ctx))
	}()
	if err := fillPostgres(ctx, conn, rows); err != nil {
		return err
	}
	source, err := sqlsource.OpenPostgres(ctx, dsn)
	if err != nil {
		return err
	}
	defer source.Close() //nolint:errcheck // nothing was written
	fmt.Printf("PostgreSQL, %d messages\n", rows)
	where := " FROM " + pgTable + " WHERE workspace_id = '" + workspace + "'"
	dump := func(query string) func() error {
		return func() error {
			_, err := conn.PgConn().CopyTo(ctx, io.Discard, query)
			return err
		}
	}
	var r report
	for _, m := range []struct {
		what string
		run  func() error
	}{
		{"COPY … CSV, discarded", dump("COPY (SELECT " + columnList + where + ") TO STDOUT (FORMAT csv)")},
		{"COPY (SELECT row_to_json …), discarded", dump("COPY (SELECT row_to_json(t) FROM (SELECT " + columnList + where + ") t) TO STDOUT")},
		{"COPY … BINARY, discarded", dump("COPY (SELECT " + columnList + where + ") TO STDOUT (FORMAT binary)")},
		{"source: COPY … BINARY decoded to JSON", func() error { return read(ctx, source, pgTable) }},
	} {
		took, err := best(m.run)
		if err != nil {
			return fmt.Errorf("%s: %w", m.what, err)
		}
		r.line(m.what, took)
	}
	return nil
}

func fillPostgres(ctx context.Context, conn *pgx.Conn, rows int) error {
	if _, err := conn.Exec(ctx, "DROP TABLE IF EXISTS "+pgTable+"; CREATE UNLOGGED TABLE "+pgTable+" "+schema, pgx.QueryExecModeSimpleProtocol); err != nil {
		return err
	}
	r, i := rand.New(rand.NewPCG(1, 1)), 0 //nolint:gosec // made-up text needs no secrecy
	start := time.Now()
	next := func() ([]any, error) {
		if i == rows {
			return nil, nil
		}
		m := makeMessage(r, i, false)
		i++
		return []any{workspace, m.id, m.conversation, m.direction, m.author, m.body, m.metadata, m.created}, nil
	}
	columns := append([]string{"workspace_id"}, exported...)
	if _, err := conn.CopyFrom(ctx, pgx.Identifier{pgTable}, columns, pgx.CopyFromFunc(next)); err != nil {
		return err
	}
	_, err := conn.Exec(ctx, "VACUUM ANALYZE "+pgTable)
	fmt.Printf("PostgreSQL filled in %.1f s\n", time.Since(start).Seconds())
	return err
}
