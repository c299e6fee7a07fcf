package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
	"github.com/pressly/goose/v3/lock"
)

// migrationsSuffix ends the name of the table of a component's migrations.
const migrationsSuffix = "_migrations"

// Migrate brings the tables of one component ("store", "work", "records") up
// to date. schema holds files NNNN_name.sql, the same for both databases, in
// which the lines between "-- only: sqlite" or "-- only: postgres" and
// "-- end" belong to one of them. On PostgreSQL it works under a lock, so that
// any number of nodes may start at once.
func (db *DB) Migrate(ctx context.Context, component string, schema fs.FS) error {
	if db.Dialect == Postgres {
		if err := db.makeSchema(ctx); err != nil {
			return err
		}
	}
	migrations, err := db.migrations(schema)
	if err != nil {
		return fmt.Errorf("read migrations of %s: %w", component, err)
	}
	provider, err := db.provider(component, migrations)
	if err != nil {
		return fmt.Errorf("prepare migrations of %s: %w", component, err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate %s: %w", component, db.Dialect.explain(err))
	}
	return nil
}

// Made tells whether a PostgreSQL database has tables of ours. It makes none.
func (db *DB) Made(ctx context.Context) (bool, error) {
	var tables int
	err := db.QueryRow(ctx, "SELECT count(*) FROM pg_tables WHERE schemaname = $1", PostgresSchema).Scan(&tables)
	return tables > 0, err
}

func (db *DB) makeSchema(ctx context.Context) error {
	return db.InTx(ctx, func(ctx context.Context) error {
		const schemaLock = 0x70726976 // any number of our own
		if _, err := db.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", schemaLock); err != nil {
			return fmt.Errorf("lock schema: %w", err)
		}
		var there int // a role without the right to create one may use one that is there
		if err := db.QueryRow(ctx, "SELECT count(*) FROM pg_namespace WHERE nspname = $1", PostgresSchema).Scan(&there); err != nil {
			return fmt.Errorf("look for the schema: %w", err)
		}
		if there > 0 {
			return nil
		}
		if _, err := db.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+PostgresSchema); err != nil {
			return fmt.Errorf("make schema: %w", err)
		}
		return nil
	})
}

func (db *DB) provider(component string, migrations []*goose.Migration) (*goose.Provider, error) {
	dialect := database.DialectSQLite3
	options := []goose.ProviderOption{
		goose.WithGoMigrations(migrations...), goose.WithDisableGlobalRegistry(true),
	}
	if db.Dialect == Postgres {
		dialect = database.DialectPostgres
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return nil, err
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	store, err := database.NewStore(dialect, component+migrationsSuffix)
	if err != nil {
		return nil, err
	}
	options = append(options, goose.WithStore(store))
	return goose.NewProvider("", db.write, nil, options...)
}

func (db *DB) migrations(schema fs.FS) ([]*goose.Migration, error) {
	names, err := fs.Glob(schema, "*.sql")
	if err != nil {
		return nil, err
	}
	var migrations []*goose.Migration
	for _, name := range names {
		number, _, _ := strings.Cut(path.Base(name), "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: the name does not begin with a number", name)
		}
		text, err := fs.ReadFile(schema, name)
		if err != nil {
			return nil, err
		}
		script := db.Dialect.only(string(text))
		up := &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error { return db.run(ctx, tx, script) }}
		migrations = append(migrations, goose.NewGoMigration(version, up, nil))
	}
	return migrations, nil
}

func (db *DB) run(ctx context.Context, tx *sql.Tx, script string) error {
	var args []any
	if db.Dialect == Postgres {
		args = append(args, pgx.QueryExecModeSimpleProtocol) // many statements at once
	}
	_, err := tx.ExecContext(ctx, script, args...)
	return err
}

// only drops the lines of a script that are meant for the other database.
func (d Dialect) only(script string) string {
	var b strings.Builder
	keep := true
	for line := range strings.Lines(script) {
		mark := strings.TrimSpace(line)
		if who, ok := strings.CutPrefix(mark, "-- only: "); ok {
			keep = who == string(d)
			continue
		}
		if mark == "-- end" {
			keep = true
			continue
		}
		if keep {
			b.WriteString(line)
		}
	}
	return b.String()
}
