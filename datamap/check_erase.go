package datamap

import "slices"

// erasures notes what would stand in the way of an erasure of any kind.
func (k *checker) erasures() {
	catalog := k.catalog
	for _, s := range k.g.everyScope() {
		s.Catalog = &catalog
		e, err := k.g.Erasure(s)
		if err != nil {
			continue // the scopes are the map's own
		}
		for _, p := range append(e.Blockers, e.Check(catalog)...) {
			k.erasure(p)
		}
	}
}

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
