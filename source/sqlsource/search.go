package sqlsource

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/ncruces/go-sqlite3"

	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/store/sqldb"
)

// Hit is where an identifier was found.
type Hit = datamap.Hit

// Search looks for whole identifiers, not inside a longer word, address or
// number, in every column of the dataset's collections that holds text, JSON
// or names of files; e-mail addresses in any case. It looks in one workspace
// or, where workspace is empty, in all rows. Identifiers that are not Telling
// are passed over. found is called once for each row and column with one.
//
// Each table is read once, whatever the number of columns and identifiers:
// PostgreSQL looks itself, in one statement on a snapshot of the table; SQLite's
// rows are looked at here, chunk by chunk.
//
// Error codes: those of Snapshot.Read.
func (e *Eraser) Search(ctx context.Context, g *datamap.Graph, workspace string, ids []Identifier, found func(Hit) error) error {
	what := needles(ids)
	if len(what) == 0 {
		return nil
	}
	for _, c := range g.Collections() {
		rows := datamap.Rows{}
		if workspace != "" {
			sel, ok, err := g.Select(c.Name, datamap.Scope{Workspace: workspace})
			if err != nil || !ok {
				return err
			}
			rows.All = sel.All
		}
		s := &searcher{e: e, c: c, rows: rows, needles: what, found: found}
		if err := s.run(ctx); err != nil {
			return err
		}
	}
	return nil
}

// searcher looks through one collection.
type searcher struct {
	e       *Eraser
	c       *datamap.Collection
	rows    datamap.Rows
	needles []needle
	found   func(Hit) error

	columns []column // that hold text
	lower   []byte
}

func (s *searcher) run(ctx context.Context) error {
	doing := "search " + s.c.Name
	if s.e.source.dialect == sqldb.SQLite {
		return s.runSQLite(ctx, doing)
	}
	return s.e.look(ctx, doing, func(snapshot *Snapshot) error {
		b := snapshot.builder(ctx)
		what, err := s.what(ctx, snapshot, b)
		if err != nil || len(s.columns) == 0 {
			return err
		}
		query, err := b.rowsQuery(s.c, s.rows, what, s.likely())
		if err != nil {
			return err
		}
		return snapshot.reader.values(ctx, query, len(what), s.row)
	})
}

// what are the key and the columns to look in, as text.
func (s *searcher) what(ctx context.Context, snapshot *Snapshot, b *builder) ([]string, error) {
	all, err := snapshot.columns(ctx, s.c.Table)
	if err != nil {
		return nil, err
	}
	s.columns = nil
	for _, name := range all.names() {
		if c := all[name]; c.texts {
			s.columns = append(s.columns, c)
		}
	}
	what, err := b.keyText(s.c, "r")
	for _, c := range s.columns {
		what = append(what, b.text("r", c))
	}
	return what, err
}

// joinedColumns is how many columns one call of concat_ws takes, by far.
const joinedColumns = 90

// likely is true of the rows that may hold an identifier: PostgreSQL puts the
// columns together and looks once for all. In the collation C nothing but
// ASCII changes its case, and that in one way.
func (s *searcher) likely() string {
	var patterns, columns []string
	for _, n := range s.needles {
		patterns = append(patterns, "'"+n.pattern()+"'")
	}
	for _, c := range s.columns {
		columns = append(columns, named("r", c.name)+"::text")
	}
	for len(columns) > joinedColumns {
		columns = append(columns[joinedColumns:], "concat_ws(E'\\x01', "+strings.Join(columns[:joinedColumns], ", ")+")")
	}
	return "lower(concat_ws(E'\\x01', " + strings.Join(columns, ", ") + `) COLLATE "C") LIKE ANY (ARRAY[` + strings.Join(patterns, ", ") + "])"
}

func (s *searcher) row(values [][]byte) error {
	key := values[:len(s.c.Key)]
	for i, value := range values[len(s.c.Key):] {
		if !s.maybe(value) || !in(string(value), s.needles) {
			continue
		}
		if err := s.found(Hit{Collection: s.c.Name, Key: texts(key), Column: s.columns[i].name}); err != nil {
			return theirs(err)
		}
	}
	return nil
}

// maybe tells cheaply that a value holds none of the needles.
func (s *searcher) maybe(value []byte) bool {
	if len(value) == 0 {
		return false
	}
	s.lower = lowerASCII(s.lower[:0], value)
	for i := range s.needles {
		if s.needles[i].coarse(s.lower) {
			return true
		}
	}
	return false
}

func lowerASCII(dst, value []byte) []byte {
	dst = append(dst, value...)
	for i, c := range dst {
		if c >= 'A' && c <= 'Z' {
			dst[i] = c + 'a' - 'A'
		}
	}
	return dst
}

// runSQLite reads chunk by chunk. What was found in a first chunk that turned
// out not to be all is found again in order.
func (s *searcher) runSQLite(ctx context.Context, doing string) error {
	k, deliver := &cursor{limit: s.e.chunk}, s.found
	for {
		var hits []Hit
		s.found = func(h Hit) error { hits = append(hits, h); return nil }
		if err := s.e.look(ctx, doing, func(snapshot *Snapshot) error { return s.chunk(ctx, snapshot, k) }); err != nil {
			return err
		}
		if k.full && !k.ordered {
			hits = nil
		}
		for _, h := range hits {
			if err := deliver(h); err != nil {
				return err
			}
		}
		if !k.full {
			return nil
		}
		k.next()
	}
}

func (s *searcher) chunk(ctx context.Context, snapshot *Snapshot, k *cursor) error {
	b := snapshot.builder(ctx)
	what, err := s.what(ctx, snapshot, b)
	if err != nil || len(s.columns) == 0 {
		return err
	}
	if r, ok := snapshot.reader.(*sqliteReader); ok {
		if k.shape, err = r.shape(ctx, s.c.Table); err != nil {
			return err
		}
	}
	values, names := make([][]byte, len(what)), len(k.shape.names("r"))
	query := func(names, further []string) (string, error) {
		return b.rowsQuery(s.c, s.rows, append(names, what...), further...)
	}
	return k.read(ctx, snapshot, b, query, func(stmt *sqlite3.Stmt) (int, error) {
		for i := range values {
			values[i], _ = plainColumn(stmt, names+i, nil)
		}
		return 0, s.row(values)
	})
}

// names are the columns' names in order.
func (c columns) names() []string { return slices.Sorted(maps.Keys(c)) }
