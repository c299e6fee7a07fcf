package sqldb_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

var schema = fstest.MapFS{"0001_things.sql": {Data: []byte(`
CREATE TABLE things (id TEXT PRIMARY KEY, n BIGINT NOT NULL, raw BYTEA);
-- only: sqlite
CREATE TABLE only_sqlite (id TEXT);
-- end
-- only: postgres
CREATE TABLE only_postgres (id TEXT);
-- end
`)}}

func open(t *testing.T, db *sqldb.DB) *sqldb.DB {
	t.Helper()
	if err := db.Migrate(t.Context(), "test", schema); err != nil {
		t.Fatal(err)
	}
	return db
}

func count(t *testing.T, db *sqldb.DB, table string) (n int) {
	t.Helper()
	if err := db.QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestMigrateTwiceIsOnce(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		open(t, open(t, db))
		if n := count(t, db, "only_"+string(db.Dialect)); n != 0 {
			t.Fatalf("%d rows", n)
		}
	})
}

func TestMigrateAtOnce(t *testing.T) {
	dsn := sqldbtest.PostgresDSN(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			db, err := sqldb.OpenPostgres(t.Context(), dsn)
			if err != nil {
				t.Error(err)
				return
			}
			defer db.Close() //nolint:errcheck // a test's
			if err := db.Migrate(t.Context(), "test", schema); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestPlaceholdersBindByNumber(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		open(t, db)
		if _, err := db.Exec(t.Context(), "INSERT INTO things (n, id) VALUES ($2, $1)", "a", 5); err != nil {
			t.Fatal(err)
		}
		var n int
		if err := db.QueryRow(t.Context(), "SELECT n FROM things WHERE id = $1", "a").Scan(&n); err != nil || n != 5 {
			t.Fatalf("n = %d, %v", n, err)
		}
	})
}

func TestInTx(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		open(t, db)
		boom := errors.New("boom")
		woken := 0
		insert := func(id string, fail error) error {
			return db.InTx(t.Context(), func(ctx context.Context) error {
				db.AfterCommit(ctx, func() { woken++ })
				return db.InTx(ctx, func(ctx context.Context) error {
					if _, err := db.Exec(ctx, "INSERT INTO things (id, n) VALUES ($1, 1)", id); err != nil {
						return err
					}
					return fail
				})
			})
		}
		if err := insert("kept", nil); err != nil {
			t.Fatal(err)
		}
		if err := insert("undone", boom); !errors.Is(err, boom) {
			t.Fatal(err)
		}
		if err := insert("kept", nil); !sqldb.IsUnique(err) {
			t.Fatalf("a second row with the same key: %v", err)
		}
		if n := count(t, db, "things"); n != 1 || woken != 1 {
			t.Fatalf("%d rows, woken %d times", n, woken)
		}
	})
}

func TestSQLiteIsEncryptedAndKnowsItsKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	db, err := sqldb.OpenSQLite(t.Context(), path, sqldbtest.Key())
	if err != nil {
		t.Fatal(err)
	}
	open(t, db)
	if _, err := db.Exec(t.Context(), "INSERT INTO things (id, n) VALUES ('find-this-marker', 1)"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, path + "-wal"} {
		if raw, _ := os.ReadFile(name); bytes.Contains(raw, []byte("find-this-marker")) || bytes.Contains(raw, []byte("SQLite format")) {
			t.Fatalf("%s is readable", name)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	wrong := bytes.Repeat([]byte{9}, 64)
	if _, err := sqldb.OpenSQLite(t.Context(), path, wrong); privacyd.CodeOf(err) != "key_wrong" {
		t.Fatalf("a wrong key: %v", err)
	}
}

func TestPostgresUnreachable(t *testing.T) {
	_, err := sqldb.OpenPostgres(t.Context(), "postgres://nobody@127.0.0.1:1/none")
	if privacyd.CodeOf(err) != "database_unavailable" {
		t.Fatal(err)
	}
}
