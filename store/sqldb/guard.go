package sqldb

import (
	"slices"
	"strings"
	"sync/atomic"

	"github.com/ncruces/go-sqlite3"
)

// Rights are what may be done to a table's rows, beside reading them.
type Rights struct {
	Insert, Update, Delete bool
	Columns                []string // that an INSERT may give a value to, on PostgreSQL; none: all
}

// guard is what a connection to SQLite may do. It lets everything pass until
// it is given the limits: the migrations come first.
type guard struct {
	limits atomic.Pointer[map[string]Rights]
}

// Guard refuses to every connection of this process, for good, what a server
// has no business doing once its tables are made: changing the schema or its
// triggers, settings that weaken them, other files, and of the tables in limits
// all that they do not grant. It is for SQLite, which has no roles, and does
// nothing on PostgreSQL, where Grant does the same. Statements are looked at
// once, when they are prepared.
func (db *DB) Guard(limits map[string]Rights) {
	if db.guard != nil {
		db.guard.limits.Store(&limits)
	}
}

// authorize decides about one thing that a statement would do. Triggers and
// the defensive mode of the connection stop what is not visible here, such as
// REPLACE.
func (g *guard) authorize(action sqlite3.AuthorizerActionCode, name, arg, _, _ string) sqlite3.AuthorizerReturnCode {
	if action == sqlite3.AUTH_READ || action == sqlite3.AUTH_SELECT {
		return sqlite3.AUTH_OK
	}
	limits := g.limits.Load()
	if limits == nil || permitted(*limits, action, name, arg) {
		return sqlite3.AUTH_OK
	}
	return sqlite3.AUTH_DENY
}

func permitted(limits map[string]Rights, action sqlite3.AuthorizerActionCode, name, arg string) bool {
	rights, limited := limits[strings.ToLower(name)]
	switch action {
	case sqlite3.AUTH_INSERT:
		return (!limited || rights.Insert) && !internal(name)
	case sqlite3.AUTH_UPDATE:
		return (!limited || rights.Update) && !internal(name)
	case sqlite3.AUTH_DELETE:
		return (!limited || rights.Delete) && !internal(name)
	case sqlite3.AUTH_CREATE_TABLE: // by ANALYZE; statements cannot make a table of such a name
		return statistics(name)
	case sqlite3.AUTH_PRAGMA:
		return arg == "" || slices.Contains(harmless(), strings.ToLower(name))
	case sqlite3.AUTH_TRANSACTION, sqlite3.AUTH_SAVEPOINT, sqlite3.AUTH_RECURSIVE, sqlite3.AUTH_ANALYZE:
		return true
	case sqlite3.AUTH_FUNCTION:
		return !strings.EqualFold(arg, "load_extension")
	default: // the schema, other files
		return false
	}
}

// internal tells whether a table is SQLite's own and not to be written to.
// ANALYZE asks for two of them; to statements SQLite refuses the list of tables
// itself.
func internal(name string) bool {
	name = strings.ToLower(name)
	return strings.HasPrefix(name, "sqlite_") && name != "sqlite_master" && !statistics(name)
}

func statistics(table string) bool { return strings.HasPrefix(table, "sqlite_stat") }

// harmless are the pragmas that may be given a value.
func harmless() []string {
	return []string{
		"analysis_limit", "busy_timeout", "cache_size", "foreign_key_check", "foreign_key_list", "index_info", "index_list", "index_xinfo",
		"integrity_check", "optimize", "query_only", "quick_check", "table_info", "table_list", "table_xinfo", "wal_autocheckpoint", "wal_checkpoint",
	}
}
