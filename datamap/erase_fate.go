package datamap

import (
	"fmt"
	"slices"
)

// decide finds which rows of a collection are in the scope and groups them by
// what becomes of them. Where ways disagree, keeping goes before deleting and
// that before blanking.
func (e *eraser) decide(c *Collection) {
	if _, in := e.within(c); !in {
		return
	}
	var groups []*group
	for _, r := range e.ways.routes[c.Name] {
		if e.isRoot(c, r) {
			continue
		}
		d, link := c.fateBy(r.first)
		i := slices.IndexFunc(groups, func(x *group) bool { return x.Disposition == d && x.link == link })
		if i < 0 {
			i = len(groups)
			groups = append(groups, &group{Disposition: d, link: link})
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
	rank := map[DispositionKind]int{Keep: 0, Delete: 1, Replace: 2, Null: 3}[x.Kind]
	if x.link != nil {
		rank += 4
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
	inside, _ := e.within(f.c)
	holds := e.holds(f.c)
	for i, x := range f.groups {
		x.step.All = append(slices.Clone(inside), Condition{Any: e.paths(f.c, x.routes)})
		x.step.Except = append(e.before(f.groups[:i], x), holds...)
		if shared := e.shared(f, x); len(shared) > 0 {
			x.step.Except = append(x.step.Except, Condition{Any: shared})
		}
	}
	f.busy, f.filled = false, true
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

// paths follow routes to the roots. At a row that goes only if nobody else
// points to it, they end with the question whether it does.
func (e *eraser) paths(c *Collection, routes []route) []Path {
	var list []Path
	for _, r := range routes {
		list = append(list, e.path(c, r))
	}
	return list
}

func (e *eraser) path(c *Collection, r route) Path {
	for i, h := range r.hops {
		f := e.fates[h.To.Name]
		if h.Recursive || h.To == c || f == nil || !e.isShared(h.To) || f.busy {
			continue
		}
		e.fill(f)
		return Path{Hops: r.hops[:i+1], Rows: oneOf(e.stepsOf(h.To, always))}
	}
	return e.end(r)
}

// oneOf are the rows of some steps.
func oneOf(steps []*Step) *Rows {
	if len(steps) == 1 {
		return &steps[0].Rows
	}
	return &Rows{All: []Condition{{Any: asPaths(steps)}}}
}

func asPaths(steps []*Step) []Path {
	var any []Path
	for _, s := range steps {
		any = append(any, Path{Rows: &s.Rows})
	}
	return any
}
