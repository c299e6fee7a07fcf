package datamap

import (
	"fmt"

	"pgregory.net/rapid"
)

// draw makes a map with every kind of link, a catalogue and rows that fit both.
type draw struct {
	t       *rapid.T
	m       *Map
	catalog Catalog
	refs    map[*Link]Column // the column that refers, on whichever side it is
}

func randomProduct(t *rapid.T) (*Graph, Catalog, *model, error) {
	d := &draw{t: t, m: &Map{Dataset: "app", Workspace: WorkspaceRoot{Collection: "c0", Key: "id"}}, refs: map[*Link]Column{}}
	n := rapid.IntRange(2, 6).Draw(t, "collections")
	for i := range n {
		d.collection(i)
	}
	d.subjects(n)
	for i := 1; i < n; i++ {
		// Every collection belongs to one before it, so that it reaches c0.
		d.forward(i, rapid.IntRange(0, i-1).Draw(t, "parent"), Belongs, "up")
	}
	for i := range rapid.IntRange(0, n+2).Draw(t, "links") {
		d.link(rapid.IntRange(0, n-1).Draw(t, "from"), rapid.IntRange(0, n-1).Draw(t, "to"), fmt.Sprint("l", i))
	}
	g, err := Compile(d.m)
	if err != nil {
		return nil, d.catalog, nil, err
	}
	return g, d.catalog, d.rows(g), nil
}

func (d *draw) collection(i int) {
	c := &Collection{Name: fmt.Sprint("c", i), Table: fmt.Sprint("t", i), Key: []string{"id"}, Disposition: Disposition{Kind: Delete}}
	kinds := []DispositionKind{Delete, Delete, Delete, Delete, Null, Replace, Keep}
	if i > 0 {
		c.Disposition.Kind = rapid.SampledFrom(kinds).Draw(d.t, "disposition")
	}
	switch c.Disposition.Kind {
	case Replace:
		c.Disposition.With = "Nobody"
	case Keep:
		c.Disposition.Ground = "legal_claims"
	case Delete, Null:
	}
	d.m.Collections = append(d.m.Collections, c)
	d.catalog.Dialect = DialectSQLite
	d.catalog.Tables = append(d.catalog.Tables, Table{Name: c.Table, Key: c.Key})
	d.field(i, "id", false, WhoseNone)
	d.field(i, "kind", true, WhoseNone)
	d.field(i, "note", true, WhoseSubject)
}

func (d *draw) field(i int, column string, nullable bool, whose Whose) {
	c := d.m.Collections[i]
	c.Fields = append(c.Fields, &Field{Column: column, Name: column, Whose: whose, Provenance: Provided})
	d.catalog.Tables[i].Columns = append(d.catalog.Tables[i].Columns, Column{Name: column, Type: "TEXT", Nullable: nullable})
}

func (d *draw) subjects(n int) {
	i := rapid.IntRange(1, n-1).Draw(d.t, "subject")
	k := &SubjectKind{Kind: "person", Collection: fmt.Sprint("c", i), Key: "id", Span: rapid.SampledFrom([]Span{SpanWorkspace, SpanAll}).Draw(d.t, "span")}
	if rapid.Bool().Draw(d.t, "merged") {
		k.MergedInto = "merged"
		d.field(i, "merged", true, WhoseNone)
	}
	d.m.Subjects = []*SubjectKind{k}
}

// forward adds a link whose column is the linking row's own.
func (d *draw) forward(from, to int, relation Relation, column string) *Link {
	nullable := rapid.Bool().Draw(d.t, "nullable")
	l := &Link{To: fmt.Sprint("c", to), On: []ColumnPair{{Column: column, Target: "id"}}, Relation: relation, Optional: nullable}
	d.field(from, column, nullable, WhoseNone)
	d.add(from, l, Column{Name: column, Nullable: nullable})
	return l
}

func (d *draw) add(from int, l *Link, refers Column) {
	d.m.Collections[from].Links = append(d.m.Collections[from].Links, l)
	d.refs[l] = refers
}

func (d *draw) link(from, to int, column string) {
	relation := rapid.SampledFrom([]Relation{Belongs, Mentions}).Draw(d.t, "relation")
	switch rapid.SampledFrom([]string{"forward", "forward", "undeclared", "polymorphic", "reversed", "json", "disposed"}).Draw(d.t, "form") {
	case "forward":
		d.forward(from, to, relation, column)
	case "undeclared":
		d.forward(from, to, relation, column).Undeclared = true
	case "polymorphic":
		l := d.forward(from, to, relation, column)
		l.When = []TypeMatch{{"kind", rapid.SampledFrom([]string{"x", "y"}).Draw(d.t, "when")}}
	case "reversed":
		l := &Link{To: fmt.Sprint("c", to), On: []ColumnPair{{Column: "id", Target: column}}, Relation: Belongs}
		d.field(to, column, true, WhoseNone)
		l.Undeclared = rapid.Bool().Draw(d.t, "undeclared")
		d.add(from, l, Column{Name: column, Nullable: true})
	case "json":
		d.field(from, column, true, WhoseNone)
		l := &Link{To: fmt.Sprint("c", to), On: []ColumnPair{{Column: column, JSONPath: "$.ref[*]", Target: "id"}}, Relation: Mentions, Undeclared: true}
		d.add(from, l, Column{Name: column, Nullable: true})
	case "disposed":
		l := d.forward(from, to, relation, column)
		l.Disposition = rapid.SampledFrom([]*Disposition{{Kind: Null}, {Kind: Delete}, {Kind: Keep, Ground: "archiving"}}).Draw(d.t, "link disposition")
	}
}

// rows fills the tables: every reference that is not NULL leads somewhere.
func (d *draw) rows(g *Graph) *model {
	m := &model{g: g, tables: map[string][]*modelRow{}}
	for _, c := range d.m.Collections {
		for i := range rapid.IntRange(1, 4).Draw(d.t, "rows") {
			kind := rapid.SampledFrom([]string{"x", "y"}).Draw(d.t, "kind")
			r := &modelRow{table: c.Table, columns: map[string]string{"id": fmt.Sprintf("%s-%d", c.Name, i), "kind": kind, "note": "n"}}
			m.tables[c.Table] = append(m.tables[c.Table], r)
		}
	}
	for _, c := range d.m.Collections {
		for _, l := range c.Links {
			d.fill(m, c, g.Collection(l.To), l)
		}
	}
	for _, k := range d.m.Subjects {
		if rows := m.rows(g.Collection(k.Collection)); k.MergedInto != "" && len(rows) > 1 && rapid.Bool().Draw(d.t, "a merged row") {
			rows[1].columns["merged"] = rows[0].columns["id"]
		}
	}
	return m
}

func (d *draw) fill(m *model, c, to *Collection, l *Link) {
	from, targets, ref := m.rows(c), m.rows(to), d.refs[l]
	if l.reversed(c, to) {
		from, targets = targets, from
	}
	for _, r := range from {
		if ref.Nullable && rapid.Bool().Draw(d.t, "is NULL") {
			continue
		}
		id := rapid.SampledFrom(targets).Draw(d.t, "row").columns["id"]
		if l.On[0].JSONPath != "" {
			id = fmt.Sprintf(`{"ref":["%s","%s"]}`, id, rapid.SampledFrom(targets).Draw(d.t, "row").columns["id"])
		}
		r.columns[ref.Name] = id
	}
}

// randomScope draws an erasure of some rows that are there.
func randomScope(t *rapid.T, m *model, catalog *Catalog) EraseScope {
	g := m.g
	some := func(c *Collection) string {
		return rapid.SampledFrom(m.rows(c)).Draw(t, "row of "+c.Name).columns["id"]
	}
	k := g.Map.Subjects[0]
	s := EraseScope{Scope: Scope{Workspace: some(g.Map.Collections[0])}, Catalog: catalog}
	any := g.Map.Collections[rapid.IntRange(1, len(g.Map.Collections)-1).Draw(t, "collection")]
	switch rapid.SampledFrom([]string{"workspace", "person", "everywhere", "rows"}).Draw(t, "scope") {
	case "person":
		s.SubjectKind, s.SubjectID = k.Kind, some(g.Collection(k.Collection))
	case "everywhere":
		s.SubjectKind, s.SubjectID = k.Kind, some(g.Collection(k.Collection))
		if k.Span == SpanAll {
			s.Workspace = ""
		}
	case "rows":
		s.Rows = &RowScope{Collection: any.Name, Keys: [][]string{{some(any)}}}
	}
	if rapid.IntRange(0, 2).Draw(t, "held") == 0 {
		c := g.Collection(k.Collection)
		if rapid.Bool().Draw(t, "held row of any collection") {
			c = any
		}
		s.Held = []RowRef{{Collection: c.Name, Key: []string{some(c)}}}
	}
	if s.Workspace == "" && rapid.Bool().Draw(t, "held workspace") {
		s.HeldWorkspaces = []string{some(g.Map.Collections[0])}
	}
	return s
}
