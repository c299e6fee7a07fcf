package datamap

import "slices"

// maxHolds is how many ways to held rows a collection may have.
const maxHolds = 512

// hold finds from which collections held rows are reached: rows that belong to
// them stay too.
func (e *eraser) hold() error {
	keys := map[*Collection][][]string{}
	for _, ref := range e.scope.Held {
		c := e.g.Map.collection(ref.Collection)
		if c == nil {
			return e.g.unknownCollection(ref.Collection)
		}
		if err := c.checkKey(ref.Key); err != nil {
			return err
		}
		keys[c] = append(keys[c], ref.Key)
	}
	for _, c := range e.g.Map.Collections {
		if len(keys[c]) > 0 {
			e.holdRows(c, keys[c])
		}
	}
	e.holdWorkspaces()
	e.findHolding()
	return nil
}

// holdWorkspaces notes by which ways rows are in a held workspace.
func (e *eraser) holdWorkspaces() {
	if len(e.scope.HeldWorkspaces) == 0 {
		return
	}
	keys := make([][]string, len(e.scope.HeldWorkspaces))
	for i, key := range e.scope.HeldWorkspaces {
		keys[i] = []string{key}
	}
	w := e.g.inWorkspaces(&search{erasing: true})
	e.blockWays(w)
	for _, c := range e.g.Map.Collections {
		for _, r := range w.routes[c.Name] {
			e.below[c.Name] = append(e.below[c.Name], keyPath(e.g.Map.shorten(r), keys))
		}
	}
}

// findHolding notes the collections that have rows which stay because of a hold.
func (e *eraser) findHolding() {
	e.holding = map[string]bool{}
	for name := range e.below {
		e.holding[name] = true
	}
	for _, ref := range e.scope.Held {
		for _, l := range e.g.Map.collection(ref.Collection).Links {
			e.holding[ref.Collection] = true
			e.holding[l.To] = true
		}
	}
	for grown := len(e.holding) > 0; grown; {
		grown = false
		for _, r := range e.refs {
			if e.holding[r.from.Name] && !e.holding[r.to.Name] && r.needed() {
				e.holding[r.to.Name], grown = true, true
			}
		}
	}
}

// needed tells whether a row that stays keeps what it refers to.
func (r reference) needed() bool {
	return r.link.declared() || r.link.Relation == Belongs && !r.reversed
}

func (e *eraser) holdRows(held *Collection, keys [][]string) {
	end := route{columns: held.Key, hops: e.merged(held)}
	w := e.g.toRows(held, end, &search{erasing: true})
	e.blockWays(w)
	for _, c := range e.g.Map.Collections {
		for _, r := range w.routes[c.Name] {
			e.below[c.Name] = append(e.below[c.Name], keyPath(e.g.Map.shorten(r), keys))
		}
		if c != held && sameTable(c, held) && sameKey(c, held) {
			e.below[c.Name] = append(e.below[c.Name], keyPath(route{columns: held.Key}, keys))
		}
	}
}

// merged leads from a person's row to those merged with it.
func (e *eraser) merged(c *Collection) []Hop {
	for _, k := range e.g.Map.Subjects {
		if k.Collection == c.Name && k.MergedInto != "" {
			return e.g.Map.mergedHops(k, c)
		}
	}
	return nil
}

// holds leads to what keeps a row of c: it is held, it belongs to a held row,
// or such a row belongs or refers to it.
func (e *eraser) holds(c *Collection) []Condition {
	if !e.scope.Holding() {
		return nil
	}
	any := slices.Concat(e.below[c.Name], e.above(c, nil))
	switch {
	case len(any) == 0:
		return nil
	case len(any) > maxHolds:
		e.blockWide(c)
		any = any[:maxHolds]
	}
	return []Condition{{Any: any}}
}

// above leads from a row of c to rows that stay and need it.
func (e *eraser) above(c *Collection, passed []*Collection) []Path {
	if slices.Contains(passed, c) || len(passed) > maxHops {
		return nil
	}
	passed = append(passed[:len(passed):len(passed)], c)
	var ups []Path
	for _, r := range e.refs {
		if r.to != c || r.from == c || !r.needed() || !e.holding[r.from.Name] || len(ups) > maxHolds {
			continue
		}
		for _, p := range slices.Concat(e.below[r.from.Name], e.above(r.from, passed)) {
			p.Hops = append([]Hop{r.hop()}, p.Hops...)
			ups = append(ups, p)
		}
	}
	return e.aboveItself(c, append(ups, e.owners(c)...))
}

// owners leads from rows that a held row belongs to, though it is they that
// refer to it.
func (e *eraser) owners(c *Collection) []Path {
	var list []Path
	for _, ref := range e.scope.Held {
		held := e.g.Map.collection(ref.Collection)
		for _, l := range held.Links {
			if l.To == c.Name && held != c && l.Relation == Belongs && l.reversed(held, c) {
				p := keyPath(route{columns: held.Key}, [][]string{ref.Key})
				p.Hops = []Hop{{Link: l, To: held, Reverse: true}}
				list = append(list, p)
			}
		}
	}
	return list
}

// aboveItself adds the rows that others of c refer to: the message that a held
// reply answers.
func (e *eraser) aboveItself(c *Collection, ups []Path) []Path {
	all := ups
	for _, l := range c.Links {
		if l.To != c.Name || l.Relation == Mentions && !l.declared() || l.reversed(c, c) {
			continue
		}
		for _, p := range slices.Concat(e.below[c.Name], ups) {
			p.Hops = append([]Hop{{Link: l, To: c, Recursive: true, Reverse: true}}, p.Hops...)
			all = append(all, p)
		}
	}
	return all
}

// HeldAmong selects those of some rows of a collection that the scope's holds
// are on, or that belong to such a row; false where none of the collection does.
// Those that only stay because a held row refers to them are not among them.
//
// Errors: those of Erasure.
func (g *Graph) HeldAmong(s EraseScope, collection string, keys [][]string) (Selection, bool, error) {
	e := g.newEraser(s)
	if err := e.hold(); err != nil {
		return Selection{}, false, err
	}
	c := g.Map.collection(collection)
	if c == nil {
		return Selection{}, false, g.unknownCollection(collection)
	}
	if len(e.below[c.Name]) == 0 {
		return Selection{}, false, nil
	}
	among := Condition{Any: []Path{keyPath(route{columns: c.Key}, keys)}}
	return Selection{Collection: c, Table: c.Table, All: []Condition{{Any: e.below[c.Name]}, among}}, true, nil
}
