package sqlsource_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	sqlitedriver "github.com/ncruces/go-sqlite3/driver"

	"github.com/privacyd/privacyd"
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

// TestManyShops is the same on many made-up shops.
func TestManyShops(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { sourcetest.ErasePersons(t, productSQLite(t), 100+seed) })
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

// What was erased from a product's file is in none of its bytes any more, once
// nobody reads an older state.
func TestNothingIsLeftInTheFile(t *testing.T) {
	const marker = "a marker that is nowhere else"
	path := filepath.Join(t.TempDir(), "product.db")
	db, err := sqlitedriver.Open("file:"+path+"?_pragma=journal_mode(wal)&_pragma=secure_delete(on)", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // nothing to lose
	for _, statement := range []string{
		"CREATE TABLE t (id BIGINT PRIMARY KEY, owner TEXT, body TEXT)", "CREATE INDEX t_body ON t (body)", "INSERT INTO t VALUES (1, 'jane', '" + marker + "'), (2, 'joe', 'x')",
		"INSERT INTO t WITH RECURSIVE c(x) AS (SELECT 10 UNION ALL SELECT x + 1 FROM c WHERE x < 500) SELECT x, 'jane', '" + marker + "' || x FROM c",
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	source, err := sqlsource.OpenSQLiteToErase(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close() //nolint:errcheck // nothing to lose
	e, err := source.Eraser()
	if err != nil {
		t.Fatal(err)
	}
	reader, err := source.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n, err := e.Run(t.Context(), stepOn("t"), sqlsource.Batch{}); err != nil || n != 492 {
		t.Fatalf("%d rows went: %v", n, err)
	}
	for _, want := range []bool{false, true} {
		if done, err := e.TruncateLog(t.Context()); err != nil || done != want {
			t.Errorf("truncated: %v, %v", done, err)
		}
		if !want && reader.Close() != nil {
			t.Error("the reader does not end")
		}
	}
	files, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil || bytes.Contains(data, []byte(marker)) {
			t.Errorf("%s has what was erased: %v", filepath.Base(name), err)
		}
	}
}

// A server may not change the schema of its own file any more, and must be able
// to erase all the same.
func TestEraseUnderGuard(t *testing.T) {
	db := sqldbtest.SQLite(t)
	exec(t, db, "CREATE TABLE t (id BIGINT PRIMARY KEY, owner TEXT, doc TEXT)",
		`INSERT INTO t VALUES (1, 'jane', '{"by": [1, 7]}'), (2, 'joe', '{"by": [1, 7]}'), (3, 'jane', NULL)`, "CREATE TABLE limited (id BIGINT, owner TEXT)", "INSERT INTO limited VALUES (1, 'jane')")
	db.Guard(map[string]sqldb.Rights{"limited": {}})
	e, err := sqlsource.Own(db).Eraser()
	if err != nil {
		t.Fatal(err)
	}
	if n, err := e.Run(t.Context(), editOf("t"), sqlsource.Batch{}); err != nil || n != 2 {
		t.Errorf("%d rows changed: %v", n, err)
	}
	if n, err := e.Run(t.Context(), stepOn("t"), sqlsource.Batch{}); err != nil || n != 2 {
		t.Errorf("%d rows went: %v", n, err)
	}
	if _, err := e.Run(t.Context(), stepOn("limited"), sqlsource.Batch{}); privacyd.CodeOf(err) != "source_forbidden" {
		t.Error(err)
	}
}

// While rows go by the hundred thousand the write-ahead log stays small, and
// so does what is held in memory.
func TestLargeDeletionsKeepTheLogSmall(t *testing.T) {
	dir := t.TempDir()
	db, err := sqldb.OpenSQLite(t.Context(), filepath.Join(dir, "test.db"), sqldbtest.Key())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	exec(t, db, "CREATE TABLE t (id TEXT PRIMARY KEY, owner TEXT, body TEXT) WITHOUT ROWID", "CREATE INDEX t_owner ON t (owner)",
		`INSERT INTO t WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 150000)
			SELECT printf('%08d', x * 7919 % 150000), CASE WHEN x % 3 = 0 THEN 'joe' ELSE 'jane' END, 'A text of some length that is to be gone, number ' || x FROM c`)
	if _, err := db.TruncateLog(t.Context()); err != nil {
		t.Fatal(err)
	}
	e, err := sqlsource.Own(db).Eraser()
	if err != nil {
		t.Fatal(err)
	}
	largest := int64(0)
	n, err := e.Run(t.Context(), stepOn("t"), sqlsource.Batch{Timed: func(int64, time.Duration) {
		if info, err := os.Stat(filepath.Join(dir, "test.db-wal")); err == nil {
			largest = max(largest, info.Size())
		}
	}})
	if err != nil || n != 100_000 || largest == 0 || largest > 64<<20 {
		t.Errorf("%d rows went, the log had %d MB at most: %v", n, largest>>20, err)
	}
}
