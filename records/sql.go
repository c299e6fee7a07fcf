package records

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Statements come in a few sizes, so that a database that keeps prepared
// statements keeps few.
var chunkSizes = []int{512, 64, 8, 1}

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

// pairs asks for two texts of each row with one of the ids. query ends with
// IN; tail follows the list.
func (s *Store) pairs(ctx context.Context, query, tail, workspace string, ids []string, fn func(a, b string)) error {
	return chunks(len(ids), func(from, to int) error {
		rows, err := s.DB.Query(ctx, query+idList(to-from)+tail, idArgs(workspace, ids[from:to])...)
		if err != nil {
			return fmt.Errorf("look up records: %w", err)
		}
		defer rows.Close() //nolint:errcheck // rows.Err says it
		for rows.Next() {
			var a, b string
			if err := rows.Scan(&a, &b); err != nil {
				return fmt.Errorf("look up records: %w", err)
			}
			fn(a, b)
		}
		return rows.Err()
	})
}

func idList(n int) string {
	list := tuples(1, n)
	return "(" + strings.TrimPrefix(list, "($1,")
}

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
