package sqlsource

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/store/sqldb"
)

const (
	day = int64(privacyd.Day / time.Microsecond)
	// firstDay is where days are counted from, in days before now: so early that
	// every number of days is positive, which both databases round alike.
	firstDay = 1_000_000
	// beyond stands for a time that no calendar reaches, in microseconds.
	beyond = 2_000_000_000_000_000_000
)

// ClockGroups counts the rows of a selection in the database, where it can tell
// all their times: those that are resolved by the span in which they were, and
// by the day, counted from now, on which they were last active. spans are the
// beginnings of the spans, ascending; before the first is one, too. fn is given
// a row that stands for the group, without a key, and how many there are. ok is
// false where the database cannot tell, such as of times in texts: ClockRows
// reads them. Error codes: those of ClockRows.
func (e *Eraser) ClockGroups(ctx context.Context, sel datamap.Selection, spans []time.Time, now time.Time, fn func(r ClockRow, n int64) error) (ok bool, err error) {
	g := clockGroups{spans: spans, origin: time.UnixMicro(now.UnixMicro() - firstDay*day).UTC()}
	err = e.look(ctx, "count the clocks of "+sel.Collection.Name, func(s *Snapshot) error {
		b := s.builder(ctx)
		if ok, err = g.begin(b, sel); err != nil || !ok {
			return err
		}
		if b.dialect == sqldb.SQLite {
			ok, err = g.here(ctx, s, b, sel, fn)
			return err
		}
		query, err := g.query(b, sel)
		if err != nil {
			return err
		}
		return s.reader.values(ctx, query, 4, func(values [][]byte) error {
			at, n, known := g.read(values)
			if ok = ok && known; !ok {
				return nil
			}
			return theirs(fn(g.row(at), n))
		})
	})
	return ok, err
}

// ClockFirst gives fn the rows of a selection that fall due first, that one
// before others, at most so many: periods has one for each of the spans and for
// before the first, 0 for none. ok is as for ClockGroups.
func (e *Eraser) ClockFirst(ctx context.Context, sel datamap.Selection, spans []time.Time, periods []time.Duration, most int, fn func(ClockRow) error) (ok bool, err error) {
	g := clockGroups{spans: spans}
	err = e.look(ctx, "read the clocks of "+sel.Collection.Name, func(s *Snapshot) error {
		k := clockReader{c: sel.Collection, fn: fn, builder: s.builder(ctx)}
		what, _, err := k.columns()
		if err != nil {
			return err
		}
		if ok, err = g.times(k.builder, sel.Collection); err != nil || !ok {
			return err
		}
		period := make([]string, len(periods))
		for i, p := range periods {
			if period[i] = "NULL"; p > 0 {
				period[i] = strconv.FormatInt(p.Microseconds(), 10)
			}
		}
		due := "(" + g.last + " + " + g.bySpan(period) + ")"
		query, err := k.builder.query(sel, what, named("r", resolvedColumn), due+" IS NOT NULL")
		if err != nil {
			return err
		}
		query += " ORDER BY " + strings.Join(append([]string{due}, namedAll("r", sel.Collection.Key)...), ", ") + " LIMIT " + strconv.Itoa(most)
		return s.reader.values(ctx, query, len(sel.Collection.Key)+3, k.row)
	})
	return ok, err
}

// clockGroups writes what is asked about clocks as SQL.
type clockGroups struct {
	spans  []time.Time
	origin time.Time

	resolved, last string // microseconds since 1970, or NULL
}

// begin finds the clock's columns.
func (g *clockGroups) begin(b *builder, sel datamap.Selection) (known bool, err error) {
	k := clockReader{c: sel.Collection, builder: b}
	if _, _, err := k.columns(); err != nil {
		return false, err
	}
	return g.times(b, sel.Collection)
}

// here groups what SQLite gives as it comes: its own way to group sorts all of
// the rows first, which takes longer than to read them.
func (g *clockGroups) here(ctx context.Context, s *Snapshot, b *builder, sel datamap.Selection, fn func(r ClockRow, n int64) error) (ok bool, err error) {
	query, err := b.query(sel, []string{"CASE WHEN " + named("r", resolvedColumn) + " THEN 1 END", g.resolved, g.last})
	if err != nil {
		return false, err
	}
	r, _ := s.reader.(*sqliteReader) // SQLite's is no other
	counts, ok := map[clockGroup]int64{}, true
	of, n := clockGroup{}, int64(0) // rows that lie together are often of one group
	err = r.raw(ctx, func(c *sqlite3.Conn) error {
		return each(c, query, func(row *sqlite3.Stmt) error {
			at, known := g.groupOf(row)
			if ok = ok && known; at != of {
				counts[of] += n
				of, n = at, 0
			}
			n++
			return nil
		})
	})
	counts[of] += n
	if err != nil || !ok {
		return false, err
	}
	for at, n := range counts {
		if n == 0 {
			continue
		}
		if err := fn(g.row(at), n); err != nil {
			return true, theirs(err)
		}
	}
	return true, nil
}

// groupOf is the group of a row; false where its times are none.
func (g *clockGroups) groupOf(row *sqlite3.Stmt) (at clockGroup, ok bool) {
	at = clockGroup{span: -1, days: -1}
	if row.ColumnType(0) == sqlite3.NULL {
		return at, true
	}
	at.done = true
	resolved, some, ok := micros(row, 1)
	if some {
		at.span = g.spanOf(resolved)
	}
	last, some, well := micros(row, 2)
	if some {
		at.days = known((last - g.origin.UnixMicro() + day - 1) / day)
	}
	return at, ok && well
}

// micros reads a time; some is false where there is none, ok where it is no time.
func micros(row *sqlite3.Stmt, column int) (n int64, some, ok bool) {
	switch row.ColumnType(column) {
	case sqlite3.INTEGER:
		n = row.ColumnInt64(column)
		return n, true, n <= beyond && n >= -beyond
	case sqlite3.NULL:
		return 0, false, true
	case sqlite3.FLOAT, sqlite3.TEXT, sqlite3.BLOB:
	}
	return 0, false, false
}

// integer gives fn a number, unless there is none; false where it is none.
func integer(text []byte, fn func(n int64)) bool {
	if text == nil {
		return true
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || n > beyond || n < -beyond {
		return false
	}
	fn(n)
	return true
}

func (g *clockGroups) spanOf(micros int64) int64 {
	n, _ := slices.BinarySearchFunc(g.spans, micros, func(from time.Time, at int64) int {
		if from.UnixMicro() <= at {
			return -1
		}
		return 1
	})
	return int64(n)
}

// query asks PostgreSQL for the groups: their span, day and number of rows.
func (g *clockGroups) query(b *builder, sel datamap.Selection) (string, error) {
	numbers := make([]string, len(g.spans)+1)
	for i := range numbers {
		numbers[i] = strconv.Itoa(i)
	}
	is := named("r", resolvedColumn)
	days := fmt.Sprintf("(%s - (%d)) / %d", g.last, g.origin.UnixMicro()-day+1, day)
	rows, err := b.query(sel, []string{is + " AS done", g.bySpan(numbers) + " AS span", days + " AS days"})
	return "SELECT CASE WHEN done THEN '1' END, CASE WHEN done THEN CAST(span AS text) END, CASE WHEN done THEN CAST(days AS text) END, " +
		"CAST(sum(n) AS text) FROM (SELECT done, span, days, count(*) AS n FROM (" + rows + ") AS r GROUP BY done, span, days) AS g GROUP BY 1, 2, 3", err
}

// times finds the expressions of the two times.
func (g *clockGroups) times(b *builder, c *datamap.Collection) (known bool, err error) {
	var found []string
	for _, name := range []string{c.Clock.LastActivity, c.Clock.ResolvedAt} {
		if name == "" {
			continue
		}
		col, err := b.column(c.Table, name)
		if err != nil {
			return false, err
		}
		micros := b.micros(col, formatOf(c, name))
		if micros == "" {
			return false, nil
		}
		found = append(found, micros)
	}
	if g.resolved = "NULL"; c.Clock.ResolvedAt != "" {
		g.resolved = found[len(found)-1]
	}
	switch len(found) {
	case 0:
		return false, nil
	case 1:
		g.last = found[0]
	default:
		g.last = "coalesce(" + strings.Join(found, ", ") + ")"
	}
	return true, nil
}

// bySpan is one of the texts, by when a row was resolved; NULL where nobody
// knows.
func (g *clockGroups) bySpan(texts []string) string {
	var b strings.Builder
	b.WriteString("CASE WHEN " + g.resolved + " IS NULL THEN NULL")
	for i, from := range slices.Backward(g.spans) {
		fmt.Fprintf(&b, " WHEN %s >= %d THEN %s", g.resolved, from.UnixMicro(), texts[i+1])
	}
	return b.String() + " ELSE " + texts[0] + " END"
}

// clockGroup is what rows have in common that are counted together. Span and
// days are below 0 where nobody knows.
type clockGroup struct {
	done       bool
	span, days int64
}

// known are the days of a time that there is: all that were before the first day
// count with it, as nobody knows the days below 0.
func known(days int64) int64 { return max(days, 0) }

// read reads a group and its number of rows.
func (g *clockGroups) read(values [][]byte) (at clockGroup, n int64, ok bool) {
	at = clockGroup{done: values[0] != nil, span: -1, days: -1}
	ok = integer(values[1], func(n int64) { at.span = n }) && integer(values[2], func(n int64) { at.days = known(n) }) &&
		integer(values[3], func(rows int64) { n = rows })
	return at, n, ok
}

// row stands for a group: resolved at the first moment of its span, active at
// the last of its day.
func (g *clockGroups) row(at clockGroup) ClockRow {
	r := ClockRow{Resolved: at.done}
	switch {
	case at.span > 0:
		r.ResolvedAt = g.spans[at.span-1]
	case at.span == 0 && len(g.spans) > 0:
		r.ResolvedAt = g.spans[0].Add(-time.Microsecond)
	case at.span == 0:
		r.ResolvedAt = time.Unix(0, 0).UTC()
	}
	if at.days >= 0 {
		r.LastActivity = g.origin.AddDate(0, 0, int(min(at.days, 2*firstDay))).Add(-time.Microsecond)
	}
	return r
}

// micros is a column's time in microseconds since 1970, as an integer; empty
// where SQL cannot say.
func (b *builder) micros(c column, format datamap.Format) string {
	expr := named("r", c.name)
	scale := unixScale(format)
	switch {
	case scale == 1 && b.dialect == sqldb.SQLite:
		return expr
	case scale > 0 && b.dialect == sqldb.SQLite:
		return times(expr, scale)
	case scale > 0 && c.class == classInteger:
		return times("CAST("+expr+" AS bigint)", scale)
	case scale > 0 || b.dialect == sqldb.SQLite || c.kind != kindTimestamp && c.kind != kindTimestampTZ && c.kind != kindDate:
		return ""
	}
	return fmt.Sprintf("CASE WHEN %s IS NULL THEN NULL WHEN isfinite(%[1]s) THEN CAST(extract(epoch FROM %[1]s) * 1000000 AS bigint) WHEN %[1]s > 'epoch' THEN %d ELSE %d END",
		expr, int64(beyond), int64(-beyond))
}

// times multiplies by a scale what a calendar reaches.
func times(expr string, scale int64) string {
	return fmt.Sprintf("CASE WHEN %s > %d THEN %d WHEN %[1]s < %[4]d THEN %[5]d ELSE %[1]s * %[6]d END",
		expr, beyond/scale, int64(beyond), -(beyond / scale), -int64(beyond), scale)
}
