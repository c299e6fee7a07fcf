package enginetest

import (
	"database/sql/driver"

	"github.com/ncruces/go-sqlite3"
)

// FillDisk keeps privacyd's own SQLite file from growing, as a full disk does;
// what it gives makes room again.
func (b *Bench) FillDisk() (makeRoom func()) {
	b.t.Helper()
	b.limitPages("1") // no fewer than there are
	return func() { b.limitPages("1073741823") }
}

func (b *Bench) limitPages(most string) {
	b.t.Helper()
	conn, err := b.DB.Writer().Conn(b.t.Context())
	b.Must(err)
	defer conn.Close() //nolint:errcheck // back to the pool
	b.Must(conn.Raw(func(c any) error {
		raw := c.(interface {
			driver.Conn
			Raw() *sqlite3.Conn
		}).Raw()
		if err := raw.SetAuthorizer(nil); err != nil { // it allows no such thing
			return err
		}
		return raw.Exec("PRAGMA max_page_count = " + most)
	}))
}
