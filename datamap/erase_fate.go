package datamap

import (
	"fmt"
	"slices"
)

// decide finds which rows of a collection are in the scope and groups them by
// what becomes of them. Where ways disagree, keeping goes before deleting and
// that before blanking.
func (e *eraser) decide(c *Collection) {
	if !e.canBeIn(c) {
		return
	}
	var groups []*group
	for _, r := range e.ways.routes[c.Name] {
		if e.isRoot(c, r) {
			continue
		}
		d, link := c.fateBy(r.first)
		if d.Kind == Delete && c != e.root && c.Name == e.g.Map.Workspace.Collection {
			d = Disposition{Kind: Null} // a workspace does not go with a person whom it belongs to
		}
		shared := e.carried(c, r)
		i := slices.IndexFunc(groups, func(x *group) bool { return x.Disposition == d && x.link == link && x.shared == shared })
		if i < 0 {
			i = len(groups)
			groups = append(groups, &group{Disposition: d, link: link, shared: shared})
		}
		groups[i].routes = append(groups[i].routes, r)
	}
	if len(groups) == 0 {
		return
	}
	slices.SortStableFunc(groups, func(a, b *group) int { return a.rank() - b.rank() })
	for _, x := range groups {
		x.step = &Step{Collection: c, Table: c.Table, Action: x.Kind, Ground: x.Ground, Until: x.Until}
	}
	e.fates[c.Name] = &fate{c: c, groups: groups}
}

// fateBy is what becomes of a row whose link l leads to what goes. link is set
// when only that link's columns change.
func (c *Collection) fateBy(l *Link) (d Disposition, link *Link) {
	d = c.Disposition
	if l == nil || l.Disposition == nil {
		return d, nil
	}
	switch l.Disposition.Kind {
	case Null, Replace:
		if d.Kind == Keep {
			return d, l // kept, and cut off
		}
		return *l.Disposition, l
	default:
		return *l.Disposition, nil
	}
}

func (x *group) rank() int {
	rank := map[DispositionKind]int{Keep: 0, Delete: 2, Replace: 4, Null: 6}[x.Kind]
	if x.link != nil {
		rank += 8
	}
	if x.shared {
		rank++
	}
	return rank
}

// isRoot tells whether a way leads from a row of another collection over the
// root's table to that same row.
func (e *eraser) isRoot(c *Collection, r route) bool {
	if e.root == nil || c == e.root || !sameTable(c, e.root) {
		return false
	}
	equal := map[string]string{} // columns of the row that was reached → columns of c
	for _, col := range c.needed() {
		equal[col] = col
	}
	for _, h := range r.hops {
		next := map[string]string{}
		for _, p := range h.Link.On {
			if from := equal[p.Column]; p.JSONPath == "" && from != "" && !h.Recursive {
				next[p.Target] = from
			}
		}
		equal = next
		if h.To == e.root {
			return !slices.ContainsFunc(e.root.Key, func(k string) bool { return equal[k] != k })
		}
	}
	return false
}

// inOrder gives the fates in the map's order.
func (e *eraser) inOrder() []*fate {
	var list []*fate
	for _, c := range e.g.Map.Collections {
		if f := e.fates[c.Name]; f != nil {
			list = append(list, f)
		}
	}
	return list
}

// stepsOf gives the steps for the rows of a collection that are in the scope
// and for which that holds.
func (e *eraser) stepsOf(c *Collection, holds func(*group) bool) []*Step {
	var steps []*Step
	if f := e.fates[c.Name]; f != nil {
		for _, x := range f.groups {
			if holds(x) {
				steps = append(steps, x.step)
			}
		}
	}
	return steps
}

func (x *group) deletes() bool { return x.Kind == Delete }

// masks tells whether rows stay without what is about the person.
func (x *group) masks() bool { return x.link == nil && (x.Kind == Null || x.Kind == Replace) }

func always(*group) bool { return true }

// goes tells whether rows of a collection are deleted.
func (e *eraser) goes(c *Collection) bool { return len(e.stepsOf(c, (*group).deletes)) > 0 }

// fill says which rows the steps of a fate are for.
func (e *eraser) fill(f *fate) {
	switch {
	case f.filled:
		return
	case f.busy:
		e.block("circle", f.c, fmt.Sprintf("Whether rows of collection %s go depends in a circle on itself.", f.c.Name),
			"Say relation mentions for one of the links of the circle.")
		return
	}
	f.busy = true
	e.fillScope(f)
	holds := e.holds(f.c)
	for i, x := range f.groups {
		x.step.All = f.rows.All
		if len(f.groups) > 1 {
			x.step.All = e.inScope(f.c, x.routes)
		}
		x.step.Except = slices.Concat(e.before(f.groups[:i], x), holds, e.shared(f, x))
	}
	f.busy, f.filled = false, true
}

// fillScope says which rows are in the scope, whatever becomes of them.
func (e *eraser) fillScope(f *fate) {
	var parts []Rows
	for _, shared := range []bool{false, true} {
		var routes []route
		for _, r := range e.stepRoutes(f.c) {
			if e.carried(f.c, r) == shared {
				routes = append(routes, r)
			}
		}
		if len(routes) == 0 {
			continue
		}
		part := Rows{All: e.inScope(f.c, routes)}
		if shared {
			part.Except = e.shared(f, nil)
		}
		parts = append(parts, part)
	}
	f.rows = parts[0]
	if len(parts) > 1 {
		f.rows = Rows{All: []Condition{{Any: []Path{{Rows: &parts[0]}, {Rows: &parts[1]}}}}}
	}
}

// inScope says that rows are in the scope by one of the routes.
func (e *eraser) inScope(c *Collection, routes []route) []Condition {
	paths, placed := e.paths(c, routes)
	at := Condition{Any: paths}
	if e.inAll || placed {
		return []Condition{at}
	}
	return append(e.within(c), at)
}

// before says which rows another group has already.
func (e *eraser) before(groups []*group, x *group) []Condition {
	var any []Path
	for _, b := range groups {
		// A row may have several links to blank.
		if b.link == nil && (x.link == nil || b.Kind == Delete) {
			any = append(any, Path{Rows: &b.step.Rows})
		}
	}
	if len(any) == 0 {
		return nil
	}
	return []Condition{{Any: any}}
}

// paths follow routes to the roots, and tell whether each of them asks for the
// workspace on its way.
func (e *eraser) paths(c *Collection, routes []route) (list []Path, placed bool) {
	placed = c != e.root && !e.inAll && !e.saysWhere(c)
	for _, r := range routes {
		p := e.path(c, r, placed)
		placed = placed && p.Rows != nil
		same := func(o Path) bool { return o.Rows == p.Rows && p.Rows != nil && slices.Equal(o.Hops, p.Hops) }
		if !slices.ContainsFunc(list, same) {
			list = append(list, p)
		}
	}
	return list, placed
}

// path ends with the question whether a row is in the scope at the first one
// that knows: one that names its workspace (where the row at its start does
// not), a root, or one that is not in the scope as long as others point to it.
func (e *eraser) path(c *Collection, r route, placed bool) Path {
	for i, h := range r.hops {
		f := e.fates[h.To.Name]
		if h.Recursive || h.To == c || f == nil || f.busy {
			continue
		}
		if e.isShared(h.To) || placed && (h.To == e.root || e.saysWhere(h.To)) {
			e.fill(f)
			return Path{Hops: r.hops[:i+1], Rows: &f.rows}
		}
	}
	return e.end(e.g.Map.shorten(r))
}

func asPaths(steps []*Step) []Path {
	var any []Path
	for _, s := range steps {
		any = append(any, Path{Rows: &s.Rows})
	}
	return any
}
