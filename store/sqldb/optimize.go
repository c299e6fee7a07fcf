package sqldb

import (
	"context"
	"fmt"
)

// Optimize brings up to date what SQLite's planner and the progress of exports
// know of the tables' sizes, where those have changed much. PostgreSQL does so
// by itself.
//
// Nothing is kept of small tables: for three rows a scan is the best plan, and
// it would still be taken when there are three million. Of what it knows
// nothing, SQLite thinks that it is large.
func (db *DB) Optimize(ctx context.Context) error {
	if db.Dialect != SQLite {
		return nil
	}
	known := 0
	err := db.InTx(ctx, func(ctx context.Context) error { // other connections see all of it or nothing
		if _, err := db.Exec(ctx, "PRAGMA optimize=0x10002"); err != nil {
			return err
		}
		if err := db.QueryRow(ctx, "SELECT count(*) FROM sqlite_schema WHERE name = 'sqlite_stat1'").Scan(&known); err != nil || known == 0 {
			return err
		}
		const small = 10_000 // rows
		_, err := db.Exec(ctx, "DELETE FROM sqlite_stat1 WHERE CAST(stat AS INTEGER) < $1", small)
		return err
	})
	if err == nil && known > 0 {
		_, err = db.Exec(ctx, "ANALYZE sqlite_schema") // which this connection has read before
	}
	if err != nil {
		return fmt.Errorf("bring statistics up to date: %w", err)
	}
	return nil
}
