package datamap

import (
	"regexp"

	"go.yaml.in/yaml/v4"
)

func isMapping(n *yaml.Node) bool { return n.Kind == yaml.MappingNode }

// oneOrMore gives the items of a list, or the value alone as the only one.
func oneOrMore(p *problems, e pair, what string) []*yaml.Node {
	if e.value.Kind != yaml.SequenceNode {
		return []*yaml.Node{e.value}
	}
	if len(e.value.Content) == 0 {
		p.form(e.line, "%s is empty; fill it in or leave the key out", what)
	}
	return e.value.Content
}

func (d *decoder) collections(o *object) {
	for _, e := range o.pairs("collections", "collections") {
		d.collection(e)
	}
}

func (d *decoder) collection(e pair) {
	o := d.object(e.value, e.line, "collection "+quote(e.key), "table", "key", "where", "description", "purpose", "legal_basis", "export",
		"fields", "links", "files", "clock", "disposition", "csv")
	o.need("fields")
	c := &Collection{
		Name: e.key, Table: o.text("table"), Key: o.texts("key"), Where: o.text("where"),
		Description: o.text("description"), Purpose: o.text("purpose"), LegalBasis: o.text("legal_basis"), CSV: o.texts("csv"),
	}
	if o.items["table"] == nil {
		c.Table = e.key
	}
	c.Unexported = o.items["export"] != nil && !o.flag("export")
	d.place(c, e.line)
	for _, f := range o.pairs("fields", "fields of "+o.what) {
		c.Fields = append(c.Fields, d.field(f))
	}
	for _, n := range o.list("links") {
		c.Links = append(c.Links, d.link(n, c))
	}
	for _, n := range o.list("files") {
		c.Files = append(c.Files, d.file(n, c))
	}
	d.clock(o, c)
	if x := d.disposition(o); x != nil {
		c.Disposition = *x
		d.place(&c.Disposition, o.lineOf("disposition"))
	}
	d.m.Collections = append(d.m.Collections, c)
}

// field reads `column: category`, `column: secret`, `column: internal` or the
// long form.
func (d *decoder) field(e pair) *Field {
	f := &Field{Column: e.key}
	d.place(f, e.line)
	what := "field " + quote(e.key)
	if !isMapping(e.value) {
		if e.value.Tag == "!!null" {
			d.form(e.line, "%s says nothing about what it holds; write a category such as user.contact.email or system, or secret, or internal", what)
			f.Internal = true
			return f
		}
		switch word := d.text(e.value, what); word {
		case "secret":
			f.Secret = true
		case "internal":
			f.Internal = true
		default:
			f.Category = word
		}
		return f
	}
	d.fieldInFull(f, d.object(e.value, e.line, what, "category", "name", "description", "whose",
		"secret", "internal", "provenance", "format", "disposition", "quoted"))
	return f
}

func (d *decoder) fieldInFull(f *Field, o *object) {
	f.Category, f.Name, f.Description = o.text("category"), o.text("name"), o.text("description")
	f.Whose, f.Provenance, f.Format = Whose(o.text("whose")), Provenance(o.text("provenance")), Format(o.text("format"))
	f.Secret, f.Internal, f.Quoted = o.flag("secret"), o.flag("internal"), d.quoted(o)
	f.Disposition = d.disposition(o)
	if f.Disposition != nil {
		d.place(f.Disposition, o.lineOf("disposition"))
	}
	if o.lacks("category") && !f.Secret && !f.Internal {
		d.form(o.line, "%s has no category; add one such as user.contact.email or system, or mark it secret or internal", o.what)
	}
}

// quoted reads `delete` or `null`.
func (d *decoder) quoted(o *object) DispositionKind {
	if n := o.items["quoted"]; n != nil && n.Kind == yaml.ScalarNode && n.Value == string(Null) {
		return Null
	}
	return DispositionKind(o.text("quoted"))
}

func (d *decoder) link(n *yaml.Node, c *Collection) *Link {
	o := d.object(n, n.Line, "a link of collection "+quote(c.Name), "to", "on", "when", "relation", "disposition", "undeclared", "optional")
	o.need("to", "on", "relation")
	l := &Link{
		To: o.text("to"), Relation: Relation(o.text("relation")),
		Undeclared: o.flag("undeclared"), Optional: o.flag("optional"), Disposition: d.disposition(o),
	}
	d.place(l, n.Line)
	if l.Disposition != nil {
		d.place(l.Disposition, o.lineOf("disposition"))
	}
	l.On = d.joins(o)
	for _, e := range o.pairs("when", "when of "+o.what) {
		l.When = append(l.When, TypeMatch{e.key, d.literal(e)})
	}
	return l
}

// joins reads `on` as a mapping from column to target, or as a list where a
// column is joined more than once.
func (d *decoder) joins(o *object) []ColumnPair {
	n := o.items["on"]
	switch {
	case n == nil:
		return nil
	case n.Kind == yaml.SequenceNode:
		var list []ColumnPair
		for _, item := range o.list("on") {
			j := d.object(item, item.Line, "on of "+o.what, "column", "path", "target")
			j.need("column", "target")
			list = append(list, ColumnPair{Column: j.text("column"), JSONPath: j.text("path"), Target: j.text("target")})
		}
		return list
	}
	var list []ColumnPair
	for _, e := range o.pairs("on", "on of "+o.what) {
		if !isMapping(e.value) {
			list = append(list, ColumnPair{Column: e.key, Target: d.text(e.value, "the target of "+quote(e.key))})
			continue
		}
		j := d.object(e.value, e.line, "on of "+o.what, "path", "target")
		j.need("target")
		list = append(list, ColumnPair{Column: e.key, JSONPath: j.text("path"), Target: j.text("target")})
	}
	return list
}

var integerPattern = regexp.MustCompile(`^-?[0-9]{1,18}$`)

// literal reads the value of a type column.
func (d *decoder) literal(e pair) string {
	n := e.value
	if n.Kind == yaml.ScalarNode && (n.Tag == "!!int" && integerPattern.MatchString(n.Value) || n.Tag == "!!bool") {
		return n.Value
	}
	if n.Kind == yaml.SequenceNode {
		d.form(e.line, "the value of %s in when is a list; write one link for each value", quote(e.key))
		return ""
	}
	return d.text(n, "the value of "+quote(e.key)+" in when")
}

func (d *decoder) file(n *yaml.Node, c *Collection) *FileColumn {
	o := d.object(n, n.Line, "a file of collection "+quote(c.Name), "column", "bucket", "name", "size", "required")
	o.need("column", "bucket")
	f := &FileColumn{Column: o.text("column"), Bucket: o.text("bucket"), NameColumn: o.text("name"), SizeColumn: o.text("size"), Required: o.flag("required")}
	d.place(f, n.Line)
	return f
}

func (d *decoder) clock(o *object, c *Collection) {
	n := o.items["clock"]
	if n == nil {
		return
	}
	k := d.object(n, n.Line, "clock of "+o.what, "resolved", "resolved_at", "last_activity")
	k.need("resolved", "resolved_at")
	c.Clock = &Clock{Resolved: k.text("resolved"), ResolvedAt: k.text("resolved_at"), LastActivity: k.text("last_activity")}
	d.place(c.Clock, n.Line)
}

// disposition reads `delete`, `null`, `{replace: text}` or `{keep: ground, until: P10Y}`.
func (d *decoder) disposition(o *object) *Disposition {
	n := o.items["disposition"]
	what := "disposition of " + o.what
	switch {
	case n == nil:
		return nil
	case n.Kind == yaml.ScalarNode && n.Value == "null":
		return &Disposition{Kind: Null}
	case n.Kind == yaml.ScalarNode && n.Value == string(Delete):
		return &Disposition{Kind: Delete}
	case !isMapping(n):
		o.p.form(n.Line, "%s is none that we know; write delete, null, {replace: \"…\"} or {keep: legal_obligation, until: P10Y}", what)
		return nil
	}
	return d.dispositionInFull(d.object(n, n.Line, what, "replace", "keep", "until"))
}

func (d *decoder) dispositionInFull(o *object) *Disposition {
	x := &Disposition{With: o.text("replace"), Ground: o.text("keep"), Until: o.text("until")}
	switch {
	case o.items["replace"] != nil && (o.items["keep"] != nil || o.items["until"] != nil):
		o.p.form(o.line, "%s both replaces and keeps; write one of the two", o.what)
	case o.items["replace"] != nil:
		x.Kind = Replace
	case o.items["keep"] != nil:
		x.Kind = Keep
	default:
		o.p.form(o.line, "%s neither replaces nor keeps; write {replace: \"…\"} or {keep: legal_obligation, until: P10Y}", o.what)
		return nil
	}
	return x
}
