package datamap

import (
	"encoding/json"
	"slices"
)

// assign says what columns of rows that stay become.
func (e *eraser) assign() {
	for _, f := range e.inOrder() {
		for _, x := range f.groups {
			switch {
			case x.deletes():
				x.step.Files = f.c.Files
				continue
			case x.link != nil:
				x.step.Set = e.linkSet(f.c, x.link, *x.link.Disposition)
			case x.masks():
				x.step.Set = e.mask(f.c, x)
			}
			x.step.Set = e.withFields(f.c, x.step.Set)
			x.step.Files = f.c.filesIn(x.step.Set)
		}
	}
}

// filesIn gives the files whose names assignments take away.
func (c *Collection) filesIn(set []Assignment) []*FileColumn {
	var list []*FileColumn
	for _, f := range c.Files {
		if touches(set, []string{f.Column}) {
			list = append(list, f)
		}
	}
	return list
}

// mask blanks what rows say of the person they belonged to.
func (e *eraser) mask(c *Collection, x *group) []Assignment {
	var set []Assignment
	for _, f := range c.Fields {
		if f.Disposition != nil || !e.mayChange(c, f.Column) || e.joins(c, f.Column) {
			continue
		}
		if f.Whose == WhoseSubject || f.Whose == WhoseShared || f.Secret || c.isFile(f.Column) {
			set = append(set, Assignment{Column: f.Column, Value: e.replacement(c, f, x.Disposition)})
		}
	}
	if l := x.onlyLink(); l != nil && l.To != c.Name && e.goes(e.g.Map.collection(l.To)) {
		set = append(set, e.linkSet(c, l, Disposition{Kind: Null})...)
	}
	return set
}

// onlyLink gives the link by which alone the rows of a group belong.
func (x *group) onlyLink() *Link {
	for _, r := range x.routes {
		if r.first != x.routes[0].first {
			return nil
		}
	}
	return x.routes[0].first
}

func (e *eraser) mayChange(c *Collection, column string) bool {
	return !slices.Contains(c.Key, column) && column != e.g.Map.Workspace.Column
}

func (c *Collection) isFile(column string) bool {
	return slices.ContainsFunc(c.Files, func(f *FileColumn) bool { return f.Column == column || f.NameColumn == column })
}

// joins tells whether a column is how its row refers to others, which masking
// leaves as it is: they may be masked too.
func (e *eraser) joins(c *Collection, column string) bool {
	for _, k := range e.g.Map.Subjects {
		if k.Collection == c.Name && k.MergedInto == column {
			return true
		}
	}
	return slices.ContainsFunc(c.Links, func(l *Link) bool {
		return !l.reversed(c, e.g.Map.collection(l.To)) && l.joinsBy(column)
	})
}

func (l *Link) joinsBy(column string) bool {
	return slices.ContainsFunc(l.On, func(p ColumnPair) bool { return p.Column == column && p.JSONPath == "" })
}

// withFields adds the fields of rows that stay which have a disposition of
// their own. That goes before what others say of them.
func (e *eraser) withFields(c *Collection, set []Assignment) []Assignment {
	for _, f := range c.Fields {
		if f.Disposition == nil || !e.mayChange(c, f.Column) {
			continue
		}
		set = slices.DeleteFunc(set, func(a Assignment) bool { return a.Column == f.Column && a.JSONPath == "" })
		switch f.Disposition.Kind {
		case Null, Delete:
			set = append(set, Assignment{Column: f.Column})
		case Replace:
			set = append(set, Assignment{Column: f.Column, Value: e.own(c, f)})
		case Keep:
		}
	}
	return set
}

// own is the value that a field's own disposition names, to the letter.
func (e *eraser) own(c *Collection, f *Field) *string {
	if e.holdsJSON(c, f) {
		return asJSONText(f.Disposition.With)
	}
	return &f.Disposition.With
}

// replacement is what stands in for a field of a masked row: the text, where
// the column can hold one.
func (e *eraser) replacement(c *Collection, f *Field, d Disposition) *string {
	switch {
	case d.Kind != Replace || c.isFile(f.Column):
		return nil
	case e.holdsJSON(c, f):
		return asJSONText(d.With)
	case f.Format != FormatPlain:
		return nil
	}
	if col := e.column(c, f.Column); col != nil && familyOf(col.Type) != familyText && familyOf(col.Type) != familyAny {
		return nil
	}
	return &d.With
}

func (e *eraser) holdsJSON(c *Collection, f *Field) bool {
	col := e.column(c, f.Column)
	return f.Format == FormatJSON || col != nil && familyOf(col.Type) == familyJSON
}

func asJSONText(s string) *string {
	b, _ := json.Marshal(s) // a string is always JSON
	text := string(b)
	return &text
}

// column gives what the catalogue says of a column, or nil.
func (e *eraser) column(c *Collection, name string) *Column {
	if e.scope.Catalog == nil {
		return nil
	}
	if t := e.scope.Catalog.of(c); t != nil {
		return t.column(name)
	}
	return nil
}

// of finds a collection's table.
func (c *Catalog) of(col *Collection) *Table {
	for i := range c.Tables {
		if catalogKey(c.Dialect, c.Tables[i].full()) == catalogKey(c.Dialect, col.Table) {
			return &c.Tables[i]
		}
	}
	return nil
}

// linkSet blanks or replaces the columns by which a row refers to another.
func (e *eraser) linkSet(c *Collection, l *Link, d Disposition) []Assignment {
	var set []Assignment
	for _, p := range e.blankable(c, l) {
		a := Assignment{Column: p.Column, JSONPath: p.JSONPath}
		if d.Kind == Replace {
			a.Value = &d.With
		}
		if f := c.field(p.Column); l.Disposition == nil && p.JSONPath == "" && f != nil && f.Disposition != nil && f.Disposition.Kind == Replace {
			a.Value = &f.Disposition.With
		}
		if !slices.Contains(set, a) {
			set = append(set, a)
		}
	}
	return set
}

// blankable gives the pairs of a link whose columns may change: none of the
// key and, if others are left, none that another link of the same rows needs.
func (e *eraser) blankable(c *Collection, l *Link) []ColumnPair {
	if l.reversed(c, e.g.Map.collection(l.To)) {
		return nil
	}
	pairs := slices.DeleteFunc(slices.Clone(l.On), func(p ColumnPair) bool {
		return p.JSONPath == "" && !e.mayChange(c, p.Column)
	})
	own := slices.DeleteFunc(slices.Clone(pairs), func(p ColumnPair) bool {
		return p.JSONPath == "" && slices.ContainsFunc(c.Links, func(o *Link) bool {
			return o != l && o.joinsBy(p.Column) && !l.excludes(o) && !o.reversed(c, e.g.Map.collection(o.To))
		})
	})
	if len(own) > 0 {
		return own
	}
	return pairs
}

// excludes tells whether no row has both of two polymorphic links.
func (l *Link) excludes(o *Link) bool {
	return slices.ContainsFunc(l.When, func(a TypeMatch) bool {
		return slices.ContainsFunc(o.When, func(b TypeMatch) bool { return a.Column == b.Column && a.Value != b.Value })
	})
}
