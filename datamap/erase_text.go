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

// Quoting are fields of a collection in which the mention of an erased person's
// identifier takes the row along, or is blanked (Field.Quoted).
type Quoting struct {
	Collection *Collection
	Fields     []*Field
	Action     DispositionKind // Delete: of the row; Null: of the fields
}

// Quoted gives such fields, in the map's order: those of a collection that take
// a row along together, each that is blanked by itself.
func (g *Graph) Quoted() []Quoting {
	var list []Quoting
	for _, c := range g.Map.Collections {
		q := Quoting{Collection: c, Action: Delete}
		for _, f := range c.Fields {
			switch f.Quoted {
			case Delete:
				q.Fields = append(q.Fields, f)
			case Null:
				list = append(list, Quoting{Collection: c, Fields: []*Field{f}, Action: Null})
			case Replace, Keep:
			}
		}
		if len(q.Fields) > 0 {
			list = append(list, q)
		}
	}
	return list
}

// Has tells whether a column is one of the fields.
func (q Quoting) Has(column string) bool {
	return slices.ContainsFunc(q.Fields, func(f *Field) bool { return f.Column == column })
}

// Unquote is what is done to rows that quote an erased person: they go, with
// all that belongs to them, or lose what quotes. The scope says in which
// workspace (none: in all) and what is held; whom it is about does not matter.
//
// Errors: those of Erasure.
func (g *Graph) Unquote(s EraseScope, q Quoting, keys [][]string) (Erasure, error) {
	s.SubjectKind, s.SubjectID, s.Merged = "", "", nil
	s.Rows = &RowScope{Collection: q.Collection.Name, Keys: keys}
	if q.Action == Delete {
		return g.Erasure(s)
	}
	e := g.newEraser(s)
	if err := e.aim(); err != nil {
		return Erasure{}, err
	}
	if err := e.hold(); err != nil {
		return Erasure{}, err
	}
	step := &Step{Collection: q.Collection, Table: q.Collection.Table, Action: Null}
	step.All = append(e.within(q.Collection), Condition{Any: []Path{keyPath(route{columns: q.Collection.Key}, keys)}})
	if held := e.below[q.Collection.Name]; len(held) > 0 {
		step.Except = []Condition{{Any: held}}
	}
	for _, f := range q.Fields {
		step.Set = append(step.Set, Assignment{Column: f.Column})
	}
	step.Files = q.Collection.filesIn(step.Set)
	out := Erasure{Steps: []*Step{step}, Blockers: e.blockers, graph: g, scope: s}
	if s.Catalog != nil {
		out.Blockers = append(out.Blockers, out.Check(*s.Catalog)...)
	}
	return out, nil
}

// Only is the same graph where nothing but some collections is to be read.
func (g *Graph) Only(names ...string) *Graph {
	some := *g
	some.order = slices.DeleteFunc(slices.Clone(g.order), func(c *Collection) bool { return !slices.Contains(names, c.Name) })
	return &some
}
