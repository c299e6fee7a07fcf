package sqlsource

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

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

// Clocks counts the rows of a selection where the database can tell all their
// times: those that are resolved by the span in which they were, and by the
// day, counted from now, on which they were last active. group is given a row
// that stands for those counted together, without a key, and how many there
// are. Then first is given the rows that fall due first, that one before others.
// ok is false where the database cannot tell, such as of times in texts, and
// what the functions were given is to be forgotten: ClockRows reads those. Error
// codes: those of ClockRows.
func (e *Eraser) Clocks(ctx context.Context, sel datamap.Selection, ask datamap.ClockAsk, group func(r ClockRow, n int64) error, first func(ClockRow) error) (ok bool, err error) {
	g := clockGroups{ClockAsk: ask, origin: time.UnixMicro(ask.Now.UnixMicro() - firstDay*day).UTC()}
	err = e.look(ctx, "count the clocks of "+sel.Collection.Name, func(s *Snapshot) error {
		b := s.builder(ctx)
		if ok, err = g.begin(b, sel); err != nil || !ok {
			return err
		}
		if b.dialect == sqldb.SQLite {
			ok, err = g.here(ctx, s, b, sel, group, first)
			return err
		}
		dated := false
		ok, err = g.there(ctx, s, b, sel, func(at clockGroup, n int64) error {
			dated = dated || g.period(at.span) > 0 && at.days >= 0
			return group(g.row(at), n)
		})
		if err != nil || !ok || !dated {
			return err
		}
		return g.first(ctx, s, sel, first)
	})
	return ok, err
}

// there has PostgreSQL count.
func (g *clockGroups) there(ctx context.Context, s *Snapshot, b *builder, sel datamap.Selection, group func(clockGroup, int64) error) (ok bool, err error) {
	query, err := g.query(b, sel)
	if err != nil {
		return false, err
	}
	ok = true
	return ok, s.reader.values(ctx, query, 4, func(values [][]byte) error {
		at, n, known := g.read(values)
		if ok = ok && known; !ok {
			return nil
		}
		return theirs(group(at, n))
	})
}

// first has PostgreSQL find the rows that fall due first.
func (g *clockGroups) first(ctx context.Context, s *Snapshot, sel datamap.Selection, fn func(ClockRow) error) error {
	k := clockReader{c: sel.Collection, fn: fn, builder: s.builder(ctx)}
	what, _, err := k.columns()
	if err != nil {
		return err
	}
	period := make([]string, len(g.Periods))
	for i, p := range g.Periods {
		if period[i] = "NULL"; p > 0 {
			period[i] = strconv.FormatInt(p.Microseconds(), 10)
		}
	}
	due := "(" + g.lastOf() + " + " + g.bySpan(period) + ")"
	key, err := k.builder.keyText(sel.Collection, "r")
	if err != nil {
		return err
	}
	order := due
	for _, column := range key {
		order += ", " + column + ` COLLATE "C"` // as the keys of SQLite are compared
	}
	from, err := g.from(due, order)
	if err != nil {
		return err
	}
	query, err := k.builder.query(sel, what, append([]string{named("r", resolvedColumn), due + " IS NOT NULL"}, from...)...)
	if err != nil {
		return err
	}
	query += " ORDER BY " + order + " LIMIT " + strconv.Itoa(g.Most)
	return s.reader.values(ctx, query, len(sel.Collection.Key)+3, k.row)
}

// from are the conditions of beginning where it is asked to.
func (g *clockGroups) from(due, order string) ([]string, error) {
	switch {
	case g.From.IsZero():
		return nil, nil
	case len(g.After) == 0:
		return []string{fmt.Sprintf("%s >= %d", due, g.From.UnixMicro())}, nil
	}
	after := strconv.FormatInt(g.From.UnixMicro(), 10)
	for _, value := range g.After {
		text, err := pgLiteral(value)
		if err != nil {
			return nil, err
		}
		after += ", " + text
	}
	return []string{"(" + order + ") > (" + after + ")"}, nil
}

// clockGroups writes what is asked about clocks as SQL.
type clockGroups struct {
	datamap.ClockAsk
	origin time.Time

	resolved, last string // microseconds since 1970, or NULL
}

// lastOf is the last that happened to a row: its last activity or, without one,
// its resolution.
func (g *clockGroups) lastOf() string {
	if g.last == "NULL" {
		return g.resolved
	}
	return "coalesce(" + g.last + ", " + g.resolved + ")"
}

// period is how long rows of a span are kept; 0: there is no date.
func (g *clockGroups) period(span int64) time.Duration {
	if span < 0 || span >= int64(len(g.Periods)) {
		return 0
	}
	return g.Periods[span]
}

// begin finds the clock's columns.
func (g *clockGroups) begin(b *builder, sel datamap.Selection) (known bool, err error) {
	k := clockReader{c: sel.Collection, builder: b}
	if _, _, err := k.columns(); err != nil {
		return false, err
	}
	return g.times(b, sel.Collection)
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

// query asks PostgreSQL for the groups: their span, day and number of rows.
func (g *clockGroups) query(b *builder, sel datamap.Selection) (string, error) {
	numbers := make([]string, len(g.Spans)+1)
	for i := range numbers {
		numbers[i] = strconv.Itoa(i)
	}
	is := named("r", resolvedColumn)
	days := fmt.Sprintf("(%s - (%d)) / %d", g.lastOf(), g.origin.UnixMicro()-day+1, day)
	rows, err := b.query(sel, []string{is + " AS done", g.bySpan(numbers) + " AS span", days + " AS days"})
	return "SELECT CASE WHEN done THEN '1' END, CASE WHEN done THEN CAST(span AS text) END, CASE WHEN done THEN CAST(days AS text) END, " +
		"CAST(sum(n) AS text) FROM (SELECT done, span, days, count(*) AS n FROM (" + rows + ") AS r GROUP BY done, span, days) AS g GROUP BY 1, 2, 3", err
}

// times finds the expressions of the two times.
func (g *clockGroups) times(b *builder, c *datamap.Collection) (known bool, err error) {
	for _, of := range []struct {
		column string
		micros *string
	}{{c.Clock.LastActivity, &g.last}, {c.Clock.ResolvedAt, &g.resolved}} {
		if *of.micros = "NULL"; of.column == "" {
			continue
		}
		col, err := b.column(c.Table, of.column)
		if err != nil {
			return false, err
		}
		if *of.micros = b.micros(col, formatOf(c, of.column)); *of.micros == "" {
			return false, nil
		}
	}
	return c.Clock.LastActivity != "" || c.Clock.ResolvedAt != "", nil
}

// bySpan is one of the texts, by when a row was resolved; NULL where nobody
// knows.
func (g *clockGroups) bySpan(texts []string) string {
	var b strings.Builder
	b.WriteString("CASE WHEN " + g.resolved + " IS NULL THEN NULL")
	for i, from := range slices.Backward(g.Spans) {
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
		r.ResolvedAt = g.Spans[at.span-1]
	case at.span == 0 && len(g.Spans) > 0:
		r.ResolvedAt = g.Spans[0].Add(-time.Microsecond)
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
