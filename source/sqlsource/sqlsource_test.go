package sqlsource_test

import (
	"context"
	"testing"

	"github.com/privacyd/privacyd/source/sourcetest"
	"github.com/privacyd/privacyd/source/sqlsource"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

func TestConformance(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		sourcetest.Run(t, func(t *testing.T) sourcetest.Source { return suite(t, sqldbtest.SQLite(t)) })
	})
	t.Run("postgres", func(t *testing.T) {
		sourcetest.Run(t, func(t *testing.T) sourcetest.Source { return suite(t, postgres(t)) })
	})
}

// postgres gives a database with the schema that its connections look in.
func postgres(t testing.TB) *sqldb.DB {
	t.Helper()
	db := sqldbtest.Postgres(t)
	exec(t, db, "CREATE SCHEMA privacyd")
	return db
}

func suite(t testing.TB, db *sqldb.DB) sourcetest.Source {
	source := sqlsource.New(db.Reader(), db.Dialect)
	return sourcetest.Source{
		Dialect:  string(db.Dialect),
		Exec:     func(ctx context.Context, statement string) error { _, err := db.Exec(ctx, statement); return err },
		Snapshot: func(ctx context.Context) (sourcetest.Snapshot, error) { return source.Snapshot(ctx) },
	}
}

func exec(t testing.TB, db *sqldb.DB, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := db.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}
