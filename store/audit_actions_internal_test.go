package store

import (
	"strings"
	"testing"

	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// TestStretchesInOrder looks at how SQLite finds a page of one action: from
// stretch to stretch, without sorting what it has found.
func TestStretchesInOrder(t *testing.T) {
	noScan(t, func(s *Store) string { return s.inStretches() + " LIMIT $7" }, "TEMP B-TREE", "", "", 0, 0, "", "", 10)
}

// TestPagesByIndex looks at how SQLite finds where an export has to look: by
// ids, by stretches, and each position by its entry.
func TestPagesByIndex(t *testing.T) {
	noScan(t, func(s *Store) string { return s.pagesOf(false) }, "SEARCH audit_positions USING INDEX", "", "", "", 512, 1)
	noScan(t, func(s *Store) string { return s.pagesOf(true) }, "SEARCH audit_positions USING INDEX", "", "", 0, 0, "", "", 512, "", 1)
}

// noScan wants SQLite to look through nothing, and no step to have such words.
func noScan(t *testing.T, query func(s *Store) string, bad string, args ...any) {
	t.Helper()
	db := sqldbtest.SQLite(t)
	if err := Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	rows, err := db.Query(t.Context(), "EXPLAIN QUERY PLAN "+query(New(db)), args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // a test's
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(step, "SCAN audit") || strings.Contains(step, bad) {
			t.Error(step)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}
