package sqlsource

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
)

// tableColumn is the column that tells in which partition a row is.
const tableColumn = "privacyd table"

// writerColumn and fileColumn are those of a version.
const (
	writerColumn = "privacyd writer"
	fileColumn   = "privacyd file"
)

// pgExtra are the names of a row, beside its columns.
func pgExtra() []string {
	return []string{
		"tableoid AS " + identifier(tableColumn), "ctid AS " + identifier(rowName),
		"xmin AS " + identifier(writerColumn), "pg_relation_filenode(tableoid) AS " + identifier(fileColumn),
	}
}

const pgRowNames = 4 // columns of pgNamed

// pgNamed is what a row is found again by: pgRow reads it.
func pgNamed() []string {
	return namedAll("r", []string{tableColumn, rowName, writerColumn, fileColumn})
}

func pgRow(v [][]byte) row {
	number := binary.BigEndian.Uint32
	r := row{table: number(v[0]), tid: tid{number(v[1]), binary.BigEndian.Uint16(v[1][4:])}, version: version{xmin: number(v[2])}}
	if v[3] != nil {
		r.file = number(v[3])
	}
	return r
}

// pgRowset streams the rows of a step from one snapshot, which stays open, and
// deletes or changes them by where they lie.
type pgRowset struct {
	e    *Eraser
	step *datamap.Step
	// files and along are the run's callbacks.
	files    func(context.Context, []datamap.File) error
	along    func(*datamap.Step, int64)
	snapshot *Snapshot // of the last harvest
}

func (p *pgRowset) harvest(ctx context.Context, h *harvester) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	p.close()
	s, err := p.e.source.lazily(ctx, p.e.tables)
	if err != nil {
		return err
	}
	p.snapshot = s
	if err := p.e.learnPostgres(ctx, s, p.step); err != nil {
		return err
	}
	h.links = selfLinks(p.step, p.e.facts.referrers(p.step.Collection.Table))
	b := s.builder(ctx)
	b.extra = pgExtra()
	query, err := h.query(b, pgNamed())
	if err != nil {
		return err
	}
	err = s.reader.values(ctx, query, h.columns, func(values [][]byte) error {
		if p.e.facts.leaf(binary.BigEndian.Uint32(values[0])) == "" { // a partition that is new
			p.e.facts.forget()
			return errRoundOver
		}
		return h.add(pgRow(values), values[pgRowNames:])
	})
	if err == nil {
		err = h.end()
	}
	return err
}

// settled gives up the snapshot of the last harvest and counts in a new one,
// in one message to the server.
func (p *pgRowset) settled(ctx context.Context, h *harvester) (bool, error) {
	defer p.close()
	b := p.snapshot.builder(ctx)
	b.extra = pgExtra()
	query, err := h.query(b, []string{"1"})
	if err != nil {
		return false, err
	}
	left, err := anew(ctx, p.snapshot, "SELECT count(*) FROM ("+query+") AS n")
	return left == 0, err
}

// anew gives up a view and asks for a number in a new one, in one message to the
// server.
func anew(ctx context.Context, s *Snapshot, query string) (n int64, err error) {
	r, ok := s.reader.(*pgReader)
	if !ok {
		return 0, fmt.Errorf("count what is left: the snapshot is not one of PostgreSQL")
	}
	err = r.raw(func(c *pgconn.PgConn) error {
		results, err := c.Exec(ctx, "ROLLBACK; "+beginSnapshot+"; "+query+"; ROLLBACK").ReadAll()
		if err == nil {
			n = number(results[len(results)-2].Rows[0][0])
			r.begin = beginSnapshot // none stands
		}
		return err
	})
	return n, err
}

// close gives up the snapshot of the last harvest.
func (p *pgRowset) close() {
	if p.snapshot != nil {
		_ = p.snapshot.Close() // nothing was written
		p.snapshot = nil
	}
}

// leavesQuery lists tables and all that they consist of, and tells which of them
// are the tables themselves.
const leavesQuery = `WITH RECURSIVE tree(oid, no, root) AS (
  SELECT to_regclass(q.name)::oid, q.no, TRUE FROM unnest(%s::text[]) WITH ORDINALITY AS q(name, no)
  UNION SELECT i.inhrelid, tree.no, FALSE FROM tree JOIN pg_inherits i ON i.inhparent = tree.oid
) SELECT c.oid::int8, c.relkind, quote_ident(n.nspname) || '.' || quote_ident(c.relname), tree.no, tree.root
FROM tree JOIN pg_class c ON c.oid = tree.oid JOIN pg_namespace n ON n.oid = c.relnamespace`

// referrersQuery lists what refers to tables, and what the database does with it
// by itself. It guards references for certain by a trigger that is enabled; not
// those of tables that inherit from the two, which may hold rows of the same
// keys. (A partition of the table referred to may have its own trigger disabled.)
const referrersQuery = `SELECT f.conname, quote_ident(n.nspname) || '.' || quote_ident(c.relname), f.conrelid = f.confrelid, f.confdeltype,
  (SELECT string_agg(a.attname, E'\x1f' ORDER BY k.n) FROM unnest(f.conkey) WITH ORDINALITY AS k(attnum, n)
    JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.attnum),
  (SELECT string_agg(a.attname, E'\x1f' ORDER BY k.n) FROM unnest(f.confkey) WITH ORDINALITY AS k(attnum, n)
    JOIN pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.attnum), q.no,
  f.confdeltype IN ('a', 'r') AND NOT EXISTS (SELECT 1 FROM pg_trigger g WHERE g.tgconstraint = f.oid AND g.tgenabled NOT IN ('O', 'A'))
    AND EXISTS (SELECT 1 FROM pg_trigger g WHERE g.tgconstraint = f.oid AND g.tgrelid = f.confrelid AND g.tgtype & 8 <> 0) -- upon a deletion
    AND NOT EXISTS (SELECT 1 FROM pg_inherits i WHERE i.inhparent = f.confrelid OR i.inhparent = f.conrelid AND c.relkind <> 'p')
FROM unnest(%s::text[]) WITH ORDINALITY AS q(name, no) JOIN pg_constraint f ON f.confrelid = to_regclass(q.name)
  JOIN pg_class c ON c.oid = f.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE f.contype = 'f' AND NOT EXISTS (SELECT 1 FROM pg_constraint p WHERE p.oid = f.conparentid AND p.confrelid = f.confrelid)`

// learnPostgres reads what has to be known of the tables of steps, all at once
// and once for all steps.
func (e *Eraser) learnPostgres(ctx context.Context, s *Snapshot, steps ...*datamap.Step) error {
	var read, changed []string
	for _, step := range steps {
		read, changed = appendNew(read, readTables(step)...), appendNew(changed, changedTables(step)...)
	}
	if unknown := e.facts.unknown(read); len(unknown) > 0 {
		if err := e.ask(ctx, s, unknown); err != nil {
			return err
		}
	}
	for _, t := range changed {
		if _, ok := s.tables.get(t); !ok {
			return tableMissing(t)
		}
		if kind := e.facts.kind(t); kind != "" {
			return noTable(t, kind)
		}
	}
	return nil
}

func (e *Eraser) ask(ctx context.Context, s *Snapshot, tables []string) error {
	r, ok := s.reader.(*pgReader)
	names, err := pgNames(tables)
	if err != nil || !ok {
		return err
	}
	results, err := r.ask(ctx, fmt.Sprintf(columnsQuery, names), fmt.Sprintf(leavesQuery, names), fmt.Sprintf(referrersQuery, names))
	if err != nil {
		return err
	}
	known, err := pgColumns(results[0].Rows, tables)
	for t, c := range known {
		s.tables.put(t, c)
	}
	for _, v := range results[1].Rows {
		if kind := string(v[1]); kind != "r" && kind != "p" {
			e.facts.addKind(tables[number(v[3])-1], kind)
		}
		e.facts.addLeaf(uint32(number(v[0])), string(v[2])) //nolint:gosec // an oid
		if string(v[4]) == "t" {
			e.facts.addName(tables[number(v[3])-1], string(v[2]))
		}
	}
	keys := map[string][]foreignKey{}
	for _, v := range results[2].Rows {
		table, action := tables[number(v[6])-1], string(v[3])
		keys[table] = append(keys[table], foreignKey{
			name: string(v[0]), table: string(v[1]), self: string(v[2]) == "t", cascades: action == "c", blanks: action == "n" || action == "d", guards: string(v[7]) == "t",
			columns: strings.Split(string(v[4]), "\x1f"), targets: strings.Split(string(v[5]), "\x1f"),
		})
	}
	for _, t := range tables {
		e.facts.add(t, shape{}, keys[t])
	}
	return err
}

func noTable(table, kind string) error {
	what := map[string]string{"v": "a view", "m": "a materialised view", "f": "a table of another server"}[kind]
	return privacyd.Errorf(privacyd.ClassRefused, "map_mismatch",
		"The data map names %s, which is %s: no row can be erased there. Map the table that holds the rows, and ignore this one.", table, what)
}

func (p *pgRowset) change(ctx context.Context, tx statements, rows []row) (int64, error) {
	ch := p.changer(ctx, tx)
	var n int64
	groups := byTable(rows)
	for i, group := range groups {
		ch.last = i == len(groups)-1 && len(p.step.Orphans) == 0
		done, err := ch.apply(p.step, p.picks(group), nil)
		if n += done; err != nil {
			return n, err
		}
	}
	return n, nil
}

// byTable cuts a batch into the rows of each table, as it lay in its file. An
// order, where there is one, is kept.
func byTable(rows []row) [][]row {
	var groups [][]row
	at := map[[2]uint32]int{}
	for _, r := range rows {
		of := [2]uint32{r.table, r.file}
		i, known := at[of]
		if !known || r.node.ordered && i != len(groups)-1 {
			i = len(groups)
			at[of] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], r)
	}
	return groups
}

func (p *pgRowset) changer(ctx context.Context, tx statements) *changer {
	return &changer{
		builder: p.e.builder(ctx), ctx: ctx, tx: tx, files: p.files, along: p.along,
		extraOf: func(*datamap.Collection) []string { return pgExtra() },
		name: func(*datamap.Collection, string) ([]string, error) {
			return []string{named("r", tableColumn) + "::int8::text", named("r", rowName) + "::text"}, nil
		},
		pick:      p.pick,
		referrers: func(c *datamap.Collection) []foreignKey { return p.e.facts.referrers(c.Table) },
	}
}

// pick is for rows that the transaction has read, and locked, by itself.
func (p *pgRowset) pick(_ *datamap.Collection, rows [][]any) ([]picks, error) {
	var found []row
	for _, values := range rows {
		table, err := strconv.ParseUint(plainValue(values[0]), 10, 32)
		if err != nil {
			return nil, fmt.Errorf("read a row's table: %w", errMalformed)
		}
		place, err := parseTID(plainValue(values[1]))
		if err != nil {
			return nil, err
		}
		found = append(found, row{table: uint32(table), tid: place})
	}
	var all []picks
	for _, group := range byTable(found) {
		all = append(all, p.picks(group))
	}
	return all, nil
}

// picks asks for the places of rows of one table twice. By the first the rows
// are fetched; the second is a filter, which PostgreSQL also asks of the new
// version of a row that changed while the statement waited for it: that is
// another row. So are those whose version is not one of those that were seen.
func (p *pgRowset) picks(rows []row) picks {
	table := rows[0].table
	leaf, args := p.e.facts.leaf(table), []any{placesOf(rows)}
	var seen string
	if writers := writersOf(rows); len(writers) > 0 {
		seen, args = fmt.Sprintf(" AND pg_relation_filenode(%d) = %d", table, rows[0].file), append(args, writers)
	}
	in := func(alias string) string {
		c := alias + ".ctid = ANY ($1::tid[])"
		c += " AND (" + c + ") IS TRUE" + seen
		if seen != "" {
			c += " AND " + alias + ".xmin = ANY ($2::xid[])"
		}
		return c
	}
	return picks{
		target: "ONLY " + leaf + " AS r", count: len(rows), args: args,
		in: func(alias string) string {
			if alias == "r" {
				return in(alias)
			}
			return alias + ".tableoid = " + strconv.FormatUint(uint64(table), 10) + " AND " + in(alias)
		},
		from: func(alias string) string {
			return "(SELECT *, " + strings.Join(pgExtra(), ", ") + " FROM ONLY " + leaf + " AS a WHERE " + in("a") + ") AS " + alias
		},
		update: func(columns []column, texts []rowTexts, set []string) (string, []any, error) {
			return pgUpdate(leaf, columns, texts, set)
		},
	}
}

func placesOf(rows []row) tidList {
	places := make(tidList, len(rows))
	for i := range rows {
		places[i] = rows[i].tid
	}
	return places
}

// writersOf are the transactions that wrote rows; none of rows that are locked,
// which stay where they are.
func writersOf(rows []row) xidList {
	var writers xidList
	for i := range rows {
		if rows[i].xmin != 0 {
			writers = append(writers, rows[i].xmin)
		}
	}
	slices.Sort(writers)
	return slices.Compact(writers)
}

func pgUpdate(leaf string, columns []column, texts []rowTexts, set []string) (string, []any, error) {
	places, values := make(tidList, len(texts)), make([][]string, len(columns))
	for i, t := range texts {
		var err error
		if places[i], err = parseTID(t.name); err != nil {
			return "", nil, err
		}
		for j := range columns {
			values[j] = append(values[j], t.texts[j])
		}
	}
	set, arrays, names := slices.Clone(set), []string{"$1::tid[]"}, []string{"p"}
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
		strings.Join(names, ", ") + ") WHERE r.ctid = v.p AND r.ctid = ANY ($1::tid[])", []any{places}, nil
}
