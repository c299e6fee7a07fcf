package datamap

import (
	"slices"
	"strings"
)

// FreeText gives the columns of a collection that hold what people wrote or
// what is about several of them. Where an identifier of an erased person is
// still found there, somebody else may have mentioned it, which is for a person
// to judge; anywhere else it is residue.
func (g *Graph) FreeText(collection string) []string {
	var columns []string
	if c := g.Map.collection(collection); c != nil {
		for _, f := range c.Fields {
			if f.freeText() {
				columns = append(columns, f.Column)
			}
		}
	}
	return columns
}

func (f *Field) freeText() bool {
	if within(f.Category, "user.content") {
		return true
	}
	identifies := slices.ContainsFunc([]string{"user.contact", "user.unique_id", "user.name", "user.device", "user.government_id", "user.account"},
		func(category string) bool { return within(f.Category, category) })
	return (f.Whose == WhoseShared || f.Whose == WhoseOther) && !identifies
}

func within(category, of string) bool {
	return category == of || strings.HasPrefix(category, of+".")
}

// Quoting are the fields of a collection in which the mention of an erased
// person's identifier takes the row along (Field.Quoted).
type Quoting struct {
	Collection *Collection
	Fields     []*Field
}

// Quoted gives the collections that have such fields, in the map's order. The
// rows go as the rows of an EraseScope do.
func (g *Graph) Quoted() []Quoting {
	var list []Quoting
	for _, c := range g.Map.Collections {
		q := Quoting{Collection: c}
		for _, f := range c.Fields {
			if f.Quoted == Delete {
				q.Fields = append(q.Fields, f)
			}
		}
		if len(q.Fields) > 0 {
			list = append(list, q)
		}
	}
	return list
}
