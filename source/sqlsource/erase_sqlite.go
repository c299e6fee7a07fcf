package sqlsource

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ncruces/go-sqlite3"

	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/store/sqldb"
)

// rowidColumn is what the rowid is called beside a table's columns.
const rowidColumn = "privacyd rowid"

// shape is what names a row of an SQLite table: its rowid or, in a table
// WITHOUT ROWID, its primary key.
type shape struct {
	rowid string // the name by which it can be had; empty: there is none
	key   []string
}

func (s shape) extra() []string {
	if s.rowid == "" {
		return nil
	}
	return []string{s.rowid + " AS " + identifier(rowidColumn)}
}

func (s shape) names(alias string) []string {
	if s.rowid == "" {
		return namedAll(alias, s.key)
	}
	return []string{named(alias, rowidColumn)}
}

// own are the same columns of the table itself.
func (s shape) own(alias string) []string {
	if s.rowid == "" {
		return namedAll(alias, s.key)
	}
	return []string{alias + "." + s.rowid}
}

// sqliteRowset finds the rows of a step in chunks. By the time that rows go
// others may have changed them, or new rows may have taken their places: a row
// counts only while what it was found by is the same.
type sqliteRowset struct {
	e     *Eraser
	step  *datamap.Step
	files func(context.Context, []datamap.File) error
	along func(*datamap.Step, int64)

	seen []string // columns that the step's rows were found by
}

func (q *sqliteRowset) harvest(ctx context.Context, h *harvester) error {
	k := &cursor{limit: q.e.chunk}
	for {
		rows, err := q.chunk(ctx, h, k)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if err := h.add(r.row, r.values); err != nil {
				return err
			}
		}
		if err := h.end(); err != nil || !k.full {
			return err
		}
		k.next()
	}
}

func (q *sqliteRowset) close() {}

// settled leaves that to a harvest, which takes as little.
func (q *sqliteRowset) settled(context.Context, *harvester) (bool, error) { return false, nil }

// found is a row and the columns behind those that name it.
type found struct {
	row    row
	values [][]byte
}

// chunk copies rows out, so that nothing is open while they go.
func (q *sqliteRowset) chunk(ctx context.Context, h *harvester, k *cursor) (rows []found, err error) {
	s, err := q.e.source.lazily(ctx, q.e.tables)
	if err != nil {
		return nil, err
	}
	defer s.Close() //nolint:errcheck // nothing was written
	if err := q.learn(ctx, s); err != nil {
		return nil, err
	}
	k.shape = q.e.facts.shape(q.step.Collection.Table)
	h.links = selfLinks(q.step, q.e.facts.referrers(q.step.Collection.Table))
	k.whole = h.inOrder()
	b := s.builder(ctx)
	keys := 0
	query := func(names, further []string) (string, error) {
		keys = len(names) + len(q.seen)
		return h.query(b, append(names, namedAll("r", q.seen)...), further...)
	}
	err = k.read(ctx, s, b, query, func(s *sqlite3.Stmt) (int, error) {
		f := found{row: row{key: make([]any, keys)}}
		for i := range f.row.key {
			f.row.key[i] = anyColumn(s, i)
		}
		size := sizeOf(f.row.key)
		for i := keys; i < h.columns; i++ {
			value, _ := plainColumn(s, i, nil)
			if value != nil {
				value = append([]byte{}, value...)
			}
			f.values = append(f.values, value)
			size += len(value)
		}
		if rows = append(rows, f); k.whole && len(rows) > h.limit {
			return size, errTooMany
		}
		return size, nil
	})
	return rows, err
}

// learn reads once what has to be known of the tables that the step touches.
func (q *sqliteRowset) learn(ctx context.Context, s *Snapshot) error {
	r, ok := s.reader.(*sqliteReader)
	if !ok {
		return fmt.Errorf("read the tables: the snapshot is not one of SQLite")
	}
	if err := q.e.learnSQLite(ctx, r, q.step); err != nil {
		return err
	}
	q.seen = seenColumns(q.step, q.e.facts.shape(q.step.Collection.Table))
	return nil
}

// seenColumns are the columns of a row that decide whether it is in a step.
func seenColumns(step *datamap.Step, s shape) []string {
	var names []string
	for _, condition := range slices.Concat(step.All, step.Except) {
		names = appendNew(names, conditionColumns(condition)...)
	}
	for _, f := range step.Files {
		names = appendNew(names, f.Column)
	}
	if s.rowid != "" {
		return names
	}
	return slices.DeleteFunc(names, func(name string) bool { return slices.Contains(s.key, name) })
}

// conditionColumns are the row's own columns that a condition looks at.
func conditionColumns(condition datamap.Condition) (names []string) {
	for _, p := range condition.Any {
		names = append(names, pathColumns(p)...)
	}
	return names
}

func pathColumns(p datamap.Path) (names []string) {
	for _, hop := range p.Hops {
		for _, pair := range hop.Link.On {
			if !hop.Reverse || hop.Recursive {
				names = append(names, pair.Column)
			}
			if hop.Reverse || hop.Recursive {
				names = append(names, pair.Target)
			}
		}
		for _, w := range hop.Link.When {
			if !hop.Reverse || hop.Recursive {
				names = append(names, w.Column)
			}
		}
		if !hop.Recursive {
			return names
		}
	}
	if p.Column != "" {
		names = append(names, p.Column)
	}
	if p.Keys != nil {
		names = append(names, p.Keys.Columns...)
	}
	if p.Rows != nil {
		for _, condition := range slices.Concat(p.Rows.All, p.Rows.Except) {
			names = append(names, conditionColumns(condition)...)
		}
	}
	return names
}

func sizeOf(key []any) (n int) {
	for _, v := range key {
		switch v := v.(type) {
		case string:
			n += len(v)
		case []byte:
			n += len(v)
		default:
			n += 8
		}
	}
	return n
}

func (q *sqliteRowset) change(ctx context.Context, tx statements, rows []row) (int64, error) {
	keys := make([][]any, len(rows))
	for i := range rows {
		keys[i] = rows[i].key
	}
	ch := &changer{
		builder: q.e.builder(ctx), ctx: ctx, tx: tx, files: q.files, along: q.along,
		pick: func(c *datamap.Collection, rows [][]any) ([]picks, error) { return []picks{q.picks(c, nil, rows)}, nil },
		name: func(c *datamap.Collection, alias string) ([]string, error) {
			var names []string
			for _, n := range q.e.facts.shape(c.Table).names(alias) {
				names = append(names, "coalesce("+n+", NULL)") // so that the driver makes no times of them
			}
			return names, nil
		},
		extraOf:   func(c *datamap.Collection) []string { return q.e.facts.shape(c.Table).extra() },
		referrers: func(c *datamap.Collection) []foreignKey { return q.e.facts.referrers(c.Table) },
	}
	return ch.apply(q.step, q.picks(q.step.Collection, q.seen, keys), nil)
}

// picks gives the keys, and what the rows were found by, as one document.
func (q *sqliteRowset) picks(c *datamap.Collection, seen []string, keys [][]any) picks {
	sh, b := q.e.facts.shape(c.Table), &builder{dialect: sqldb.SQLite, extra: q.e.facts.shape(c.Table).extra()}
	names := len(sh.names("t"))
	doc := newValueList(names + len(seen))
	for _, k := range keys {
		doc.add(k)
	}
	values := doc.expressions("k.value")
	match := equal(sh.names("t"), values[:names])
	for i, name := range seen {
		match += " AND " + named("t", name) + " IS " + values[names+i]
	}
	table := "json_each(?1) AS k CROSS JOIN " + b.inner(c, "t") + " ON " + match
	list := strings.Join(sh.names("t"), ", ") + " FROM " + table
	if len(seen) == 0 && c.Where == "" { // what names a row decides alone
		list = strings.Join(values, ", ") + " FROM json_each(?1) AS k"
	}
	return picks{
		target: tableName(c.Table) + " AS r", count: len(keys), args: []any{doc.String()},
		in: func(alias string) string { return tuple(sh.own(alias)) + " IN (SELECT " + list + ")" },
		from: func(alias string) string {
			return "(SELECT t.*, k.key AS " + identifier(rowName) + " FROM " + table + ") AS " + alias
		},
		update: func(columns []column, texts []rowTexts, set []string) (string, []any, error) {
			return sqliteUpdate(c, sh, table, columns, texts, set, doc.String())
		},
	}
}

func sqliteUpdate(c *datamap.Collection, sh shape, table string, columns []column, texts []rowTexts, set []string, keys string) (string, []any, error) {
	doc := newValueList(1 + len(columns))
	for _, t := range texts {
		place, err := strconv.ParseInt(t.name, 10, 64)
		if err != nil {
			return "", nil, fmt.Errorf("read a row's place: %w", err)
		}
		values := []any{place}
		for _, text := range t.texts {
			values = append(values, text)
		}
		doc.add(values)
	}
	values := doc.expressions("n.value")
	var what, theirs []string
	set = slices.Clone(set)
	for i, name := range sh.names("t") {
		what = append(what, name+" AS k"+strconv.Itoa(i))
		theirs = append(theirs, "v.k"+strconv.Itoa(i))
	}
	for i, col := range columns {
		what = append(what, values[1+i]+" AS d"+strconv.Itoa(i))
		set = append(set, identifier(col.name)+" = v.d"+strconv.Itoa(i))
	}
	return "UPDATE " + tableName(c.Table) + " AS r SET " + strings.Join(set, ", ") + " FROM (SELECT " + strings.Join(what, ", ") +
		" FROM json_each(?2) AS n CROSS JOIN " + strings.Replace(table, " AS k CROSS JOIN ", " AS k ON k.key = "+values[0]+" CROSS JOIN ", 1) +
		") AS v WHERE " + equal(sh.own("r"), theirs), []any{keys, doc.String()}, nil
}
