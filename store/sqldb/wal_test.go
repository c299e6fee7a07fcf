package sqldb_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

func TestTruncateLog(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		open(t, db)
		insert := func(id string) {
			t.Helper()
			if _, err := db.Exec(t.Context(), "INSERT INTO things (id, n) VALUES ($1, 1)", id); err != nil {
				t.Fatal(err)
			}
		}
		want := func(want bool) {
			t.Helper()
			if done, err := db.TruncateLog(t.Context()); err != nil || done != want {
				t.Fatalf("truncated %v, %v; want %v", done, err, want)
			}
		}
		want(true)
		insert("a")
		want(true)
		reader, err := db.Reader().BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		var n int
		if err := reader.QueryRow("SELECT count(*) FROM things").Scan(&n); err != nil {
			t.Fatal(err)
		}
		insert("b") // writers go on
		want(db.Dialect == sqldb.Postgres)
		insert("c")
		if err := reader.Rollback(); err != nil {
			t.Fatal(err)
		}
		want(true)
		if n := count(t, db, "things"); n != 3 {
			t.Errorf("%d rows", n)
		}
		err = db.InTx(t.Context(), func(ctx context.Context) error {
			_, err := db.TruncateLog(ctx)
			return err
		})
		if (err == nil) != (db.Dialect == sqldb.Postgres) {
			t.Errorf("in a transaction: %v", err)
		}
	})
}
