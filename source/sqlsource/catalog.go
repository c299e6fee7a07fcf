package sqlsource

import (
	"context"
	"fmt"

	"github.com/ncruces/go-sqlite3"

	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/store/sqldb"
)

// Catalog is what the database says about its tables: everything that
// datamap.Check compares with a map. Tables of extensions and, in a product's
// database, those of privacyd itself are left out.
//
// Error codes: database_unavailable.
func (s *Source) Catalog(ctx context.Context) (datamap.Catalog, error) {
	read := s.sqliteCatalog
	if s.dialect == sqldb.Postgres {
		read = s.postgresCatalog
	}
	c, err := read(ctx)
	if err != nil {
		return datamap.Catalog{}, fmt.Errorf("read catalog: %w", explain(ctx, err))
	}
	return c, nil
}

// TableRows is about how many rows a table has, of which the catalogue does not
// tell it: SQLite counts, which takes long for all of them. 0: not known.
//
// Error codes: database_unavailable.
func (s *Source) TableRows(ctx context.Context, table string) (n int64, err error) {
	if s.dialect != sqldb.SQLite {
		return 0, nil
	}
	err = s.onFile(ctx, func(db *sqlite3.Conn) error {
		n, err = tableRows(db, table)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("count a table: %w", explain(ctx, err))
	}
	return n, nil
}
