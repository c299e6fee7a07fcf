package sqlsource

import (
	"context"
	"fmt"

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
