package sqlsource_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	_ "github.com/ncruces/go-sqlite3/driver"

	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/source/sourcetest"
	"github.com/privacyd/privacyd/source/sqlsource"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// SQLite keeps any value in any column.
func TestSQLiteValues(t *testing.T) {
	db := sqldbtest.SQLite(t)
	cases := []struct {
		typ    string
		format datamap.Format
		sql    string
		json   string
	}{
		{"TEXT", "", "CAST(x'610062' AS TEXT)", `"a\u0000b"`},
		{"TEXT", "", "CAST(x'ff61' AS TEXT)", `{"$base64":"/2E="}`},
		{"TEXT", "", "x'00ff'", `{"$base64":"AP8="}`},
		{"TEXT", datamap.FormatJSON, "CAST(x'ff' AS TEXT)", `{"$base64":"/w=="}`},
		{"TEXT", datamap.FormatJSON, "x'7b7d'", `{"$base64":"e30="}`},
		{"INTEGER", "", "'many'", `"many"`},
		{"INTEGER", "", "1.5", `1.5`},
		{"INTEGER", datamap.FormatUnixSeconds, "'soon'", `"soon"`},
		{"REAL", "", "9e999", `"Infinity"`},
		{"REAL", "", "3", `3`},
		{"NUMERIC(10,2)", "", "'12.50'", `12.5`},
		{"BLOB", "", "'text'", `"dGV4dA=="`},
		{"BLOB", "", "x''", `""`},
		{"BLOB", "", "7", `7`},
		{"VARBINARY(9)", "", "x'01'", `"AQ=="`},
		{"", "", "'text'", `"text"`},
		{"", "", "x'01'", `{"$base64":"AQ=="}`},
		{"BOOLEAN", "", "1", `1`},
		{"BOOLEAN", datamap.FormatBoolean, "1", `true`},
		{"BOOLEAN", datamap.FormatBoolean, "1.5", `1.5`},
	}
	for _, c := range cases {
		exec(t, db, "DROP TABLE IF EXISTS v", "CREATE TABLE v (v "+c.typ+")", "INSERT INTO v VALUES ("+c.sql+")")
		sel := selection("v", "v")
		sel.Fields[0].Format = c.format
		reader := snapshot(t, db)
		if diff := cmp.Diff([]string{`{"v":` + c.json + `}`}, sourcetest.Records(t, reader, sel)); diff != "" {
			t.Errorf("%s in %q (-want +got)\n%s", c.sql, c.typ, diff)
		}
		_ = reader.Close()
	}
}

// A product's own file: not encrypted, and not written to.
func TestOpenSQLite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "product ?#%.db")
	db, err := sql.Open("sqlite3", "file:"+filepath.ToSlash(filepath.Dir(path))+"/product%20%3F%23%25.db")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // a temporary file
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE shops (Id INTEGER PRIMARY KEY, title TEXT); INSERT INTO shops VALUES (2, 'Two'), (1, NULL)"); err != nil {
		t.Fatal(err)
	}
	source, err := sqlsource.OpenSQLite(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close() //nolint:errcheck // nothing was written
	s, err := source.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{`{"id":1}`, `{"id":2}`}, sourcetest.Records(t, s, selection("shops", "id"))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestSQLiteEstimate(t *testing.T) {
	db := sqldbtest.SQLite(t)
	exec(t, db, "CREATE TABLE n (ws TEXT, id INTEGER, PRIMARY KEY (ws, id)) WITHOUT ROWID",
		"INSERT INTO n WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 150000) SELECT 'a', x FROM c",
		"INSERT INTO n WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 50000) SELECT 'b', x FROM c")
	sel := selection("n", "id")
	estimate := func(ws string) int64 {
		sel.All = []datamap.Condition{{Any: []datamap.Path{{Column: "ws", Value: ws}}}}
		n, err := snapshot(t, db).Estimate(t.Context(), sel)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if a, b := estimate("a"), estimate("b"); a != 150_000 || b != 50_000 {
		t.Errorf("counted %d and %d", a, b)
	}
	exec(t, db, "ANALYZE")
	if a, b := estimate("a"), estimate("b"); a != 100_000 || b != 50_000 {
		t.Errorf("with statistics %d and %d", a, b)
	}
}
