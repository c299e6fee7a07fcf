package store_test

import (
	"testing"
	"time"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// TestClockSetBack writes with processes whose clocks are an hour apart, one
// after the other and in turn: what was written later is listed above.
func TestClockSetBack(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := newLogBench(t, db)
		process := func(off time.Duration) *auditlog.Log {
			return &auditlog.Log{Entries: b.store, Trees: b.store, Now: func() time.Time { return at.Add(off) }, Follow: 1}
		}
		first, behind, far := process(0), process(-time.Hour), process(48*time.Hour)
		var want []string
		for _, l := range []*auditlog.Log{first, behind, first, behind, process(-2 * time.Hour), first} {
			id, err := l.Append(t.Context(), auditlog.Record{Log: logA, Action: "test.done", Outcome: "done"})
			must(t, err)
			want = append(want, id)
		}
		n := len(want)
		for o, err := range first.List(t.Context(), auditlog.Query{Log: logA}) {
			must(t, err)
			if n--; o.ID != want[n] {
				t.Errorf("%s is listed where %s was written", o.ID, want[n])
			}
		}
		// A clock that was broken once does not take all others with it.
		_, err := far.Append(t.Context(), auditlog.Record{Log: logA, Action: "test.done", Outcome: "done"})
		must(t, err)
		id, err := first.Append(t.Context(), auditlog.Record{Log: logA, Action: "test.done", Outcome: "done"})
		must(t, err)
		if made := auditlog.MadeAt(id); made.Sub(at) > time.Minute || id < want[len(want)-1] {
			t.Errorf("%s was made at %s", id, made)
		}
	})
}

// TestUnplaced finds entries that are in no tree, whatever their ids are.
func TestUnplaced(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := newLogBench(t, db)
		b.append(t, logA)
		b.pass(t)
		if id, err := b.Unplaced(t.Context(), logA); id != "" || err != nil {
			t.Errorf("%q waits: %v", id, err)
		}
		const old = "0190a1b2-0000-7000-8000-00000000000a"
		must(t, b.store.Insert(t.Context(), auditlog.Entry{ID: old, Log: logA, At: at, Action: "test.done", Outcome: "done", Leaf: []byte("{}")}, nil))
		b.append(t, logB)
		if id, err := b.Unplaced(t.Context(), logA); id != old || err != nil {
			t.Errorf("%q waits: %v", id, err)
		}
		if id, err := b.Unplaced(t.Context(), ""); id != "" || err != nil {
			t.Errorf("%q of the instance's log waits: %v", id, err)
		}
	})
}
