package datamap

import (
	"fmt"
	"slices"
	"strings"
)

// Check compares a map with the database that it describes. Tables that one of
// the others maps or ignores are known too: datasets may share a database.
// Findings come in the map's order, then unknown tables by name; without any
// the map covers the database.
func Check(g *Graph, c Catalog, others ...*Graph) []Finding {
	k := newChecker(g, c, others)
	k.tryErasures()
	for _, col := range g.Map.Collections {
		k.collection(col)
	}
	k.loops()
	for _, p := range k.problems {
		k.erasure(p)
	}
	k.unknownTables()
	k.foreignKeys()
	return k.findings
}

type checker struct {
	g        *Graph
	catalog  Catalog
	dialect  string
	tables   map[string]*Table
	names    []string // of tables, sorted
	parts    map[string][]*Table
	mapped   map[string][]*Collection
	known    map[string]bool // mapped or ignored, also by others
	findings []Finding
	indexes  map[string]bool // statements already printed
	readings []Reading
	forEach  string          // of the readings that are found now
	goes     map[string]bool // tables from which an erasure deletes rows; nil: nobody has looked
	problems []Problem       // of erasures
}

func newChecker(g *Graph, c Catalog, others []*Graph) *checker {
	k := &checker{
		g: g, catalog: c, dialect: c.Dialect, tables: map[string]*Table{}, parts: map[string][]*Table{},
		mapped: map[string][]*Collection{}, known: map[string]bool{}, indexes: map[string]bool{},
	}
	for i := range c.Tables {
		t := &c.Tables[i]
		key := k.tableKey(t.full())
		k.tables[key] = t
		k.names = append(k.names, key)
		if t.Parent != "" {
			k.parts[k.tableKey(t.Parent)] = append(k.parts[k.tableKey(t.Parent)], t)
		}
	}
	slices.Sort(k.names)
	for _, col := range g.Map.Collections {
		k.mapped[k.tableKey(col.Table)] = append(k.mapped[k.tableKey(col.Table)], col)
	}
	for _, x := range append([]*Graph{g}, others...) {
		for _, col := range x.Map.Collections {
			k.known[k.tableKey(col.Table)] = true
		}
		for _, t := range x.Map.Ignored {
			k.known[k.tableKey(t.Table)] = true
		}
	}
	return k
}

func (t *Table) full() string {
	if t.Schema == "" {
		return t.Name
	}
	return t.Schema + "." + t.Name
}

func (t *Table) column(name string) *Column {
	for i := range t.Columns {
		if t.Columns[i].Name == name {
			return &t.Columns[i]
		}
	}
	return nil
}

func (t *Table) columnNames() []string {
	var names []string
	for _, c := range t.Columns {
		names = append(names, c.Name)
	}
	return names
}

func (k *checker) tableKey(table string) string { return catalogKey(k.dialect, table) }

// catalogKey makes the ways to write a table of the default schema equal.
func catalogKey(dialect, table string) string {
	if dialect == DialectSQLite {
		return strings.TrimPrefix(table, "main.")
	}
	return tableKey(table)
}

func (k *checker) table(c *Collection) *Table { return k.tables[k.tableKey(c.Table)] }

func (k *checker) add(f Finding, message, remedy string) {
	f.Message, f.Remedy = message, remedy
	k.findings = append(k.findings, f)
}

func (k *checker) collection(c *Collection) {
	t := k.table(c)
	if t == nil {
		k.add(Finding{Code: MissingTable, Collection: c.Name, Table: c.Table, Fatal: true},
			fmt.Sprintf("Collection %s reads table %s, which the database does not have.", c.Name, c.Table),
			fmt.Sprintf("Mend `table:`, or remove the collection; %s", suggest(c.Table, k.names)))
		return
	}
	if t.View {
		k.add(Finding{Code: ViewMapped, Collection: c.Name, Table: c.Table},
			fmt.Sprintf("Collection %s reads the view %s, from which no row can be erased.", c.Name, c.Table),
			"Map the tables beneath the view instead.")
	}
	k.columns(c, t)
	k.key(c, t)
	k.formats(c, t)
	for _, l := range c.Links {
		k.types(c, t, l)
		k.index(c, l)
	}
	k.workspaceIndex(c, t)
	k.nullable(c, t)
	k.clock(c, t)
}

func (k *checker) columns(c *Collection, t *Table) {
	for _, col := range t.Columns {
		if c.field(col.Name) == nil && col.Name != k.g.Map.Workspace.Column {
			k.add(Finding{Code: UnknownColumn, Collection: c.Name, Table: c.Table, Column: col.Name, Fatal: true},
				fmt.Sprintf("Column %s of table %s is not in the map.", col.Name, c.Table),
				fmt.Sprintf("Say what it holds; add to the fields of collection %s:\n      %s: <category, or secret, or internal>", c.Name, yamlKey(col.Name)))
		}
	}
	for _, name := range c.needed() {
		if t.column(name) == nil {
			k.add(Finding{Code: MissingColumn, Collection: c.Name, Table: c.Table, Column: name, Fatal: true},
				fmt.Sprintf("Collection %s names column %s, which table %s does not have.", c.Name, name, c.Table),
				fmt.Sprintf("Mend its name, or remove it from the map; %s", suggest(name, t.columnNames())))
		}
	}
}

// needed gives every column that the map names for a collection, once.
func (c *Collection) needed() []string {
	names := c.columns()
	for _, col := range c.Key {
		if !slices.Contains(names, col) {
			names = append(names, col)
		}
	}
	for _, l := range c.Links {
		for _, p := range l.On {
			if !slices.Contains(names, p.Column) {
				names = append(names, p.Column)
			}
		}
	}
	return names
}

func (k *checker) key(c *Collection, t *Table) {
	if len(t.Key) == 0 || !slices.ContainsFunc(t.Key, func(col string) bool { return !slices.Contains(c.Key, col) }) {
		return
	}
	k.add(Finding{Code: KeyMismatch, Collection: c.Name, Table: c.Table, Fatal: true},
		fmt.Sprintf("The key of collection %s is (%s), but table %s tells rows apart by (%s).", c.Name, strings.Join(c.Key, ", "), c.Table, strings.Join(t.Key, ", ")),
		fmt.Sprintf("Write `key: [%s]`.", strings.Join(t.Key, ", ")))
}

func (k *checker) loops() {
	for _, l := range k.g.sortedLoops() {
		k.add(Finding{Code: LoopingLink, Collection: l.start.Name, Table: l.start.Table},
			fmt.Sprintf("The belongs links of collection %s come back to %s, and such a circle is followed only once.", l.start.Name, l.again),
			"Say relation mentions for the link that closes the circle, unless rows are nested in each other; then give the collection a plain link to the workspace or the person.")
	}
}

func (k *checker) unknownTables() {
	for _, name := range k.names {
		t := k.tables[name]
		if t.View || t.Partition || k.known[name] {
			continue
		}
		k.add(Finding{Code: UnknownTable, Table: name, Fatal: true},
			fmt.Sprintf("Table %s is not in the map.", name), k.draft(name, t))
	}
}

// draft gives the lines that would map or ignore a table. Categories are left
// open: somebody has to look.
func (k *checker) draft(name string, t *Table) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Map it; add to collections:\n  %s:\n", collectionName(t.Name))
	if collectionName(t.Name) != name {
		fmt.Fprintf(&b, "    table: %s\n", yamlKey(name))
	}
	if len(t.Key) > 0 {
		fmt.Fprintf(&b, "    key: [%s]\n", strings.Join(t.Key, ", "))
	}
	b.WriteString("    fields:\n")
	for i, c := range t.Columns {
		if i == 40 {
			fmt.Fprintf(&b, "      # and %d more\n", len(t.Columns)-i)
			break
		}
		fmt.Fprintf(&b, "      %s: <category, or secret, or internal>\n", yamlKey(c.Name))
	}
	for _, fk := range t.ForeignKeys {
		for _, target := range k.mapped[k.tableKey(fk.Table)] {
			fmt.Fprintf(&b, "    links:\n      - %s\n", draftLink(target.Name, fk))
		}
	}
	fmt.Fprintf(&b, "or, if it holds nothing of a workspace's or a person's, add to ignored:\n  %s: <reason>", yamlKey(name))
	return b.String()
}

func draftLink(to string, fk ForeignKey) string {
	var on []string
	for i, col := range fk.Columns {
		on = append(on, yamlKey(col)+": "+yamlKey(fk.Targets[i]))
	}
	return fmt.Sprintf("{to: %s, on: {%s}, relation: <belongs or mentions>}", to, strings.Join(on, ", "))
}

// collectionName turns a table's name into one that a collection may have.
func collectionName(table string) string {
	name := strings.Map(func(r rune) rune {
		if r < 0x80 && (isLetter(byte(r)) || r >= '0' && r <= '9' || r == '-') {
			return r
		}
		return '_'
	}, table)
	if name == "" || !isLetter(name[0]) || name[0] == '_' {
		name = "t" + name
	}
	return name[:min(len(name), 63)]
}

// yamlKey quotes a name that YAML would read as something else.
func yamlKey(name string) string {
	if namePattern.MatchString(strings.ReplaceAll(name, ".", "_")) && !slices.Contains([]string{"true", "false", "null", "on", "off", "yes", "no", "y", "n"}, strings.ToLower(name)) {
		return name
	}
	return "'" + strings.ReplaceAll(name, "'", "''") + "'"
}
