package datamap

import "slices"

// Naming says which rows of a collection name a person without being part of
// them: what an account wrote for its team, or was given to do. They are the
// person's data too (Art. 15 GDPR), but mostly somebody else's.
type Naming struct {
	Selection
	// Own are the fields by which rows name the person. Those of a row that hold
	// another value name somebody else.
	Own []*Field
}

// Names gives the rows and fields of a collection that name a person of a kind
// by a link with relation mentions, and false where it has none. With an empty
// workspace it is about all workspaces. Of a collection with files these are
// also the files of what the person wrote.
//
// Fields are left out as they would be from an export about the one whose rows
// they are: of a row that is part of another person, only the key, shared
// fields, those that are about nobody and the fields by which the row names the
// person; if the person wrote it, also what was observed when they did.
//
// Errors: collection_unknown, subject_kind_unknown, scope_incomplete.
func (g *Graph) Names(collection string, s Scope) (Naming, bool, error) {
	c := g.Map.collection(collection)
	if c == nil {
		return Naming{}, false, g.unknownCollection(collection)
	}
	if _, err := g.subjectRoutes(c, s); err != nil || c.Unexported {
		return Naming{}, false, err
	}
	kind := g.kinds[s.SubjectKind].kind
	person := g.Map.collection(kind.Collection)
	n := Naming{Selection: Selection{Collection: c, Table: c.Table}}
	links := c.naming(person)
	var columns []string
	for _, l := range links {
		for _, p := range l.On {
			columns = append(columns, p.Column)
		}
	}
	n.Own = slices.DeleteFunc(c.fieldsOf(columns), func(f *Field) bool { return !f.Exported() || f.Column == g.Map.Workspace.Column })
	routes := g.namingRoutes(c, person, kind)
	if len(routes) == 0 {
		return n, false, nil
	}
	if s.Workspace != "" {
		n.All = append(n.All, condition(g.workspace[c.Name], s.Workspace))
	}
	n.All = append(n.All, condition(routes, s.SubjectID))
	wrote := slices.ContainsFunc(links, func(l *Link) bool { return c.authored(l) }) || len(links) == 0
	for _, f := range c.Fields {
		if f.Exported() && (slices.Contains(n.Own, f) || g.givesAway(c, f, wrote)) {
			n.Fields = append(n.Fields, f)
		}
	}
	return n, len(n.Fields) > 0, nil
}

// naming are the links by which rows name a person.
func (c *Collection) naming(person *Collection) []*Link {
	if sameTable(c, person) {
		return nil
	}
	var links []*Link
	for _, l := range c.Links {
		if l.Relation == Mentions && l.To == person.Name {
			links = append(links, l)
		}
	}
	return links
}

// authored tells whether a link names who wrote a row: the row stays when they
// go, and says that somebody wrote it.
func (c *Collection) authored(l *Link) bool { return c.DispositionOf(l).Kind == Replace }

func (g *Graph) namingRoutes(c, person *Collection, k *SubjectKind) []route {
	end := route{columns: []string{k.Key}}
	var routes []route
	for _, l := range c.naming(person) {
		routes = append(routes, g.Map.shorten(end.after(l, Hop{Link: l, To: person})))
	}
	if len(c.Files) == 0 || len(routes) > 0 {
		return routes
	}
	for _, l := range c.Links { // files of what the person wrote
		t := g.Map.collection(l.To)
		if l.Relation != Belongs || t == c {
			continue
		}
		for _, by := range t.naming(person) {
			if t.authored(by) {
				routes = append(routes, end.after(l, Hop{Link: l, To: t}, Hop{Link: by, To: person}))
			}
		}
	}
	return routes
}

// givesAway tells whether a field of a row that names a person may be given to
// that person.
func (g *Graph) givesAway(c *Collection, f *Field, wrote bool) bool {
	switch {
	case slices.Contains(c.Key, f.Column), f.Whose == WhoseShared, f.Whose == WhoseNone:
		return true
	case f.Whose == WhoseOther:
		return false
	}
	if !g.belongsToSomebody(c) {
		return true
	}
	return wrote && f.Provenance == Observed && within(f.Category, "user.behavior")
}

// belongsToSomebody tells whether rows of a collection can be part of a person
// of any kind.
func (g *Graph) belongsToSomebody(c *Collection) bool {
	for _, k := range g.kinds {
		if len(k.routes[c.Name]) > 0 {
			return true
		}
	}
	return false
}
