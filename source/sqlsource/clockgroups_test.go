package sqlsource

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// TestClocks holds what the database counts against what is counted row
// by row, for each type that it can count.
func TestClocks(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	spans := []time.Time{now.AddDate(0, 0, -300), now.AddDate(0, 0, -100)}
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		types := map[string]datamap.Format{"BIGINT": datamap.FormatUnixMicros}
		if db.Dialect == sqldb.Postgres {
			execute(t, db, "CREATE SCHEMA privacyd")
			types["TIMESTAMPTZ"], types["TIMESTAMP"] = datamap.FormatPlain, datamap.FormatPlain
		}
		e, err := Own(db).Eraser()
		if err != nil {
			t.Fatal(err)
		}
		for typ, format := range types {
			sel := clockTable(t, db, typ, format, now)
			want, got := map[string]int64{}, map[string]int64{}
			err := e.ClockRows(t.Context(), sel, time.Time{}, func(r ClockRow) error { want[groupOf(r, spans, now)]++; return nil })
			if err != nil {
				t.Fatal(err)
			}
			ask := datamap.ClockAsk{Now: now, Spans: spans, Periods: []time.Duration{0, 90 * 24 * time.Hour, 30 * 24 * time.Hour}, Most: 4}
			var first, kept []string
			ok, err := e.Clocks(t.Context(), sel, ask, func(r ClockRow, n int64) error { got[groupOf(r, spans, now)] += n; return nil }, func(r ClockRow) error {
				first = append(first, r.Key[0])
				kept = append(kept, fmt.Sprint(r))
				return nil
			})
			if err != nil || !ok {
				t.Fatalf("%s: %v %v", typ, ok, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s", typ, diff)
			}
			if diff := cmp.Diff([]string{"9", "8", "80", "7"}, first); diff != "" {
				t.Errorf("%s: %s", typ, diff)
			}
			if diff := cmp.Diff(rowsOf(t, e, sel, first), kept); diff != "" {
				t.Errorf("%s: those that are first are not as they are by themselves: %s", typ, diff)
			}
			eighth := now.Add(-8*29*24*time.Hour - time.Minute + time.Hour + ask.Periods[1])
			for _, part := range []struct{ after, want []string }{{nil, []string{"8", "80"}}, {[]string{"8"}, []string{"80", "7"}}, {[]string{"80"}, []string{"7", "6"}}} {
				ask.Most, ask.From, ask.After = 2, eighth, part.after
				if diff := cmp.Diff(part.want, firstOf(t, e, sel, ask)); diff != "" {
					t.Errorf("%s: after %q: %s", typ, part.after, diff)
				}
			}
		}
	})
}

// firstOf are the keys of those that fall due first.
func firstOf(t *testing.T, e *Eraser, sel datamap.Selection, ask datamap.ClockAsk) (keys []string) {
	t.Helper()
	ok, err := e.Clocks(t.Context(), sel, ask, func(ClockRow, int64) error { return nil }, func(r ClockRow) error {
		keys = append(keys, r.Key[0])
		return nil
	})
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	return keys
}

// rowsOf are rows as they are read one by one.
func rowsOf(t *testing.T, e *Eraser, sel datamap.Selection, keys []string) []string {
	t.Helper()
	all := make([]string, len(keys))
	err := e.ClockRows(t.Context(), sel, time.Time{}, func(r ClockRow) error {
		if i := slices.Index(keys, r.Key[0]); i >= 0 {
			all[i] = fmt.Sprint(r)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// clockTable has rows that were resolved every 29 days, and messages in each
// an hour later, or none.
func clockTable(t *testing.T, db *sqldb.DB, typ string, format datamap.Format, now time.Time) datamap.Selection {
	t.Helper()
	table := "clocks_" + strings.ToLower(typ)
	execute(t, db, "CREATE TABLE "+table+" (id BIGINT, done BIGINT, at "+typ+", last "+typ+")")
	value := func(at time.Time) any {
		if format == datamap.FormatUnixMicros {
			return at.UnixMicro()
		}
		return at.Format("2006-01-02 15:04:05")
	}
	for i := range 20 {
		at := now.Add(-time.Duration(i*29)*24*time.Hour - time.Minute)
		var last any
		if i%3 > 0 {
			last = value(at.Add(time.Hour))
		}
		for n, row := range [][]any{{i%5 > 0, value(at), last}, {i%5 > 0, nil, last}} {
			if _, err := db.Exec(t.Context(), "INSERT INTO "+table+" VALUES ($1, $2, $3, $4)", 100*n+i, map[bool]int{true: 1}[row[0].(bool)], row[1], row[2]); err != nil {
				t.Fatal(err)
			}
		}
	}
	execute(t, db, "INSERT INTO "+table+" SELECT 80, done, at, last FROM "+table+" WHERE id = 8") // due at the same moment
	far := []any{int64(-1 << 60), int64(1 << 60)}
	if format == datamap.FormatPlain {
		far = []any{"-infinity", "infinity"}
	}
	for i, at := range far {
		execute(t, db, fmt.Sprintf("INSERT INTO %s VALUES (%d, 1, '%v', NULL), (%d, 1, NULL, '%[3]v')", table, 1000+i, at, 2000+i))
	}
	c := &datamap.Collection{Name: table, Table: table, Key: []string{"id"}, Clock: &datamap.Clock{Resolved: "done = 1", ResolvedAt: "at", LastActivity: "last"}}
	for _, name := range []string{"at", "last"} {
		c.Fields = append(c.Fields, &datamap.Field{Column: name, Format: format})
	}
	return datamap.Selection{Collection: c}
}

// groupOf is what a row has in common with those that are counted with it.
func groupOf(r ClockRow, spans []time.Time, now time.Time) string {
	if !r.Resolved {
		return "open"
	}
	span := -1
	if !r.ResolvedAt.IsZero() {
		span = 0
		for i, from := range spans {
			if !r.ResolvedAt.Before(from) {
				span = i + 1
			}
		}
	}
	days := "never"
	if last := r.Last(); !last.IsZero() {
		days = fmt.Sprint(int(last.Sub(now.AddDate(-10, 0, 0)) / (24 * time.Hour))) // of centuries ago and to come: the most that there are
	}
	return fmt.Sprint(span, " ", days)
}

// TestClocksOfTexts: what the database cannot tell is said so.
func TestClocksOfTexts(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		if db.Dialect == sqldb.Postgres {
			execute(t, db, "CREATE SCHEMA privacyd")
		}
		e, err := Own(db).Eraser()
		if err != nil {
			t.Fatal(err)
		}
		execute(t, db, "CREATE TABLE texts (id BIGINT, at TEXT)", "INSERT INTO texts VALUES (1, '2024-03-01')")
		c := &datamap.Collection{Name: "texts", Table: "texts", Key: []string{"id"}, Clock: &datamap.Clock{Resolved: "TRUE", ResolvedAt: "at"}}
		for _, format := range []datamap.Format{datamap.FormatPlain, datamap.FormatUnixMicros} {
			c.Fields = []*datamap.Field{{Column: "at", Format: format}}
			ask := datamap.ClockAsk{Now: time.Now(), Periods: []time.Duration{0}}
			ok, err := e.Clocks(t.Context(), datamap.Selection{Collection: c}, ask, func(ClockRow, int64) error { return nil }, func(ClockRow) error { return nil })
			if ok || err != nil {
				t.Errorf("%q: %v %v", format, ok, err)
			}
		}
	})
}
