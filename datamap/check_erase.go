package datamap

import "slices"

// tryErasures works out what an erasure of each kind would do, and which tables
// lose rows.
func (k *checker) tryErasures() {
	catalog := k.catalog
	k.goes = map[string]bool{}
	for _, s := range k.g.everyScope() {
		s.Catalog = &catalog
		e, err := k.g.Erasure(s)
		k.tried(e, err)
	}
	for _, q := range k.g.Quoted() {
		k.tried(k.g.Unquote(EraseScope{Catalog: &catalog}, q, nil))
	}
}

// tried notes what an erasure would do. There is no error: the scopes are the
// map's own.
func (k *checker) tried(e Erasure, err error) {
	if err != nil {
		return
	}
	k.problems = append(k.problems, e.Blockers...)
	for _, step := range e.Steps {
		if step.Action == Delete {
			k.goes[k.tableKey(step.Table)] = true
		}
	}
}

// stays tells whether no erasure deletes rows of a table.
func (k *checker) stays(table string) bool { return k.goes != nil && !k.goes[k.tableKey(table)] }

// everyScope gives one scope of each kind that the map allows.
func (g *Graph) everyScope() []EraseScope {
	const some = "0"
	all := []EraseScope{{Scope: Scope{Workspace: some}}}
	for _, s := range g.Map.Subjects {
		all = append(all, EraseScope{Scope: Scope{Workspace: some, SubjectKind: s.Kind, SubjectID: some}})
		if s.Span == SpanAll {
			all = append(all, EraseScope{Scope: Scope{SubjectKind: s.Kind, SubjectID: some}})
		}
	}
	for _, c := range g.ClockCollections() {
		all = append(all, EraseScope{Scope: Scope{Workspace: some}, Rows: &RowScope{Collection: c.Name}})
	}
	return all
}

// erasure makes a finding of a problem, unless there is one of its own for it.
func (k *checker) erasure(p Problem) {
	f := Finding{Code: BlockedErasure, Collection: p.Collection, Column: p.Column, Message: p.Message, Remedy: p.Remedy}
	switch p.Code {
	case "view", "links_in_circle", "unmapped_reference", "ignored_reference":
		return
	case "not_nullable":
		f.Code = NotNullable
	}
	if c := k.g.Map.collection(p.Collection); c != nil {
		f.Table = c.Table
	}
	if !slices.Contains(k.findings, f) {
		k.findings = append(k.findings, f)
	}
}
