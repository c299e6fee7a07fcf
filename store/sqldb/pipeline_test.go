package sqldb_test

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// typedText is a text that pgx has to find out about.
type typedText string

// TestExecLaterParameters writes parameters of each kind by statements that are
// sent together, by each way in which an address can have statements sent, and
// reads what is there.
func TestExecLaterParameters(t *testing.T) {
	dsn := sqldbtest.PostgresDSN(t)
	at := time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)
	kinds := []any{nil, "text ä", []byte("\x00\xff"), []byte{}, []byte(nil), int64(-7), 12, int16(3), true, 1.5, at, sql.NullInt64{Int64: 5, Valid: true}, sql.NullInt64{}, typedText("")}
	columns := []string{"text", "text", "bytea", "bytea", "bytea", "bigint", "smallint", "bigint", "boolean", "float8", "timestamptz", "bigint", "bigint", "text NOT NULL"}
	want := []string{"", "text ä", `\x00ff`, `\x`, "", "-7", "12", "3", "true", "1.5", "2026-03-01 12:00:00.123456+00", "5", "", ""}
	for _, mode := range []string{"", "exec", "simple_protocol", "cache_describe", "describe_exec"} {
		db := open(t, openPostgres(t, withMode(dsn, mode)))
		err := db.InTx(t.Context(), func(ctx context.Context) error {
			for i := range kinds {
				if err := db.ExecLater(ctx, fmt.Sprintf("CREATE TEMPORARY TABLE kind_%d (v %s) ON COMMIT DROP", i, columns[i])); err != nil {
					return err
				}
			}
			if _, err := db.Exec(ctx, "SELECT 1"); err != nil {
				return err
			}
			for i, kind := range kinds {
				if err := db.ExecLater(ctx, fmt.Sprintf("INSERT INTO kind_%d VALUES ($1)", i), kind); err != nil {
					return err
				}
			}
			var got []string
			for i := range kinds {
				var v string
				if err := db.QueryRow(ctx, fmt.Sprintf("SELECT coalesce(v::text, '') FROM kind_%d", i)).Scan(&v); err != nil {
					return err
				}
				got = append(got, v)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s", mode, diff)
			}
			return nil
		})
		if err != nil {
			t.Errorf("%s: %v", mode, err)
		}
	}
}

func withMode(dsn, mode string) string {
	if mode == "" {
		return dsn
	}
	return dsn + "&default_query_exec_mode=" + mode
}

func openPostgres(t *testing.T, dsn string) *sqldb.DB {
	t.Helper()
	db, err := sqldb.OpenPostgres(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// TestExecLaterManyTexts sends more texts than are kept prepared on a
// connection, and ones that are wrong in the midst of them.
func TestExecLaterManyTexts(t *testing.T) {
	db := open(t, sqldbtest.Postgres(t))
	db.Writer().SetMaxOpenConns(1)
	for i := range 250 {
		wrong := i%50 == 49
		err := db.InTx(t.Context(), func(ctx context.Context) error {
			text := fmt.Sprintf("INSERT INTO things (n, id) VALUES (%d, $1)", i)
			if wrong {
				text = fmt.Sprintf("INSERT INTO nothings (n) VALUES (%d)", i)
				return db.ExecLater(ctx, text)
			}
			return db.ExecLater(ctx, text, fmt.Sprint(i))
		})
		if wrong != (err != nil) {
			t.Fatalf("text %d: %v", i, err)
		}
	}
	if n := count(t, db, "things"); n != 245 {
		t.Errorf("%d things", n)
	}
}
