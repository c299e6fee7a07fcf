package sqlsource_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/source/sourcetest"
	"github.com/privacyd/privacyd/source/sqlsource"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// stepOn deletes the rows of a table whose owner is jane or, with columns to
// set, changes them.
func stepOn(table string, set ...datamap.Assignment) *datamap.Step {
	c := &datamap.Collection{Name: table, Table: table, Key: []string{"id"}}
	step := &datamap.Step{
		Collection: c, Table: table, Action: datamap.Delete, Set: set,
		Rows: datamap.Rows{All: []datamap.Condition{{Any: []datamap.Path{{Column: "owner", Value: "jane"}}}}},
	}
	if len(set) > 0 {
		step.Action = datamap.Replace
	}
	return step
}

func assign(column, value string) datamap.Assignment {
	if value == "" {
		return datamap.Assignment{Column: column}
	}
	return datamap.Assignment{Column: column, Value: &value}
}

type badCase struct {
	name  string
	only  sqldb.Dialect // empty: both
	setup []string
	step  *datamap.Step
	code  string
	says  string // the message has to
}

func badCases() []badCase {
	fill := func(table, columns string) []string {
		return []string{"CREATE TABLE " + table + " (id BIGINT PRIMARY KEY, owner TEXT" + columns + ")", "INSERT INTO " + table + " (id, owner) VALUES (1, 'jane'), (2, 'joe'), (3, 'jane')"}
	}
	with := func(statements []string, more ...string) []string { return append(statements, more...) }
	return []badCase{
		{"missing", "", nil, stepOn("missing"), "map_mismatch", `"missing"`},
		{"view", "", with(fill("v_base", ""), "CREATE VIEW v AS SELECT * FROM v_base"), stepOn("v"), "map_mismatch", "view"},
		{"a column that is missing", "", fill("nc", ""), stepOn("nc", assign("other", "")), "map_mismatch", `"other"`},
		{
			"referred to", "", with(fill("f1", ""), "CREATE TABLE f1_child (f1 BIGINT CONSTRAINT f1_ref REFERENCES f1 (id))", "INSERT INTO f1_child VALUES (1)"),
			stepOn("f1"), "rows_refer", "data map",
		},
		{
			"referred to with a cascade", "", with(fill("f2", ""), "CREATE TABLE f2_child (f2 BIGINT CONSTRAINT f2_ref REFERENCES f2 (id) ON DELETE CASCADE)", "INSERT INTO f2_child VALUES (1)"),
			stepOn("f2"), "rows_refer", "f2_child",
		},
		{
			"referred to by itself with a cascade", "", with(fill("f3", ", up BIGINT REFERENCES f3 (id) ON DELETE CASCADE"), "UPDATE f3 SET up = 1 WHERE id = 2"),
			stepOn("f3"), "rows_refer", "f3",
		},
		{"not null", "", fill("n1", ", name TEXT NOT NULL DEFAULT 'x'"), stepOn("n1", assign("name", "")), "value_refused", "NULL"},
		{"unique", "", with(fill("u1", ", name TEXT UNIQUE"), "UPDATE u1 SET name = owner || id"), stepOn("u1", assign("name", "Deleted")), "value_refused", "constraint"},
		{"a text for a number", sqldb.Postgres, fill("t1", ", n BIGINT"), stepOn("t1", assign("n", "Deleted")), "map_mismatch", "bigint"},
		{"a text for a time", sqldb.Postgres, fill("t2", ", at TIMESTAMPTZ"), stepOn("t2", assign("at", "Deleted")), "value_refused", "map"},
		{
			"trigger", sqldb.Postgres, with(fill("g1", ""),
				"CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $x$ BEGIN RAISE EXCEPTION 'not %', OLD.owner; END $x$",
				"CREATE TRIGGER no BEFORE DELETE ON g1 FOR EACH ROW EXECUTE FUNCTION no()"),
			stepOn("g1"), "trigger_refused", "deleted",
		},
		{
			"trigger", sqldb.SQLite, with(fill("g1", ""), "CREATE TRIGGER no BEFORE DELETE ON g1 BEGIN SELECT RAISE(ABORT, 'not jane'); END"),
			stepOn("g1"), "trigger_refused", "deleted",
		},
		{
			"silent trigger", sqldb.Postgres, with(fill("g2", ""), "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $x$ BEGIN RETURN NULL; END $x$",
				"CREATE TRIGGER nothing BEFORE DELETE ON g2 FOR EACH ROW EXECUTE FUNCTION nothing()"),
			stepOn("g2"), "rows_remain", "2 rows",
		},
		{
			"silent trigger", sqldb.SQLite, with(fill("g2", ""), "CREATE TRIGGER silent BEFORE DELETE ON g2 BEGIN SELECT RAISE(IGNORE); END"),
			stepOn("g2"), "rows_remain", "2 rows",
		},
		{"rule", sqldb.Postgres, with(fill("g3", ""), "CREATE RULE keep AS ON DELETE TO g3 DO INSTEAD NOTHING"), stepOn("g3"), "rows_remain", "rule"},
		{
			"a value put back", sqldb.Postgres, with(fill("g4", ", name TEXT DEFAULT 'jane'"),
				"CREATE FUNCTION back() RETURNS trigger LANGUAGE plpgsql AS $x$ BEGIN NEW.name = OLD.name; RETURN NEW; END $x$",
				"CREATE TRIGGER back BEFORE UPDATE ON g4 FOR EACH ROW EXECUTE FUNCTION back()"),
			stepOn("g4", assign("name", "Deleted")), "rows_growing", "",
		},
	}
}

// Whatever stands in the way is said, without a word of what the rows hold, and
// nothing else goes.
func TestWhatStandsInTheWay(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		if db.Dialect == sqldb.Postgres {
			exec(t, db, "CREATE SCHEMA privacyd")
		}
		e, err := sqlsource.Own(db).Eraser()
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range badCases() {
			if c.only != "" && c.only != db.Dialect {
				continue
			}
			exec(t, db, c.setup...)
			_, err := e.Run(t.Context(), c.step, sqlsource.Batch{})
			if privacyd.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "jane") {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		for _, table := range []string{"f1_child", "f2_child"} {
			if n := len(sourcetest.Records(t, snapshot(t, db), selection(table))); n != 1 {
				t.Errorf("%s has %d rows", table, n)
			}
		}
	})
}

// What the database computes by itself follows, and is not set.
func TestComputedColumns(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		if db.Dialect == sqldb.Postgres {
			exec(t, db, "CREATE SCHEMA privacyd")
		}
		exec(t, db, "CREATE TABLE c (id BIGINT PRIMARY KEY, owner TEXT, name TEXT, label TEXT GENERATED ALWAYS AS ('* ' || name) STORED)",
			"INSERT INTO c VALUES (1, 'jane', 'Jane'), (2, 'joe', 'Joe')")
		e, err := sqlsource.Own(db).Eraser()
		if err != nil {
			t.Fatal(err)
		}
		n, err := e.Run(t.Context(), stepOn("c", assign("name", "Deleted"), assign("label", "Deleted")), sqlsource.Batch{})
		rows := sourcetest.Records(t, snapshot(t, db), selection("c", "name", "label"))
		slices.Sort(rows)
		if err != nil || n != 1 || rows[0] != `{"name":"Deleted","label":"* Deleted"}` || rows[1] != `{"name":"Joe","label":"* Joe"}` {
			t.Errorf("%d rows, %v: %v", n, rows, err)
		}
	})
}

// limitedRole makes a database with a table of jane's, and opens it as a role
// that was granted only so much.
func limitedRole(t *testing.T, statements ...string) *sqlsource.Eraser {
	t.Helper()
	dsn := sqldbtest.PostgresDSN(t)
	owner, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	role := "eraser_" + strings.ReplaceAll(time.Now().Format("150405.000000000"), ".", "")
	setup := []string{"CREATE TABLE r (id int PRIMARY KEY, owner text)", "INSERT INTO r VALUES (1, 'jane'), (2, 'joe')", "CREATE ROLE " + role + " LOGIN", "GRANT SELECT ON r TO " + role}
	for _, statement := range append(setup, statements...) {
		if _, err := owner.Exec(t.Context(), strings.ReplaceAll(statement, "ROLE_", role)); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	t.Cleanup(func() {
		_, _ = owner.Exec(context.Background(), "SET default_transaction_read_only = off; DROP OWNED BY "+role+"; DROP ROLE "+role, pgx.QueryExecModeSimpleProtocol)
		_ = owner.Close(context.Background())
	})
	source, err := sqlsource.OpenPostgres(t.Context(), strings.Replace(dsn, "postgres:@", role+":@", 1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = source.Close() })
	e, err := source.Eraser()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestErasingNeedsRights(t *testing.T) {
	cases := map[string]struct {
		grants []string
		says   string
	}{
		"no right to delete": {nil, `GRANT SELECT, DELETE ON "r"`},
		"row security":       {[]string{"GRANT DELETE ON r TO ROLE_", "ALTER TABLE r ENABLE ROW LEVEL SECURITY"}, "BYPASSRLS"},
		"read only":          {[]string{"GRANT DELETE ON r TO ROLE_", "ALTER ROLE ROLE_ SET default_transaction_read_only = on"}, "replica"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := limitedRole(t, c.grants...).Run(t.Context(), stepOn("r"), sqlsource.Batch{})
			if privacyd.CodeOf(err) != "source_forbidden" || !strings.Contains(err.Error(), c.says) {
				t.Error(err)
			}
		})
	}
	if n, err := limitedRole(t, "GRANT DELETE ON r TO ROLE_").Run(t.Context(), stepOn("r"), sqlsource.Batch{}); err != nil || n != 1 {
		t.Errorf("%d rows: %v", n, err)
	}
}

func TestReadOnlySource(t *testing.T) {
	db := sqldbtest.SQLite(t)
	if _, err := sqlsource.New(db.Reader(), db.Dialect).Eraser(); privacyd.CodeOf(err) != "source_forbidden" {
		t.Error(err)
	}
}
