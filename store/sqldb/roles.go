package sqldb

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/privacyd/privacyd"
)

// Grant gives a role of PostgreSQL exactly what a server needs of the tables
// in the schema privacyd: to read all of them, to write to those that limits
// does not name, of those that it names what it grants, and of the tables of
// migrations nothing more. What the role could do there before and needs no
// more is taken away. It is for whoever owns the tables, after Migrate.
//
// Error codes: role_unknown, and database_not_postgres on SQLite, which has no
// roles.
func (db *DB) Grant(ctx context.Context, role string, limits map[string]Rights) error {
	if db.Dialect != Postgres {
		return privacyd.Errorf(privacyd.ClassInvalid, "database_not_postgres", "Only PostgreSQL has roles. The embedded database guards its tables by itself.")
	}
	return db.InTx(ctx, func(ctx context.Context) error {
		var there bool
		if err := db.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = $1)", role).Scan(&there); err != nil {
			return fmt.Errorf("look for the role: %w", err)
		}
		if !there {
			return privacyd.Errorf(privacyd.ClassInvalid, "role_unknown", "PostgreSQL has no role %q. Make it with CREATE ROLE first.", role)
		}
		tables, err := db.tables(ctx)
		if err != nil {
			return err
		}
		for _, statement := range grants(role, tables, limits) {
			if _, err := db.Exec(ctx, statement); err != nil {
				return fmt.Errorf("grant rights: %w", err)
			}
		}
		return nil
	})
}

func (db *DB) tables(ctx context.Context) ([]string, error) {
	rows, err := db.Query(ctx, `SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') ORDER BY c.relname`, PostgresSchema)
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	var all []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("list tables: %w", err)
		}
		all = append(all, name)
	}
	return all, rows.Err()
}

func grants(role string, tables []string, limits map[string]Rights) []string {
	to := pgx.Identifier{role}.Sanitize()
	schema := pgx.Identifier{PostgresSchema}.Sanitize()
	all := []string{
		"REVOKE ALL ON ALL TABLES IN SCHEMA " + schema + " FROM " + to,
		"REVOKE ALL ON SCHEMA " + schema + " FROM " + to,
		"GRANT USAGE ON SCHEMA " + schema + " TO " + to,
	}
	for _, t := range tables {
		rights, limited := limits[t]
		switch {
		case strings.HasSuffix(t, migrationsSuffix):
			rights = Rights{}
		case !limited:
			rights = Rights{Insert: true, Update: true, Delete: true}
		}
		all = append(all, "GRANT "+rights.list()+" ON "+pgx.Identifier{PostgresSchema, t}.Sanitize()+" TO "+to)
	}
	return all
}

func (r Rights) list() string {
	may := []string{"SELECT"}
	for _, w := range r.each() {
		switch {
		case !w.granted:
		case w.name == insert && len(r.Columns) > 0:
			may = append(may, w.name+" ("+strings.Join(r.Columns, ", ")+")")
		default:
			may = append(may, w.name)
		}
	}
	return strings.Join(may, ", ")
}

// grant tells whether all of a table may be written to so.
func (r Rights) grant(what string) bool {
	return slices.Contains(r.each(), right{what, true}) && (what != insert || len(r.Columns) == 0)
}

const insert = "INSERT"

type right struct {
	name    string
	granted bool
}

func (r Rights) each() []right {
	return []right{{insert, r.Insert}, {"UPDATE", r.Update}, {"DELETE", r.Delete}}
}

// Overreach tells what the role of this connection may do on PostgreSQL that
// limits does not grant, table by table, such as "audit_entries: owner". On
// SQLite it is always nothing.
func (db *DB) Overreach(ctx context.Context, limits map[string]Rights) ([]string, error) {
	if db.Dialect != Postgres {
		return nil, nil
	}
	var found []string
	tables, err := db.tables(ctx)
	if err != nil {
		return nil, err
	}
	for _, t := range tables {
		rights, limited := limits[t]
		if !limited {
			continue
		}
		may, err := db.mayDo(ctx, t)
		if err != nil {
			return nil, err
		}
		for _, m := range may {
			if !rights.grant(m) {
				found = append(found, t+": "+m)
			}
		}
	}
	return found, nil
}

// mayDo lists the rights of this connection's role on a table. An owner can
// give itself all others, so that nothing else is said of one.
func (db *DB) mayDo(ctx context.Context, table string) ([]string, error) {
	name := pgx.Identifier{PostgresSchema, table}.Sanitize()
	var owner bool
	err := db.QueryRow(ctx, `SELECT pg_has_role(current_user, relowner, 'USAGE') FROM pg_class WHERE oid = $1::regclass`, name).Scan(&owner)
	if err != nil {
		return nil, fmt.Errorf("read the owner of a table: %w", err)
	}
	if owner {
		return []string{"owner"}, nil
	}
	var may []string
	for _, r := range []string{insert, "UPDATE", "DELETE", "TRUNCATE", "TRIGGER"} {
		check := "has_table_privilege"
		if r == "UPDATE" {
			check = "has_any_column_privilege"
		}
		var granted bool
		if err := db.QueryRow(ctx, "SELECT "+check+"($1, $2)", name, r).Scan(&granted); err != nil {
			return nil, fmt.Errorf("read the rights on a table: %w", err)
		}
		if granted {
			may = append(may, r)
		}
	}
	return may, nil
}
