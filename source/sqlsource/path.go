package sqlsource

import (
	"strings"

	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/store/sqldb"
)

// path is true of the rows of alias from which p leads to a row at its end.
func (b *builder) path(c *datamap.Collection, alias string, p datamap.Path) (string, error) {
	if len(p.Hops) == 0 {
		return b.end(c, alias, p)
	}
	hop, rest := p.Hops[0], onward(p)
	if hop.Recursive {
		known := b.known
		b.known = nil
		set, err := b.closure(c, hop, rest)
		b.known = known
		return tuple(namedAll(alias, set.key)) + " IN (" + set.query + ")", err
	}
	join, err := b.hop(c, alias, hop)
	if err != nil {
		return "", err
	}
	if keys, ok := b.carried(p); ok {
		in, err := b.amongKeys(hop, join, keys)
		return strings.Join(append(join.whenHere, in), " AND "), err
	}
	known := b.known
	implied, err := b.across(hop, join.alias)
	if err != nil {
		return "", err
	}
	inner, err := b.path(hop.To, join.alias, rest)
	b.known = known
	if err != nil {
		return "", err
	}
	in := tuple(join.here) + " IN (SELECT " + strings.Join(join.there, ", ") + " FROM " +
		strings.Join(append([]string{b.rows(hop.To, join.alias)}, join.fromThere...), ", ") +
		" WHERE " + strings.Join(append(append(join.whenThere, implied...), inner), " AND ") + ")"
	if len(join.fromHere) > 0 {
		in = "EXISTS (SELECT 1 FROM " + strings.Join(join.fromHere, ", ") + " WHERE " + in + ")"
	}
	return strings.Join(append(join.whenHere, in), " AND "), nil
}

func onward(p datamap.Path) datamap.Path {
	p.Hops = p.Hops[1:]
	return p
}

// end is what a path says of its last row.
func (b *builder) end(c *datamap.Collection, alias string, p datamap.Path) (string, error) {
	switch {
	case p.Keys != nil:
		return b.keySet(c, alias, *p.Keys)
	case p.Rows != nil:
		all, err := b.holding(c, alias, *p.Rows)
		return strings.Join(append([]string{"TRUE"}, all...), " AND "), err
	case p.Column != "" && p.Typed:
		return b.equalsTyped(c, alias, p.Column, p.Value)
	case p.Column != "":
		return b.equals(c, alias, p.Column, p.Value)
	}
	return "TRUE", nil
}

// noPath is true of the rows of alias from which p leads nowhere. PostgreSQL
// makes an anti-join of NOT EXISTS, but of NOT IN a hash table that must fit
// work_mem; SQLite would look a correlated NOT EXISTS up for each row.
func (b *builder) noPath(c *datamap.Collection, alias string, p datamap.Path) (string, error) {
	if b.dialect == sqldb.SQLite || len(p.Hops) == 0 && p.Keys == nil && p.Rows == nil {
		text, err := b.path(c, alias, p)
		return "((" + text + ") IS NOT TRUE)", err
	}
	if len(p.Hops) == 0 || p.Hops[0].Recursive || len(c.Key) == 0 {
		return b.noneByKey(c, alias, p)
	}
	hop := p.Hops[0]
	join, err := b.hop(c, alias, hop)
	if err != nil {
		return "", err
	}
	inner, err := b.path(hop.To, join.alias, onward(p))
	if err != nil {
		return "", err
	}
	from := append(append(join.fromHere, b.rows(hop.To, join.alias)), join.fromThere...)
	where := append(append(append(join.whenHere, join.whenThere...), equal(join.here, join.there)), inner)
	return "NOT EXISTS (SELECT 1 FROM " + strings.Join(from, ", ") + " WHERE " + strings.Join(where, " AND ") + ")", nil
}

// noneByKey finds the rows that a path leads from, and leaves them out.
func (b *builder) noneByKey(c *datamap.Collection, alias string, p datamap.Path) (string, error) {
	key, query := c.Key, ""
	if len(p.Hops) > 0 && p.Hops[0].Recursive {
		set, err := b.closure(c, p.Hops[0], onward(p))
		if err != nil {
			return "", err
		}
		key, query = set.key, set.query
	} else {
		u := b.alias("u")
		text, err := b.path(c, u, p)
		if err != nil {
			return "", err
		}
		query = "SELECT " + strings.Join(namedAll(u, key), ", ") + " FROM " + b.rows(c, u) + " WHERE " + text
	}
	e := b.alias("e")
	return "NOT EXISTS (SELECT 1 FROM (" + query + ") AS " + e + " WHERE " + equal(namedAll(e, key), namedAll(alias, key)) + ")", nil
}

// hopJoin is a hop as SQL: here and there are equal pair by pair where the row
// at hand leads to the row of alias.
type hopJoin struct {
	alias               string // of the row that the hop leads to
	here, there         []string
	whenHere, whenThere []string // type columns of a polymorphic link
	fromHere, fromThere []string // arrays inside JSON, to stand beside the row
}

func (b *builder) hop(c *datamap.Collection, alias string, hop datamap.Hop) (hopJoin, error) {
	h := hopJoin{alias: b.alias("t")}
	if hop.Reverse {
		j, err := b.join(hop.To, h.alias, hop.Link, c)
		if err != nil {
			return h, err
		}
		h.here, h.there, h.whenThere, h.fromThere = j.right(alias), j.left, j.when, j.from
		return h, nil
	}
	j, err := b.join(c, alias, hop.Link, hop.To)
	if err != nil {
		return h, err
	}
	h.here, h.there, h.whenHere, h.fromHere = j.left, j.right(h.alias), j.when, j.from
	return h, nil
}

// keysQuery finds the keys of some rows of a collection.
type keysQuery struct {
	key   []string
	query string
}

// closure finds the rows from which a link of c to itself, zero or more times,
// and then rest leads to an end. UNION drops what was found before, so a cycle
// ends.
func (b *builder) closure(c *datamap.Collection, hop datamap.Hop, rest datamap.Path) (keysQuery, error) {
	base, next, set := b.alias("t"), b.alias("t"), b.alias("s")
	inner, err := b.path(c, base, rest)
	if err != nil {
		return keysQuery{}, err
	}
	from, to := next, set // the link leads from a row that is new to one that was found
	if hop.Reverse {
		from, to = set, next
	}
	join, err := b.join(c, from, hop.Link, c)
	if err != nil {
		return keysQuery{}, err
	}
	key, carried := closureColumns(c, hop)
	where := append(join.when, equal(join.left, join.right(to)))
	return keysQuery{key, "WITH RECURSIVE " + set + "(" + quoteAll(carried) + ") AS (" +
		"SELECT " + strings.Join(namedAll(base, carried), ", ") + " FROM " + b.rows(c, base) + " WHERE " + inner +
		" UNION SELECT " + strings.Join(namedAll(next, carried), ", ") +
		" FROM " + strings.Join(append([]string{b.rows(c, next), set}, join.from...), ", ") +
		" WHERE " + strings.Join(where, " AND ") + ") SELECT " + quoteAll(key) + " FROM " + set}, nil
}

// closureColumns are the columns that name a row and, with those, the ones of
// a row found by which the next are.
func closureColumns(c *datamap.Collection, hop datamap.Hop) (key, carried []string) {
	var here, targets []string
	for _, pair := range hop.Link.On {
		here, targets = append(here, pair.Column), append(targets, pair.Target)
	}
	for _, w := range hop.Link.When {
		here = append(here, w.Column)
	}
	key = c.Key
	if len(key) == 0 {
		key = targets
	}
	carried = appendNew(nil, key...)
	if hop.Reverse {
		return key, appendNew(carried, here...)
	}
	return key, appendNew(carried, targets...)
}
