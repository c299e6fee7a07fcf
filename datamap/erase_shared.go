package datamap

import (
	"fmt"
	"slices"
)

// reference is a link seen from the side that has the other's key.
type reference struct {
	from, to *Collection
	link     *Link
	reversed bool // the link is written on the side that is referred to
}

// declared tells whether the database guards the reference.
func (l *Link) declared() bool {
	return !l.Undeclared && len(l.When) == 0 && !slices.ContainsFunc(l.On, func(p ColumnPair) bool { return p.JSONPath != "" })
}

// columns are those on the side that refers.
func (r reference) columns() []string {
	var list []string
	for _, p := range r.link.On {
		switch {
		case r.reversed:
			list = append(list, p.Target)
		case p.JSONPath == "":
			list = append(list, p.Column)
		}
	}
	return list
}

// hop leads from the row referred to back to the one that refers.
func (r reference) hop() Hop {
	return Hop{Link: r.link, To: r.from, Reverse: !r.reversed}
}

// references gives every link of the map, seen so.
func (g *Graph) references() []reference {
	var list []reference
	for _, c := range g.Map.Collections {
		for _, l := range c.Links {
			t := g.Map.collection(l.To)
			if l.reversed(c, t) {
				list = append(list, reference{from: t, to: c, link: l, reversed: true})
				continue
			}
			list = append(list, reference{from: c, to: t, link: l})
		}
	}
	return list
}

// isShared tells whether rows of a collection are in the scope because others
// point to them. They stay as long as somebody outside of it does, too.
func (e *eraser) isShared(c *Collection) bool {
	return len(e.stepsOf(c, func(x *group) bool { return x.shared })) > 0
}

func (e *eraser) stepRoutes(c *Collection) []route {
	var list []route
	if f := e.fates[c.Name]; f != nil {
		for _, x := range f.groups {
			list = append(list, x.routes...)
		}
	}
	return list
}

// carried tells whether a way starts at a row that others point to.
func (e *eraser) carried(c *Collection, r route) bool {
	return r.first != nil && r.first.To != c.Name && r.first.reversed(c, e.g.Map.collection(r.first.To))
}

// shared leads to the rows that point to one of c and keep it: from a group or,
// without one, from the scope.
func (e *eraser) shared(f *fate, x *group) []Condition {
	if x != nil && (!x.shared || !x.deletes() && len(x.step.Set) == 0) {
		return nil
	}
	var any []Path
	for _, r := range e.sharers(f.c) {
		any = append(any, e.others(r, x))
	}
	return []Condition{{Any: any}}
}

// sharers are the references that keep a row of c while they stand: those by
// which it belongs to somebody, and those of rows that are kept as they are.
func (e *eraser) sharers(c *Collection) []reference {
	var list []reference
	for _, r := range e.refs {
		if r.to != c || r.from == c {
			continue
		}
		kept := !r.reversed && r.link.declared() && r.link.Relation == Mentions && r.from.DispositionOf(r.link).Kind == Keep
		if kept || r.reversed && r.link.Relation == Belongs {
			list = append(list, r)
		}
	}
	return list
}

// others leads to a row that refers over r and is not part of what goes.
func (e *eraser) others(r reference, x *group) Path {
	p := Path{Hops: []Hop{r.hop()}}
	f := e.fates[r.from.Name]
	if f == nil {
		return p
	}
	e.fill(f)
	parts := []Path{{Rows: &f.rows}}
	if x != nil && x.deletes() && r.link.declared() {
		parts = asPaths(e.letGo(r))
	}
	if len(parts) > 0 {
		p.Rows = &Rows{Except: []Condition{{Any: parts}}}
	}
	return p
}

// touches tells whether assignments change one of the columns.
func touches(set []Assignment, columns []string) bool {
	return slices.ContainsFunc(set, func(a Assignment) bool { return slices.Contains(columns, a.Column) })
}

// keepShared leaves rows alone that another collection of the same table keeps.
func (e *eraser) keepShared() {
	for _, f := range e.inOrder() {
		for _, other := range e.inOrder() {
			if other == f || !sameTable(f.c, other.c) || !sameKey(f.c, other.c) {
				continue
			}
			for _, kept := range e.stepsOf(other.c, func(x *group) bool { return x.Kind == Keep }) {
				for _, s := range e.stepsOf(f.c, func(x *group) bool { return x.Kind != Keep }) {
					p := Path{Hops: []Hop{identity(f.c, other.c)}, Rows: &kept.Rows}
					s.Except = append(s.Except, Condition{Any: []Path{p}})
				}
			}
		}
	}
}

func sameKey(a, b *Collection) bool {
	return len(a.Key) == len(b.Key) && holdsAll(a.Key, b.Key)
}

// identity leads to the same row as another collection of the table has it.
func identity(from, to *Collection) Hop {
	l := &Link{To: to.Name, Relation: Belongs}
	for _, k := range from.Key {
		l.On = append(l.On, ColumnPair{Column: k, Target: k})
	}
	return Hop{Link: l, To: to}
}

// refuseKept notes what stays although it refers to something that goes, which
// the database would not let happen.
func (e *eraser) refuseKept() {
	for _, r := range e.refs {
		if !r.link.declared() || !e.goes(r.to) || r.from != r.to && sameTable(r.from, r.to) {
			continue
		}
		staying := e.stepsOf(r.from, func(x *group) bool { return !x.deletes() && !touches(x.step.Set, r.columns()) })
		switch {
		case r.reversed && e.mirrored(r): // the link on the other side says it all
		case r.reversed && r.link.Relation == Belongs:
			stays := len(staying) > 0 || e.mayStay(r.from)
			if len(staying) > 0 && e.deletesBy(r.to, r.link) || stays && e.goesAnyway(r.to) {
				e.blockKept(r)
			}
		case r.reversed:
			if len(staying) > 0 || e.mayStay(r.from) {
				e.blockKept(r)
			}
		case r.link.Relation == Belongs, r.link.takes():
			if len(staying) > 0 && !e.letsGo(r) {
				e.blockKept(r)
			}
		}
	}
}

// mayStay tells whether some rows of a collection are not part of what goes.
func (e *eraser) mayStay(c *Collection) bool {
	return e.fates[c.Name] == nil || !e.wholeWorkspace() || e.isShared(c)
}

// mirrored tells whether the side that refers has a link of its own for a
// reference.
func (e *eraser) mirrored(r reference) bool {
	return slices.ContainsFunc(e.refs, func(o reference) bool {
		return !o.reversed && o.from == r.from && sameTable(o.to, r.to) && holdsAll(o.columns(), r.columns()) && holdsAll(r.columns(), o.columns())
	})
}

// goesAnyway tells whether rows are deleted although others may point to them.
func (e *eraser) goesAnyway(c *Collection) bool {
	return len(e.stepsOf(c, func(x *group) bool { return x.deletes() && !x.shared })) > 0
}

// letsGo tells whether a step of its own blanks a reference.
func (e *eraser) letsGo(r reference) bool {
	return slices.ContainsFunc(e.linking, func(s *Step) bool { return s.Collection == r.from && s.Link == r.link && len(s.Set) > 0 })
}

// deletesBy tells whether rows of c are deleted because of one of its links.
func (e *eraser) deletesBy(c *Collection, l *Link) bool {
	return len(e.stepsOf(c, func(x *group) bool {
		return x.deletes() && slices.ContainsFunc(x.routes, func(r route) bool { return r.first == l })
	})) > 0
}

func (e *eraser) blockKept(r reference) {
	columns := ""
	if names := r.columns(); len(names) > 0 {
		columns = fmt.Sprintf(" (%s)", sqlList(names))
	}
	e.block("kept_refers", r.from,
		fmt.Sprintf("Rows of collection %s stay, but refer%s to rows of %s that go.", r.from.Name, columns, r.to.Name),
		fmt.Sprintf("Give the link from %s to %s the disposition null if its column can be NULL, or let the rows of %s stay too (disposition null or {replace: …} blanks what is about the person), or say `undeclared: true` if the database does not guard the reference.",
			r.from.Name, r.to.Name, r.to.Name))
}

func sqlList(columns []string) string {
	text := ""
	for i, c := range columns {
		if i > 0 {
			text += ", "
		}
		text += c
	}
	return text
}
