package datamap

import (
	"fmt"
	"slices"
)

// mentions makes the steps for rows that stay and link to what goes.
func (e *eraser) mentions() {
	fates := e.inOrder()
	for _, m := range e.g.Map.Collections {
		for _, l := range m.Links {
			to := e.g.Map.collection(l.To)
			if l.reversed(m, to) {
				continue
			}
			for _, f := range fates {
				if e.pointsAt(to, f.c) {
					e.mention(m, l, f)
				}
			}
		}
	}
}

// pointsAt tells whether a link to a collection leads to rows of t, be it by
// another collection of the same table that goes nowhere by itself.
func (e *eraser) pointsAt(to, t *Collection) bool {
	return to == t || sameTable(to, t) && !e.goes(to) && e.fates[to.Name] == nil
}

func (e *eraser) mention(m *Collection, l *Link, f *fate) {
	d, concerned := e.mentionFate(m, l, f)
	targets := e.targets(l, f)
	if !concerned || len(targets) == 0 || e.allGo(m, l) {
		return
	}
	if d.Kind == Keep && l.declared() && e.goes(f.c) && (m == f.c || e.goesAnyway(f.c)) {
		e.blockKept(reference{from: m, to: f.c, link: l})
	}
	s := &Step{
		Collection: m, Table: m.Table, Action: d.Kind, Link: l, Ground: d.Ground, Until: d.Until,
		Rows: Rows{All: e.linkedTo(Hop{Link: l, To: f.c}, targets)},
	}
	switch d.Kind {
	case Null, Replace:
		if s.Set = e.linkSet(m, l, d); len(s.Set) == 0 {
			e.blockKey(m, l, f.c)
			return
		}
		s.Files = m.filesIn(s.Set)
	case Delete, Keep:
	}
	if own := e.stepsOf(m, (*group).deletes); len(own) > 0 {
		s.Except = append(s.Except, Condition{Any: asPaths(own)})
	}
	if held := e.below[m.Name]; len(held) > 0 {
		s.Except = append(s.Except, Condition{Any: held})
	}
	e.linking = append(e.linking, s)
	e.linksTo[s] = targets
}

// mentionFate is what becomes of rows of m that stay and link over l to rows
// of f's collection. concerned: false when nothing does, or another step sees
// to it.
func (e *eraser) mentionFate(m *Collection, l *Link, f *fate) (d Disposition, concerned bool) {
	d = m.DispositionOf(l)
	others := m == e.root && (l.To == m.Name) == e.wholeWorkspace() // roots of other scopes, which this one's rows go under
	switch {
	case l.Relation == Mentions && !l.takes():
		return d, true
	case e.fates[m.Name] != nil && l.takes() && !others:
		return d, false
	case e.fates[m.Name] != nil && !others:
		return e.partFate(m, l)
	// Persons that outlive their workspace are not part of it, whatever their
	// links say.
	case !others && !e.outlives(m):
		return d, false
	case l.Disposition != nil && (d.Kind == Null || d.Kind == Replace):
		return d, true
	case l.Optional:
		return Disposition{Kind: Null}, true
	case l.declared() && e.goes(f.c):
		e.blockKept(reference{from: m, to: f.c, link: l})
	}
	return d, false
}

// partFate is what becomes of the reference of a row that is in the scope and
// stays: the author may have said so, and a masked row lets go of what goes.
func (e *eraser) partFate(m *Collection, l *Link) (d Disposition, concerned bool) {
	staying := e.stepsOf(m, func(x *group) bool { return !x.deletes() && x.link != l && (!x.masks() || x.onlyLink() != l) })
	masked := e.stepsOf(m, func(x *group) bool { return x.masks() && x.onlyLink() != l })
	switch {
	case l.Disposition != nil && (l.Disposition.Kind == Null || l.Disposition.Kind == Replace):
		return *l.Disposition, len(staying) > 0
	default:
		return Disposition{Kind: Null}, l.Disposition == nil && len(masked) > 0
	}
}

// outlives tells whether rows of m stay although they link to what goes.
func (e *eraser) outlives(m *Collection) bool {
	return len(e.ways.routes[m.Name]) == 0 || !e.canBeIn(m)
}

func (e *eraser) wholeWorkspace() bool { return e.scope.Rows == nil && e.scope.SubjectKind == "" }

// allGo tells whether every row that has the link goes with its workspace.
func (e *eraser) allGo(m *Collection, l *Link) bool {
	w := e.g.Map.Workspace.Column
	if w == "" || !e.wholeWorkspace() || len(e.stepsOf(m, always)) != 1 || !e.goes(m) {
		return false
	}
	return slices.Contains(l.On, ColumnPair{Column: w, Target: w})
}

// targets are the steps whose rows a link must not go on leading to: those
// that are deleted and, if the link has a disposition of its own, the masked. A
// workspace is masked only of a person and stays what it is.
func (e *eraser) targets(l *Link, f *fate) []*Step {
	workspace := f.c.Name == e.g.Map.Workspace.Collection && f.c != e.root
	return e.stepsOf(f.c, func(x *group) bool { return x.deletes() || l.Disposition != nil && x.masks() && !workspace })
}

func (e *eraser) blockKey(m *Collection, l *Link, t *Collection) {
	e.block("in_key", m,
		fmt.Sprintf("Rows of collection %s name what goes from %s in their key, which cannot be blanked.", m.Name, t.Name),
		"Give the link the disposition delete or {keep: ground}.")
}

// linkedTo says that a hop leads to a row of one of the steps.
func (e *eraser) linkedTo(hop Hop, steps []*Step) []Condition {
	if len(steps) == 1 && len(steps[0].Except) == 0 && (len(steps[0].All) == 1 || hop.leadsToOne(e.g.Map)) {
		var all []Condition
		for _, c := range steps[0].All {
			all = append(all, e.g.Map.behind(hop, c))
		}
		return all
	}
	var any []Path
	for _, s := range steps {
		any = append(any, Path{Hops: []Hop{hop}, Rows: &s.Rows})
	}
	return []Condition{{Any: any}}
}

// leadsToOne tells whether no row has two rows behind the hop.
func (h Hop) leadsToOne(m *Map) bool {
	var targets []string
	for _, p := range h.Link.On {
		if p.JSONPath != "" {
			return false
		}
		targets = append(targets, p.Target)
	}
	return !slices.ContainsFunc(h.To.Key, func(k string) bool { return !slices.Contains(targets, k) })
}

// behind asks a condition of the row behind a hop.
func (m *Map) behind(hop Hop, c Condition) Condition {
	var out Condition
	for _, p := range c.Any {
		hops := append([]Hop{hop}, p.Hops...)
		columns := []string{p.Column}
		if p.Keys != nil {
			columns = p.Keys.Columns
		}
		if p.Rows != nil || columns[0] == "" {
			p.Hops = hops
			out.Any = append(out.Any, p)
			continue
		}
		r := m.shorten(route{hops: hops, columns: columns})
		p.Hops, p.Column = r.hops, r.columns[0]
		if p.Keys != nil {
			p.Column, p.Keys = "", &KeySet{Columns: r.columns, Values: p.Keys.Values}
		}
		out.Any = append(out.Any, p)
	}
	return out
}
