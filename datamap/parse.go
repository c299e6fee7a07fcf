package datamap

import (
	"io"
)

// Parse reads and validates a data map; name is the file's name for messages.
// What it returns still has to be compiled.
//
// Errors: map_invalid, with one line "file:line: what is wrong; remedy" for
// each problem found.
func Parse(name string, r io.Reader) (*Map, error) {
	m, p := parse(name, r)
	if err := p.err(); err != nil {
		return nil, err
	}
	m.Hash = hash(m)
	return m, nil
}

func parse(name string, r io.Reader) (*Map, *problems) {
	m := &Map{source: &source{file: name, lines: map[any]int{}}}
	p := newProblems(m)
	root := load(r, p)
	if root == nil {
		return nil, p
	}
	d := &decoder{problems: p, m: m}
	o := d.object(root, root.Line, "the map", "dataset", "description", "place", "hosting",
		"workspace", "subjects", "collections", "ignored")
	if len(o.items) == 0 && p.hasForm() {
		return nil, p
	}
	d.dataset(o)
	d.collections(o)
	complete(m)
	validate(m, p)
	return m, p
}

// decoder turns YAML into a Map and remembers where its parts stand.
type decoder struct {
	*problems
	m *Map
}

func (d *decoder) place(part any, line int) { d.source.lines[part] = line }

func (d *decoder) dataset(o *object) {
	o.need("dataset", "workspace", "collections")
	d.place(d.m, o.lineOf("dataset"))
	d.m.Dataset = o.text("dataset")
	d.m.Description = o.text("description")
	d.m.Place = o.text("place")
	d.hosting(o)
	d.workspace(o)
	for _, e := range o.pairs("subjects", "subjects") {
		d.subject(e)
	}
	for _, e := range o.pairs("ignored", "ignored") {
		t := IgnoredTable{Table: e.key, Reason: d.text(e.value, "the reason to ignore table "+quote(e.key))}
		d.place(ignoredKey(e.key), e.line)
		d.m.Ignored = append(d.m.Ignored, t)
	}
}

// ignoredKey is where the line of an ignored table is found.
type ignoredKey string

func (d *decoder) hosting(o *object) {
	n := o.items["hosting"]
	if n == nil {
		return
	}
	h := d.object(n, n.Line, "hosting", "region", "country", "processor")
	h.need("country")
	d.m.Hosting = &Hosting{Region: h.text("region"), Country: h.text("country"), Processor: h.text("processor")}
	d.place(d.m.Hosting, n.Line)
}

func (d *decoder) workspace(o *object) {
	n := o.items["workspace"]
	if n == nil {
		return
	}
	d.place(&d.m.Workspace, n.Line)
	w := d.object(n, n.Line, "workspace", "collection", "key", "name", "column")
	if w.items["column"] == nil {
		w.need("collection", "key")
	}
	for _, k := range []string{"collection", "key", "name"} {
		if w.items["column"] != nil && w.items[k] != nil {
			d.form(w.lineOf(k), "workspace has both column and %s; name either the column that every table has or the collection whose rows are workspaces", k)
		}
	}
	d.m.Workspace = WorkspaceRoot{
		Column: w.text("column"), Collection: w.text("collection"), Key: w.text("key"), Name: w.text("name"),
	}
}

func (d *decoder) subject(e pair) {
	o := d.object(e.value, e.line, "subject kind "+quote(e.key), "collection", "key", "name", "span", "identities", "merged_into")
	o.need("collection", "key")
	k := &SubjectKind{
		Kind: e.key, Collection: o.text("collection"), Key: o.text("key"), Name: o.text("name"),
		Span: Span(o.text("span")), MergedInto: o.text("merged_into"),
	}
	d.place(k, e.line)
	for _, i := range o.pairs("identities", "identities of "+o.what) {
		k.Identities = append(k.Identities, d.identities(i)...)
	}
	d.m.Subjects = append(d.m.Subjects, k)
}

// identities reads `email: column`, `email: {column, path}` or a list of these.
func (d *decoder) identities(e pair) []Identity {
	var list []Identity
	for _, n := range oneOrMore(d.problems, e, "identity "+quote(e.key)) {
		i := Identity{Kind: e.key}
		if isMapping(n) {
			o := d.object(n, n.Line, "identity "+quote(e.key), "column", "path")
			o.need("column")
			i.Column, i.JSONPath = o.text("column"), o.text("path")
		} else {
			i.Column = d.text(n, "identity "+quote(e.key))
		}
		list = append(list, i)
	}
	return list
}
