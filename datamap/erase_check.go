package datamap

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Check names what the live database would not let an erasure do: with any
// problem nothing may run. It looks at the database's own foreign keys, not at
// the map's word.
//
// Codes: not_nullable, value_unfit, view, unmapped_reference,
// ignored_reference, undeclared_reference.
func (e Erasure) Check(c Catalog) []Problem {
	v := &erasureCheck{checker: newChecker(e.graph, c, nil), e: e}
	for _, s := range e.Steps {
		v.step(s)
	}
	for _, name := range v.names {
		if t := v.tables[name]; !t.Partition {
			for _, fk := range t.ForeignKeys {
				v.foreignKey(name, fk)
			}
		}
	}
	return v.found
}

type erasureCheck struct {
	*checker
	e     Erasure
	found []Problem
}

func (v *erasureCheck) note(code string, c *Collection, message, remedy string) {
	v.addProblem(Problem{Code: code, Collection: c.Name, Message: message, Remedy: remedy})
}

func (v *erasureCheck) addProblem(p Problem) {
	if !slices.Contains(v.found, p) {
		v.found = append(v.found, p)
	}
}

func (v *erasureCheck) step(s *Step) {
	t := v.table(s.Collection)
	if t == nil {
		return // the check of the map is fatal then
	}
	if t.View && (s.Action == Delete || len(s.Set) > 0) {
		v.note("view", s.Collection, fmt.Sprintf("Collection %s reads the view %s, from which no row can be erased.", s.Collection.Name, s.Table),
			"Map the tables beneath the view instead.")
	}
	for _, a := range s.Set {
		if col := t.column(a.Column); col != nil && a.JSONPath == "" {
			v.assignment(s, a, col)
		}
	}
}

func (v *erasureCheck) assignment(s *Step, a Assignment, col *Column) {
	why := "its disposition"
	if s.Link != nil {
		why = "the erasure of a row in " + s.Link.To
	}
	p := Problem{Collection: s.Collection.Name, Column: a.Column}
	switch {
	case a.Value == nil && !col.Nullable:
		p.Code = "not_nullable"
		p.Message = fmt.Sprintf("Column %s of table %s cannot be NULL, which %s would make it.", a.Column, s.Table, why)
		p.Remedy = "Write another disposition ({replace: \"…\"}, {keep: ground} or delete), or let the column be NULL."
	case a.Value != nil && !holds(familyOf(col.Type), *a.Value):
		p.Code = "value_unfit"
		p.Message = fmt.Sprintf("Column %s of table %s has the type %s and cannot hold the text that would replace it.", a.Column, s.Table, col.Type)
		p.Remedy = "Give the field or link a disposition of its own: null, or {replace: \"…\"} with a value of that type."
	default:
		return
	}
	v.addProblem(p)
}

var (
	numberPattern = regexp.MustCompile(`^-?[0-9]+(?:\.[0-9]+)?$`)
	uuidPattern   = regexp.MustCompile(`^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	datePattern   = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}|^[0-9]{2}:[0-9]{2}`)
)

// holds tells whether a column of a type can take a text as its value.
func holds(f family, value string) bool {
	switch f {
	case familyInteger:
		return integerPattern.MatchString(value)
	case familyDecimal:
		return numberPattern.MatchString(value)
	case familyUUID:
		return uuidPattern.MatchString(value)
	case familyBoolean:
		return slices.Contains([]string{"true", "false", "0", "1"}, value)
	case familyTime:
		return datePattern.MatchString(value)
	case familyBytes, familyArray:
		return false
	default:
		return true
	}
}

// foreignKey notes a reference to rows that go which the steps do not know of.
func (v *erasureCheck) foreignKey(from string, fk ForeignKey) {
	to := v.tableKey(fk.Table)
	if !slices.ContainsFunc(v.e.Steps, func(s *Step) bool { return s.Action == Delete && v.tableKey(s.Table) == to }) {
		return
	}
	ours, theirs := v.mapped[from], v.mapped[to]
	columns := strings.Join(fk.Columns, ", ")
	switch {
	case fk.lets():
	case len(ours) == 0:
		v.note("ignored_reference", theirs[0],
			fmt.Sprintf("The foreign key (%s) of table %s refers to rows of collection %s that go, and the map has no such table.", columns, from, theirs[0].Name),
			"Map the table, so that an erasure knows what to do with its rows.")
	case len(fk.Columns) == 0 || len(fk.Columns) != len(fk.Targets):
	case !told(ours, theirs, fk):
		v.note("unmapped_reference", ours[0],
			fmt.Sprintf("The foreign key (%s) of table %s refers to rows of collection %s that go, and the map has no link for it.", columns, from, theirs[0].Name),
			fmt.Sprintf("Add to the links of collection %s: %s", ours[0].Name, draftLink(theirs[0].Name, fk)))
	case !told(declaredOnly(ours), declaredOnly(theirs), fk):
		v.note("undeclared_reference", ours[0],
			fmt.Sprintf("The database guards the reference (%s) of table %s to collection %s, which the map says is undeclared.", columns, from, theirs[0].Name),
			"Remove `undeclared: true` from the link.")
	}
}

// lets tells whether the database itself ends the reference when a row goes.
func (fk ForeignKey) lets() bool {
	return slices.Contains([]string{"cascade", "set null", "set default"}, fk.OnDelete)
}

// declaredOnly gives collections without the links that the database does not
// guard.
func declaredOnly(list []*Collection) []*Collection {
	out := make([]*Collection, len(list))
	for i, c := range list {
		x := *c
		x.Links = slices.DeleteFunc(slices.Clone(c.Links), func(l *Link) bool { return l.Undeclared })
		out[i] = &x
	}
	return out
}

// Reading is a reading of a whole table, for want of an index.
type Reading struct {
	Collection string // whose table it is, or the table itself where no collection has it
	Table      string
	Statement  string // makes the index
	Rows       int64  // of the table, about; 0: not known
	// ForEach is the collection of which each row that is deleted has the
	// database read the table, to see that nothing refers to it; empty: it is
	// read as often as the erasure looks for its rows.
	ForEach string
}

// Unindexed gives the links that the erasure follows, or the database follows
// to guard them, for which a table has no index.
func (e Erasure) Unindexed(c Catalog) []Reading {
	k := newChecker(e.graph, c, nil)
	for _, s := range e.Steps {
		if len(s.All) > 0 {
			k.followed(s.Collection, s.All[len(s.All)-1])
		}
		for _, l := range s.SelfLinks {
			k.index(s.Collection, l.Link)
		}
		for _, h := range s.Referrers {
			k.hop(s.Collection, h)
		}
		if s.Action == Delete {
			k.forEach = s.Collection.Name
			k.guarded(k.tableKey(s.Table))
			k.forEach = ""
		}
	}
	return k.readings
}

// followed looks for the indexes of all links of a condition.
func (k *checker) followed(c *Collection, condition Condition) {
	for _, p := range condition.Any {
		at := c
		for _, h := range p.Hops {
			k.hop(at, h)
			at = h.To
		}
		columns := []string{p.Column}
		if p.Keys != nil {
			columns = p.Keys.Columns
		}
		if t := k.table(at); t != nil && columns[0] != "" {
			k.needIndex(at, t, columns, nil, "to find the rows of collection "+at.Name)
		}
		if p.Rows != nil && len(p.Rows.All) > 0 {
			k.followed(at, p.Rows.All[len(p.Rows.All)-1])
		}
	}
}

func (k *checker) hop(from *Collection, h Hop) {
	if h.Reverse {
		k.index(h.To, h.Link)
		return
	}
	k.index(from, h.Link)
}

// guarded looks for the indexes that the database needs to see that nothing
// refers to a row that goes.
func (k *checker) guarded(table string) {
	for _, name := range k.names {
		t := k.tables[name]
		for _, fk := range t.ForeignKeys {
			if k.tableKey(fk.Table) == table && len(fk.Columns) > 0 && !t.Partition {
				k.needIndex(&Collection{Table: name}, t, fk.Columns, nil, "to see that nothing refers to a row of "+table)
			}
		}
	}
}
