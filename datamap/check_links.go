package datamap

import (
	"fmt"
	"slices"
	"strings"
)

// types notes columns that a link joins although their types differ.
func (k *checker) types(c *Collection, t *Table, l *Link) {
	target := k.g.Map.collection(l.To)
	other := k.table(target)
	for _, p := range l.On {
		from := t.column(p.Column)
		if from == nil {
			continue
		}
		f := Finding{Code: TypeMismatch, Collection: c.Name, Table: c.Table, Column: p.Column}
		if p.JSONPath != "" {
			if !holdsJSON(familyOf(from.Type)) {
				f.Fatal = true
				k.add(f, fmt.Sprintf("The link of collection %s to %s looks for %s inside column %s, whose type is %s.", c.Name, l.To, p.JSONPath, p.Column, from.Type),
					"Leave out `path`, or name the column that holds the JSON.")
			}
			continue
		}
		if other == nil || other.column(p.Target) == nil {
			continue
		}
		if to := other.column(p.Target); !joinable(familyOf(from.Type), familyOf(to.Type)) {
			k.add(f, fmt.Sprintf("The link of collection %s to %s joins %s (%s) with %s (%s): they are compared as text, for which no index serves.",
				c.Name, l.To, p.Column, from.Type, p.Target, to.Type),
				"Give both columns the same type, or mend `on:`.")
		}
	}
}

func (k *checker) formats(c *Collection, t *Table) {
	for _, f := range c.Fields {
		col := t.column(f.Column)
		if col == nil || fits(f.Format, familyOf(col.Type)) {
			continue
		}
		k.add(Finding{Code: FormatMismatch, Collection: c.Name, Table: c.Table, Column: f.Column, Fatal: true},
			fmt.Sprintf("Column %s of collection %s has the format %s, which its type %s cannot hold.", f.Column, c.Name, f.Format, col.Type),
			"Leave out `format`, or choose one that fits the type.")
	}
}

// index notes a link whose rows an erasure could only find by reading a whole
// table: an index is needed on the side that refers to the other.
func (k *checker) index(c *Collection, l *Link) {
	target := k.g.Map.collection(l.To)
	if l.Relation == Mentions && l.Disposition == nil && k.stays(target.Table) {
		return
	}
	side, columns := c, make([]string, 0, len(l.On))
	reversed := l.reversed(c, target)
	if reversed {
		side = target
	}
	for _, p := range l.On {
		switch {
		case p.JSONPath != "":
			return // no index of a catalogue tells of a path
		case reversed:
			columns = append(columns, p.Target)
		default:
			columns = append(columns, p.Column)
		}
	}
	var kinds []string
	if !reversed {
		for _, w := range l.When {
			kinds = append(kinds, w.Column)
		}
	}
	if t := k.table(side); t != nil {
		k.needIndex(side, t, columns, kinds, fmt.Sprintf("to follow the link of collection %s to %s", c.Name, l.To))
	}
}

func (k *checker) workspaceIndex(c *Collection, t *Table) {
	if w := k.g.Map.Workspace.Column; w != "" && c.names(w) && !slices.ContainsFunc(t.allIndexes(), func(idx []string) bool { return idx[0] == w }) {
		k.needIndex(c, t, []string{w}, nil, "to find a workspace's rows")
	}
}

func (t *Table) allIndexes() [][]string {
	all := slices.Clone(t.Indexes)
	if len(t.Key) > 0 {
		all = append(all, t.Key)
	}
	return slices.DeleteFunc(all, func(idx []string) bool { return len(idx) == 0 })
}

// needIndex notes that a table has no index that leads to the columns. Type
// columns, those of `where` and the workspace's column may stand before them.
func (k *checker) needIndex(c *Collection, t *Table, columns, kinds []string, why string) {
	if t.View || slices.ContainsFunc(columns, func(col string) bool { return t.column(col) == nil }) {
		return
	}
	wanted := slices.DeleteFunc(slices.Clone(columns), func(col string) bool { return col == k.g.Map.Workspace.Column && len(columns) > 1 })
	pass := append(conditionColumns(c.Where), k.g.Map.Workspace.Column)
	pass = append(pass, kinds...)
	if k.served(t, wanted, pass) {
		return
	}
	statement := k.createIndex(c.Table, t, append(slices.Clone(kinds), columns...), func(part *Table) bool { return k.served(part, wanted, pass) })
	reading := Reading{Collection: c.Name, Table: t.full(), Statement: statement, Rows: k.rows(t), ForEach: k.forEach}
	if reading.Collection == "" {
		reading.Collection = k.nameOf(c.Table)
	}
	if !slices.Contains(k.readings, reading) {
		k.readings = append(k.readings, reading)
	}
	if k.indexes[statement] {
		return
	}
	k.indexes[statement] = true
	k.add(Finding{Code: UnindexedLink, Collection: c.Name, Table: c.Table, Column: wanted[0]},
		fmt.Sprintf("Table %s has no index on (%s), which an erasure needs %s.", c.Table, strings.Join(wanted, ", "), why), statement)
}

// served tells whether an index of the table, or of every one of its
// partitions, leads to the columns.
func (k *checker) served(t *Table, columns, pass []string) bool {
	for _, idx := range t.allIndexes() {
		rest := slices.DeleteFunc(slices.Clone(idx), func(col string) bool {
			return slices.Contains(pass, col) && !slices.Contains(columns, col)
		})
		if len(rest) >= len(columns) && !slices.ContainsFunc(rest[:len(columns)], func(col string) bool { return !slices.Contains(columns, col) }) {
			return true
		}
	}
	parts := k.parts[k.tableKey(t.full())]
	return len(parts) > 0 && !slices.ContainsFunc(parts, func(part *Table) bool { return !k.served(part, columns, pass) })
}

// nameOf is the collection of a table, or the table where none has it.
func (k *checker) nameOf(table string) string {
	if list := k.mapped[k.tableKey(table)]; len(list) > 0 {
		return list[0].Name
	}
	return table
}

// rows is how many rows a table has with its partitions.
func (k *checker) rows(t *Table) int64 {
	var parts int64
	for _, part := range k.parts[k.tableKey(t.full())] {
		parts += k.rows(part)
	}
	return max(t.Rows, parts)
}

// createIndex gives the statement that makes an index. PostgreSQL cannot make
// one concurrently on a partitioned table, but takes over those of its
// partitions.
func (k *checker) createIndex(table string, t *Table, columns []string, served func(*Table) bool) string {
	var quoted []string
	for _, c := range columns {
		quoted = append(quoted, sqlName(c))
	}
	list := strings.Join(quoted, ", ")
	if k.dialect == DialectSQLite {
		return fmt.Sprintf("CREATE INDEX %s ON %s (%s);", sqlName(t.Name+"_"+strings.Join(columns, "_")+"_idx"), sqlTable(table), list)
	}
	parts := k.parts[k.tableKey(t.full())]
	if len(parts) == 0 {
		return fmt.Sprintf("CREATE INDEX CONCURRENTLY ON %s (%s);", sqlTable(table), list)
	}
	var b strings.Builder
	for _, part := range parts {
		if !served(part) {
			fmt.Fprintf(&b, "CREATE INDEX CONCURRENTLY ON %s (%s);\n", sqlTable(k.tableKey(part.full())), list)
		}
	}
	fmt.Fprintf(&b, "CREATE INDEX ON %s (%s);", sqlTable(table), list)
	return b.String()
}

// clock notes a retention clock that reads columns which are no times.
func (k *checker) clock(c *Collection, t *Table) {
	if c.Clock == nil {
		return
	}
	for _, name := range []string{c.Clock.ResolvedAt, c.Clock.LastActivity} {
		col, f := t.column(name), c.field(name)
		if col == nil || f != nil && f.Format != FormatPlain {
			continue
		}
		if typ := familyOf(col.Type); typ == familyTime || typ == familyText || typ == familyAny {
			continue
		}
		k.add(Finding{Code: BlockedErasure, Collection: c.Name, Table: c.Table, Column: name},
			fmt.Sprintf("The clock of collection %s reads column %s, whose type %s is no time.", c.Name, name, col.Type),
			"Name a column that holds a time, or say its format: unix_seconds, unix_millis or unix_micros.")
	}
}

// nullable notes a collection whose rows may say nothing of where they belong.
func (k *checker) nullable(c *Collection, t *Table) {
	columns := k.mayBeNull(c, t)
	told := conditionColumns(c.Where)
	if !slices.ContainsFunc(columns, func(name string) bool { return !slices.Contains(told, name) }) {
		return
	}
	message := fmt.Sprintf("Column %s of table %s may be NULL, and such a row belongs to no workspace: exports and deletions pass it over.", columns[0], c.Table)
	remedy := "Make the column NOT NULL"
	if len(columns) > 1 {
		message = fmt.Sprintf("Columns %s of table %s may all be NULL, and such a row belongs to no workspace: exports and deletions pass it over.",
			strings.Join(columns, ", "), c.Table)
		remedy = "Make one of the columns NOT NULL"
	}
	var conditions []string
	for _, name := range columns {
		conditions = append(conditions, sqlName(name)+" is not null")
	}
	remedy += fmt.Sprintf("; or add to collection %s `where: %s` if such rows are nobody's", c.Name, strings.Join(conditions, " or "))
	if k.hasOtherWays(c) {
		remedy += "; or mark the link `optional: true` if another belongs link holds for them"
	}
	k.add(Finding{Code: NullableLink, Collection: c.Name, Table: c.Table, Column: columns[0]}, message, remedy+".")
}

// hasOtherWays tells whether links are disregarded because a plain one to the
// workspace decides.
func (k *checker) hasOtherWays(c *Collection) bool {
	plain := slices.ContainsFunc(c.Links, func(l *Link) bool { return k.g.Map.namesWorkspace(l) && !l.Optional })
	other := slices.ContainsFunc(c.Links, func(l *Link) bool { return l.Relation == Belongs && !k.g.Map.namesWorkspace(l) })
	return plain && other
}

// mayBeNull gives the columns by which alone a row is in its workspace, one for
// each way, when all of them can be NULL.
func (k *checker) mayBeNull(c *Collection, t *Table) []string {
	var found []string
	for _, r := range k.g.workspace[c.Name] {
		columns := r.columns
		if len(r.hops) > 0 {
			if len(r.hops[0].Link.When) > 0 {
				return nil
			}
			columns = nil
			for _, p := range r.hops[0].Link.On {
				columns = append(columns, p.Column)
			}
		}
		i := slices.IndexFunc(columns, func(name string) bool {
			col := t.column(name)
			return col == nil || col.Nullable && !slices.Contains(t.Key, name)
		})
		if i < 0 {
			return nil
		}
		if !slices.Contains(found, columns[i]) {
			found = append(found, columns[i])
		}
	}
	return found
}

// foreignKeys notes references that the database guards and the map does not
// tell: an erasure would stumble over them.
func (k *checker) foreignKeys() {
	for _, name := range k.names {
		t := k.tables[name]
		if t.Partition {
			continue
		}
		for _, fk := range t.ForeignKeys {
			k.foreignKey(name, fk)
		}
	}
}

func (k *checker) foreignKey(name string, fk ForeignKey) {
	ours, theirs := k.mapped[name], k.mapped[k.tableKey(fk.Table)]
	if len(theirs) == 0 || len(fk.Columns) == 0 || len(fk.Columns) != len(fk.Targets) {
		return
	}
	f := Finding{Table: name, Column: fk.Columns[0]}
	switch {
	case len(ours) == 0 && k.known[name] && k.stays(fk.Table), len(ours) == 0 && fk.lets():
	case len(ours) == 0 && k.known[name]:
		f.Code = IgnoredReferrer
		k.add(f, fmt.Sprintf("Table %s is ignored, but its foreign key (%s) refers to collection %s and would block the deletion of a row there.", name, strings.Join(fk.Columns, ", "), theirs[0].Name),
			"Map the table, so that an erasure knows what to do with its rows.")
	case len(ours) > 0 && !told(ours, theirs, fk):
		f.Code, f.Collection = UnmappedLink, ours[0].Name
		k.add(f, fmt.Sprintf("The foreign key (%s) of table %s refers to collection %s, and the map has no link for it.", strings.Join(fk.Columns, ", "), name, theirs[0].Name),
			fmt.Sprintf("Add to the links of collection %s:\n      - %s", ours[0].Name, draftLink(theirs[0].Name, fk)))
	}
}

// told tells whether a link in either direction joins a foreign key's columns.
func told(ours, theirs []*Collection, fk ForeignKey) bool {
	for _, a := range ours {
		for _, b := range theirs {
			if a.joins(b.Name, fk.Columns, fk.Targets) || b.joins(a.Name, fk.Targets, fk.Columns) {
				return true
			}
		}
	}
	return false
}

// joins tells whether a link to another collection holds all these pairs.
func (c *Collection) joins(to string, columns, targets []string) bool {
	return slices.ContainsFunc(c.Links, func(l *Link) bool {
		if l.To != to {
			return false
		}
		for i := range columns {
			if !slices.Contains(l.On, ColumnPair{Column: columns[i], Target: targets[i]}) {
				return false
			}
		}
		return true
	})
}
