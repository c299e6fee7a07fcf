package sqlsource_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/source/sourcetest"
	"github.com/privacyd/privacyd/source/sqlsource"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// Keys of every type that SQLite has, texts that are none, and tables whose
// rowid cannot be had by its name.
func TestOddKeys(t *testing.T) {
	const values = `(x'00ff', 'a', 0.1), (x'', CAST(x'610062' AS TEXT), 1e300), (NULL, CAST(x'ff' AS TEXT), -0.30000000000000004), (x'27', '$1 ''"\{}', 9e999),
		('text', 'b', 5), (7, 'c', 9007199254740993)`
	tables := map[string]string{
		"plain":     "CREATE TABLE plain (id BLOB, name TEXT, n REAL, owner TEXT)",
		"without":   "CREATE TABLE without (id BLOB, name TEXT, n, owner TEXT, PRIMARY KEY (name, n, owner)) WITHOUT ROWID",
		"shadowed":  "CREATE TABLE shadowed (id BLOB, name TEXT, n REAL, owner TEXT, rowid TEXT, \"_ROWID_\" TEXT)",
		"main.deep": "CREATE TABLE deep (id BLOB, name TEXT, n REAL, owner TEXT, PRIMARY KEY (name, id))",
	}
	db := sqldbtest.SQLite(t)
	e := newEraser(t, db, 1000)
	e.SetChunks(2, 1000)
	for table, create := range tables {
		exec(t, db, create)
		for _, owner := range []string{"jane", "joe"} {
			exec(t, db, "INSERT INTO "+table+" (id, name, n, owner) SELECT column1, column2 || '"+owner+"', column3, '"+owner+"' FROM (VALUES "+values+")")
		}
		step := stepOn(table)
		if n, err := e.Run(t.Context(), step, sqlsource.Batch{}); err != nil || n != 6 {
			t.Errorf("%s: %d rows went: %v", table, n, err)
		}
		if left := sourcetest.Records(t, snapshot(t, db), selection(table, "owner")); len(left) != 6 {
			t.Errorf("%s: %v are left", table, left)
		}
	}
}

// Names that need quotes, in a schema of their own.
func TestOddNames(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		schema := `"main"`
		if db.Dialect == sqldb.Postgres {
			schema = `"my schema"`
			exec(t, db, "CREATE SCHEMA privacyd", `CREATE SCHEMA "my schema"`)
		}
		table := schema + `."my ""table"`
		exec(t, db, "CREATE TABLE "+table+` ("i d" BIGINT PRIMARY KEY, "own""er" TEXT, "do c" TEXT, "my ""table" BIGINT)`,
			"INSERT INTO "+table+` VALUES (1, 'jane', '{"a b": 7}', 1), (2, 'joe', '{"a b": 7}', NULL), (3, 'jane', NULL, 2)`)
		name := map[sqldb.Dialect]string{sqldb.SQLite: `main.my "table`, sqldb.Postgres: `my schema.my "table`}[db.Dialect]
		c := &datamap.Collection{Name: "odd", Table: name, Key: []string{"i d"}, Where: `"own""er" is not null`}
		link := &datamap.Link{To: "odd", On: []datamap.ColumnPair{{Column: `my "table`, Target: "i d"}}}
		edit := &datamap.Step{
			Collection: c, Table: c.Table, Action: datamap.Null, Set: []datamap.Assignment{{Column: "do c", JSONPath: "$['a b']"}, {Column: `my "table`}},
			Rows: datamap.Rows{Except: []datamap.Condition{{Any: []datamap.Path{{Column: `own"er`, Value: "joe"}, {Hops: []datamap.Hop{{Link: link, To: c}}, Column: "i d", Value: "9"}}}}},
		}
		remove := &datamap.Step{
			Collection: c, Table: c.Table, Action: datamap.Delete,
			Rows: datamap.Rows{All: []datamap.Condition{{Any: []datamap.Path{{Column: `own"er`, Value: "jane"}}}}},
		}
		e := newEraser(t, db, 1000)
		if n, err := e.Run(t.Context(), edit, sqlsource.Batch{}); err != nil || n != 2 {
			t.Errorf("%d rows changed: %v", n, err)
		}
		if n, err := e.Run(t.Context(), remove, sqlsource.Batch{}); err != nil || n != 2 {
			t.Errorf("%d rows went: %v", n, err)
		}
		left := sourcetest.Records(t, snapshot(t, db), selection(name, "i d", "do c"))
		if len(left) != 1 || left[0] != `{"i d":2,"do c":"{\"a b\": 7}"}` {
			t.Errorf("%v are left", left)
		}
	})
}

// Values are put in place in columns of any type, also where two values of it
// cannot be compared.
func TestReplaceInAnyType(t *testing.T) {
	db := postgres(t)
	columns := map[string]string{
		"JSON": `"gone"`, "JSONB": `"gone"`, "XML": "<gone/>", "VARCHAR(3)": "gone", "CHAR(9)": "gone", "TEXT[]": "{gone}", "VARCHAR[]": "{gone}", "POINT": "(1,2)",
		"INET": "0.0.0.0", "CIDR": "0.0.0.0/0", "UUID": "00000000-0000-0000-0000-000000000000", "DATE": "1970-01-01", "TIMESTAMPTZ": "1970-01-01", "NUMERIC(5,2)": "0",
		"BIGINT": "0", "REAL": "0", "BYTEA": "gone", "BOOLEAN": "false", "INTERVAL": "0", "TSVECTOR": "gone", "JSON[]": `{"1"}`, "INT4RANGE": "[1,2)", "MACADDR": "00:00:00:00:00:00",
	}
	e, err := sqlsource.Own(db).Eraser()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for typ, value := range columns {
		n++
		table := fmt.Sprint("any_type", n)
		exec(t, db, "CREATE TABLE "+table+" (id INT, owner TEXT, v "+typ+")", "INSERT INTO "+table+" VALUES (1, 'jane', NULL), (2, 'jane', '"+value+"'::"+typ+"), (3, 'joe', NULL)")
		for _, to := range []string{value, ""} {
			step := stepOn(table, assign("v", to))
			counted, err := e.Count(t.Context(), step)
			rows := counted.Rows
			n, err2 := e.Run(t.Context(), step, sqlsource.Batch{})
			left, err3 := e.Left(t.Context(), step)
			if err := errors.Join(err, err2, err3); err != nil || rows != n || left != 0 || n < 1 {
				t.Errorf("%s becomes %q: %d counted, %d changed, %d left: %v", typ, to, rows, n, left, err)
			}
		}
	}
}
