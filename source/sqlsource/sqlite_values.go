package sqlsource

import (
	"context"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ncruces/go-sqlite3"

	"github.com/privacyd/privacyd"
)

// valueList is a list of rows as a JSON document, which one parameter carries
// whatever their number. What JSON cannot hold goes as {"b": hexadecimal}, or
// {"t": hexadecimal} for a text.
type valueList struct {
	doc []byte
	odd []bool // of each column: there are such values
}

func newValueList(columns int) *valueList {
	return &valueList{doc: []byte{'['}, odd: make([]bool, columns)}
}

func (l *valueList) add(values []any) {
	if len(l.doc) > 1 {
		l.doc = append(l.doc, ',')
	}
	l.doc = append(l.doc, '[')
	for i := range l.odd {
		if i > 0 {
			l.doc = append(l.doc, ',')
		}
		l.value(i, values[i])
	}
	l.doc = append(l.doc, ']')
}

func (l *valueList) value(i int, value any) {
	switch v := value.(type) {
	case int64:
		l.doc = strconv.AppendInt(l.doc, v, 10)
	case float64:
		switch {
		case math.IsInf(v, 1): // SQLite reads it so, in JSON as in SQL
			l.doc = append(l.doc, "9e999"...)
		case math.IsInf(v, -1):
			l.doc = append(l.doc, "-9e999"...)
		default:
			l.doc = strconv.AppendFloat(l.doc, v, 'e', 17, 64)
		}
	case string:
		if !utf8.ValidString(v) || strings.IndexByte(v, 0) >= 0 {
			l.hex(i, "t", []byte(v))
			return
		}
		l.doc = appendString(l.doc, []byte(v))
	case []byte:
		l.hex(i, "b", v)
	default:
		l.doc = append(l.doc, "null"...)
	}
}

func (l *valueList) hex(i int, form string, value []byte) {
	l.odd[i] = true
	l.doc = append(append(append(l.doc, `{"`...), form...), `":"`...)
	l.doc = append(hex.AppendEncode(l.doc, value), `"}`...)
}

// expressions read the columns of a row, which row is.
func (l *valueList) expressions(row string) []string {
	all := make([]string, len(l.odd))
	for i, odd := range l.odd {
		at := strconv.Itoa(i)
		all[i] = row + " ->> " + at
		if odd {
			path := "'$[" + at + "]"
			all[i] = "CASE WHEN json_type(" + row + ", " + path + "') <> 'object' THEN " + all[i] +
				" ELSE coalesce(unhex(" + row + " ->> " + path + ".b'), CAST(unhex(" + row + " ->> " + path + ".t') AS TEXT)) END"
		}
	}
	return all
}

func (l *valueList) String() string { return string(l.doc) + "]" }

// sqliteValue writes a value as SQL.
func sqliteValue(v any) string {
	if s, ok := v.(string); ok && strings.IndexByte(s, 0) >= 0 {
		return "CAST(" + sqlite3.Quote([]byte(s)) + " AS TEXT)"
	}
	return sqlite3.Quote(v)
}

// shape tells what names the rows of a table.
func (r *sqliteReader) shape(ctx context.Context, table string) (shape, error) {
	schema, name := splitTable(table)
	var found shape
	kind, bare := "", false
	var columns []string
	positions := map[int]string{}
	err := r.raw(ctx, func(c *sqlite3.Conn) error {
		err := pragma(c, "SELECT type, wr FROM pragma_table_list(%) WHERE schema = "+sqlite3.Quote(schema), name, func(s *sqlite3.Stmt) error {
			kind, bare = s.ColumnText(0), s.ColumnBool(1)
			return nil
		})
		if err != nil {
			return err
		}
		return pragma(c, "SELECT name, pk FROM pragma_table_xinfo(%, "+sqlite3.Quote(schema)+")", name, func(s *sqlite3.Stmt) error {
			columns = append(columns, strings.ToLower(s.ColumnText(0)))
			if pk := s.ColumnInt(1); pk > 0 {
				positions[pk] = s.ColumnText(0)
			}
			return nil
		})
	})
	switch {
	case err != nil:
		return found, err
	case kind == "":
		return found, tableMissing(table)
	case kind == "view":
		return found, privacyd.Errorf(privacyd.ClassRefused, "map_mismatch",
			"The data map names %s, which is a view: no row can be erased there. Map the table that holds the rows, and ignore this one.", table)
	}
	if !bare {
		for _, alias := range []string{"rowid", "_rowid_", "oid"} {
			if !slices.Contains(columns, alias) {
				return shape{rowid: alias}, nil
			}
		}
	}
	for i := 1; i <= len(positions); i++ {
		found.key = append(found.key, positions[i])
	}
	if len(found.key) == 0 {
		return found, fmt.Errorf("erase rows of %s: nothing names a row of it", table)
	}
	return found, nil
}

// referrers are the references to a table.
func (r *sqliteReader) referrers(ctx context.Context, table string) ([]foreignKey, error) {
	schema, name := splitTable(table)
	query := `SELECT m.name, f.id, f."from", f."to", f.on_delete FROM ` + identifier(schema) + `.sqlite_schema AS m, pragma_foreign_key_list(m.name, ` +
		sqlite3.Quote(schema) + `) AS f WHERE m.type = 'table' AND lower(f."table") = lower(%) ORDER BY m.name, f.id, f.seq`
	var all []foreignKey
	var key []string
	err := r.raw(ctx, func(c *sqlite3.Conn) error {
		last := ""
		err := pragma(c, query, name, func(s *sqlite3.Stmt) error {
			from, id, action := s.ColumnText(0), s.ColumnText(0)+" "+s.ColumnText(1), s.ColumnText(4)
			if id != last {
				all = append(all, foreignKey{
					table: tableName(schema + "." + from), self: strings.EqualFold(from, name),
					cascades: action == "CASCADE", blanks: strings.HasPrefix(action, "SET "),
				})
				last = id
			}
			f := &all[len(all)-1]
			f.columns, f.targets = append(f.columns, s.ColumnText(2)), append(f.targets, s.ColumnText(3))
			return nil
		})
		if err != nil {
			return err
		}
		return pragma(c, "SELECT name FROM pragma_table_xinfo(%) WHERE pk > 0 ORDER BY pk", name, func(s *sqlite3.Stmt) error {
			key = append(key, s.ColumnText(0))
			return nil
		})
	})
	for i := range all {
		if all[i].targets[0] == "" && len(key) == len(all[i].columns) { // the key is meant
			all[i].targets = key
		}
	}
	return all, err
}

func splitTable(table string) (schema, name string) {
	if before, after, ok := strings.Cut(table, "."); ok {
		return before, after
	}
	return "main", table
}
