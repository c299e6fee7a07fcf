package sqlsource

import (
	"slices"

	"github.com/privacyd/privacyd/datamap"
)

// foreignKey is a reference to a table that rows are deleted from, as the
// database knows it.
type foreignKey struct {
	name, table      string // the table that refers, quoted
	columns, targets []string
	self             bool // the two tables are one
	cascades         bool // the database deletes what refers to a row with it
	blanks           bool // it makes the reference NULL, or its default
	guards           bool // it refuses to delete a row that is referred to, for certain
}

// selfLinks are the links over which rows of a step refer to each other, and
// by which a row has to go after those that refer to it: those by which rows
// are found, and those that the database guards, whether the map has them or
// not.
func selfLinks(step *datamap.Step, keys []foreignKey) []*datamap.Link {
	if step.Action != datamap.Delete {
		return nil
	}
	var links []*datamap.Link
	add := func(l *datamap.Link) {
		if !slices.ContainsFunc(links, func(o *datamap.Link) bool { return slices.Equal(o.On, l.On) && slices.Equal(o.When, l.When) }) {
			links = append(links, l)
		}
	}
	for _, s := range step.SelfLinks {
		if s.Discovers {
			add(s.Link)
		}
	}
	for _, k := range keys {
		if !k.self || k.blanks {
			continue
		}
		l := &datamap.Link{To: step.Collection.Name}
		for i := range k.columns {
			l.On = append(l.On, datamap.ColumnPair{Column: k.columns[i], Target: k.targets[i]})
		}
		add(l)
	}
	return links
}
