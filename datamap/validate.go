package datamap

import (
	"regexp"
	"slices"
	"strings"
)

const (
	maxCollections = 1000
	maxFields      = 2000 // of a collection, as PostgreSQL's own limit is 1600
	maxLinks       = 100  // of a collection
)

const nameRule = "start with a letter and use letters, digits, _ and - only, at most 63"

// validator checks a map, part by part, against itself.
type validator struct {
	*problems
	m *Map
}

// validate notes everything that is wrong with a map except what only its
// graph can show.
func validate(m *Map, p *problems) {
	v := validator{p, m}
	v.dataset()
	v.workspace()
	kinds := map[string]bool{}
	for _, k := range m.Subjects {
		if kinds[k.Kind] {
			v.sense(k, "subject kind %s is there twice; keep one of them", quote(k.Kind))
		}
		kinds[k.Kind] = true
		v.subject(k)
	}
	v.collections()
	v.tables()
}

// match notes a text that has not the form it must have. An absent text is
// noted elsewhere.
func (v validator) match(part any, pattern *regexp.Regexp, what, text, rule string) bool {
	if text == "" || pattern.MatchString(text) {
		return true
	}
	v.form(v.source.at(part), "%s %s is not possible; %s", what, quote(text), rule)
	return false
}

// word notes a word that is none of the known ones.
func word[T ~string](v validator, part any, what string, text T, known ...T) {
	if text == "" || slices.Contains(known, text) {
		return
	}
	words := make([]string, len(known))
	for i, k := range known {
		words[i] = string(k)
	}
	v.form(v.source.at(part), "%s %s is not known; %s", what, quote(string(text)), suggest(string(text), words))
}

func (v validator) dataset() {
	m := v.m
	v.match(m, namePattern, "dataset name", m.Dataset, nameRule)
	v.match(m, namePattern, "place", m.Place, nameRule)
	if h := m.Hosting; h != nil {
		v.match(h, countryPattern, "country", h.Country, "write its two letters of ISO 3166, such as DE")
		if m.Place != "" {
			v.form(v.source.at(h), "the map has both place and hosting; keep place if the configuration declares that place, otherwise hosting")
		}
	}
}

func (v validator) workspace() {
	w := v.m.Workspace
	root := &v.m.Workspace
	v.match(root, columnPattern, "workspace column", w.Column, columnRule)
	switch {
	case w.Column != "" && (w.Collection != "" || w.Key != "" || w.Name != "") && !v.hasForm():
		v.form(v.source.at(root), "workspace has both column and collection; name one of them")
	case w.Column == "" && w.Collection == "" && !v.hasForm():
		v.form(v.source.at(root), "the map does not say what a workspace is; add `workspace: {collection: …, key: …}` or `workspace: {column: …}`")
	case w.Collection != "":
		c := v.known(root, "workspace", w.Collection)
		v.hasColumns(root, c, "workspace", w.Key, w.Name)
	}
}

func (v validator) subject(k *SubjectKind) {
	v.match(k, namePattern, "subject kind", k.Kind, nameRule)
	word(v, k, "span", k.Span, SpanWorkspace, SpanAll)
	c := v.known(k, "subject kind "+quote(k.Kind), k.Collection)
	v.hasColumns(k, c, "subject kind "+quote(k.Kind), k.Key, k.Name, k.MergedInto)
	for _, i := range k.Identities {
		v.match(k, namePattern, "identity kind", i.Kind, nameRule)
		v.match(k, pathPattern, "path", i.JSONPath, pathRule)
		v.hasColumns(k, c, "identity "+quote(i.Kind), i.Column)
	}
}

// known gives the collection of that name, or notes that there is none.
func (v validator) known(part any, what, name string) *Collection {
	if name == "" {
		return nil
	}
	c := v.m.collection(name)
	if c == nil {
		v.sense(part, "%s names collection %s, which is not in this map; %s", what, quote(name), suggest(name, v.m.collectionNames()))
	}
	return c
}

// hasColumns notes columns that are not fields of c. The column by which the
// dataset names its workspace need not be one.
func (v validator) hasColumns(part any, c *Collection, what string, columns ...string) {
	if c == nil {
		return
	}
	for _, col := range columns {
		if col == "" || c.field(col) != nil || col == v.m.Workspace.Column {
			continue
		}
		v.sense(part, "%s names column %s, which is not a field of collection %s; %s, or add it to the fields",
			what, quote(col), quote(c.Name), suggest(col, c.columns()))
	}
}

// tables notes tables that are claimed twice.
func (v validator) tables() {
	first := map[string]*Collection{}
	for _, c := range v.m.Collections {
		key := tableKey(c.Table)
		if other := first[key]; other != nil && (c.Where == "" || other.Where == "") {
			v.sense(c, "collections %s and %s both take all of table %s; give each a `where` that picks its rows", quote(other.Name), quote(c.Name), quote(c.Table))
		}
		first[key] = c
	}
	ignored := map[string]bool{}
	for _, t := range v.m.Ignored {
		at := ignoredKey(t.Table)
		v.match(at, tablePattern, "table", t.Table, tableRule)
		if c := first[tableKey(t.Table)]; c != nil {
			v.sense(at, "table %s is ignored but collection %s has it; remove one of them", quote(t.Table), quote(c.Name))
		}
		if ignored[tableKey(t.Table)] {
			v.sense(at, "table %s is ignored twice; keep one", quote(t.Table))
		}
		ignored[tableKey(t.Table)] = true
		if t.Reason == "" && !v.hasForm() {
			v.form(v.source.at(at), "table %s is ignored without a reason; say why it holds nothing of a workspace's", quote(t.Table))
		}
	}
}

// tableKey makes the two ways to write a table of the default schema equal.
func tableKey(table string) string { return strings.TrimPrefix(table, "public.") }

func (m *Map) collectionNames() []string {
	var names []string
	for _, c := range m.Collections {
		names = append(names, c.Name)
	}
	return names
}

func (c *Collection) columns() []string {
	var names []string
	for _, f := range c.Fields {
		names = append(names, f.Column)
	}
	return names
}
