package sqlsource

import (
	"context"
	"slices"
	"strings"

	"github.com/ncruces/go-sqlite3"

	"github.com/privacyd/privacyd/datamap"
)

// The pragmas as queries. A shadow table is part of its virtual table.
const (
	tablesQuery  = "SELECT name, type FROM pragma_table_list WHERE schema = 'main' AND type <> 'shadow' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
	columnsOf    = "SELECT name, type, \"notnull\", pk FROM pragma_table_xinfo(%) WHERE hidden <> 1 ORDER BY cid"
	indexesOf    = "SELECT name FROM pragma_index_list(%) WHERE partial = 0 ORDER BY seq DESC"
	indexColumns = "SELECT name, cid FROM pragma_index_xinfo(%) WHERE key = 1 ORDER BY seqno"
	foreignKeys  = "SELECT id, \"table\", \"from\", \"to\", on_delete FROM pragma_foreign_key_list(%) ORDER BY id DESC, seq"
)

func (s *Source) sqliteCatalog(ctx context.Context) (datamap.Catalog, error) {
	c := datamap.Catalog{Dialect: datamap.DialectSQLite}
	err := s.onFile(ctx, func(db *sqlite3.Conn) error {
		if err := tableNames(db, &c); err != nil {
			return err
		}
		for i := range c.Tables {
			if err := describeTable(db, &c.Tables[i]); err != nil {
				return err
			}
		}
		fillTargets(c.Tables)
		return nil
	})
	return c, err
}

// onFile lends a connection of SQLite's own.
func (s *Source) onFile(ctx context.Context, fn func(*sqlite3.Conn) error) error {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // back to the pool
	return (&sqliteReader{conn: conn}).raw(ctx, fn)
}

func tableNames(db *sqlite3.Conn, c *datamap.Catalog) error {
	return each(db, tablesQuery, func(s *sqlite3.Stmt) error {
		c.Tables = append(c.Tables, datamap.Table{Name: s.ColumnText(0), View: s.ColumnText(1) == "view"})
		return nil
	})
}

func describeTable(db *sqlite3.Conn, t *datamap.Table) error {
	positions := map[int]string{} // of the key's columns
	err := pragma(db, columnsOf, t.Name, func(s *sqlite3.Stmt) error {
		key := s.ColumnInt(3)
		if key > 0 {
			positions[key] = s.ColumnText(0)
		}
		t.Columns = append(t.Columns, datamap.Column{Name: s.ColumnText(0), Type: s.ColumnText(1), Nullable: !s.ColumnBool(2) && key == 0})
		return nil
	})
	if err != nil {
		return err
	}
	for i := 1; i <= len(positions); i++ {
		t.Key = append(t.Key, positions[i])
	}
	if err := tableIndexes(db, t); err != nil {
		return err
	}
	return tableForeignKeys(db, t)
}

// tableIndexes also lists the table itself, which INTEGER PRIMARY KEY and
// WITHOUT ROWID make an index on the key.
func tableIndexes(db *sqlite3.Conn, t *datamap.Table) error {
	var names []string
	err := pragma(db, indexesOf, t.Name, func(s *sqlite3.Stmt) error {
		names = append(names, s.ColumnText(0))
		return nil
	})
	if err != nil {
		return err
	}
	for _, name := range names {
		columns, plain := []string(nil), true
		err := pragma(db, indexColumns, name, func(s *sqlite3.Stmt) error {
			if plain = plain && s.ColumnInt(1) >= 0; plain { // below 0: an expression
				columns = append(columns, s.ColumnText(0))
			}
			return nil
		})
		if err != nil {
			return err
		}
		if len(columns) > 0 {
			t.Indexes = append(t.Indexes, columns)
		}
	}
	sameAsKey := func(columns []string) bool { return slices.Equal(columns, t.Key) }
	if len(t.Key) > 0 && !slices.ContainsFunc(t.Indexes, sameAsKey) {
		t.Indexes = append([][]string{t.Key}, t.Indexes...)
	}
	return nil
}

func tableForeignKeys(db *sqlite3.Conn, t *datamap.Table) error {
	last := -1
	return pragma(db, foreignKeys, t.Name, func(s *sqlite3.Stmt) error {
		if id := s.ColumnInt(0); id != last {
			t.ForeignKeys = append(t.ForeignKeys, datamap.ForeignKey{Table: s.ColumnText(1), OnDelete: onDelete(s.ColumnText(4))})
			last = id
		}
		f := &t.ForeignKeys[len(t.ForeignKeys)-1]
		f.Columns = append(f.Columns, s.ColumnText(2))
		if s.ColumnType(3) != sqlite3.NULL {
			f.Targets = append(f.Targets, s.ColumnText(3))
		}
		return nil
	})
}

// onDelete leaves out what refuses a deletion.
func onDelete(action string) string {
	if action == "NO ACTION" || action == "RESTRICT" {
		return ""
	}
	return strings.ToLower(action)
}

// fillTargets names the columns of references that mean the other table's key.
func fillTargets(tables []datamap.Table) {
	keys := map[string][]string{}
	for _, t := range tables {
		keys[t.Name] = t.Key
	}
	for _, t := range tables {
		for i := range t.ForeignKeys {
			if f := &t.ForeignKeys[i]; len(f.Targets) == 0 {
				f.Targets = keys[f.Table]
			}
		}
	}
}

// tableRows counts a small table and asks the statistics about a large one.
func tableRows(db *sqlite3.Conn, table string) (int64, error) {
	n, err := countUpTo(db, "SELECT 1 FROM "+identifier(table))
	if err != nil || n < exactCount {
		return n, err
	}
	known, err := statistics(db, table, nil)
	return max(n, known), err
}

// pragma puts a quoted name for % in a query.
func pragma(db *sqlite3.Conn, query, name string, row func(*sqlite3.Stmt) error) error {
	quoted, err := literal(name)
	if err != nil {
		return err
	}
	at := slices.Index([]byte(query), '%')
	return each(db, query[:at]+quoted+query[at+1:], row)
}
