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
// columns have the root's values.
type route struct {
	hops    []Hop
	columns []string
	// first is the link that leaves the collection, which may have been
	// shortened away; nil: the rows are roots themselves.
	first *Link
}

// loop is a circle of collections that a route goes round at most once.
type loop struct {
	start *Collection
	again string
}

// ways are the routes of all collections to one root.
type ways struct {
	routes map[string][]route
	near   map[string]bool // collections that reach the root
	wide   []*Collection   // those that reach it over too many routes to follow
	loops  map[loop]bool
}

// search finds the ways to one root, none of them through a collection twice.
type search struct {
	g *Graph
	// end gives the routes that end at c or one hop on, and whether no longer
	// ones count.
	end func(c *Collection) ([]route, bool)
	// shut tells whether routes must not go on through c.
	shut func(c *Collection) bool
	// erasing: links that take a row with what it mentions count too.
	erasing bool
	// apart: rows that a link to their own collection treats in its own way are
	// told apart.
	apart bool

	ways
	steps int
	over  bool
}

// holding tells whether the ways are those by which rows are held: rather one
// more than one less.
func (s *search) holding() bool { return s.erasing && !s.apart }

func (s *search) follows(l *Link) bool {
	return l.Relation == Belongs || s.erasing && l.takes()
}

// takes tells whether a row that only mentions another goes with it.
func (l *Link) takes() bool {
	return l.Relation == Mentions && l.Disposition != nil && l.Disposition.Kind == Delete
}

// all gives the routes of every collection that has one.
func (s *search) all() ways {
	s.ways = ways{routes: map[string][]route{}, loops: map[loop]bool{}}
	s.near = s.reaching()
	for _, c := range s.g.Map.Collections {
		if !s.near[c.Name] {
			continue
		}
		s.steps, s.over = 0, false
		routes := s.from(c, nil)
		if s.over || len(routes) > maxRoutes || slices.ContainsFunc(routes, func(r route) bool { return len(r.hops) > maxHops }) {
			s.wide = append(s.wide, c)
			continue
		}
		s.routes[c.Name] = s.tidy(routes)
	}
	return s.ways
}

// refuse notes the collections with too many ways.
func (w ways) refuse(p *problems, root string) {
	for _, c := range w.wide {
		p.sense(c, "collection %s reaches %s over more ways than can be followed (%d, of %d links each); give it a link of its own there, or say relation mentions where a row is not part of another",
			quote(c.Name), root, maxRoutes, maxHops)
	}
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
	if routes, done := s.end(c); len(routes) > 0 || done {
		return len(routes) > 0
	}
	return slices.ContainsFunc(c.Links, func(l *Link) bool {
		return s.follows(l) && l.To != c.Name && near[l.To] && !s.shut(s.g.Map.collection(l.To))
	})
}

func (s *search) from(c *Collection, passed []*Collection) []route {
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
	return s.climbing(c, routes, done)
}

// onward gives the routes that start with one link.
func (s *search) onward(c *Collection, l *Link, passed []*Collection) []route {
	t := s.g.Map.collection(l.To)
	if !s.follows(l) || t == c || !s.near[t.Name] || s.over {
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
	for _, r := range s.from(t, passed) {
		routes = append(routes, r.after(l, Hop{Link: l, To: t}))
	}
	return routes
}

// after puts hops before a route.
func (r route) after(first *Link, hops ...Hop) route {
	return route{append(hops, r.hops...), r.columns, first}
}

// climbing puts a collection's links to itself before its routes: a reply
// belongs where the message belongs that it answers. Rows that name their root
// themselves need not climb.
func (s *search) climbing(c *Collection, routes []route, done bool) []route {
	if done {
		return routes
	}
	var climbed, apart []route
	for _, l := range c.Links {
		if l.To != c.Name || !s.follows(l) {
			continue
		}
		up := Hop{Link: l, To: c, Recursive: true}
		for _, r := range routes {
			if s.apart && l.Relation == Belongs && l.Disposition != nil {
				apart = append(apart, r.after(l, l.once(c, up)...))
				continue
			}
			climbed = append(climbed, r.after(r.first, up))
		}
	}
	if len(climbed) == 0 {
		climbed = routes
	}
	return append(climbed, apart...)
}

// once leads to the row that a link of c to itself leads to and, if rows go with
// it, on from there.
func (l *Link) once(c *Collection, up Hop) []Hop {
	first := Hop{Link: l, To: c}
	if l.Disposition.Kind == Delete {
		return []Hop{first, up}
	}
	return []Hop{first}
}

// toWorkspace finds every collection's ways to the workspace and notes those
// that have none.
func (g *Graph) toWorkspace(p *problems) map[string][]route {
	s := &search{g: g, end: g.workspaceEnd, shut: func(*Collection) bool { return false }}
	w := s.all()
	w.refuse(p, "the workspace")
	for _, c := range g.Map.Collections {
		if !w.near[c.Name] {
			p.sense(c, "collection %s does not reach the workspace; %s", quote(c.Name), g.Map.reachRemedy(c))
		}
	}
	maps.Copy(g.loops, w.loops)
	return w.routes
}

func (g *Graph) workspaceEnd(c *Collection) ([]route, bool) {
	w := g.Map.Workspace
	switch {
	case w.Column != "" && c.names(w.Column):
		return []route{{columns: []string{w.Column}}}, true
	case w.Column != "":
		return nil, false
	case c.Name == w.Collection:
		return []route{{columns: []string{w.Key}}}, true
	}
	var routes []route
	must := false
	for _, l := range c.Links {
		if g.Map.namesWorkspace(l) {
			routes = append(routes, route{[]Hop{{Link: l, To: g.Map.collection(l.To)}}, []string{w.Key}, l})
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
	w := g.toRows(person, route{hops: g.Map.mergedHops(k, person), columns: []string{k.Key}}, &search{})
	w.refuse(p, "subject kind "+quote(k.Kind))
	maps.Copy(g.loops, w.loops)
	return w.routes
}

// toRows finds the ways to rows of one collection, which end as told.
func (g *Graph) toRows(rows *Collection, end route, s *search) ways {
	s.g = g
	s.shut = func(c *Collection) bool { return c.Name == g.Map.Workspace.Collection && c != rows }
	ends := s.climbing(rows, []route{end}, false)
	s.end = func(c *Collection) ([]route, bool) {
		if c == rows {
			return ends, true
		}
		return nil, !s.holding() && g.isAnother(c, rows)
	}
	return s.all()
}

// isAnother tells whether rows of c are persons of another kind that spans all
// workspaces. They are part of nobody: whoever took an order does not belong to
// the customer.
func (g *Graph) isAnother(c, person *Collection) bool {
	_, here := g.workspaceEnd(c)
	return !here && !sameTable(c, person) && g.outlivesWorkspaces(c)
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

// shorten leaves out a last hop that only says what the columns before it say:
// who follows account_id to accounts.id = 42 may ask for account_id = 42.
func (m *Map) shorten(r route) route {
	n := len(r.hops)
	if n == 0 {
		return r
	}
	last := r.hops[n-1]
	if last.Recursive || last.Reverse || len(last.Link.When) > 0 || last.To.Where != "" {
		return r
	}
	columns := make([]string, len(r.columns))
	for _, p := range last.Link.On {
		i := slices.Index(r.columns, p.Target)
		switch {
		case p.JSONPath != "":
			return r
		case i >= 0 && columns[i] == "":
			columns[i] = p.Column
		case p.Column != m.Workspace.Column || p.Target != m.Workspace.Column:
			return r
		}
	}
	if slices.Contains(columns, "") {
		return r
	}
	return route{r.hops[:n-1], columns, r.first}
}

// tidy shortens routes, drops those that became equal, and puts short ones first.
func (s *search) tidy(routes []route) []route {
	var kept []route
	for _, r := range routes {
		if !s.erasing { // an erasure asks the rows on the way, too
			r = s.g.Map.shorten(r)
		}
		if !slices.ContainsFunc(kept, func(k route) bool { return s.same(k, r) }) {
			kept = append(kept, r)
		}
	}
	slices.SortStableFunc(kept, func(a, b route) int { return cmp.Compare(len(a.hops), len(b.hops)) })
	return kept
}

// same tells whether two routes find the same rows, which an erasure also has
// to treat in the same way.
func (s *search) same(a, b route) bool {
	return slices.Equal(a.columns, b.columns) && slices.Equal(a.hops, b.hops) && (!s.erasing || a.first == b.first)
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
