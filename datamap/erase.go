package datamap

import (
	"slices"

	"github.com/privacyd/privacyd"
)

// Erasure says what an erasure of a scope does, in the order in which it has to
// be done. It reads no database: the same map and scope give the same steps.
//
// A row goes with the roots of the scope when `belongs` links lead from it to
// one of them, however the rows between are treated. What becomes of it says
// the first of these links or, if that says nothing, its collection. A row that
// others point to (the link starts at its key) goes only when nothing that
// stays points to it. With a workspace, no person goes that spans all, unless
// its row names the workspace itself.
//
// Errors: collection_unknown, subject_kind_unknown, scope_incomplete,
// key_invalid.
func (g *Graph) Erasure(s EraseScope) (Erasure, error) {
	e := g.newEraser(s)
	if err := e.aim(); err != nil {
		return Erasure{}, err
	}
	if err := e.hold(); err != nil {
		return Erasure{}, err
	}
	for _, c := range g.Map.Collections {
		e.decide(c)
	}
	e.assign()
	for _, f := range e.inOrder() {
		e.fill(f)
	}
	e.keepShared()
	e.mentions()
	e.refuseKept()
	e.linkSteps()
	out := Erasure{Steps: e.order(), Roots: e.roots(), graph: g, scope: s}
	out.Blockers = e.blockers
	if s.Catalog != nil {
		out.Blockers = append(out.Blockers, out.Check(*s.Catalog)...)
	}
	return out, nil
}

func (g *Graph) newEraser(s EraseScope) *eraser {
	return &eraser{g: g, scope: s, fates: map[string]*fate{}, linksTo: map[*Step][]*Step{}, below: map[string][]Path{}, refs: g.references()}
}

// eraser works out one erasure.
type eraser struct {
	g     *Graph
	scope EraseScope

	root   *Collection // whose rows the scope names; nil: a workspace that has no table
	ways   ways
	inside func(c *Collection) []route // how rows are in the scope's workspace, unless inAll
	inAll  bool                        // the scope is a person in all workspaces, or a workspace

	fates    map[string]*fate
	linking  []*Step           // of rows that only link to what goes
	linksTo  map[*Step][]*Step // and what those rows link to
	refs     []reference
	below    map[string][]Path // from a collection to held rows
	holding  map[string]bool   // collections that have rows which stay because of a hold
	blockers []Problem
}

// fate is what becomes of the rows of one collection that are in the scope.
type fate struct {
	c      *Collection
	groups []*group
	rows   Rows // all that are in the scope, held or not
	filled bool
	busy   bool
}

// group is the rows that are treated alike.
type group struct {
	Disposition
	link   *Link // set: only this link's columns change
	shared bool  // the rows are in the scope only because others point to them
	routes []route
	step   *Step
}

// aim finds the roots of the scope and all ways to them.
func (e *eraser) aim() error {
	s := e.scope
	switch {
	case s.Rows != nil:
		return e.aimAtRows()
	case s.SubjectKind != "":
		return e.aimAtPerson()
	case s.Workspace == "":
		return incomplete("The scope names neither a workspace nor a subject. Name one.")
	}
	e.inAll = true
	e.root = e.g.Map.collection(e.g.Map.Workspace.Collection)
	e.follow(e.g.erasing.workspace)
	return nil
}

func (e *eraser) aimAtRows() error {
	s := e.scope
	c := e.g.Map.collection(s.Rows.Collection)
	switch {
	case c == nil:
		return e.g.unknownCollection(s.Rows.Collection)
	case s.SubjectKind != "":
		return incomplete("The scope of some rows may name no subject.")
	}
	for _, key := range s.Rows.Keys {
		if err := c.checkKey(key); err != nil {
			return err
		}
	}
	e.root, e.inAll = c, s.Workspace == ""
	e.inside = func(c *Collection) []route { return e.g.workspace[c.Name] }
	e.follow(e.g.waysToRows(c))
	return nil
}

func (e *eraser) aimAtPerson() error {
	if _, err := e.g.subjectRoutes(&Collection{}, e.scope.Scope); err != nil {
		return err
	}
	k := e.g.SubjectKind(e.scope.SubjectKind)
	e.root = e.g.Map.collection(k.Collection)
	merged := len(e.scope.Merged) == 0 && k.MergedInto != ""
	e.follow(e.g.erasing.persons[person{k.Kind, merged}])
	switch {
	case e.scope.Workspace == "":
		e.inAll = true
	case k.Span == SpanAll:
		e.inside = func(c *Collection) []route { return e.g.erasing.workspace.routes[c.Name] }
	default:
		e.inside = func(c *Collection) []route { return e.g.workspace[c.Name] }
	}
	return nil
}

// follow takes over the ways to the roots, which must find every row.
func (e *eraser) follow(w ways) {
	e.ways = w
	e.blockWays(w)
}

func (c *Collection) checkKey(key []string) error {
	if len(key) == len(c.Key) {
		return nil
	}
	return privacyd.Errorf(privacyd.ClassInvalid, "key_invalid",
		"A key of collection %s has %d parts, but its rows are told apart by %d columns. Give one value for each.", c.Name, len(key), len(c.Key))
}

// end is where a route to the scope's roots ends.
func (e *eraser) end(r route) Path {
	s := e.scope
	switch {
	case s.Rows != nil:
		return keyPath(r, s.Rows.Keys)
	case s.SubjectKind != "" && len(s.Merged) > 0:
		ids := make([][]string, len(s.Merged))
		for i, id := range s.Merged {
			ids[i] = []string{id}
		}
		return keyPath(r, ids)
	case s.SubjectKind != "":
		return Path{Hops: r.hops, Column: r.columns[0], Value: s.SubjectID}
	default:
		return Path{Hops: r.hops, Column: r.columns[0], Value: s.Workspace}
	}
}

// keyPath ends a route at some keys.
func keyPath(r route, values [][]string) Path {
	if len(values) == 1 && len(r.columns) == 1 {
		return Path{Hops: r.hops, Column: r.columns[0], Value: values[0][0]}
	}
	return Path{Hops: r.hops, Keys: &KeySet{Columns: r.columns, Values: values}}
}

// canBeIn tells whether rows of a collection can be in the scope's workspace.
func (e *eraser) canBeIn(c *Collection) bool { return e.inAll || len(e.inside(c)) > 0 }

// within says that rows are in the scope's workspace.
func (e *eraser) within(c *Collection) []Condition {
	if e.inAll {
		return nil
	}
	var routes []route
	for _, r := range e.inside(c) {
		routes = append(routes, e.g.Map.shorten(r))
	}
	return []Condition{condition(routes, e.scope.Workspace)}
}

// saysWhere tells whether rows of a collection name their workspace themselves.
func (e *eraser) saysWhere(c *Collection) bool {
	_, done := e.g.workspaceEnd(c)
	return done
}

// roots select the rows that the scope names.
func (e *eraser) roots() []Selection {
	c := e.root
	if c == nil {
		return nil
	}
	sel := Selection{Collection: c, Table: c.Table}
	sel.All = e.within(c)
	var at Condition
	for _, r := range e.ways.routes[c.Name] {
		if r.first == nil {
			at.Any = append(at.Any, e.end(r))
		}
	}
	sel.All = append(sel.All, at)
	columns := slices.Clone(c.Key)
	if k := e.g.SubjectKind(e.scope.SubjectKind); k != nil {
		columns = append(columns, k.Key)
		for _, i := range k.Identities {
			columns = append(columns, i.Column)
		}
	}
	sel.Fields = c.fieldsOf(columns)
	return []Selection{sel}
}

// fieldsOf gives the fields of some columns, once each, in the map's order.
func (c *Collection) fieldsOf(columns []string) []*Field {
	var list []*Field
	for _, f := range c.Fields {
		if slices.Contains(columns, f.Column) {
			list = append(list, f)
		}
	}
	return list
}
