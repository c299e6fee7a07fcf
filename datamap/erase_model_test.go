package datamap

import (
	"encoding/json"
	"slices"
	"strings"
)

// model is a small database in memory that does what a step says, the plainest
// way there is.
type model struct {
	g      *Graph
	tables map[string][]*modelRow
}

// modelRow has texts in its columns; a column that is not there is NULL.
type modelRow struct {
	table   string
	columns map[string]string
}

func (m *model) rows(c *Collection) []*modelRow { return m.tables[c.Table] }

func (m *model) selects(s *Step) []*modelRow {
	return slices.DeleteFunc(slices.Clone(m.rows(s.Collection)), func(r *modelRow) bool {
		return !m.in(s.Collection, r, &s.Rows) || s.Action != Delete && m.isSet(s, r)
	})
}

func (m *model) in(c *Collection, r *modelRow, rows *Rows) bool {
	for _, all := range rows.All {
		if !m.holds(c, r, all) {
			return false
		}
	}
	for _, except := range rows.Except {
		if m.holds(c, r, except) {
			return false
		}
	}
	return true
}

func (m *model) holds(c *Collection, r *modelRow, condition Condition) bool {
	return slices.ContainsFunc(condition.Any, func(p Path) bool { return m.leads(c, r, p) })
}

func (m *model) leads(c *Collection, r *modelRow, p Path) bool {
	if len(p.Hops) == 0 {
		return m.ends(c, r, p)
	}
	h, rest := p.Hops[0], p
	rest.Hops = p.Hops[1:]
	if !h.Recursive {
		return slices.ContainsFunc(m.behind(c, r, h), func(t *modelRow) bool { return m.leads(h.To, t, rest) })
	}
	for _, t := range m.closure(c, r, h) {
		if m.leads(c, t, rest) {
			return true
		}
	}
	return false
}

func (m *model) closure(c *Collection, r *modelRow, h Hop) []*modelRow {
	found := []*modelRow{r}
	for i := 0; i < len(found); i++ {
		for _, t := range m.behind(c, found[i], h) {
			if !slices.Contains(found, t) {
				found = append(found, t)
			}
		}
	}
	return found
}

func (m *model) ends(c *Collection, r *modelRow, p Path) bool {
	switch {
	case p.Rows != nil:
		return m.in(c, r, p.Rows)
	case p.Keys != nil:
		return slices.ContainsFunc(p.Keys.Values, func(v []string) bool { return slices.Equal(v, r.values(p.Keys.Columns)) })
	case p.Column == "":
		return true
	}
	v, ok := r.columns[p.Column]
	return ok && v == p.Value
}

func (r *modelRow) values(columns []string) []string {
	var list []string
	for _, c := range columns {
		list = append(list, r.columns[c])
	}
	return list
}

// behind gives the rows that a hop leads to.
func (m *model) behind(c *Collection, r *modelRow, h Hop) []*modelRow {
	return slices.DeleteFunc(slices.Clone(m.rows(h.To)), func(t *modelRow) bool {
		if h.Reverse {
			return !linked(h.Link, t, r)
		}
		return !linked(h.Link, r, t)
	})
}

func linked(l *Link, from, to *modelRow) bool {
	for _, w := range l.When {
		if from.columns[w.Column] != w.Value {
			return false
		}
	}
	return !slices.ContainsFunc(l.On, func(p ColumnPair) bool {
		target, ok := to.columns[p.Target]
		return !ok || !slices.Contains(from.at(p), target)
	})
}

// at gives the values of the linking side: of a column, or of {"ref": […]}.
func (r *modelRow) at(p ColumnPair) []string {
	v, ok := r.columns[p.Column]
	switch {
	case !ok:
		return nil
	case p.JSONPath == "":
		return []string{v}
	}
	var doc struct{ Ref []string }
	_ = json.Unmarshal([]byte(v), &doc)
	return doc.Ref
}

// isSet tells whether a step has nothing left to change in a row.
func (m *model) isSet(s *Step, r *modelRow) bool {
	for _, a := range s.Set {
		v, there := r.columns[a.Column]
		switch {
		case a.JSONPath != "":
			return false // such a row is found by what would change
		case a.Value == nil && there, a.Value != nil && (!there || v != *a.Value):
			return false
		}
	}
	return true
}

func (m *model) set(s *Step, r *modelRow) {
	for _, a := range s.Set {
		switch {
		case a.JSONPath != "":
			m.setInside(s, r, a)
		case a.Value == nil:
			delete(r.columns, a.Column)
		default:
			r.columns[a.Column] = *a.Value
		}
	}
}

// setInside blanks those values that name rows which go.
func (m *model) setInside(s *Step, r *modelRow, a Assignment) {
	text := r.columns[a.Column]
	for _, id := range r.at(ColumnPair{Column: a.Column, JSONPath: a.JSONPath}) {
		one := &modelRow{table: r.table, columns: map[string]string{a.Column: `{"ref":["` + id + `"]}`}}
		for k, v := range r.columns {
			if k != a.Column {
				one.columns[k] = v
			}
		}
		if m.in(s.Collection, one, &Rows{All: s.All}) {
			text = strings.ReplaceAll(text, `"`+id+`"`, "null")
		}
	}
	r.columns[a.Column] = text
}

// remove takes rows away, and with them what nobody else points to.
func (m *model) remove(s *Step, batch []*modelRow) {
	var orphans []*modelRow
	var of []Orphan
	for _, o := range s.Orphans {
		for _, r := range m.rows(o.Step.Collection) {
			if slices.ContainsFunc(m.behind(o.Step.Collection, r, o.Carrier), func(t *modelRow) bool { return slices.Contains(batch, t) }) {
				orphans, of = append(orphans, r), append(of, o)
			}
		}
	}
	if s.Action == Delete {
		m.tables[s.Table] = slices.DeleteFunc(m.tables[s.Table], func(r *modelRow) bool { return slices.Contains(batch, r) })
	} else {
		for _, r := range batch {
			m.set(s, r)
		}
	}
	for i, r := range orphans {
		if m.alone(of[i].Step, r) {
			m.remove(of[i].Step, []*modelRow{r})
		}
	}
}

// alone tells whether nothing keeps an orphan any more.
func (m *model) alone(s *Step, r *modelRow) bool {
	if !slices.Contains(m.tables[s.Table], r) || slices.ContainsFunc(s.Except, func(c Condition) bool { return m.holds(s.Collection, r, c) }) {
		return false
	}
	return !slices.ContainsFunc(s.Referrers, func(h Hop) bool { return len(m.behind(s.Collection, r, h)) > 0 })
}

// next gives a small batch of a step's rows: leaves, or all that hang together.
func (m *model) next(s *Step) []*modelRow {
	set := m.selects(s)
	for _, r := range set {
		if s.Action != Delete || !m.referred(s, set, r) {
			return []*modelRow{r}
		}
	}
	return set
}

func (m *model) referred(s *Step, set []*modelRow, r *modelRow) bool {
	return slices.ContainsFunc(s.SelfLinks, func(l SelfLink) bool {
		return slices.ContainsFunc(set, func(o *modelRow) bool { return o != r && linked(l.Link, o, r) })
	})
}

// dangling finds a row with a declared reference that leads nowhere.
func (m *model) dangling() (reference, *modelRow) {
	for _, ref := range m.g.references() {
		if !ref.link.declared() {
			continue
		}
		for _, r := range m.rows(ref.from) {
			values := r.values(ref.columns())
			null := slices.ContainsFunc(ref.columns(), func(c string) bool { _, ok := r.columns[c]; return !ok })
			if !null && !slices.ContainsFunc(m.rows(ref.to), func(t *modelRow) bool { return slices.Equal(t.values(ref.targets()), values) }) {
				return ref, r
			}
		}
	}
	return reference{}, nil
}

func (r reference) targets() []string {
	var list []string
	for _, p := range r.link.On {
		if r.reversed {
			list = append(list, p.Column)
		} else {
			list = append(list, p.Target)
		}
	}
	return list
}
