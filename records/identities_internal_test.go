package records

import (
	"strings"
	"testing"

	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// TestWhoElseHasAnAddressIsFoundByIt has SQLite look for others with the same
// e-mail address or phone number by these, and not go through all contacts.
func TestWhoElseHasAnAddressIsFoundByIt(t *testing.T) {
	db := sqldbtest.SQLite(t)
	if err := Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	for _, column := range []string{"email", "phone"} {
		var id, parent, unused int
		var step string
		query := "EXPLAIN QUERY PLAN SELECT id FROM contacts WHERE workspace_id = 'w' AND " + column + " = 'x'"
		if err := db.QueryRow(t.Context(), query).Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		if want := "(workspace_id=? AND " + column + "=?)"; !strings.Contains(step, want) {
			t.Errorf("not %s, but %s", want, step)
		}
	}
}
