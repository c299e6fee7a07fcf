package sqldb_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/privacyd/privacyd/store/sqldb"
)

// TestCloseKeepsStatistics finds the sizes of tables in a file that was filled
// and closed, but not of small ones.
func TestCloseKeepsStatistics(t *testing.T) {
	path, key := filepath.Join(t.TempDir(), "test.db"), bytes.Repeat([]byte{7, 9}, 32)
	db, err := sqldb.OpenSQLite(t.Context(), path, key)
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"CREATE TABLE t (n INTEGER, body TEXT)", "CREATE INDEX t_n ON t (n)",
		"CREATE TABLE small (n INTEGER)", "CREATE INDEX small_n ON small (n)", "INSERT INTO small VALUES (1)",
		"INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 20000) SELECT i % 10, 'x' FROM n",
	} {
		if _, err := db.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	db.Guard(nil)
	if err := db.Optimize(t.Context()); err != nil {
		t.Errorf("on a guarded connection: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if db, err = sqldb.OpenSQLite(t.Context(), path, key); err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // a test's
	var stat string
	if err := db.QueryRow(t.Context(), "SELECT stat FROM sqlite_stat1 WHERE tbl = 't'").Scan(&stat); err != nil || stat == "" {
		t.Errorf("no statistics: %q, %v", stat, err)
	}
	var small int
	if err := db.QueryRow(t.Context(), "SELECT count(*) FROM sqlite_stat1 WHERE tbl = 'small'").Scan(&small); err != nil || small != 0 {
		t.Errorf("%d statistics of a table of one row, %v", small, err)
	}
}
