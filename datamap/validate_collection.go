package datamap

import (
	"slices"
	"strings"
)

const (
	columnRule = "write the column's name, of letters, digits, spaces and _ $ - only"
	tableRule  = "write table or schema.table, each of letters, digits, spaces and _ $ - only"
	pathRule   = "write it as $.author.id, or $.people[*].id for every item of a list"
)

func (v validator) collections() {
	if n := len(v.m.Collections); n > maxCollections {
		v.sense(v.m, "the map has %d collections, more than %d; split it into datasets", n, maxCollections)
		return
	}
	names := map[string]string{}
	for _, c := range v.m.Collections {
		key := strings.ToLower(c.Name)
		if other, twice := names[key]; twice {
			v.sense(c, "collections %s and %s would share a file on some systems; rename one", quote(other), quote(c.Name))
		}
		names[key] = c.Name
		v.collection(c)
	}
}

func (v validator) collection(c *Collection) {
	v.match(c, namePattern, "collection name", c.Name, nameRule)
	v.match(c, tablePattern, "table", c.Table, tableRule)
	if reserved(c.Name) {
		v.sense(c, "collection name %s cannot be a file's name on Windows; choose another and keep `table:`", quote(c.Name))
	}
	if len(c.Fields) > maxFields || len(c.Links) > maxLinks {
		v.sense(c, "collection %s has more than %d fields or %d links; split it", quote(c.Name), maxFields, maxLinks)
		return
	}
	v.condition(c, "where of collection "+quote(c.Name), c.Where)
	word(v, c, "legal basis", c.LegalBasis, LegalBases()...)
	v.key(c)
	v.fields(c)
	v.disposition(&c.Disposition, "collection "+quote(c.Name), &c.Disposition)
	for _, l := range c.Links {
		v.link(c, l)
	}
	for _, f := range c.Files {
		v.match(f, bucketPattern, "bucket", f.Bucket, "use lower-case letters, digits, dots, _ and - only")
		v.hasColumns(f, c, "a file", f.Column, f.NameColumn, f.SizeColumn)
	}
	if k := c.Clock; k != nil {
		v.condition(k, "resolved of the clock", k.Resolved)
		v.hasColumns(k, c, "the clock", k.ResolvedAt, k.LastActivity)
	}
	v.csv(c)
}

func (v validator) condition(part any, what, sql string) {
	if sql == "" {
		return
	}
	if fault := conditionFault(sql); fault != "" {
		v.sense(part, "%s %s", what, fault)
	}
}

func (v validator) key(c *Collection) {
	if len(c.Key) == 0 && len(c.Fields) > 0 {
		v.sense(c, "collection %s has no key; add `key:` with the column or columns that identify one row", quote(c.Name))
	}
	for i, col := range c.Key {
		v.match(c, columnPattern, "key column", col, columnRule)
		if slices.Contains(c.Key[:i], col) {
			v.sense(c, "the key of collection %s names %s twice; keep one", quote(c.Name), quote(col))
		}
	}
	v.hasColumns(c, c, "the key", c.Key...)
}

func (v validator) fields(c *Collection) {
	if len(c.Fields) == 0 && !v.hasForm() {
		v.form(v.source.at(c), "collection %s has no fields; name its columns under `fields:`", quote(c.Name))
	}
	columns, names := map[string]bool{}, map[string]string{}
	for _, f := range c.Fields {
		if columns[f.Column] {
			v.sense(f, "column %s is a field of collection %s twice; keep one", quote(f.Column), quote(c.Name))
		}
		columns[f.Column] = true
		if other, twice := names[f.Name]; twice && f.Exported() {
			v.sense(f, "columns %s and %s would both be exported as %s; give one another `name:`", quote(other), quote(f.Column), quote(f.Name))
		}
		if f.Exported() {
			names[f.Name] = f.Column
		}
		v.field(c, f)
	}
}

func (v validator) field(c *Collection, f *Field) {
	v.match(f, columnPattern, "column", f.Column, columnRule)
	v.match(f, exportPattern, "name", f.Name, "use at most 128 characters without quotes, backslashes and line breaks")
	if f.Category != "" {
		word(v, f, "category", f.Category, Categories()...)
	}
	word(v, f, "whose", f.Whose, WhoseSubject, WhoseOther, WhoseShared, WhoseNone)
	word(v, f, "provenance", f.Provenance, Provided, Observed, Derived)
	word(v, f, "format", f.Format, FormatJSON, FormatUnixSeconds, FormatUnixMillis, FormatUnixMicros, FormatBoolean)
	word(v, f, "quoted", f.Quoted, Delete, Null)
	if f.Quoted == Null && slices.Contains(c.Key, f.Column) {
		v.sense(f, "column %s is part of the key, which cannot become NULL; write quoted: delete", quote(f.Column))
	}
	if f.Disposition == nil {
		return
	}
	v.disposition(f.Disposition, "field "+quote(f.Column), f.Disposition)
	if k := f.Disposition.Kind; (k == Null || k == Replace) && slices.Contains(c.Key, f.Column) {
		v.sense(f.Disposition, "column %s is part of the key, which cannot change; delete or keep the row instead", quote(f.Column))
	}
}

func (v validator) link(c *Collection, l *Link) {
	what := "the link of collection " + quote(c.Name) + " to " + quote(l.To)
	word(v, l, "relation", l.Relation, Belongs, Mentions)
	t := v.known(l, "the link of collection "+quote(c.Name), l.To)
	if len(l.On) == 0 && !v.hasForm() {
		v.form(v.source.at(l), "%s joins no columns; add `on: {column: target}`", what)
	}
	for _, p := range l.On {
		v.match(l, columnPattern, "column", p.Column, columnRule)
		v.match(l, columnPattern, "target", p.Target, columnRule)
		v.match(l, pathPattern, "path", p.JSONPath, pathRule)
		v.hasColumns(l, c, what, p.Column)
		v.hasColumns(l, t, what, p.Target)
	}
	for _, w := range l.When {
		v.match(l, columnPattern, "column", w.Column, columnRule)
		v.hasColumns(l, c, "when of "+what, w.Column)
	}
	if t == c && l.Relation == Belongs && !l.climbs() {
		v.sense(l, "%s joins a row to itself; join a column such as parent_id to the key", what)
	}
	if t != nil && v.m.crossesWorkspaces(c, l, t) {
		v.sense(l, "%s leads into other workspaces, since keys are unique only within one; add %s to `on`", what, quote(v.m.Workspace.Column))
	}
	if l.Disposition != nil {
		v.disposition(l.Disposition, what, l.Disposition)
		v.blanks(c, l)
	}
}

// climbs tells whether a link of a collection to itself can reach another row.
func (l *Link) climbs() bool {
	return slices.ContainsFunc(l.On, func(p ColumnPair) bool { return p.Column != p.Target })
}

// blanks notes a link that would be blanked although its columns are the key.
func (v validator) blanks(c *Collection, l *Link) {
	if k := l.Disposition.Kind; k != Null && k != Replace {
		return
	}
	for _, p := range l.On {
		if slices.Contains(c.Key, p.Column) && p.Column != v.m.Workspace.Column {
			v.sense(l, "column %s is part of the key, which cannot change; write disposition delete or keep for the link", quote(p.Column))
		}
	}
}

// refuseKeys notes links that would be blanked when a person goes although all
// their columns are the key.
func (g *Graph) refuseKeys(p *problems) {
	for _, c := range g.Map.Collections {
		for _, l := range c.Links {
			t := g.Map.collection(l.To)
			silent := l.Relation == Mentions && l.Disposition == nil && c.DispositionOf(l).Kind == Null
			if silent && !l.reversed(c, t) && g.personal(t) && !slices.ContainsFunc(l.On, func(on ColumnPair) bool { return g.mayBlank(c, on) }) {
				p.sense(l, "the link of collection %s to %s names a person in the key, which cannot change; give the link the disposition delete or {keep: …}",
					quote(c.Name), quote(l.To))
			}
		}
	}
}

func (g *Graph) mayBlank(c *Collection, p ColumnPair) bool {
	return p.JSONPath != "" || !slices.Contains(c.Key, p.Column) && p.Column != g.Map.Workspace.Column
}

// personal tells whether rows of a collection go with a person.
func (g *Graph) personal(c *Collection) bool {
	for _, r := range g.kinds {
		if len(r.routes[c.Name]) > 0 && c.Disposition.Kind == Delete {
			return true
		}
	}
	return false
}

func (v validator) disposition(part any, what string, d *Disposition) {
	word(v, part, "disposition", d.Kind, Delete, Null, Replace, Keep)
	word(v, part, "ground", d.Ground, Grounds()...)
	switch {
	case d.Kind == Keep && d.Ground == "" && !v.hasForm():
		v.form(v.source.at(part), "%s is kept without a ground; name one of Art. 17(3) GDPR: %s", what, strings.Join(Grounds(), ", "))
	case d.Kind == Replace && d.With == "" && !v.hasForm():
		v.form(v.source.at(part), "%s is replaced by nothing; write the text, or null", what)
	case d.Kind != Keep && d.Until != "" && !v.hasForm():
		v.form(v.source.at(part), "%s has `until` but is not kept; write {keep: ground, until: …}", what)
	}
	if d.Until != "" && !validDuration(d.Until) {
		v.form(v.source.at(part), "until %s is no duration; write it as P10Y, P6M or P90D", quote(d.Until))
	}
}

func (v validator) csv(c *Collection) {
	if c.Unexported && len(c.CSV) > 0 {
		v.sense(c, "collection %s is not exported, but has csv; remove one of the two", quote(c.Name))
	}
	names := map[string]bool{}
	var known []string
	for _, f := range c.Fields {
		if f.Exported() {
			names[f.Name] = true
			known = append(known, f.Name)
		}
	}
	for i, n := range c.CSV {
		switch {
		case !names[n]:
			v.sense(c, "csv of collection %s names %s, which is not exported; %s", quote(c.Name), quote(n), suggest(n, known))
		case slices.Contains(c.CSV[:i], n):
			v.sense(c, "csv of collection %s names %s twice; keep one", quote(c.Name), quote(n))
		}
	}
}
