package store_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

var (
	whenOf   = regexp.MustCompile(`(?s)WHEN (.*)\nBEGIN`)
	newValue = regexp.MustCompile(`NEW\.\w+`)
)

// TestFewRowsMakeNoScan takes the statistics of a log of two entries: the
// triggers that refuse to replace something must not look through all of it
// then, at each insert.
func TestFewRowsMakeNoScan(t *testing.T) {
	db := sqldbtest.SQLite(t)
	b := newLogBench(t, db)
	b.append(t, logA)
	b.append(t, logA)
	b.pass(t)
	must(t, db.Optimize(t.Context()))
	for _, table := range []string{"audit_entries", "audit_positions", "audit_nodes"} {
		var text string
		must(t, db.QueryRow(t.Context(), `SELECT sql FROM sqlite_schema WHERE name = $1`, table+"_no_replace").Scan(&text))
		when := newValue.ReplaceAllString(whenOf.FindStringSubmatch(text)[1], "1")
		noScan(t, db, table, "SELECT "+when)
	}
}

func noScan(t *testing.T, db *sqldb.DB, table, query string) {
	t.Helper()
	for _, step := range planOf(t, db, query) {
		if strings.HasPrefix(step, "SCAN "+table) {
			t.Errorf("%s: %s", table, step)
		}
	}
}

// planOf are the steps in which SQLite would run a statement.
func planOf(t *testing.T, db *sqldb.DB, statement string) []string {
	t.Helper()
	rows, err := db.Query(t.Context(), "EXPLAIN QUERY PLAN "+statement)
	must(t, err)
	defer rows.Close() //nolint:errcheck // a test's
	var steps []string
	for rows.Next() {
		var id, parent, unused int
		var step string
		must(t, rows.Scan(&id, &parent, &unused, &step))
		steps = append(steps, step)
	}
	must(t, rows.Err())
	return steps
}
