package engine_test

import (
	"strings"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// A product may write an address as its owner typed it: whose account goes is
// known by it all the same.
func TestAnAccountIsFoundInAnyCase(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		newOrg(t, b, "acme")
		b.Product.Exec("INSERT INTO staff VALUES ('jo', $1)", strings.ToUpper(jo[:1])+jo[1:])
		b.Product.Exec("INSERT INTO seats VALUES ('acme', 'jo')")
		b.Product.Exec("INSERT INTO staff VALUES ('again', $1)", strings.ToUpper(jo)+" ")
		b.Product.Exec("INSERT INTO staff VALUES ('joe', $1)", "e"+jo)
		_, job := leaving(b, jo)
		later(b, privacyd.Day)
		if got := stateOf(b, job.ID); got.State != privacyd.JobCompleted {
			t.Errorf("the job is %s: %s", got.State, got.ErrorMessage)
		}
		if n := b.Product.Count("staff", "id IN ('jo', 'again')"); n > 0 {
			t.Errorf("the product still has %d rows of theirs", n)
		}
		if n := b.Product.Count("staff", "id = 'joe'"); n != 1 {
			t.Error("somebody else went with them")
		}
	})
}
