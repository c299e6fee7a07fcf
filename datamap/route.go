package datamap

import (
	"cmp"
	"maps"
	"slices"
)

const (
	maxRoutes = 64   // of a collection to one root
	maxHops   = 16   // of a route
	maxSteps  = 5000 // of the search for a collection's routes
)

// route is a way from a collection's row to a root: over hops to the row where
// column has the root's value.
type route struct {
	hops   []Hop
	column string
}

// loop is a circle of collections that a route goes round at most once.
type loop struct {
	start *Collection
	again string
}

// search finds the routes of all collections to one root over `belongs` links,
// none of them through a collection twice.
type search struct {
	g *Graph
	// end gives the routes that end at c or one hop on, and whether no longer
	// ones count.
	end func(c *Collection) ([]route, bool)
	// shut tells whether routes must not go on through c.
	shut func(c *Collection) bool
	near map[string]bool // collections that reach the root

	steps int
	over  bool
	loops map[loop]bool
}

// all gives the routes of every collection that has one.
func (s *search) all(p *problems, root string) map[string][]route {
	s.near, s.loops = s.reaching(), map[loop]bool{}
	found := map[string][]route{}
	for _, c := range s.g.Map.Collections {
		if !s.near[c.Name] {
			continue
		}
		s.steps, s.over = 0, false
		routes := s.routes(c, nil)
		if s.over || len(routes) > maxRoutes || slices.ContainsFunc(routes, func(r route) bool { return len(r.hops) > maxHops }) {
			p.sense(c, "collection %s reaches %s over more ways than can be followed (%d, of %d links each); give it a link of its own there, or say relation mentions where a row is not part of another",
				quote(c.Name), root, maxRoutes, maxHops)
			continue
		}
		found[c.Name] = s.g.Map.tidy(routes)
	}
	return found
}

// reaching gives the collections from which the root can be reached at all.
func (s *search) reaching() map[string]bool {
	near := map[string]bool{}
	for grown := true; grown; {
		grown = false
		for _, c := range s.g.Map.Collections {
			if !near[c.Name] && s.reaches(c, near) {
				near[c.Name], grown = true, true
			}
		}
	}
	return near
}

func (s *search) reaches(c *Collection, near map[string]bool) bool {
	if routes, _ := s.end(c); len(routes) > 0 {
		return true
	}
	return slices.ContainsFunc(c.Links, func(l *Link) bool {
		return l.Relation == Belongs && l.To != c.Name && near[l.To] && !s.shut(s.g.Map.collection(l.To))
	})
}

func (s *search) routes(c *Collection, passed []*Collection) []route {
	if s.steps++; s.steps > maxSteps || len(passed) > maxHops {
		s.over = true
		return nil
	}
	routes, done := s.end(c)
	if !done {
		for _, l := range c.Links {
			routes = append(routes, s.onward(c, l, append(passed[:len(passed):len(passed)], c))...)
		}
	}
	return climbing(c, routes, done)
}

// onward gives the routes that start with one link.
func (s *search) onward(c *Collection, l *Link, passed []*Collection) []route {
	t := s.g.Map.collection(l.To)
	if l.Relation != Belongs || t == c || !s.near[t.Name] || s.over {
		return nil
	}
	if i := slices.Index(passed, t); i >= 0 {
		s.loops[loop{passed[0], t.Name}] = true
		return nil
	}
	if s.shut(t) {
		return nil
	}
	var routes []route
	for _, r := range s.routes(t, passed) {
		routes = append(routes, route{append([]Hop{{Link: l, To: t}}, r.hops...), r.column})
	}
	return routes
}

// climbing puts a collection's links to itself before its routes: a reply
// belongs where the message belongs that it answers. Rows that name their root
// themselves need not climb.
func climbing(c *Collection, routes []route, done bool) []route {
	if done {
		return routes
	}
	var climbed []route
	for _, l := range c.Links {
		if l.To != c.Name || l.Relation != Belongs {
			continue
		}
		for _, r := range routes {
			climbed = append(climbed, route{append([]Hop{{Link: l, To: c, Recursive: true}}, r.hops...), r.column})
		}
	}
	if len(climbed) > 0 {
		return climbed
	}
	return routes
}

// toWorkspace finds every collection's ways to the workspace and notes those
// that have none.
func (g *Graph) toWorkspace(p *problems) map[string][]route {
	s := &search{g: g, end: g.workspaceEnd, shut: func(*Collection) bool { return false }}
	found := s.all(p, "the workspace")
	for _, c := range g.Map.Collections {
		if !s.near[c.Name] {
			p.sense(c, "collection %s does not reach the workspace; %s", quote(c.Name), g.Map.reachRemedy(c))
		}
	}
	maps.Copy(g.loops, s.loops)
	return found
}

func (g *Graph) workspaceEnd(c *Collection) ([]route, bool) {
	w := g.Map.Workspace
	switch {
	case w.Column != "" && c.names(w.Column):
		return []route{{column: w.Column}}, true
	case w.Column != "":
		return nil, false
	case c.Name == w.Collection:
		return []route{{column: w.Key}}, true
	}
	var routes []route
	must := false
	for _, l := range c.Links {
		if g.Map.namesWorkspace(l) {
			routes = append(routes, route{[]Hop{{Link: l, To: g.Map.collection(l.To)}}, w.Key})
			must = must || !l.Optional
		}
	}
	if !must {
		return nil, false
	}
	return routes, true
}

// namesWorkspace tells whether a link is a plain reference to the workspace's key.
func (m *Map) namesWorkspace(l *Link) bool {
	if l.To != m.Workspace.Collection || l.Relation != Belongs || len(l.When) > 0 {
		return false
	}
	plain := !slices.ContainsFunc(l.On, func(p ColumnPair) bool { return p.JSONPath != "" })
	return plain && slices.ContainsFunc(l.On, func(p ColumnPair) bool { return p.Target == m.Workspace.Key })
}

// toSubject finds the ways to the persons of a kind. None goes on through the
// workspace, or all that is in a workspace would belong to its owner.
func (g *Graph) toSubject(p *problems, k *SubjectKind) map[string][]route {
	person := g.Map.collection(k.Collection)
	ends := climbing(person, []route{{g.Map.mergedHops(k, person), k.Key}}, false)
	s := &search{
		g: g,
		end: func(c *Collection) ([]route, bool) {
			if c == person {
				return ends, true
			}
			return nil, false
		},
		shut: func(c *Collection) bool { return c.Name == g.Map.Workspace.Collection && c != person },
	}
	found := s.all(p, "subject kind "+quote(k.Kind))
	maps.Copy(g.loops, s.loops)
	return found
}

// mergedHops lead from a person's row to every row merged with it: up to the
// one that all were merged into, then down to each of them.
func (m *Map) mergedHops(k *SubjectKind, c *Collection) []Hop {
	if k.MergedInto == "" {
		return nil
	}
	up := &Link{To: c.Name, On: []ColumnPair{{Column: k.MergedInto, Target: k.Key}}, Relation: Belongs}
	down := &Link{To: c.Name, On: []ColumnPair{{Column: k.Key, Target: k.MergedInto}}, Relation: Belongs}
	for _, col := range c.Key {
		if col != k.Key && col != k.MergedInto {
			up.On = append(up.On, ColumnPair{Column: col, Target: col})
			down.On = append(down.On, ColumnPair{Column: col, Target: col})
		}
	}
	return []Hop{{Link: up, To: c, Recursive: true}, {Link: down, To: c, Recursive: true}}
}

// shorten leaves out a last hop that only says what the column before it says:
// who follows account_id to accounts.id = 42 may ask for account_id = 42.
func (m *Map) shorten(r route) route {
	n := len(r.hops)
	if n == 0 {
		return r
	}
	last := r.hops[n-1]
	if last.Recursive || len(last.Link.When) > 0 || last.To.Where != "" {
		return r
	}
	column := ""
	for _, p := range last.Link.On {
		switch {
		case p.JSONPath != "":
			return r
		case p.Target == r.column && column == "":
			column = p.Column
		case p.Column != m.Workspace.Column || p.Target != m.Workspace.Column:
			return r
		}
	}
	if column == "" {
		return r
	}
	return route{r.hops[:n-1], column}
}

// tidy shortens routes, drops those that became equal, and puts short ones first.
func (m *Map) tidy(routes []route) []route {
	var kept []route
	for _, r := range routes {
		r = m.shorten(r)
		if !slices.ContainsFunc(kept, func(k route) bool { return k.column == r.column && slices.Equal(k.hops, r.hops) }) {
			kept = append(kept, r)
		}
	}
	slices.SortStableFunc(kept, func(a, b route) int { return cmp.Compare(len(a.hops), len(b.hops)) })
	return kept
}

// sortedLoops gives the first circle of each collection that has one, in the
// map's order.
func (g *Graph) sortedLoops() []loop {
	var list []loop
	for _, c := range g.Map.Collections {
		for _, t := range g.Map.Collections {
			if l := (loop{c, t.Name}); g.loops[l] {
				list = append(list, l)
				break
			}
		}
	}
	return list
}
