package store

import (
	"strings"
	"testing"

	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// TestStretchesInOrder looks at how SQLite finds a page of one action: from
// stretch to stretch, without sorting what it has found.
func TestStretchesInOrder(t *testing.T) {
	db := sqldbtest.SQLite(t)
	if err := Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	rows, err := db.Query(t.Context(), "EXPLAIN QUERY PLAN "+New(db).inStretches()+" LIMIT $7", "", "", 0, 0, "", "", 10)
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
		if strings.HasPrefix(step, "SCAN") || strings.Contains(step, "TEMP B-TREE") {
			t.Error(step)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}
