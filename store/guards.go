package store

import (
	"context"
	"fmt"

	"github.com/privacyd/privacyd/store/sqldb"
)

// limits are the tables with which a server may do less than everything, so
// that the audit log only grows and forgets. The triggers of the schema say the
// same.
func limits() map[string]sqldb.Rights {
	return map[string]sqldb.Rights{
		"audit_entries":     {Insert: true, Columns: entryColumns()},
		"audit_disclosures": {Insert: true, Delete: true},
		"audit_owned":       {Insert: true, Delete: true}, // SQLite's
		"audit_trees":       {Insert: true, Update: true},
		"audit_positions":   {Insert: true},
		"audit_nodes":       {Insert: true},
		"audit_actions":     {Insert: true},
		"audit_checkpoints": {Insert: true, Delete: true},
		"audit_noted":       {Insert: true, Update: true},
		"audit_cursor":      {Update: true},
	}
}

// entryColumns are those that an entry is written with. Its number and its
// transaction, by which it is sequenced, are the database's to give.
func entryColumns() []string {
	return []string{"id", "log", "at", "action", "outcome", "target_type", "leaf", "leaf_hash"}
}

// Guard refuses to this process, on SQLite, whatever a server has no business
// doing with the tables; see sqldb.DB.Guard. All migrations must be over.
func Guard(db *sqldb.DB) { db.Guard(limits()) }

// Grant gives a role of PostgreSQL exactly what a server needs of privacyd's
// tables; see sqldb.DB.Grant, whose error codes it has.
func Grant(ctx context.Context, db *sqldb.DB, role string) error {
	return db.Grant(ctx, role, limits())
}

// Overreach tells what this server's role may do to the audit log that it need
// not: nothing, or "audit_entries: owner" and the like. Whoever runs as it
// could rewrite the log, which its signed checkpoints would then prove.
func Overreach(ctx context.Context, db *sqldb.DB) ([]string, error) {
	found, err := db.Overreach(ctx, limits())
	if err != nil {
		return nil, fmt.Errorf("check the rights on the audit log: %w", err)
	}
	return found, nil
}
