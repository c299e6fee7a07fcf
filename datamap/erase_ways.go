package datamap

import (
	"fmt"
	"slices"
)

// erasingWays are the ways by which erasures find rows.
type erasingWays struct {
	workspace ways
	persons   map[person]ways
	rows      map[string]ways // to single rows of a collection
}

// person is a kind of subject, with or without the rows merged with it.
type person struct {
	kind   string
	merged bool
}

func (g *Graph) erasingWays() erasingWays {
	all := erasingWays{workspace: g.inWorkspaces(toErase()), persons: map[person]ways{}, rows: map[string]ways{}}
	for _, k := range g.Map.Subjects {
		c := g.Map.collection(k.Collection)
		all.persons[person{k.Kind, false}] = g.toRows(c, route{columns: []string{k.Key}}, toErase())
		all.persons[person{k.Kind, true}] = g.toRows(c, route{hops: g.Map.mergedHops(k, c), columns: []string{k.Key}}, toErase())
		all.rows[c.Name] = g.toRows(c, route{columns: c.Key}, toErase())
	}
	for _, c := range g.ClockCollections() {
		all.rows[c.Name] = g.toRows(c, route{columns: c.Key}, toErase())
	}
	return all
}

func toErase() *search { return &search{erasing: true, apart: true} }

func (g *Graph) waysToRows(c *Collection) ways {
	if w, ok := g.erasing.rows[c.Name]; ok {
		return w
	}
	return g.toRows(c, route{columns: c.Key}, toErase())
}

// inWorkspaces finds what goes with a workspace, or is held with it. Persons
// that span all are not among it, nor what belongs to the workspace only because
// they do.
func (g *Graph) inWorkspaces(s *search) ways {
	s.g, s.shut = g, func(*Collection) bool { return false }
	s.end = func(c *Collection) ([]route, bool) {
		routes, done := g.workspaceEnd(c)
		if !done && c.Name != g.Map.Workspace.Collection && g.outlivesWorkspaces(c) {
			return nil, true
		}
		return routes, done
	}
	return s.all()
}

// outlivesWorkspaces tells whether a collection's table has persons that span
// all workspaces.
func (g *Graph) outlivesWorkspaces(c *Collection) bool {
	return slices.ContainsFunc(g.Map.Subjects, func(k *SubjectKind) bool {
		return k.Span == SpanAll && sameTable(c, g.Map.collection(k.Collection))
	})
}

func sameTable(a, b *Collection) bool { return tableKey(a.Table) == tableKey(b.Table) }

func (e *eraser) block(code string, c *Collection, message, remedy string) {
	p := Problem{Code: code, Message: message, Remedy: remedy}
	if c != nil {
		p.Collection = c.Name
	}
	if !slices.Contains(e.blockers, p) {
		e.blockers = append(e.blockers, p)
	}
}

// blockWays refuses to erase what cannot be found whole.
func (e *eraser) blockWays(w ways) {
	for _, c := range w.wide {
		e.blockWide(c)
	}
	for _, c := range e.g.Map.Collections {
		for _, t := range e.g.Map.Collections {
			if w.loops[loop{c, t.Name}] {
				e.block("links_in_circle", c,
					fmt.Sprintf("The belongs links of collection %s come back to %s, so that rows nested in each other would not all be found.", c.Name, t.Name),
					"Say relation mentions for the link that closes the circle; where rows are nested in each other, give the collection a link of its own to the workspace or the person.")
				break
			}
		}
		if climbs := e.climbs(c, w); climbs > 1 {
			e.block("links_in_circle", c,
				fmt.Sprintf("Collection %s has %d belongs links to itself, and a way that takes now one, now the other cannot be followed.", c.Name, climbs),
				"Say relation mentions for all but one, or give the collection a link of its own to the workspace or the person.")
		}
	}
}

func (e *eraser) blockWide(c *Collection) {
	e.block("too_many_ways", c,
		fmt.Sprintf("Rows of collection %s are found over more ways than can be followed.", c.Name),
		"Give the collection a link of its own to the workspace or the person, or say relation mentions where a row is not part of another.")
}

// climbs counts the links of a collection to itself that routes follow.
func (e *eraser) climbs(c *Collection, w ways) int {
	links := map[*Link]bool{}
	for _, r := range w.routes[c.Name] {
		if len(r.hops) > 0 && r.hops[0].To == c && slices.Contains(c.Links, r.hops[0].Link) {
			links[r.hops[0].Link] = true
		}
	}
	return len(links)
}

// InWorkspaces tells whether rows of a collection are a workspace's own: not
// those of persons that span all, nor what belongs to these alone.
func (g *Graph) InWorkspaces(c *Collection) bool { return len(g.erasing.workspace.routes[c.Name]) > 0 }
