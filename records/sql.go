package records

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Statements come in a few sizes, so that a database that keeps prepared
// statements keeps few.
var chunkSizes = [...]int{512, 64, 8, 1}

// maxIDs is how many ids one query asks for.
const maxIDs = 512

// statements are a collection's SQL, made from its fields.
type statements struct {
	columns []int  // fields that are columns
	list    string // their names
	insert  string // before the rows
	update  string // after them
}

func statementsOf(c *Collection) statements {
	var s statements
	var names, sets []string
	for i, f := range c.Fields {
		if !f.Stored() || f.Name == "last_message_at" {
			continue
		}
		s.columns = append(s.columns, i)
		names = append(names, f.Name)
		if f.Name != "id" {
			sets = append(sets, f.Name+" = excluded."+f.Name)
		}
	}
	if c.Name == "attachments" {
		names = append(names, "blob")
		sets = append(sets, "blob = excluded.blob")
	}
	s.list = strings.Join(names, ", ")
	s.insert = "INSERT INTO " + c.Name + " (workspace_id, " + s.list + ") VALUES "
	s.update = " ON CONFLICT (workspace_id, id) DO UPDATE SET " + strings.Join(sets, ", ")
	return s
}

// width is how many values a row of the statement has besides the workspace.
func (s *statements) width(c *Collection) int {
	if c.Name == "attachments" {
		return len(s.columns) + 1
	}
	return len(s.columns)
}

// tuples writes n rows of width placeholders, each with $1 before them.
func tuples(n, width int) string {
	b := make([]byte, 0, n*(width*6+4))
	next := int64(2)
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, "($1"...)
		for range width {
			b = append(b, ",$"...)
			b = strconv.AppendInt(b, next, 10)
			next++
		}
		b = append(b, ')')
	}
	return string(b)
}

// chunks cuts n into the sizes that statements come in.
func chunks(n int, fn func(from, to int) error) error {
	for from := 0; from < n; {
		size := 1
		for _, s := range chunkSizes {
			if n-from >= s {
				size = s
				break
			}
		}
		if err := fn(from, from+size); err != nil {
			return err
		}
		from += size
	}
	return nil
}

// pairs asks for an expression of each row of a table that has one of the ids,
// in the order of the ids. condition narrows the rows; tail is a lock, or
// empty.
//
// Each id is looked up by itself, by the primary key. A list of ids would
// leave the choice to PostgreSQL, which in a table that it has no statistics
// of yet reads all of a workspace instead.
func (s *Store) pairs(ctx context.Context, find find, workspace string, ids []string, fn func(id, value string)) error {
	key := find.key
	if key == "" {
		key = "id"
	}
	query := "SELECT i.column1, (SELECT " + find.value + " FROM " + find.table + " t WHERE t.workspace_id = $1 AND t." + key +
		" = i.column1" + find.tail + ") FROM (VALUES "
	return chunks(len(ids), func(from, to int) error {
		rows, err := s.DB.Query(ctx, query+singles(to-from)+") i", idArgs(workspace, ids[from:to])...)
		if err != nil {
			return fmt.Errorf("look up records: %w", err)
		}
		return eachPair(rows, fn)
	})
}

// find says what pairs looks for.
type find struct {
	table string
	key   string // the column that ids are of; empty: id
	value string // an expression that is null where the row does not count
	tail  string
}

func eachPair(rows *sql.Rows, fn func(id, value string)) error {
	defer rows.Close() //nolint:errcheck // rows.Err says it
	for rows.Next() {
		var id string
		var value sql.NullString
		if err := rows.Scan(&id, &value); err != nil {
			return fmt.Errorf("look up records: %w", err)
		}
		if value.Valid {
			fn(id, value.String)
		}
	}
	return rows.Err()
}

// singles writes n rows of one placeholder each, the first of them $2.
func singles(n int) string { return strings.ReplaceAll(tuples(n, 1), "($1,", "(") }

func idList(n int) string { return "(" + strings.TrimPrefix(tuples(1, n), "($1,") }

func idArgs(workspace string, ids []string) []any {
	args := make([]any, 0, len(ids)+1)
	args = append(args, workspace)
	for _, id := range ids {
		args = append(args, id)
	}
	return args
}

// sortedUnique sorts ids: rows are locked in one order, so that two imports
// wait for each other and never both.
func sortedUnique(ids []string) []string {
	slices.Sort(ids)
	return slices.Compact(ids)
}
