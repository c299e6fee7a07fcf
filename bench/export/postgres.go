package main

import (
	"context"
	"fmt"
	"iter"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/jackc/pgx/v5"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/bench/measure"
	"github.com/privacyd/privacyd/store/sqldb"
)

const slug = "bench"

// postgres is a workspace in a PostgreSQL database of its own.
type postgres struct {
	dir       string
	server    string // address of a database to make others from
	dsn       string
	name      string
	program   measure.Program
	workspace privacyd.Workspace
}

func (b *bench) newPostgres(ctx context.Context, dir string, rows int) (store, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	p := &postgres{dir: dir, server: b.postgres, name: fmt.Sprintf("privacyd_bench_%d", rows)}
	u, err := url.Parse(b.postgres)
	if err != nil {
		return nil, fmt.Errorf("read the address of the server: give it as postgres://user@host/database")
	}
	u.Path = "/" + p.name
	p.dsn = u.String()
	p.program = measure.Program{Binary: b.binary, Data: filepath.Join(dir, "data"), Database: p.dsn}
	for _, statement := range []string{"DROP DATABASE IF EXISTS " + p.name + " WITH (FORCE)", "CREATE DATABASE " + p.name} {
		if err := execute(ctx, p.server, statement); err != nil {
			return nil, err
		}
	}
	if p.workspace, err = p.program.Workspace(ctx, slug); err != nil {
		return nil, err
	}
	say("PostgreSQL, %s messages: filling the tables by COPY, not timed", count(rows))
	return p, p.fill(ctx, b.text, rows)
}

func execute(ctx context.Context, dsn string, statements ...string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing to lose
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (p *postgres) fill(ctx context.Context, t text, rows int) error {
	conn, err := pgx.Connect(ctx, p.dsn)
	if err != nil {
		return err
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing to lose
	for _, table := range t.tables() {
		if err := p.fillTable(ctx, conn, table, rows); err != nil {
			return fmt.Errorf("fill %s: %w", table.name, err)
		}
	}
	// What autovacuum and the checkpointer would do meanwhile is done now.
	for _, s := range []string{"VACUUM (ANALYZE)", "CHECKPOINT"} {
		if _, err := conn.Exec(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (p *postgres) fillTable(ctx context.Context, conn *pgx.Conn, t table, rows int) error {
	next, stop := iter.Pull(func(yield func([]any) bool) { t.rows(rows, yield) })
	defer stop()
	columns := append([]string{"workspace_id"}, t.columns...)
	_, err := conn.CopyFrom(ctx, pgx.Identifier{sqldb.PostgresSchema, t.name}, columns, pgx.CopyFromFunc(func() ([]any, error) {
		values, more := next()
		if !more {
			return nil, nil
		}
		return append([]any{p.workspace.ID}, values...), nil
	}))
	return err
}

func (p *postgres) export(ctx context.Context) (measure.Export, string, error) {
	file := filepath.Join(p.dir, "export.zip")
	if err := p.program.Forget(p.workspace); err != nil {
		return measure.Export{}, "", err
	}
	e, err := p.program.Export(ctx, slug, file)
	return e, file, err
}

func (p *postgres) yardsticks() []yardstick {
	return []yardstick{
		{"COPY … CSV TO STDOUT > /dev/null", 1.5, p.psql("COPY (SELECT %s FROM %s WHERE workspace_id = '%s') TO STDOUT (FORMAT csv)")},
		{
			"COPY (SELECT row_to_json(t) …) TO STDOUT > /dev/null", 0,
			p.psql("COPY (SELECT row_to_json(t) FROM (SELECT %s FROM %s WHERE workspace_id = '%s') t) TO STDOUT"),
		},
		{"plain Go loop (structs, encoding/json, archive/zip)", 0, p.loop},
	}
}

// psql copies every table that has rows, in one session and one snapshot.
func (p *postgres) psql(form string) func(context.Context) (measure.Sample, error) {
	return func(ctx context.Context) (measure.Sample, error) {
		script := []string{"-qXAt", "-v", "ON_ERROR_STOP=1", "-d", p.dsn, "-c", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"}
		for table, columns := range exported() {
			script = append(script, "-c", fmt.Sprintf(form, columns, sqldb.PostgresSchema+"."+table, p.workspace.ID))
		}
		script = append(script, "-c", "COMMIT")
		return measure.ToNull(ctx, exec.CommandContext(ctx, "psql", script...))
	}
}

func (p *postgres) loop(ctx context.Context) (measure.Sample, error) {
	return plainLoop(ctx, p.dsn, p.workspace.ID, filepath.Join(p.dir, "loop.zip"))
}

func (p *postgres) close(ctx context.Context) error {
	if err := execute(ctx, p.server, "DROP DATABASE "+p.name+" WITH (FORCE)"); err != nil {
		return err
	}
	return os.RemoveAll(p.dir)
}
