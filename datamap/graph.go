package datamap

import (
	"strings"

	"github.com/privacyd/privacyd"
)

// Graph is a map whose links are resolved and proven: every collection reaches
// the workspace.
type Graph struct {
	Map *Map

	order     []*Collection
	workspace map[string][]route // collection → its ways to the workspace
	kinds     map[string]*subjectRoutes
	loops     map[loop]bool
	erasing   erasingWays
}

// subjectRoutes are the ways of the collections to the persons of a kind.
type subjectRoutes struct {
	kind   *SubjectKind
	routes map[string][]route
}

// Compile proves a map and prepares its selections.
//
// A collection is in a workspace when
//   - its rows name the workspace: in the column that WorkspaceRoot.Column
//     names, or by a plain `belongs` link to the workspace's key; other links
//     do not count then, unless that link is optional;
//   - otherwise, when one of its `belongs` links leads to a row that is.
//
// Errors: map_invalid.
func Compile(m *Map) (*Graph, error) {
	p := newProblems(m)
	validate(m, p)
	if err := p.err(); err != nil {
		return nil, err
	}
	if m.Hash == "" {
		m.Hash = hash(m)
	}
	g := &Graph{Map: m, kinds: map[string]*subjectRoutes{}, loops: map[loop]bool{}}
	g.workspace = g.toWorkspace(p)
	for _, k := range m.Subjects {
		g.kinds[k.Kind] = &subjectRoutes{k, g.toSubject(p, k)}
	}
	g.refuseKeys(p)
	if err := p.err(); err != nil {
		return nil, err
	}
	g.order = parentsFirst(m)
	g.erasing = g.erasingWays()
	return g, nil
}

// Collections gives all collections, parents before children: what a foreign
// key would refer to comes first. Where rows refer to each other in a circle,
// `mentions` links are disregarded first.
func (g *Graph) Collections() []*Collection { return g.order }

// Collection gives the collection of that name, or nil.
func (g *Graph) Collection(name string) *Collection { return g.Map.collection(name) }

// SubjectKind gives the kind of subject of that name, or nil.
func (g *Graph) SubjectKind(kind string) *SubjectKind {
	if r := g.kinds[kind]; r != nil {
		return r.kind
	}
	return nil
}

// Select says which rows and fields of a collection are in a scope. It gives
// false when no row can be: the collection has no `belongs` way to that kind of
// subject.
//
// A kind that lives in one workspace needs Scope.Workspace. A kind that spans
// all is selected in all when Scope.Workspace is empty, else in that one.
// In a subject's scope, fields about others are left out; of a collection that
// is not exported, all fields.
//
// Errors: collection_unknown, subject_kind_unknown, scope_incomplete.
func (g *Graph) Select(collection string, s Scope) (Selection, bool, error) {
	c := g.Map.collection(collection)
	if c == nil {
		return Selection{}, false, g.unknownCollection(collection)
	}
	sel := Selection{Collection: c, Table: c.Table}
	if s.SubjectKind == "" && s.Workspace == "" {
		return Selection{}, false, incomplete("The scope names neither a workspace nor a subject. Name one.")
	}
	if s.Workspace != "" {
		sel.All = append(sel.All, condition(g.workspace[c.Name], s.Workspace))
	}
	if s.SubjectKind != "" {
		routes, err := g.subjectRoutes(c, s)
		if err != nil || len(routes) == 0 {
			return Selection{}, false, err
		}
		sel.All = append(sel.All, condition(routes, s.SubjectID))
	}
	for _, f := range c.Fields {
		if f.Exported() && !c.Unexported && (s.SubjectKind == "" || f.Whose != WhoseOther) {
			sel.Fields = append(sel.Fields, f)
		}
	}
	return sel, true, nil
}

func (g *Graph) unknownCollection(name string) error {
	return privacyd.Errorf(privacyd.ClassNotFound, "collection_unknown",
		"There is no collection %q in the data map of %s; %s.", name, g.Map.Dataset, suggest(name, g.Map.collectionNames()))
}

func (g *Graph) subjectRoutes(c *Collection, s Scope) ([]route, error) {
	r := g.kinds[s.SubjectKind]
	switch {
	case r == nil:
		return nil, privacyd.Errorf(privacyd.ClassNotFound, "subject_kind_unknown",
			"There is no kind of subject %q in the data map of %s; %s.", s.SubjectKind, g.Map.Dataset, suggest(s.SubjectKind, g.Map.kindNames()))
	case s.SubjectID == "":
		return nil, incomplete("The scope names a kind of subject but not whom. Give the subject's id.")
	case r.kind.Span != SpanAll && s.Workspace == "":
		return nil, incomplete("A subject of this kind lives in one workspace, and the scope names none. Name the workspace.")
	}
	return r.routes[c.Name], nil
}

func incomplete(message string) error {
	return privacyd.Errorf(privacyd.ClassInvalid, "scope_incomplete", "%s", message)
}

func (m *Map) kindNames() []string {
	var names []string
	for _, k := range m.Subjects {
		names = append(names, k.Kind)
	}
	return names
}

func condition(routes []route, value string) Condition {
	var c Condition
	for _, r := range routes {
		c.Any = append(c.Any, Path{Hops: r.hops, Column: r.columns[0], Value: value})
	}
	return c
}

// reachRemedy says how a collection can be made to reach the workspace.
func (m *Map) reachRemedy(c *Collection) string {
	var mentioned []string
	for _, l := range c.Links {
		if l.Relation == Mentions {
			mentioned = append(mentioned, l.To)
		}
	}
	way := "add a link with relation belongs to a collection that does"
	switch {
	case m.Workspace.Column != "":
		way = "name its column " + m.Workspace.Column + " under fields, or " + way
	case len(mentioned) > 0:
		way = "say relation belongs instead of mentions where a row is part of " + strings.Join(mentioned, " or ") + ", or " + way
	}
	return way + ", or list its table under ignored"
}
