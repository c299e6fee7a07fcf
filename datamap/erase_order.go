package datamap

import (
	"cmp"
	"fmt"
	"slices"
)

// schedule puts steps in an order in which each can find its rows and none
// breaks a reference that the database guards.
type schedule struct {
	*eraser
	left  []*Step
	at    map[string][]*Step // by table
	rank  map[*Step]int
	reads map[*Step][]reading
	after map[*Step][]wait // what has to run before a step
	done  []*Step
}

// wait is a step that has to run first; ref is set when it is because its rows
// refer to those of the later one, so that blanking the reference would do.
type wait struct {
	first *Step
	ref   *reference
}

// reading is a row that a step finds its own rows by.
type reading struct {
	c       *Collection
	columns []string
}

func (e *eraser) order() []*Step {
	s := &schedule{eraser: e, at: map[string][]*Step{}, rank: map[*Step]int{}, reads: map[*Step][]reading{}, after: map[*Step][]wait{}}
	for _, f := range e.inOrder() {
		s.left = append(s.left, e.stepsOf(f.c, always)...)
	}
	s.left = append(s.left, e.linking...)
	place := map[*Collection]int{}
	for i, c := range e.g.order {
		place[c] = len(e.g.order) - i
	}
	for i, step := range s.left {
		s.at[tableKey(step.Table)] = append(s.at[tableKey(step.Table)], step)
		s.rank[step] = place[step.Collection]*len(s.left) + i
		s.reads[step] = e.readings(step)
	}
	slices.SortStableFunc(s.left, func(a, b *Step) int { return cmp.Compare(s.rank[a], s.rank[b]) })
	s.waits()
	for len(s.left) > 0 {
		s.next()
	}
	return s.done
}

// next runs the first step that waits for nothing, or breaks a circle.
func (s *schedule) next() {
	for i, step := range s.left {
		if len(s.after[step]) == 0 {
			s.run(step)
			s.left = slices.Delete(s.left, i, i+1)
			return
		}
	}
	circle := s.circle()
	if !s.breakAny(circle) {
		s.refuse(circle)
	}
}

// run gives a step its place, unless it is for rows that stay as they are.
func (s *schedule) run(step *Step) {
	if step.Action == Delete || step.Action == Keep || len(step.Set) > 0 {
		s.done = append(s.done, step)
	}
	for other := range s.after {
		s.after[other] = slices.DeleteFunc(s.after[other], func(w wait) bool { return w.first == step })
	}
}

func (s *schedule) wait(later, first *Step, ref *reference) {
	if later != first {
		s.after[later] = append(s.after[later], wait{first, ref})
	}
}

func (s *schedule) waits() {
	for i := range s.refs {
		if r := &s.refs[i]; r.link.declared() {
			s.waitForReferrers(r)
		}
	}
	for _, step := range s.left {
		for _, read := range s.reads[step] {
			for _, other := range s.at[tableKey(read.c.Table)] {
				if other.Action != Delete && !touches(other.Set, read.columns) {
					continue
				}
				if other == step {
					s.blockSelf(step)
				}
				s.wait(other, step, nil)
			}
		}
	}
	for _, f := range s.inOrder() {
		for _, x := range f.groups {
			for _, rows := range s.stepsOf(f.c, (*group).deletes) {
				if x.link != nil && x.link.To == f.c.Name {
					s.wait(rows, x.step, nil)
				}
			}
		}
	}
	for _, step := range s.left {
		s.waitForSharers(step)
		for _, target := range s.linksTo[step] {
			s.wait(target, step, nil)
		}
	}
}

// blockSelf refuses a step that finds rows by others of its own which may be
// gone before.
func (s *schedule) blockSelf(step *Step) {
	s.block("circle", step.Collection, fmt.Sprintf("Some rows of collection %s are found only by others of it, which go too.", step.Collection.Name),
		"Give the collection a link of its own to the workspace, or say span: all if such a person is in a workspace because of these rows.")
}

// waitForReferrers lets rows go after those that refer to them, or after their
// reference is blanked.
func (s *schedule) waitForReferrers(r *reference) {
	for _, later := range s.at[tableKey(r.to.Table)] {
		if later.Action != Delete {
			continue
		}
		for _, first := range s.at[tableKey(r.from.Table)] {
			switch {
			case first.Action == Delete:
				s.wait(later, first, r)
			case touches(first.Set, r.columns()):
				s.wait(later, first, nil)
			}
		}
	}
}

// waitForSharers lets the last of those who point to a row be one that takes
// it along.
func (s *schedule) waitForSharers(orphan *Step) {
	carriers := s.carriers(orphan, nil)
	for _, h := range orphan.Referrers {
		for _, first := range s.at[tableKey(h.To.Table)] {
			if first.Collection != h.To || slices.Contains(carriers, first) {
				continue
			}
			for _, c := range carriers {
				s.wait(c, first, nil)
			}
		}
	}
}

// carriers gives the steps that carry one, directly or not.
func (s *schedule) carriers(orphan *Step, found []*Step) []*Step {
	for _, step := range s.left {
		carries := slices.ContainsFunc(step.Orphans, func(o Orphan) bool { return o.Step == orphan })
		if carries && !slices.Contains(found, step) {
			found = s.carriers(step, append(found, step))
		}
	}
	return found
}

// readings are the rows that must be there for a step to find its own. An
// orphan's are those of its carrier, which takes it along.
func (e *eraser) readings(s *Step) []reading {
	var list []reading
	for _, c := range s.All {
		for _, p := range c.Any {
			if len(p.Hops) > 0 && e.isCarrier(s, p.Hops) {
				continue
			}
			list = append(list, readPath(s.Collection, p)...)
		}
	}
	return list
}

func (e *eraser) isCarrier(s *Step, hops []Hop) bool {
	if s.Action != Delete || s.Link != nil {
		return false
	}
	h := hops[0]
	if h.Recursive && len(hops) > 1 {
		h = hops[1]
	}
	return h.To != s.Collection && h.Link.declared() && h.Link.reversed(s.Collection, h.To)
}

// readPath gives the rows behind the start of a path.
func readPath(c *Collection, p Path) []reading {
	var list []reading
	at := c
	for i, h := range p.Hops {
		r := reading{c: h.To, columns: append(conditionColumns(h.To.Where), h.Link.far()...)}
		if h.Recursive {
			r.columns = append(r.columns, h.Link.near()...)
		}
		if i+1 < len(p.Hops) {
			r.columns = append(r.columns, p.Hops[i+1].Link.near()...)
		} else {
			r.columns = append(r.columns, p.ends()...)
		}
		if h.To != c {
			list = append(list, r)
		}
		at = h.To
	}
	if p.Rows == nil {
		return list
	}
	for _, condition := range p.Rows.All {
		for _, q := range condition.Any {
			if at != c {
				list = append(list, ownColumns(at, q))
			}
			list = append(list, readPath(at, q)...)
		}
	}
	return list
}

// ownColumns are the columns of a row that the start of a path is about.
func ownColumns(c *Collection, p Path) reading {
	if len(p.Hops) > 0 {
		return reading{c, p.Hops[0].Link.near()}
	}
	return reading{c, p.ends()}
}

// far gives the columns on the side linked to.
func (l *Link) far() []string {
	var list []string
	for _, p := range l.On {
		list = append(list, p.Target)
	}
	return list
}

// near gives the columns on the linking side.
func (l *Link) near() []string {
	var list []string
	for _, p := range l.On {
		list = append(list, p.Column)
	}
	for _, w := range l.When {
		list = append(list, w.Column)
	}
	return list
}

func (p Path) ends() []string {
	if p.Keys != nil {
		return p.Keys.Columns
	}
	return []string{p.Column}
}

// circle gives steps that wait for each other, each for the next.
func (s *schedule) circle() []*Step {
	path := []*Step{s.left[0]}
	for {
		next := s.after[path[len(path)-1]][0].first
		if i := slices.Index(path, next); i >= 0 {
			return path[i:]
		}
		path = append(path, next)
	}
}

// breakAny blanks a reference of the circle that can be blanked.
func (s *schedule) breakAny(circle []*Step) bool {
	for i, later := range circle {
		first := circle[(i+1)%len(circle)]
		for _, w := range s.after[later] {
			if w.first != first || w.ref == nil || s.fixed(later, first) {
				continue
			}
			if set := s.breakable(w.ref); len(set) > 0 {
				s.breakAt(*w.ref, first, set)
				return true
			}
		}
	}
	return false
}

// fixed tells whether a step waits for another for a reason that blanking does
// not mend.
func (s *schedule) fixed(later, first *Step) bool {
	return slices.ContainsFunc(s.after[later], func(w wait) bool { return w.first == first && w.ref == nil })
}

func (s *schedule) breakAt(r reference, rows *Step, set []Assignment) {
	s.done = append(s.done, &Step{
		Collection: rows.Collection, Table: rows.Table, Rows: rows.Rows, Action: Null, Set: set, Breaks: true, Link: r.link, Files: rows.Collection.filesIn(set),
	})
	for later := range s.after {
		s.after[later] = slices.DeleteFunc(s.after[later], func(w wait) bool {
			return w.ref != nil && w.ref.link == r.link && sameTable(w.first.Collection, rows.Collection) && w.first == rows
		})
	}
}

// breakable gives what blanks a reference, or nothing when it cannot be NULL or
// rows are yet to be found by it.
func (s *schedule) breakable(r *reference) []Assignment {
	var set []Assignment
	for _, column := range r.columns() {
		if s.mayChange(r.from, column) && s.mayBeNull(r, column) {
			set = append(set, Assignment{Column: column})
		}
	}
	for _, step := range s.left {
		if touchesOwn(step, r.from, set) || carriesBy(step, r.from, set) {
			return nil
		}
		for _, read := range s.reads[step] {
			if sameTable(read.c, r.from) && touches(set, read.columns) {
				return nil
			}
		}
	}
	return set
}

// touchesOwn tells whether a step of c finds its rows by columns of theirs that
// would be blanked.
func touchesOwn(step *Step, c *Collection, set []Assignment) bool {
	return sameTable(step.Collection, c) && slices.ContainsFunc(step.All, func(condition Condition) bool {
		return slices.ContainsFunc(condition.Any, func(p Path) bool { return touches(set, ownReads(c, p)) })
	})
}

// ownReads gives the columns of c's table that a path from c is about.
func ownReads(c *Collection, p Path) []string {
	var columns []string
	at := c
	for _, h := range p.Hops {
		if sameTable(at, c) {
			columns = append(columns, h.Link.near()...)
		}
		at = h.To
	}
	if !sameTable(at, c) {
		return columns
	}
	columns = append(columns, p.ends()...)
	if p.Rows != nil {
		for _, condition := range p.Rows.All {
			for _, q := range condition.Any {
				columns = append(columns, ownReads(at, q)...)
			}
		}
	}
	return columns
}

// carriesBy tells whether rows of c take others along by such columns.
func carriesBy(step *Step, c *Collection, set []Assignment) bool {
	return sameTable(step.Collection, c) && slices.ContainsFunc(step.Orphans, func(o Orphan) bool {
		return slices.ContainsFunc(o.Carrier.Link.On, func(p ColumnPair) bool { return touches(set, []string{p.Target}) })
	})
}

func (s *schedule) mayBeNull(r *reference, column string) bool {
	if col := s.column(r.from, column); col != nil {
		return col.Nullable
	}
	return r.link.Optional || !r.reversed && r.link.Relation == Mentions && r.from.DispositionOf(r.link).Kind == Null
}

// refuse notes a circle that cannot be broken and goes on without it.
func (s *schedule) refuse(circle []*Step) {
	names := ""
	for _, step := range circle {
		names += step.Collection.Name + ", "
	}
	s.block("circle", circle[0].Collection,
		fmt.Sprintf("Rows of %sand %s again refer to each other in a circle, and none of these references can be blanked.", names, circle[0].Collection.Name),
		"Let the column of one of these links be NULL and mark the link `optional: true`, or say relation mentions with disposition null for the link by which no rows are found.")
	later, first := circle[0], circle[1%len(circle)]
	s.after[later] = slices.DeleteFunc(s.after[later], func(w wait) bool { return w.first == first })
}
