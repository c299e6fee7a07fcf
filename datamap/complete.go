package datamap

import "slices"

// complete fills in what an author may leave out.
func complete(m *Map) {
	for _, k := range m.Subjects {
		if k.Span == "" {
			k.Span = SpanWorkspace
		}
	}
	for _, c := range m.Collections {
		if c.Disposition.Kind == "" {
			c.Disposition.Kind = Delete
		}
		if len(c.Key) == 0 && c.field("id") != nil {
			c.Key = []string{"id"}
		}
		for _, f := range c.Fields {
			f.complete()
		}
		for _, l := range c.Links {
			m.pairWorkspace(c, l)
		}
	}
}

func (f *Field) complete() {
	if f.Name == "" {
		f.Name = f.Column
	}
	if f.Provenance == "" {
		f.Provenance = Provided
	}
	switch {
	case f.Category != "":
	case f.Secret:
		f.Category = "system.authentication"
	default:
		f.Category = "system.operations"
	}
	switch {
	case f.Whose != "":
	case isPersonal(f.Category):
		f.Whose = WhoseSubject
	default:
		f.Whose = WhoseNone
	}
}

// pairWorkspace keeps a link within one workspace: where ids are unique only
// in a workspace, a link by id alone would lead into all of them.
func (m *Map) pairWorkspace(c *Collection, l *Link) {
	if t := m.collection(l.To); t != nil && m.crossesWorkspaces(c, l, t) {
		l.On = append([]ColumnPair{{Column: m.Workspace.Column, Target: m.Workspace.Column}}, l.On...)
	}
}

func (m *Map) crossesWorkspaces(c *Collection, l *Link, t *Collection) bool {
	w := m.Workspace.Column
	if w == "" || !c.names(w) || !t.names(w) || !slices.Contains(c.Key, w) && !slices.Contains(t.Key, w) {
		return false
	}
	return !slices.ContainsFunc(l.On, func(p ColumnPair) bool { return p.Column == w && p.Target == w && p.JSONPath == "" })
}

func (m *Map) collection(name string) *Collection {
	for _, c := range m.Collections {
		if c.Name == name {
			return c
		}
	}
	return nil
}

func (c *Collection) field(column string) *Field {
	for _, f := range c.Fields {
		if f.Column == column {
			return f
		}
	}
	return nil
}

// names tells whether a collection has a column: as a field, or as part of its
// key or of a link.
func (c *Collection) names(column string) bool {
	if c.field(column) != nil || slices.Contains(c.Key, column) {
		return true
	}
	return slices.ContainsFunc(c.Links, func(l *Link) bool {
		return slices.ContainsFunc(l.On, func(p ColumnPair) bool { return p.Column == column && p.JSONPath == "" })
	})
}
