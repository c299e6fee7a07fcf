package sqlsource_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/source/sourcetest"
	"github.com/privacyd/privacyd/source/sqlsource"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// product opens a database as a product's, beside a pool that writes to it.
func beside(t *testing.T) (*sqldb.DB, *sqlsource.Eraser) {
	t.Helper()
	dsn := sqldbtest.PostgresDSN(t)
	db, err := sqldb.OpenPostgres(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	exec(t, db, "CREATE SCHEMA privacyd", "ALTER DATABASE "+databaseName(t, db)+" SET search_path = privacyd")
	source, err := sqlsource.OpenPostgres(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = source.Close() })
	e, err := source.Eraser()
	if err != nil {
		t.Fatal(err)
	}
	e.MaxRows = 4
	return db, e
}

func databaseName(t *testing.T, db *sqldb.DB) (name string) {
	t.Helper()
	if err := db.QueryRow(t.Context(), "SELECT current_database()").Scan(&name); err != nil {
		t.Fatal(err)
	}
	return name
}

func owned(rows int) []string {
	return []string{
		"CREATE TABLE t (id INT PRIMARY KEY, owner TEXT, n INT)",
		fmt.Sprintf("INSERT INTO t SELECT i, CASE WHEN i %% 2 = 0 THEN 'jane' ELSE 'joe' END, 0 FROM generate_series(1, %d) i", rows),
	}
}

func ids(t *testing.T, db *sqldb.DB, table string) []string {
	t.Helper()
	rows := sourcetest.Records(t, snapshot(t, db), selection(table, "id"))
	slices.Sort(rows)
	return rows
}

// until polls for what another connection does.
func until(t *testing.T, db *sqldb.DB, query string) {
	t.Helper()
	for {
		var there bool
		if err := db.QueryRow(t.Context(), query).Scan(&there); err != nil {
			t.Fatal(err)
		}
		if there {
			return
		}
	}
}

const waitsForARow = "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%DELETE%')"

// A row that changes hands while the statement waits for it is not the row that
// was found: it stays.
func TestRowMovesWhileItIsWaitedFor(t *testing.T) {
	db, e := beside(t)
	exec(t, db, owned(10)...)
	ended := make(chan error, 1)
	err := db.InTx(t.Context(), func(ctx context.Context) error {
		for _, statement := range []string{"UPDATE t SET owner = 'joe' WHERE id = 2", "UPDATE t SET n = 1 WHERE id = 4", "DELETE FROM t WHERE id = 6"} {
			if _, err := db.Exec(ctx, statement); err != nil {
				return err
			}
		}
		go func() {
			_, err := e.Run(context.Background(), stepOn("t"), sqlsource.Batch{})
			ended <- err
		}()
		until(t, db, waitsForARow)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{`{"id":1}`, `{"id":2}`, `{"id":3}`, `{"id":5}`, `{"id":7}`, `{"id":9}`}, ids(t, db, "t")); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A row that somebody holds locked keeps back itself alone, for a while; then
// that is said, and the next run does the rest.
func TestLockedRowsAreComeBackTo(t *testing.T) {
	db, e := beside(t)
	exec(t, db, owned(40)...)
	e.Patience = time.Millisecond
	err := db.InTx(t.Context(), func(ctx context.Context) error {
		if _, err := db.Exec(ctx, "SELECT 1 FROM t WHERE id IN (4, 22) FOR UPDATE"); err != nil {
			return err
		}
		n, err := e.Run(context.Background(), stepOn("t"), sqlsource.Batch{})
		if privacyd.CodeOf(err) != "rows_locked" || n != 18 {
			t.Errorf("%d rows went: %v", n, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := e.Run(t.Context(), stepOn("t"), sqlsource.Batch{}); err != nil || n != 2 {
		t.Errorf("%d rows went: %v", n, err)
	}
}

// Where all rows are locked, patience ends within the round in which that is
// found, and not when each of them has been tried.
func TestPatienceEndsWithinARound(t *testing.T) {
	db, e := beside(t)
	exec(t, db, append(owned(80), "CREATE FUNCTION locked() RETURNS trigger LANGUAGE plpgsql AS $x$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '55P03'; END $x$",
		"CREATE TRIGGER locked BEFORE DELETE ON t FOR EACH ROW WHEN (OLD.id > 10) EXECUTE FUNCTION locked()")...)
	e.Patience, e.MaxRows = time.Millisecond, 1
	tries := 0
	n, err := e.Run(t.Context(), stepOn("t"), sqlsource.Batch{Guard: func(context.Context) error { tries++; return nil }})
	if most := 5 + 4*5; privacyd.CodeOf(err) != "rows_locked" || n != 5 || tries > most {
		t.Errorf("%d rows went, %d tries: %v", n, tries, err)
	}
}

// Deadlocks and serialization failures end a transaction of whoever is
// unlucky: it is tried again.
func TestConflictsAreTriedAgain(t *testing.T) {
	for _, code := range []string{"40P01", "40001", "55P03"} {
		db, e := beside(t)
		exec(t, db, append(owned(20), "CREATE SEQUENCE tries",
			"CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $x$ BEGIN IF nextval('tries') % 3 = 0 THEN RAISE EXCEPTION 'x' USING ERRCODE = '"+code+"'; END IF; RETURN OLD; END $x$",
			"CREATE TRIGGER fail BEFORE DELETE ON t FOR EACH ROW EXECUTE FUNCTION fail()")...)
		guards, done := 0, int64(0)
		n, err := e.Run(t.Context(), stepOn("t"), sqlsource.Batch{
			Guard: func(context.Context) error { guards++; return nil },
			Done:  func(_ context.Context, n int64) error { done += n; return nil },
		})
		if err != nil || n != 10 || done != 10 || guards < 4 {
			t.Errorf("%s: %d rows went, %d announced, %d times asked: %v", code, n, done, guards, err)
		}
	}
}

// A run whose connections are lost says so, and another one ends it.
func TestEraseAfterALostConnection(t *testing.T) {
	const kill = `DO $x$ BEGIN PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'; END $x$`
	db, e := beside(t)
	exec(t, db, owned(30)...)
	for n := 1; n <= 3; n++ {
		calls := 0
		_, err := e.Run(t.Context(), stepOn("t"), sqlsource.Batch{Guard: func(ctx context.Context) error {
			if calls++; calls == n {
				_, err := db.Exec(ctx, kill)
				return err
			}
			return nil
		}})
		if err != nil && privacyd.CodeOf(err) != "database_unavailable" {
			t.Fatal(err)
		}
	}
	if _, err := e.Run(t.Context(), stepOn("t"), sqlsource.Batch{}); err != nil {
		t.Fatal(err)
	}
	if got := ids(t, db, "t"); len(got) != 15 {
		t.Errorf("%d rows are left", len(got))
	}
}

// Partitions with columns in an order of their own, at any depth, and tables
// that inherit, are erased where their rows lie; a row that moves to another
// partition meanwhile is found again there.
func TestErasePartitions(t *testing.T) {
	db, e := beside(t)
	exec(t, db,
		"CREATE TABLE p (id INT, owner TEXT, doc JSONB, part INT, PRIMARY KEY (id, part)) PARTITION BY LIST (part)",
		"CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)", "CREATE TABLE p_rest PARTITION OF p DEFAULT",
		"CREATE TABLE p2 (part INT NOT NULL, doc JSONB, id INT NOT NULL, owner TEXT) PARTITION BY RANGE (id)", "ALTER TABLE p2 ADD PRIMARY KEY (id, part)",
		"ALTER TABLE p ATTACH PARTITION p2 FOR VALUES IN (2)", "CREATE TABLE p2a PARTITION OF p2 FOR VALUES FROM (0) TO (10)", `CREATE TABLE "p2 b" PARTITION OF p2 DEFAULT`,
		`INSERT INTO p SELECT i, CASE WHEN i % 2 = 0 THEN 'jane' ELSE 'joe' END, format('{"by": [%s, 7]}', i)::jsonb, i % 4 FROM generate_series(1, 40) i`,
		"CREATE TABLE base (id INT PRIMARY KEY, owner TEXT)", "CREATE TABLE derived (more TEXT) INHERITS (base)",
		"INSERT INTO base VALUES (1, 'jane'), (2, 'joe')", "INSERT INTO derived VALUES (3, 'jane', 'x'), (4, 'joe', 'x')")
	once := false
	n, err := e.Run(t.Context(), stepOn("p"), sqlsource.Batch{Guard: func(ctx context.Context) error {
		if once {
			return nil
		}
		once = true
		_, err := db.Exec(ctx, "UPDATE p SET part = 1 WHERE id IN (2, 4, 6, 40)")
		return err
	}})
	if err != nil || n != 20 || len(ids(t, db, "p")) != 20 {
		t.Errorf("%d rows went, %d are left: %v", n, len(ids(t, db, "p")), err)
	}
	if n, err := e.Run(t.Context(), editOf("p"), sqlsource.Batch{}); err != nil || n != 20 {
		t.Errorf("%d rows changed: %v", n, err)
	}
	for _, doc := range sourcetest.Records(t, snapshot(t, db), selection("p", "doc")) {
		if !strings.HasSuffix(doc, ",null]}}") {
			t.Errorf("a document is %s", doc)
		}
	}
	if n, err := e.Run(t.Context(), stepOn("base"), sqlsource.Batch{}); err != nil || n != 2 || len(ids(t, db, "base")) != 2 {
		t.Errorf("%d rows went: %v", n, err)
	}
}

// editOf takes 7 out of the documents of a table, which nobody else has there.
func editOf(table string) *datamap.Step {
	step := stepOn(table, datamap.Assignment{Column: "doc", JSONPath: "$.by[1]"})
	step.Action, step.All = datamap.Null, nil
	return step
}
