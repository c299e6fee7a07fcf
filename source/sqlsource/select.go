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
	aliases int
}

// query is SELECT what FROM the selection's rows, called r.
func (b *builder) query(sel datamap.Selection, what []string) (string, error) {
	if len(what) == 0 {
		what = []string{"1"}
	}
	where, err := b.where(sel)
	if err != nil {
		return "", err
	}
	return "SELECT " + strings.Join(what, ", ") + " FROM " + b.rows(sel.Collection, "r") + where, nil
}

func (b *builder) where(sel datamap.Selection) (string, error) {
	var all []string
	for _, condition := range sel.All {
		text, err := b.condition(sel.Collection, "r", condition)
		if err != nil {
			return "", fmt.Errorf("select %s: %w", sel.Collection.Name, err)
		}
		all = append(all, text)
	}
	if len(all) == 0 {
		return "", nil
	}
	return " WHERE " + strings.Join(all, " AND "), nil
}

// rows is what stands in FROM for a collection. Its predicate is in a query of
// its own, where no name but the table's own can be seen; both databases
// flatten that away. The line break ends a comment.
func (b *builder) rows(c *datamap.Collection, alias string) string {
	if c.Where == "" {
		return tableName(c.Table) + " AS " + alias
	}
	return "(SELECT * FROM " + tableName(c.Table) + " WHERE (" + c.Where + "\n)) AS " + alias
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

// path is true of the rows of alias from which p leads to its root row.
func (b *builder) path(c *datamap.Collection, alias string, p datamap.Path) (string, error) {
	if len(p.Hops) == 0 {
		return b.equals(c, alias, p.Column, p.Value)
	}
	hop := p.Hops[0]
	rest := datamap.Path{Hops: p.Hops[1:], Column: p.Column, Value: p.Value}
	if hop.Recursive {
		return b.closure(c, alias, hop.Link, rest)
	}
	join, err := b.join(c, alias, hop.Link, hop.To)
	if err != nil {
		return "", err
	}
	x := b.alias("t")
	inner, err := b.path(hop.To, x, rest)
	if err != nil {
		return "", err
	}
	in := tuple(join.left) + " IN (SELECT " + strings.Join(join.right(x), ", ") +
		" FROM " + b.rows(hop.To, x) + " WHERE " + inner + ")"
	if len(join.from) > 0 {
		in = "EXISTS (SELECT 1 FROM " + strings.Join(join.from, ", ") + " WHERE " + in + ")"
	}
	return strings.Join(append(join.when, in), " AND "), nil
}

// closure is true of the rows of alias from which a link of c to itself, zero
// or more times, and then rest leads to the root row. UNION drops what was
// found before, so a cycle ends.
func (b *builder) closure(c *datamap.Collection, alias string, link *datamap.Link, rest datamap.Path) (string, error) {
	base, next, set := b.alias("t"), b.alias("t"), b.alias("s")
	inner, err := b.path(c, base, rest)
	if err != nil {
		return "", err
	}
	join, err := b.join(c, next, link, c)
	if err != nil {
		return "", err
	}
	key, carried := closureColumns(c, link)
	where := join.when
	for i, left := range join.left {
		where = append(where, left+" = "+join.right(set)[i])
	}
	from := strings.Join(append([]string{b.rows(c, next), set}, join.from...), ", ")
	return tuple(namedAll(alias, key)) + " IN (WITH RECURSIVE " + set + "(" + quoteAll(carried) + ") AS (" +
		"SELECT " + strings.Join(namedAll(base, carried), ", ") + " FROM " + b.rows(c, base) + " WHERE " + inner +
		" UNION SELECT " + strings.Join(namedAll(next, carried), ", ") + " FROM " + from +
		" WHERE " + strings.Join(where, " AND ") + ") SELECT " + quoteAll(key) + " FROM " + set + ")", nil
}

// closureColumns are the columns that name a row and, with those, the ones
// that the link points to.
func closureColumns(c *datamap.Collection, link *datamap.Link) (key, carried []string) {
	var targets []string
	for _, pair := range link.On {
		targets = append(targets, pair.Target)
	}
	key = c.Key
	if len(key) == 0 {
		key = targets
	}
	carried = append(carried, key...)
	for _, t := range targets {
		if !slices.Contains(carried, t) {
			carried = append(carried, t)
		}
	}
	return key, carried
}

func quoteAll(columns []string) string {
	quoted := make([]string, len(columns))
	for i, c := range columns {
		quoted[i] = identifier(c)
	}
	return strings.Join(quoted, ", ")
}
