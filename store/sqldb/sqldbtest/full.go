package sqldbtest

import (
	"database/sql/driver"
	"testing"

	"github.com/ncruces/go-sqlite3"

	"github.com/privacyd/privacyd/store/sqldb"
)

// FillDisk keeps an SQLite file from growing, as a full disk does; what it gives
// makes room again. The guard of its writer is off from then on.
func FillDisk(t testing.TB, db *sqldb.DB) (makeRoom func()) {
	t.Helper()
	limitPages(t, db, "1") // no fewer than there are
	return func() { limitPages(t, db, "1073741823") }
}

func limitPages(t testing.TB, db *sqldb.DB, most string) {
	t.Helper()
	conn, err := db.Writer().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // back to the pool
	err = conn.Raw(func(c any) error {
		raw := c.(interface {
			driver.Conn
			Raw() *sqlite3.Conn
		}).Raw()
		if err := raw.SetAuthorizer(nil); err != nil { // it allows no such thing
			return err
		}
		return raw.Exec("PRAGMA max_page_count = " + most)
	})
	if err != nil {
		t.Fatal(err)
	}
}
