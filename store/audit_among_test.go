package store_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// counted is trees that count how often entries were read.
type counted struct {
	auditlog.Trees
	pages int
}

// Placed implements auditlog.Trees.
func (c *counted) Placed(ctx context.Context, log string, epoch int, from, to int64) ([]auditlog.Placed, error) {
	c.pages++
	return c.Trees.Placed(ctx, log, epoch, from, to)
}

const (
	amongDays = 24
	amongADay = 170
	keptADay  = 6 // of which the target is sought, so to say
	oneDay    = 24 * time.Hour
)

// fillDays writes so many entries on each of some days: rare ones on two, one
// on the 15th that happened on the second, and an erasure on the 22nd.
func fillDays(t *testing.T, b *logBench, l *auditlog.Log, now *time.Time) {
	t.Helper()
	write := func(ctx context.Context, action string, happened time.Time) {
		_, err := l.Append(ctx, auditlog.Record{Log: logA, Action: action, Outcome: "done", At: happened})
		must(t, err)
	}
	for day := range amongDays {
		must(t, b.store.InTx(t.Context(), func(ctx context.Context) error {
			for i := range amongADay {
				*now = at.Add(time.Duration(day)*oneDay + time.Duration(i)*time.Minute)
				action := "usual.done"
				if (day == 3 || day == 5) && i == 90 {
					action = "rare.done"
				}
				write(ctx, action, *now)
			}
			switch day {
			case 15:
				write(ctx, "usual.done", at.Add(2*oneDay))
			case 22:
				write(ctx, auditlog.ActionErased, *now)
			}
			return nil
		}))
	}
	b.pass(t)
}

// TestFilteredExportReadsWhatItNeeds compares filtered exports with those that
// look at every entry, and counts the pages of entries that were read.
func TestFilteredExportReadsWhatItNeeds(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := newLogBench(t, db)
		now, trees := at, &counted{Trees: b.store}
		l := &auditlog.Log{Entries: b.store, Trees: trees, Signer: signingKey(), Now: func() time.Time { return now }, Follow: time.Hour}
		fillDays(t, b, l, &now)
		day := func(n int) time.Time { return at.Add(time.Duration(n) * oneDay) }
		for name, test := range map[string]struct {
			q       auditlog.Query
			most    int // of eight pages
			entries int // without the erasure's
		}{
			"one day":          {auditlog.Query{From: day(17), Until: day(18)}, 4, keptADay},
			"with a late one":  {auditlog.Query{From: day(2), Until: day(3)}, 7, keptADay + 1},
			"before a late":    {auditlog.Query{From: day(7), Until: day(8)}, 7, keptADay},
			"the last days":    {auditlog.Query{From: day(22)}, 3, 2 * keptADay},
			"the first day":    {auditlog.Query{Until: day(1)}, 7, keptADay},
			"no day":           {auditlog.Query{From: day(40)}, 2, 0},
			"a rare action":    {auditlog.Query{Action: "rare.done"}, 3, 2},
			"one on a day":     {auditlog.Query{Action: "rare.done", From: day(5), Until: day(6)}, 3, 1},
			"an unknown":       {auditlog.Query{Action: "no.done"}, 2, 0},
			"a frequent one":   {auditlog.Query{Action: "usual.done"}, 8, amongDays*keptADay - 1},
			"nothing narrowed": {auditlog.Query{TargetType: "job"}, 8, 0},
		} {
			q := test.q
			q.Log = logA
			if !q.From.IsZero() {
				q.NotBefore = auditlog.IDAt(q.From.Add(-oneDay))
			}
			var err error
			q.Before, err = l.Before(t.Context(), q)
			must(t, err)
			want, _ := exportAmong(t, l, trees, q, auditlog.Query{})
			got, read := exportAmong(t, l, trees, q, q)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
			if n := strings.Count(got, `"leaf"`); read > test.most || n != test.entries+1 {
				t.Errorf("%s: %d pages were read for %d entries", name, read, n)
			}
		}
		wantFewRead(t, db, b, auditlog.Query{Log: logA, NotBefore: auditlog.IDAt(day(6)), Before: auditlog.IDAt(day(9))}, 3*amongADay)
	})
}

// exportAmong exports what a query asks for and looks for it among others.
func exportAmong(t *testing.T, l *auditlog.Log, trees *counted, q, among auditlog.Query) (export string, pages int) {
	t.Helper()
	v, err := l.View(t.Context(), logA)
	must(t, err)
	trees.pages = 0
	var out strings.Builder
	_, err = v.WriteJSON(t.Context(), &out, auditlog.Export{
		At: at, Key: publicKey(), Filter: map[string]string{"some": "filter"}, Among: among,
		Keep: func(o auditlog.Opened) bool {
			return (q.From.IsZero() || !o.At.Before(q.From)) && (q.Until.IsZero() || o.At.Before(q.Until)) &&
				o.At.Minute()%30 == 0 && (q.Action == "" || q.Action == o.Action) && q.TargetType == o.TargetType
		},
	})
	must(t, err)
	return out.String(), trees.pages
}

// wantFewRead counts on PostgreSQL what was read to find where to look, whatever
// it knows of the tables' sizes.
func wantFewRead(t *testing.T, db *sqldb.DB, b *logBench, q auditlog.Query, most int) {
	t.Helper()
	if db.Dialect != sqldb.Postgres {
		return
	}
	for _, analyse := range []bool{false, true} {
		if analyse {
			_, err := db.Exec(t.Context(), "ANALYZE audit_entries, audit_positions")
			must(t, err)
		}
		must(t, db.InTx(t.Context(), func(ctx context.Context) error {
			before := entriesRead(ctx, t, db)
			_, _, err := b.store.Pages(ctx, q, 1, 512)
			if read := entriesRead(ctx, t, db) - before; read > most {
				t.Errorf("%d entries are read where %d are asked for", read, most)
			}
			return err
		}))
	}
}
