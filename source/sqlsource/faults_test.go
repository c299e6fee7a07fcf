package sqlsource_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/source/sourcetest"
	"github.com/privacyd/privacyd/source/sqlsource"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

func TestKilledBackend(t *testing.T) {
	db := postgres(t)
	exec(t, db, "CREATE TABLE big AS SELECT i AS id, repeat('x', 1000) AS body FROM generate_series(1, 100000) i")
	s := snapshot(t, db)
	rows := 0
	err := s.Read(t.Context(), selection("big", "id", "body"), func(datamap.Row) error {
		if rows++; rows == 1 {
			exec(t, db, "DO $x$ BEGIN PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'COPY%' AND datname = current_database(); END $x$")
		}
		return nil
	})
	if privacyd.CodeOf(err) != "database_unavailable" || rows == 100_000 {
		t.Fatalf("after %d rows: %v", rows, err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if got := sourcetest.Records(t, snapshot(t, db), selection("big", "id")); len(got) != 100_000 {
		t.Errorf("afterwards %d rows", len(got))
	}
}

// Who has seen enough of a short answer keeps the connection and the snapshot.
func TestStopEarly(t *testing.T) {
	db := postgres(t)
	exec(t, db, "CREATE TABLE few AS SELECT i AS id FROM generate_series(1, 1000) i")
	s := snapshot(t, db)
	enough := errors.New("enough")
	for range 3 {
		if err := s.Read(t.Context(), selection("few", "id"), func(datamap.Row) error { return enough }); !errors.Is(err, enough) {
			t.Fatal(err)
		}
	}
	if got := sourcetest.Records(t, s, selection("few", "id")); len(got) != 1000 {
		t.Errorf("%d rows", len(got))
	}
}

func TestUnreachable(t *testing.T) {
	garbage := filepath.Join(t.TempDir(), "garbage.db")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	open := map[string]func() (*sqlsource.Source, error){
		"database_unavailable": func() (*sqlsource.Source, error) {
			return sqlsource.OpenPostgres(t.Context(), "postgres://nobody@127.0.0.1:1/none")
		},
		"database_url_invalid":    func() (*sqlsource.Source, error) { return sqlsource.OpenPostgres(t.Context(), "postgres://%zz") },
		"database_unavailable ":   func() (*sqlsource.Source, error) { return sqlsource.OpenSQLite(t.Context(), garbage+".missing") },
		"database_url_invalid   ": func() (*sqlsource.Source, error) { return sqlsource.OpenSQLite(t.Context(), garbage) },
	}
	for code, try := range open {
		if _, err := try(); privacyd.CodeOf(err) != strings.TrimSpace(code) {
			t.Errorf("%s: %v", code, err)
		}
	}
}

func TestCancelIsQuick(t *testing.T) {
	slow := map[sqldb.Dialect]string{
		sqldb.Postgres: "(SELECT count(*) FROM generate_series(1, 1000000000)) > 0",
		sqldb.SQLite:   "(WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c) > 0",
	}
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		if db.Dialect == sqldb.Postgres {
			exec(t, db, "CREATE SCHEMA privacyd")
		}
		exec(t, db, "CREATE TABLE n (id BIGINT)", "INSERT INTO n VALUES (1)")
		sel := selection("n", "id")
		sel.Collection.Where = slow[db.Dialect]
		ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer stop()
		s := snapshot(t, db)
		if err := s.Read(ctx, sel, func(datamap.Row) error { return nil }); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestErrorsHoldNoValues(t *testing.T) {
	db := postgres(t)
	exec(t, db, "CREATE TABLE d (id TEXT, doc TEXT)", "INSERT INTO d VALUES ('1', 'jane@example.com')")
	sel := selection("d", "id")
	link := &datamap.Link{To: "d", On: []datamap.ColumnPair{{Column: "doc", JSONPath: "$.id", Target: "id"}}}
	sel.All = []datamap.Condition{{Any: []datamap.Path{{Hops: []datamap.Hop{{Link: link, To: sel.Collection}}, Column: "id", Value: "1"}}}}
	err := snapshot(t, db).Read(t.Context(), sel, func(datamap.Row) error { return nil })
	if privacyd.CodeOf(err) != "source_unreadable" || strings.Contains(err.Error(), "jane") {
		t.Error(err)
	}
	sel.All[0].Any[0] = datamap.Path{Column: "id", Value: "a\x00b"}
	if err := snapshot(t, db).Read(t.Context(), sel, func(datamap.Row) error { return nil }); privacyd.CodeOf(err) != "value_invalid" {
		t.Error(err)
	}
}

func TestRowSecurityIsNotSilent(t *testing.T) {
	dsn := sqldbtest.PostgresDSN(t)
	owner, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close(t.Context()) //nolint:errcheck // nothing to lose
	role := "reader_" + strings.ReplaceAll(time.Now().Format("150405.000000000"), ".", "")
	for _, statement := range []string{
		"CREATE TABLE r (id int)", "INSERT INTO r VALUES (1)", "ALTER TABLE r ENABLE ROW LEVEL SECURITY",
		"CREATE ROLE " + role + " LOGIN", "GRANT SELECT ON r TO " + role,
	} {
		if _, err := owner.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	t.Cleanup(func() {
		_, _ = owner.Exec(context.Background(), "DROP OWNED BY "+role+"; DROP ROLE "+role, pgx.QueryExecModeSimpleProtocol)
	})
	source, err := sqlsource.OpenPostgres(t.Context(), strings.Replace(dsn, "postgres:@", role+":@", 1))
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close() //nolint:errcheck // nothing was written
	s, err := source.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // nothing was written
	if err := s.Read(t.Context(), selection("r", "id"), func(datamap.Row) error { return nil }); privacyd.CodeOf(err) != "source_forbidden" {
		t.Error(err)
	}
}

// Databases in other encodings than UTF-8.
func TestPostgresEncodings(t *testing.T) {
	cases := map[string]struct{ insert, want string }{
		"LATIN1":    {`convert_from('\x63616666e9', 'LATIN1')`, `{"v":"caffé","w":"caffé"}`},
		"SQL_ASCII": {`convert_from('\x63616666e9', 'SQL_ASCII')`, `{"v":{"$base64":"Y2FmZuk="},"w":{"$base64":"Y2FmZuk="}}`},
	}
	for encoding, c := range cases {
		t.Run(encoding, func(t *testing.T) {
			source := openEncoded(t, encoding, "CREATE TABLE e AS SELECT "+c.insert+"::text AS v, "+c.insert+"::varchar(9) AS w")
			s, err := source.Snapshot(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close() //nolint:errcheck // nothing was written
			if diff := cmp.Diff([]string{c.want}, sourcetest.Records(t, s, selection("e", "v", "w"))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func openEncoded(t *testing.T, encoding, setUp string) *sqlsource.Source {
	t.Helper()
	dsn := sqldbtest.PostgresDSN(t)
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	other := cfg.Database + "_" + strings.ToLower(encoding)
	admin, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Exec(t.Context(), "CREATE DATABASE "+other+" TEMPLATE template0 ENCODING '"+encoding+"' LOCALE 'C'"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = admin.Exec(context.Background(), "DROP DATABASE "+other+" WITH (FORCE)")
		_ = admin.Close(context.Background())
	})
	dsn = strings.Replace(dsn, cfg.Database, other, 1)
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context()) //nolint:errcheck // nothing to lose
	if _, err := conn.Exec(t.Context(), setUp); err != nil {
		t.Fatal(err)
	}
	source, err := sqlsource.OpenPostgres(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = source.Close() })
	return source
}
