package sqlsource

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
)

// tid is where a version of a row lies in its table. As long as the snapshot
// that showed it is open no other row can come to lie there, and a change of
// the row puts it elsewhere: what is found at the place is what was seen.
type tid struct {
	block  uint32
	offset uint16
}

func (t tid) append(dst []byte) []byte {
	dst = strconv.AppendUint(append(dst, '('), uint64(t.block), 10)
	dst = strconv.AppendUint(append(dst, ','), uint64(t.offset), 10)
	return append(dst, ')')
}

func parseTID(text string) (tid, error) {
	block, offset, ok := strings.Cut(strings.Trim(text, "()"), ",")
	b, err := strconv.ParseUint(block, 10, 32)
	o, err2 := strconv.ParseUint(offset, 10, 16)
	if !ok || err != nil || err2 != nil {
		return tid{}, fmt.Errorf("read a row's place: %w", errMalformed)
	}
	return tid{uint32(b), uint16(o)}, nil
}

// tableColumn is the column that tells in which partition a row is.
const tableColumn = "privacyd table"

// pgExtra are the names of a row, beside its columns.
func pgExtra() []string {
	return []string{"tableoid AS " + identifier(tableColumn), "ctid AS " + identifier(rowName)}
}

// pgRowset streams the rows of a step from one snapshot, which stays open, and
// deletes or changes them by where they lie.
type pgRowset struct {
	e    *Eraser
	step *datamap.Step
	// files is the run's callback.
	files func(context.Context, []datamap.File) error

	leaves map[uint32]string // names of tables and partitions, quoted
	keys   map[string][]foreignKey
}

func (p *pgRowset) harvest(ctx context.Context, h *harvester) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	s, err := p.e.source.snapshot(ctx, p.e.tables)
	if err != nil {
		return err
	}
	defer s.Close() //nolint:errcheck // nothing was written
	if err := p.learn(ctx, s); err != nil {
		return err
	}
	h.links = selfLinks(p.step, p.keys[p.step.Collection.Table])
	b := s.builder(ctx)
	b.extra = pgExtra()
	query, err := h.query(b, []string{named("r", tableColumn), named("r", rowName)})
	if err != nil {
		return err
	}
	err = s.reader.values(ctx, query, h.columns, func(values [][]byte) error {
		r := row{table: binary.BigEndian.Uint32(values[0]), tid: tid{binary.BigEndian.Uint32(values[1]), binary.BigEndian.Uint16(values[1][4:])}}
		return h.add(r, values[2:])
	})
	if err == nil {
		err = h.end()
	}
	return err
}

// leavesQuery lists a table and all that it consists of.
const leavesQuery = `WITH RECURSIVE tree(oid) AS (
  SELECT to_regclass(%s)::oid UNION SELECT i.inhrelid FROM tree JOIN pg_inherits i ON i.inhparent = tree.oid
) SELECT c.oid, c.relkind::text, quote_ident(n.nspname) || '.' || quote_ident(c.relname)
FROM tree JOIN pg_class c ON c.oid = tree.oid JOIN pg_namespace n ON n.oid = c.relnamespace`

// referrersQuery lists what refers to a table, and what the database does with
// it by itself.
const referrersQuery = `SELECT f.conname::text, quote_ident(n.nspname) || '.' || quote_ident(c.relname), (f.conrelid = f.confrelid)::text, f.confdeltype::text,
  (SELECT string_agg(a.attname, E'\x1f' ORDER BY k.n) FROM unnest(f.conkey) WITH ORDINALITY AS k(attnum, n)
    JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.attnum),
  (SELECT string_agg(a.attname, E'\x1f' ORDER BY k.n) FROM unnest(f.confkey) WITH ORDINALITY AS k(attnum, n)
    JOIN pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.attnum)
FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE f.contype = 'f' AND f.confrelid = to_regclass(%s)
  AND NOT EXISTS (SELECT 1 FROM pg_constraint p WHERE p.oid = f.conparentid AND p.confrelid = f.confrelid)`

// learn reads once what has to be known of the tables that the step touches.
func (p *pgRowset) learn(ctx context.Context, s *Snapshot) error {
	if p.leaves != nil {
		return nil
	}
	p.leaves, p.keys = map[uint32]string{}, map[string][]foreignKey{}
	var failed error
	eachStep(p.step, func(step *datamap.Step) {
		if failed == nil {
			failed = p.learnTable(ctx, s, step)
		}
	})
	return failed
}

// eachStep gives fn a step and its orphans.
func eachStep(step *datamap.Step, fn func(*datamap.Step)) {
	seen := map[*datamap.Step]bool{}
	var visit func(*datamap.Step)
	visit = func(step *datamap.Step) {
		if seen[step] {
			return
		}
		seen[step] = true
		fn(step)
		for _, o := range step.Orphans {
			visit(o.Step)
		}
	}
	visit(step)
}

func (p *pgRowset) learnTable(ctx context.Context, s *Snapshot, step *datamap.Step) error {
	table := step.Collection.Table
	name, err := pgLiteral(tableName(table))
	if err != nil {
		return err
	}
	found := false
	err = s.reader.values(ctx, fmt.Sprintf(leavesQuery, name), 3, func(v [][]byte) error {
		found = true
		if kind := string(v[1]); kind != "r" && kind != "p" {
			return noTable(step, kind)
		}
		p.leaves[binary.BigEndian.Uint32(v[0])] = string(v[2])
		return nil
	})
	if err != nil {
		return err
	}
	if !found {
		return tableMissing(table)
	}
	return s.reader.values(ctx, fmt.Sprintf(referrersQuery, name), 6, func(v [][]byte) error {
		action := string(v[3])
		p.keys[table] = append(p.keys[table], foreignKey{
			name: string(v[0]), table: string(v[1]), self: string(v[2]) == "true", cascades: action == "c", blanks: action == "n" || action == "d",
			columns: strings.Split(string(v[4]), "\x1f"), targets: strings.Split(string(v[5]), "\x1f"),
		})
		return nil
	})
}

func noTable(step *datamap.Step, kind string) error {
	what := map[string]string{"v": "a view", "m": "a materialised view", "f": "a table of another server"}[kind]
	return privacyd.Errorf(privacyd.ClassRefused, "map_mismatch",
		"Collection %q is read from %s, which is %s: no row can be erased there. Map the table that holds the rows, and ignore this one.",
		step.Collection.Name, step.Table, what)
}

func (p *pgRowset) change(ctx context.Context, tx statements, rows []row) (int64, error) {
	ch := p.changer(ctx, tx)
	var n int64
	for _, group := range byTable(rows) {
		places := make([]tid, len(group))
		for i := range group {
			places[i] = group[i].tid
		}
		done, err := ch.apply(p.step, p.picks(group[0].table, places), nil)
		if n += done; err != nil {
			return n, err
		}
	}
	return n, nil
}

// byTable cuts a batch into the rows of each table. An order, where there is
// one, is kept.
func byTable(rows []row) [][]row {
	var groups [][]row
	at := map[uint32]int{}
	for _, r := range rows {
		i, known := at[r.table]
		if !known || r.node.ordered && i != len(groups)-1 {
			i = len(groups)
			at[r.table] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], r)
	}
	return groups
}

func (p *pgRowset) changer(ctx context.Context, tx statements) *changer {
	return &changer{
		builder: p.e.builder(ctx), ctx: ctx, tx: tx, files: p.files,
		extraOf: func(*datamap.Collection) []string { return pgExtra() },
		name: func(*datamap.Collection, string) ([]string, error) {
			return []string{named("r", tableColumn) + "::int8", named("r", rowName) + "::text"}, nil
		},
		pick:      p.pick,
		referrers: func(c *datamap.Collection) []foreignKey { return p.keys[c.Table] },
	}
}

// pick is for rows that the transaction has read, and locked, by itself.
func (p *pgRowset) pick(_ *datamap.Collection, rows [][]any) ([]picks, error) {
	var found []row
	for _, values := range rows {
		table, ok := values[0].(int64)
		place, err := parseTID(plainValue(values[1]))
		if err != nil || !ok {
			return nil, fmt.Errorf("read a row's place: %w", errMalformed)
		}
		found = append(found, row{table: uint32(table), tid: place}) //nolint:gosec // an oid
	}
	var all []picks
	for _, group := range byTable(found) {
		places := make([]tid, len(group))
		for i := range group {
			places[i] = group[i].tid
		}
		all = append(all, p.picks(group[0].table, places))
	}
	return all, nil
}

// picks asks for the places twice. By the first the rows are fetched; the
// second is a filter, which PostgreSQL also asks of the new version of a row
// that changed while the statement waited for it: that is another row.
func (p *pgRowset) picks(table uint32, places []tid) picks {
	leaf := p.leaves[table]
	list := tidArray(places)
	in := func(alias string) string {
		c := alias + ".ctid = ANY (" + list + ")"
		return c + " AND (" + c + ") IS TRUE"
	}
	return picks{
		target: "ONLY " + leaf + " AS r", count: len(places),
		in: func(alias string) string {
			if alias == "r" {
				return in(alias)
			}
			return alias + ".tableoid = " + strconv.FormatUint(uint64(table), 10) + " AND " + in(alias)
		},
		from: func(alias string) string {
			return "(SELECT *, " + strings.Join(pgExtra(), ", ") + " FROM ONLY " + leaf + " AS a WHERE " + in("a") + ") AS " + alias
		},
		update: func(columns []column, texts []rowTexts) (string, []any, error) {
			return pgUpdate(leaf, columns, texts)
		},
	}
}

func tidArray(places []tid) string {
	list := append(make([]byte, 0, 16*len(places)), "'{"...)
	for i, t := range places {
		if i > 0 {
			list = append(list, ',')
		}
		list = append(t.append(append(list, '"')), '"')
	}
	return string(append(list, "}'::tid[]"...))
}

func pgUpdate(leaf string, columns []column, texts []rowTexts) (string, []any, error) {
	places, values := make([]tid, len(texts)), make([][]string, len(columns))
	for i, t := range texts {
		var err error
		if places[i], err = parseTID(t.name); err != nil {
			return "", nil, err
		}
		for j := range columns {
			values[j] = append(values[j], t.texts[j])
		}
	}
	list := tidArray(places)
	set, arrays, names := []string(nil), []string{list}, []string{"p"}
	for j, c := range columns {
		array, err := pgArray(values[j], "text")
		if err != nil {
			return "", nil, err
		}
		name := "v" + strconv.Itoa(j)
		arrays, names = append(arrays, array), append(names, name)
		set = append(set, identifier(c.name)+" = v."+name+"::"+c.declared)
	}
	return "UPDATE ONLY " + leaf + " AS r SET " + strings.Join(set, ", ") + " FROM unnest(" + strings.Join(arrays, ", ") + ") AS v(" +
		strings.Join(names, ", ") + ") WHERE r.ctid = v.p AND r.ctid = ANY (" + list + ")", nil, nil
}
