package sqldb_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/ncruces/go-sqlite3"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// limits are of the tables of logSchema: one may only grow, one may also
// shrink, one is free.
func limits() map[string]sqldb.Rights {
	return map[string]sqldb.Rights{"entries": {Insert: true}, "notes": {Insert: true, Delete: true}}
}

var logSchema = fstest.MapFS{"0001_log.sql": {Data: []byte(`
CREATE TABLE entries (id INTEGER PRIMARY KEY, text TEXT);
CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);
CREATE TABLE free (id INTEGER PRIMARY KEY, text TEXT);
CREATE INDEX free_text ON free (text);
INSERT INTO entries (id, text) VALUES (1, 'first');
INSERT INTO notes (id, text) VALUES (1, 'first');
-- only: sqlite
CREATE TRIGGER entries_no_replace BEFORE INSERT ON entries WHEN EXISTS (SELECT 1 FROM entries WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
-- end
`)}}

// refused are attacks on guarded SQLite.
func refused(other string) []string {
	return []string{
		"UPDATE entries SET text = 'x'",
		"UPDATE notes SET text = 'x' WHERE id = 1",
		"UPDATE ENTRIES SET text = 'x'",
		`UPDATE main."entries" SET text = 'x'`,
		"DELETE FROM entries",
		"DELETE FROM entries WHERE id = 1",
		"INSERT INTO entries (id, text) VALUES (1, 'x') ON CONFLICT DO UPDATE SET text = 'x'",
		"INSERT OR REPLACE INTO entries (id, text) VALUES (1, 'x')",
		"REPLACE INTO entries (id, text) VALUES (1, 'x')",
		"WITH gone AS (SELECT 1) DELETE FROM entries WHERE id IN (SELECT * FROM gone)",
		"DROP TRIGGER entries_no_replace",
		"DROP TABLE entries",
		"DROP TABLE free",
		"DROP INDEX free_text",
		"ALTER TABLE entries RENAME TO other",
		"ALTER TABLE entries ADD COLUMN more TEXT",
		"ALTER TABLE entries DROP COLUMN text",
		"CREATE TABLE more (id TEXT)",
		"CREATE INDEX more ON free (id)",
		"CREATE TRIGGER more AFTER INSERT ON free BEGIN DELETE FROM entries; END",
		"CREATE TEMP TRIGGER more AFTER INSERT ON free BEGIN DELETE FROM entries; END",
		"CREATE TEMP VIEW entries AS SELECT 2 AS id, 'x' AS text",
		"CREATE TEMP TABLE entries (id INTEGER, text TEXT)",
		"CREATE VIRTUAL TABLE more USING dbstat",
		"PRAGMA writable_schema = ON",
		"PRAGMA main.writable_schema = 1",
		"PRAGMA recursive_triggers = OFF",
		"PRAGMA secure_delete = OFF",
		"PRAGMA foreign_keys = OFF",
		"PRAGMA journal_mode = DELETE",
		"PRAGMA synchronous = OFF",
		"PRAGMA trusted_schema = ON",
		"PRAGMA hexkey = '00'",
		"PRAGMA schema_version = 7",
		"UPDATE sqlite_schema SET sql = 'x'",
		"DELETE FROM sqlite_master WHERE name = 'entries_no_replace'",
		"INSERT INTO sqlite_schema (type, name) VALUES ('table', 'x')",
		"ATTACH DATABASE '" + other + "' AS other",
		"DETACH DATABASE main",
		"VACUUM",
		"VACUUM INTO '" + other + "'",
		"REINDEX",
		"SELECT load_extension('x')",
	}
}

func TestGuardSQLite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	db, err := sqldb.OpenSQLite(t.Context(), path, sqldbtest.Key())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := db.Migrate(t.Context(), "test", logSchema); err != nil {
		t.Fatal(err)
	}
	before, other := content(t, db), path+".other"
	db.Guard(limits())
	for _, pool := range []*sql.DB{db.Writer(), db.Reader()} {
		for _, attack := range refused(other) {
			if _, err := pool.ExecContext(t.Context(), attack); err == nil {
				t.Errorf("%s: it was done", attack)
			}
		}
	}
	if diff := cmp.Diff(before, content(t, db)); diff != "" {
		t.Errorf("the attacks changed (+):\n%s", diff)
	}
	if err := db.Migrate(t.Context(), "more", schema); !errors.Is(err, sqlite3.AUTH) {
		t.Errorf("a migration after the guard: %v", err)
	}
}

// content is all that attacks aim at.
func content(t *testing.T, db *sqldb.DB) []string {
	t.Helper()
	rows, err := db.Query(t.Context(), `SELECT id || text FROM entries UNION ALL SELECT id || text FROM notes
		UNION ALL SELECT name || coalesce(sql, '') FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%'
		UNION ALL SELECT 'recursive' || recursive_triggers FROM pragma_recursive_triggers
		UNION ALL SELECT 'keys' || foreign_keys FROM pragma_foreign_keys UNION ALL SELECT 'secure' || secure_delete FROM pragma_secure_delete`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // a test's
	var all []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	if len(all) < 8 {
		t.Fatalf("there is too little to attack: %v", all)
	}
	return all
}

// TestGuardLets does what a server does.
func TestGuardLets(t *testing.T) {
	db := sqldbtest.SQLite(t)
	if err := db.Migrate(t.Context(), "test", logSchema); err != nil {
		t.Fatal(err)
	}
	db.Guard(limits())
	for _, work := range []string{
		"INSERT INTO entries (id, text) VALUES (2, 'second')",
		"INSERT INTO notes (id, text) VALUES (2, 'second')",
		"DELETE FROM notes WHERE id = 1",
		"INSERT INTO free (id, text) VALUES (1, 'x'), (2, 'y')",
		"INSERT INTO free (id, text) VALUES (1, 'z') ON CONFLICT (id) DO UPDATE SET text = EXCLUDED.text",
		"REPLACE INTO free (id, text) VALUES (2, 'y')",
		"UPDATE free SET text = 'x' WHERE id IN (SELECT id FROM entries)",
		"DELETE FROM free",
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i FROM n",
		"SELECT name FROM pragma_table_xinfo('entries')",
		"SELECT name FROM pragma_table_list WHERE schema = 'main'",
		"PRAGMA wal_checkpoint(TRUNCATE)",
		"PRAGMA optimize = 0x10002",
		"PRAGMA integrity_check",
		"ANALYZE",
		"SAVEPOINT s", "RELEASE s",
	} {
		if _, err := db.Exec(t.Context(), work); err != nil {
			t.Errorf("%s: %v", work, err)
		}
	}
	err := db.InTx(t.Context(), func(ctx context.Context) error {
		_, err := db.Exec(ctx, "INSERT INTO entries (id, text) VALUES (3, 'third')")
		return err
	})
	if n := count(t, db, "entries"); err != nil || n != 3 {
		t.Errorf("%d entries, %v", n, err)
	}
	tx, err := db.Writer().BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
}

// served opens a database as a role that Grant was called for.
func served(t *testing.T) (owner, server *sqldb.DB) {
	t.Helper()
	role := sqldbtest.Role(t)
	dsn := sqldbtest.PostgresDSN(t)
	owner, err := sqldb.OpenPostgres(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = owner.Close() })
	if err := owner.Migrate(t.Context(), "test", logSchema); err != nil {
		t.Fatal(err)
	}
	if err := owner.Grant(t.Context(), role, limits()); err != nil {
		t.Fatal(err)
	}
	server, err = sqldb.OpenPostgres(t.Context(), sqldbtest.As(t, dsn, role))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return owner, server
}

func TestGrant(t *testing.T) {
	owner, server := served(t)
	if err := server.Migrate(t.Context(), "test", logSchema); err != nil {
		t.Errorf("a server finds its tables up to date: %v", err)
	}
	for _, work := range []string{
		"INSERT INTO entries (id, text) VALUES (2, 'second')", "SELECT * FROM entries",
		"INSERT INTO notes (id, text) VALUES (2, 'second')", "DELETE FROM notes WHERE id = 1",
		"INSERT INTO free (id, text) VALUES (1, 'x')", "UPDATE free SET text = 'y'", "SELECT * FROM free FOR UPDATE", "DELETE FROM free",
	} {
		if _, err := server.Exec(t.Context(), work); err != nil {
			t.Errorf("%s: %v", work, err)
		}
	}
	for _, attack := range []string{
		"UPDATE entries SET text = 'x'", "DELETE FROM entries", "TRUNCATE entries", "TRUNCATE notes", "TRUNCATE free",
		"INSERT INTO entries (id, text) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET text = 'x'",
		"UPDATE notes SET text = 'x'", "DROP TABLE entries", "ALTER TABLE entries DISABLE TRIGGER ALL", "CREATE TABLE more (id TEXT)",
		"CREATE INDEX more ON free (id)", "INSERT INTO test_migrations (version_id, is_applied) VALUES (9, true)", "DELETE FROM test_migrations",
		"SET session_replication_role = replica",
	} {
		if _, err := server.Exec(t.Context(), attack); err == nil {
			t.Errorf("%s: it was done", attack)
		}
	}
	for db, want := range map[*sqldb.DB][]string{owner: {"entries: owner", "notes: owner"}, server: nil} {
		if got, err := db.Overreach(t.Context(), limits()); err != nil || !slices.Equal(got, want) {
			t.Errorf("overreach %v, %v; want %v", got, err, want)
		}
	}
}

// TestGrantTakesAway repairs rights that were granted by hand.
func TestGrantTakesAway(t *testing.T) {
	owner, server := served(t)
	var role string
	if err := server.QueryRow(t.Context(), "SELECT current_user").Scan(&role); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"GRANT ALL ON ALL TABLES IN SCHEMA privacyd TO " + role, "REVOKE SELECT ON notes FROM " + role} {
		if _, err := owner.Exec(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"entries: UPDATE", "entries: DELETE", "entries: TRUNCATE", "entries: TRIGGER", "notes: UPDATE", "notes: TRUNCATE", "notes: TRIGGER"}
	if got, err := server.Overreach(t.Context(), limits()); err != nil || !slices.Equal(got, want) {
		t.Errorf("overreach %v, %v; want %v", got, err, want)
	}
	if err := owner.Grant(t.Context(), role, limits()); err != nil {
		t.Fatal(err)
	}
	if got, err := server.Overreach(t.Context(), limits()); err != nil || len(got) > 0 {
		t.Errorf("overreach %v, %v; want none", got, err)
	}
	if n := count(t, server, "notes"); n != 1 {
		t.Errorf("%d notes", n)
	}
}

func TestGrantRefused(t *testing.T) {
	owner, _ := served(t)
	if err := owner.Grant(t.Context(), `no"body`, limits()); privacyd.CodeOf(err) != "role_unknown" {
		t.Error(err)
	}
	if err := sqldbtest.SQLite(t).Grant(t.Context(), "nobody", limits()); privacyd.CodeOf(err) != "database_not_postgres" {
		t.Error(err)
	}
}

// BenchmarkGuard is what the guard costs a small transaction.
func BenchmarkGuard(b *testing.B) {
	for _, guarded := range []bool{false, true} {
		b.Run(map[bool]string{false: "without", true: "with"}[guarded], func(b *testing.B) {
			db := sqldbtest.SQLite(b)
			if _, err := db.Exec(b.Context(), "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT, c BLOB, d BIGINT)"); err != nil {
				b.Fatal(err)
			}
			if guarded {
				db.Guard(map[string]sqldb.Rights{"u": {}})
			}
			for b.Loop() {
				err := db.InTx(b.Context(), func(ctx context.Context) error {
					for range 100 {
						if _, err := db.Exec(ctx, "INSERT INTO t (a, b, c, d) VALUES ($1, $2, $3, $4)", "a", "b", []byte("c"), 7); err != nil {
							return err
						}
						var n int
						if err := db.QueryRow(ctx, "SELECT count(*) FROM (SELECT a, b, c, d FROM t ORDER BY id DESC LIMIT 1) WHERE a = $1 AND b = $2", "a", "b").Scan(&n); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
