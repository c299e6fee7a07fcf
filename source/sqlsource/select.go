package sqlsource

import (
	"fmt"
	"slices"
	"strings"

	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/store/sqldb"
)

// builder writes a selection as SQL. Links become semi-joins on whole sets
// (IN), never a lookup a row: without an index on the link a correlated query
// reads the other table once for each row.
type builder struct {
	dialect sqldb.Dialect
	columns func(table string) (columns, error) // of a table, to know when two types need a cast
	extra   []string                            // what r has beside the table's columns
	inOrder bool                                // SQLite: r is read in the order of its rows, through no index
	aliases int
	implies bool              // equality is the same on both sides of every link
	known   map[string]string // columns of the row at hand and their values
	carry   *carrier          // PostgreSQL: keys that were read before
}

// query is SELECT what FROM the selection's rows, called r, for which what
// also says holds, too.
func (b *builder) query(sel datamap.Selection, what []string, also ...string) (string, error) {
	return b.rowsQuery(sel.Collection, datamap.Rows{All: sel.All}, what, also...)
}

func (b *builder) rowsQuery(c *datamap.Collection, rows datamap.Rows, what []string, also ...string) (string, error) {
	if len(what) == 0 {
		what = []string{"1"}
	}
	conditions, err := b.holding(c, "r", rows)
	if err != nil {
		return "", fmt.Errorf("select %s: %w", c.Name, err)
	}
	conditions = append(conditions, also...)
	query := "SELECT " + strings.Join(what, ", ") + " FROM " + b.root(c)
	if len(conditions) > 0 {
		query += " WHERE " + strings.Join(conditions, " AND ")
	}
	return query, nil
}

// holding are what must be true of the rows of alias to be among rows.
func (b *builder) holding(c *datamap.Collection, alias string, rows datamap.Rows) ([]string, error) {
	var all []string
	known := b.known
	defer func() { b.known = known }()
	b.learn(c, rows)
	for _, condition := range rows.All {
		text, err := b.condition(c, alias, condition)
		if err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	for _, condition := range rows.Except {
		for _, p := range condition.Any {
			text, err := b.noPath(c, alias, p)
			if err != nil {
				return nil, err
			}
			all = append(all, text)
		}
	}
	return all, nil
}

// root is what stands in FROM for the rows that a query is about.
func (b *builder) root(c *datamap.Collection) string {
	return b.inner(c, "r")
}

// inner is rows with what stands beside the table's columns.
func (b *builder) inner(c *datamap.Collection, alias string) string {
	if len(b.extra) == 0 && !b.inOrder {
		return b.rows(c, alias)
	}
	table := tableName(c.Table)
	if b.inOrder {
		table += " NOT INDEXED"
	}
	return "(SELECT " + strings.Join(append([]string{"*"}, b.extra...), ", ") + " FROM " + table + predicate(c) + ") AS " + alias
}

// rows is what stands in FROM for a collection. Its predicate is in a query of
// its own, where no name but the table's own can be seen; both databases
// flatten that away.
func (b *builder) rows(c *datamap.Collection, alias string) string {
	if c.Where == "" {
		return tableName(c.Table) + " AS " + alias
	}
	return "(SELECT * FROM " + tableName(c.Table) + predicate(c) + ") AS " + alias
}

// predicate has a line break, which ends a comment.
func predicate(c *datamap.Collection) string {
	if c.Where == "" {
		return ""
	}
	return " WHERE (" + c.Where + "\n)"
}

func (b *builder) alias(letter string) string {
	b.aliases++
	return fmt.Sprintf("%s%d", letter, b.aliases)
}

func (b *builder) condition(c *datamap.Collection, alias string, condition datamap.Condition) (string, error) {
	if len(condition.Any) > 1 && b.dialect == sqldb.Postgres && len(c.Key) > 0 {
		return b.union(c, alias, condition.Any)
	}
	var either []string
	for _, p := range condition.Any {
		text, err := b.path(c, alias, p)
		if err != nil {
			return "", err
		}
		either = append(either, text)
	}
	switch len(either) {
	case 0:
		return "FALSE", nil
	case 1:
		return either[0], nil
	}
	return "(" + strings.Join(either, " OR ") + ")", nil
}

// union finds the keys that any path holds for. PostgreSQL turns an IN at the
// top into a join that may spill to disk, but an IN below an OR into a hash
// table that must fit work_mem, or else is read again for each row.
func (b *builder) union(c *datamap.Collection, alias string, paths []datamap.Path) (string, error) {
	var branches []string
	for _, p := range paths {
		u := b.alias("u")
		text, err := b.path(c, u, p)
		if err != nil {
			return "", err
		}
		branches = append(branches,
			"SELECT "+strings.Join(namedAll(u, c.Key), ", ")+" FROM "+b.rows(c, u)+" WHERE "+text)
	}
	return tuple(namedAll(alias, c.Key)) + " IN (" + strings.Join(branches, " UNION ALL ") + ")", nil
}

func namedAll(alias string, columns []string) []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = named(alias, c)
	}
	return names
}

func quoteAll(columns []string) string {
	quoted := make([]string, len(columns))
	for i, c := range columns {
		quoted[i] = identifier(c)
	}
	return strings.Join(quoted, ", ")
}

// equal pairs two lists of expressions.
func equal(left, right []string) string {
	all := make([]string, len(left))
	for i := range left {
		all[i] = left[i] + " = " + right[i]
	}
	return strings.Join(all, " AND ")
}

func appendNew(list []string, items ...string) []string {
	for _, i := range items {
		if !slices.Contains(list, i) {
			list = append(list, i)
		}
	}
	return list
}
