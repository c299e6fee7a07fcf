package sqlsource

import (
	"maps"

	"github.com/privacyd/privacyd/datamap"
)

// learn notes what the conditions say of columns of the row at hand. SQLite
// does not conclude by itself that what a row is linked to over such a column
// has the same value there, and would look through that table from end to end:
// through the rows of all workspaces for those of one.
func (b *builder) learn(c *datamap.Collection, rows datamap.Rows) {
	if !b.implies {
		return
	}
	known := maps.Clone(b.known)
	if known == nil {
		known = map[string]string{}
	}
	for _, condition := range rows.All {
		if len(condition.Any) != 1 {
			continue
		}
		p := condition.Any[0]
		if len(p.Hops) > 0 || p.Column == "" || p.Keys != nil || p.Rows != nil || !b.isText(c, p.Column) {
			continue
		}
		known[p.Column] = p.Value
	}
	b.known = known
}

// across gives what is true of the row that a hop leads to because of what is
// known of the row at hand.
func (b *builder) across(hop datamap.Hop, alias string) (conditions []string, err error) {
	if !b.implies {
		return nil, nil
	}
	there := map[string]string{}
	for _, pair := range hop.Link.On {
		here, to := pair.Column, pair.Target
		if hop.Reverse {
			here, to = to, here
		}
		value, ok := b.known[here]
		if _, twice := there[to]; !ok || twice || pair.JSONPath != "" || !b.isText(hop.To, to) {
			continue
		}
		text, err := b.equals(hop.To, alias, to, value)
		if err != nil {
			return nil, err
		}
		there[to] = value
		conditions = append(conditions, text)
	}
	b.known = there
	return conditions, nil
}

// isText is false of a column that there is not: whoever needs it says so.
func (b *builder) isText(c *datamap.Collection, name string) bool {
	column, err := b.column(c.Table, name)
	return err == nil && column.class == classText
}
