package sqlsource

import (
	"reflect"
	"slices"
	"strings"

	"github.com/privacyd/privacyd/datamap"
)

// fewKeys are looked up one by one where there is an index. Without one, older
// servers compare each row with each of them.
const fewKeys = 200

// carrier keeps what rows of one step link to in those of another, which were
// read before: without an index on the links each table is then read once, and
// not once for every step that leads through it.
type carrier struct {
	steps []*datamap.Step
	keys  map[*datamap.Step][]map[string]string // of each row, the columns that others link to, but NULL
}

// columns are those of a step's rows that other steps link to, each by some of
// them.
func (c *carrier) columns(step *datamap.Step) (names []string) {
	for _, other := range c.steps {
		for _, condition := range other.All {
			for _, p := range condition.Any {
				if !leads(p, step) {
					continue
				}
				for _, pair := range p.Hops[0].Link.On {
					names = appendNew(names, pair.Target)
				}
			}
		}
	}
	return names
}

// leads tells whether the first hop of a path leads to the very rows of a step.
func leads(p datamap.Path, step *datamap.Step) bool {
	if len(p.Hops) == 0 || p.Hops[0].Recursive || p.Hops[0].Reverse || p.Hops[0].To != step.Collection {
		return false
	}
	rest := onward(p)
	if len(rest.Hops) == 0 && rest.Rows != nil {
		return reflect.DeepEqual(*rest.Rows, step.Rows)
	}
	return len(step.Except) == 0 && len(step.All) == 1 && len(step.All[0].Any) == 1 && samePath(rest, step.All[0].Any[0])
}

// samePath tells whether two paths lead to the same rows. No hops are none,
// whether there is an empty list of them or no list.
func samePath(a, b datamap.Path) bool {
	if len(a.Hops)+len(b.Hops) == 0 {
		a.Hops, b.Hops = nil, nil
	}
	return reflect.DeepEqual(a, b)
}

// carried gives the keys of the rows that a path leads to with its first hop,
// if they are known.
func (b *builder) carried(p datamap.Path) ([]map[string]string, bool) {
	if b.carry == nil {
		return nil, false
	}
	for step, keys := range b.carry.keys {
		if leads(p, step) {
			return keys, true
		}
	}
	return nil, false
}

// amongKeys is true of the rows that link to one of some keys. A key that lacks
// a column of the link is none to it.
func (b *builder) amongKeys(hop datamap.Hop, join hopJoin, keys []map[string]string) (string, error) {
	keys = slices.DeleteFunc(slices.Clone(keys), func(key map[string]string) bool {
		return slices.ContainsFunc(hop.Link.On, func(pair datamap.ColumnPair) bool { _, ok := key[pair.Target]; return !ok })
	})
	if len(keys) == 0 {
		return "FALSE", nil
	}
	var arrays []string
	for i, pair := range hop.Link.On {
		c, err := b.column(hop.To.Table, pair.Target)
		if err != nil {
			return "", err
		}
		typ := c.base
		if join.there[i] != named(join.alias, pair.Target) { // compared as texts
			typ = "text"
		}
		values := make([]string, len(keys))
		for j := range keys {
			values[j] = keys[j][pair.Target]
		}
		array, err := pgArray(values, typ)
		if err != nil {
			return "", err
		}
		arrays = append(arrays, array)
	}
	in := tuple(join.here) + " IN (SELECT * FROM unnest(" + strings.Join(arrays, ", ") + "))"
	if len(arrays) == 1 && len(keys) <= fewKeys {
		in = join.here[0] + " = ANY (" + arrays[0] + ")"
	}
	if len(join.fromHere) > 0 {
		in = "EXISTS (SELECT 1 FROM " + strings.Join(join.fromHere, ", ") + " WHERE " + in + ")"
	}
	return in, nil
}
