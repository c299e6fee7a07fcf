package records

import (
	"strings"
	"testing"

	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// TestLaterPagesBeginInTheMiddle has SQLite go to where a page of contacts
// begins, in whatever order, and not read all that comes before.
func TestLaterPagesBeginInTheMiddle(t *testing.T) {
	db := sqldbtest.SQLite(t)
	if err := Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	c, err := collection("contacts")
	if err != nil {
		t.Fatal(err)
	}
	for _, sort := range []string{"name", "-name", "email", "-email", "created_at", "-created_at"} {
		o, err := c.orderOf(db.Dialect, sort)
		if err != nil {
			t.Fatal(err)
		}
		cursor, err := o.cursor("7", "c")
		if err != nil {
			t.Fatal(err)
		}
		where, args, _, err := c.filter(db.Dialect, "w", Query{Sort: sort, Cursor: cursor}, o)
		if err != nil {
			t.Fatal(err)
		}
		var id, parent, unused int
		var step string
		query := "EXPLAIN QUERY PLAN SELECT " + c.columns() + " FROM contacts WHERE " + where + " ORDER BY " + o.clause() + " LIMIT 26"
		if err := db.QueryRow(t.Context(), query, args...).Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		sign := ">?"
		if strings.HasPrefix(sort, "-") {
			sign = "<?"
		}
		if !strings.Contains(step, "(workspace_id=? AND <expr>"+sign) {
			t.Errorf("by %s: %s", sort, step)
		}
	}
}
