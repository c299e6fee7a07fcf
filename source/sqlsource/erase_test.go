package sqlsource_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	sqlitedriver "github.com/ncruces/go-sqlite3/driver"

	"github.com/privacyd/privacyd/source/sourcetest"
	"github.com/privacyd/privacyd/source/sqlsource"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// TestErasing runs on privacyd's own databases, whose transactions a batch
// joins, and on a product's.
func TestErasing(t *testing.T) {
	forms := map[string]func(t *testing.T) sourcetest.Source{
		"sqlite":           func(t *testing.T) sourcetest.Source { return own(t, sqldbtest.SQLite(t)) },
		"postgres":         func(t *testing.T) sourcetest.Source { return own(t, postgres(t)) },
		"product/sqlite":   productSQLite,
		"product/postgres": productPostgres,
	}
	for name, open := range forms {
		t.Run(name, func(t *testing.T) { sourcetest.RunErasing(t, open) })
	}
}

func own(t testing.TB, db *sqldb.DB) sourcetest.Source {
	s := suite(t, db)
	s.Eraser, s.Own = eraser(sqlsource.Own(db)), true
	return s
}

func eraser(source *sqlsource.Source) func() (sourcetest.Eraser, error) {
	return func() (sourcetest.Eraser, error) {
		e, err := source.Eraser()
		if err != nil {
			return nil, err
		}
		e.Patience, e.MaxRows = 100*time.Millisecond, 3 // small, so that there are many batches
		e.SetChunks(7, 1000)
		return e, nil
	}
}

func productPostgres(t *testing.T) sourcetest.Source {
	dsn := sqldbtest.PostgresDSN(t)
	db, err := sqldb.OpenPostgres(t.Context(), dsn+"&search_path=public")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	source, err := sqlsource.OpenPostgres(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	return product(t, source, func(ctx context.Context, statement string) error {
		_, err := db.Exec(ctx, "SET search_path = public; "+statement)
		return err
	}, sqldb.Postgres)
}

func productSQLite(t *testing.T) sourcetest.Source {
	path := filepath.Join(t.TempDir(), "product.db")
	db, err := sqlitedriver.Open("file:"+path+"?_pragma=journal_mode(wal)&_pragma=busy_timeout(10000)", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE first (id TEXT); DROP TABLE first"); err != nil {
		t.Fatal(err)
	}
	source, err := sqlsource.OpenSQLiteToErase(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return product(t, source, func(ctx context.Context, statement string) error {
		_, err := db.ExecContext(ctx, statement)
		return err
	}, sqldb.SQLite)
}

func product(t *testing.T, source *sqlsource.Source, exec func(context.Context, string) error, d sqldb.Dialect) sourcetest.Source {
	t.Cleanup(func() {
		if err := source.Close(); err != nil {
			t.Error(err)
		}
	})
	return sourcetest.Source{
		Dialect: string(d), Exec: exec, Eraser: eraser(source),
		Snapshot: func(ctx context.Context) (sourcetest.Snapshot, error) { return source.Snapshot(ctx) },
	}
}
