package sqlsource

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/privacyd/privacyd/datamap"
)

// here looks at what SQLite gives as it comes: its own way to group sorts all of
// the rows first, and so does its way to find the first, which takes longer than
// to read them.
func (g *clockGroups) here(ctx context.Context, s *Snapshot, b *builder, sel datamap.Selection, group func(ClockRow, int64) error, first func(ClockRow) error) (ok bool, err error) {
	key, err := b.keyText(sel.Collection, "r")
	if err != nil {
		return false, err
	}
	query, err := b.query(sel, append([]string{"CASE WHEN " + named("r", resolvedColumn) + " THEN 1 END", g.resolved, g.last}, key...))
	if err != nil {
		return false, err
	}
	pass := clockPass{g: g, key: len(key), counts: map[clockGroup]int64{}, from: math.MinInt64}
	if !g.From.IsZero() {
		pass.from = g.From.UnixMicro()
	}
	ok = true
	r, _ := s.reader.(*sqliteReader) // SQLite's is no other
	err = r.raw(ctx, func(c *sqlite3.Conn) error {
		return each(c, query, func(row *sqlite3.Stmt) error {
			ok = ok && pass.take(row)
			return row.Err()
		})
	})
	if err != nil || !ok {
		return false, err
	}
	return true, theirs(pass.give(group, first))
}

// clockPass counts rows as they come, and keeps the first to fall due.
type clockPass struct {
	g      *clockGroups
	key    int // columns of it
	counts map[clockGroup]int64
	of     clockGroup // of the last row: those that lie together are often of one group
	n      int64      // rows of it that are not in counts yet
	first  []dueRow   // the first of all so far
	from   int64      // microseconds: those that are due earlier are not among the first
	buffer []byte
}

type dueRow struct {
	due                int64
	key                []string
	resolvedAt, lastAt int64 // the latter as it is known
	active             bool  // lastAt is
}

func (d dueRow) compare(other dueRow) int {
	return cmp.Or(cmp.Compare(d.due, other.due), slices.Compare(d.key, other.key))
}

// take counts a row; false where its times are none.
func (p *clockPass) take(row *sqlite3.Stmt) bool {
	at := clockGroup{span: -1, days: -1}
	ok := true
	if row.ColumnType(0) != sqlite3.NULL {
		at.done = true
		ok = p.date(row, &at)
	}
	if at != p.of {
		p.counts[p.of] += p.n
		p.of, p.n = at, 0
	}
	p.n++
	return ok
}

// date finds the group of a row that is resolved.
func (p *clockPass) date(row *sqlite3.Stmt, at *clockGroup) (ok bool) {
	resolved, some, ok := micros(row, 1)
	last, active, well := micros(row, 2)
	if !ok || !well {
		return false
	}
	if some {
		at.span = p.g.spanOf(resolved)
	}
	d := dueRow{resolvedAt: resolved, lastAt: last, active: active}
	if !active {
		last = resolved
	}
	if active || some {
		at.days = known((last - p.g.origin.UnixMicro() + day - 1) / day)
		if period := p.g.period(at.span); period > 0 {
			d.due = last + period.Microseconds()
			p.keep(row, d)
		}
	}
	return true
}

// keep takes a row among the first, if it is.
func (p *clockPass) keep(row *sqlite3.Stmt, d dueRow) {
	if n := len(p.first); n == p.g.Most && (n == 0 || d.due > p.first[n-1].due) || d.due < p.from {
		return
	}
	var value []byte
	for i := range p.key {
		value, p.buffer = plainColumn(row, 3+i, p.buffer[:0])
		d.key = append(d.key, string(value))
	}
	if d.due == p.from && len(p.g.After) > 0 && slices.Compare(d.key, p.g.After) <= 0 {
		return
	}
	at, _ := slices.BinarySearchFunc(p.first, d, dueRow.compare)
	p.first = slices.Insert(p.first, at, d)
	p.first = p.first[:min(len(p.first), p.g.Most)]
}

// give tells what was counted and found.
func (p *clockPass) give(group func(ClockRow, int64) error, first func(ClockRow) error) error {
	p.counts[p.of] += p.n
	for at, n := range p.counts {
		if n == 0 {
			continue
		}
		if err := group(p.g.row(at), n); err != nil {
			return err
		}
	}
	for _, d := range p.first {
		r := ClockRow{Key: d.key, Resolved: true, ResolvedAt: time.UnixMicro(d.resolvedAt).UTC()}
		if d.active {
			r.LastActivity = time.UnixMicro(d.lastAt).UTC()
		}
		if err := first(r); err != nil {
			return err
		}
	}
	return nil
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

func (g *clockGroups) spanOf(micros int64) int64 {
	n, _ := slices.BinarySearchFunc(g.Spans, micros, func(from time.Time, at int64) int {
		if from.UnixMicro() <= at {
			return -1
		}
		return 1
	})
	return int64(n)
}
