package datamap

import (
	"fmt"
	"slices"
)

// linkSteps says which rows of a step refer to each other and which steps
// carry others.
func (e *eraser) linkSteps() {
	for _, f := range e.inOrder() {
		for _, x := range f.groups {
			if x.deletes() {
				e.selfLinks(f.c, x)
				e.orphan(f.c, x)
			}
		}
	}
}

// selfLinks notes the links between rows that go together.
func (e *eraser) selfLinks(c *Collection, x *group) {
	var links []*Link
	for _, r := range x.routes {
		for _, h := range r.hops {
			merges := h.Link.reversed(c, c) && !slices.Contains(c.Links, h.Link) // the same column seen from the other row
			if h.Recursive && h.To == c && !merges && !slices.Contains(links, h.Link) {
				links = append(links, h.Link)
			}
		}
	}
	for _, l := range links {
		x.step.SelfLinks = append(x.step.SelfLinks, SelfLink{Link: l, Discovers: true})
		if l.reversed(c, c) {
			e.block("circle", c, fmt.Sprintf("A row of collection %s is found by the row that refers to it, which has to go first.", c.Name),
				"Give the collection a link of its own to the workspace or the person, and say relation mentions for the one to itself.")
		}
	}
	for _, l := range c.Links {
		if sameTable(e.g.Map.collection(l.To), c) && l.declared() && !slices.Contains(links, l) {
			x.step.SelfLinks = append(x.step.SelfLinks, SelfLink{Link: l.fromReferrer(c)})
		}
	}
	if k := e.g.SubjectKind(e.scope.SubjectKind); k != nil && k.MergedInto != "" && len(e.scope.Merged) > 0 && c == e.root {
		x.step.SelfLinks = append(x.step.SelfLinks, SelfLink{Link: e.g.Map.mergedHops(k, c)[0].Link})
	}
}

// fromReferrer gives a link of c to itself as the row that refers has it.
func (l *Link) fromReferrer(c *Collection) *Link {
	if !l.reversed(c, c) {
		return l
	}
	back := *l
	back.On = nil
	for _, p := range l.On {
		back.On = append(back.On, ColumnPair{Column: p.Target, Target: p.Column})
	}
	return &back
}

// orphan hands rows that are found only by others which refer to them to the
// steps of those others.
func (e *eraser) orphan(c *Collection, x *group) {
	for _, r := range x.routes {
		if !e.carried(c, r) {
			continue
		}
		if r.hops[0].Recursive {
			e.block("links_in_circle", c,
				fmt.Sprintf("Rows of collection %s belong to those that point to them and to each other, so that they could not all be found once the first is gone.", c.Name),
				"Give the collection a link of its own to the workspace or the person, or say relation mentions for the one to itself.")
		}
		if !r.first.declared() {
			continue
		}
		from := e.g.Map.collection(r.first.To)
		ref := reference{from: from, to: c, link: r.first, reversed: true}
		e.blockSecond(ref)
		o := Orphan{Step: x.step, Carrier: ref.hop()}
		for _, s := range e.letGo(ref) {
			if !slices.Contains(s.Orphans, o) {
				s.Orphans = append(s.Orphans, o)
			}
		}
	}
	if x.shared {
		x.step.Referrers = e.referrers(c)
	}
}

// blockSecond refuses a carrier that refers to its orphans by another link as
// well: who is the last to point to a row could not be told.
func (e *eraser) blockSecond(r reference) {
	for _, o := range e.refs {
		other := o.from == r.from && o.to == r.to && o.link != r.link && o.link.declared() && !(o.reversed && o.link.Relation == Belongs)
		if other && !slices.Equal(o.columns(), r.columns()) {
			e.block("circle", r.to, fmt.Sprintf("Rows of collection %s belong to rows of %s that point to them, and %s refers to them by another link, too.", r.to.Name, r.from.Name, r.from.Name),
				fmt.Sprintf("Give %s a second link to %s for it, or say `undeclared: true` if the database does not guard the reference.", r.to.Name, r.from.Name))
		}
	}
}

// letGo gives the steps that end a reference of the scope's rows.
func (e *eraser) letGo(r reference) []*Step {
	return e.stepsOf(r.from, func(x *group) bool { return x.deletes() || touches(x.step.Set, r.columns()) })
}

// referrers lead to all rows that would keep one of c: by belonging, or by the
// database's word.
func (e *eraser) referrers(c *Collection) []Hop {
	var hops []Hop
	for _, r := range e.refs {
		if r.to == c && r.from != c && (r.link.declared() || r.reversed && r.link.Relation == Belongs) {
			hops = append(hops, r.hop())
		}
	}
	return hops
}
