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

// TestLate looks for what happened before a time: a part of a list begins where
// such entries can be, and passes over none that was written long after.
func TestLate(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := newLogBench(t, db)
		const day = 24 * time.Hour
		now, from := at, at
		l := &auditlog.Log{Entries: b.store, Trees: b.store, Now: func() time.Time { return now }}
		write := func(happened time.Time) string {
			id, err := l.Append(t.Context(), auditlog.Record{Log: logA, Action: "test.done", Outcome: "done", At: happened})
			must(t, err)
			return id
		}
		first := write(now)
		now = at.Add(10 * day)
		write(now)
		backdated := write(from)
		write(from.Add(10*day - time.Hour))
		now = at.Add(20 * day)
		write(now)
		q := auditlog.Query{Log: logA, Until: at.Add(day)}
		before, err := l.Before(t.Context(), q)
		must(t, err)
		if q.Before = before; before <= backdated || before > auditlog.IDAt(at.Add(11*day)) {
			t.Errorf("the list begins below %s, the late entry is %s", before, backdated)
		}
		q.Before = auditlog.IDAt(at.Add(9 * day)) // the next part
		before, err = l.Before(t.Context(), q)
		must(t, err)
		if before <= first || before > auditlog.IDAt(at.Add(3*day)) {
			t.Errorf("the list goes on below %s, the other entry is %s", before, first)
		}
		n, err := db.Exec(t.Context(), "INSERT INTO audit_actions (log, action, stretch) SELECT log, '?', stretch FROM audit_actions WHERE action = '~'")
		must(t, err)
		if n != 1 {
			t.Errorf("%d stretches have late entries", n)
		}
	})
}

// TestLateOfOld finds late entries that an older version wrote.
func TestLateOfOld(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		migrateTo(t, db, "0031")
		for i, happened := range []time.Duration{-25 * time.Hour, -23 * time.Hour, time.Minute} {
			id := auditlog.IDAt(at.Add(time.Duration(i)*time.Hour)) + "-7000-8000-00000000000a"
			_, err := db.Exec(t.Context(), `INSERT INTO audit_entries (id, log, at, action, outcome, target_type, leaf, leaf_hash)
				VALUES ($1, $2, $3, 'test.done', 'done', '', $4, $4)`, id, logA, sqldb.Micros(at.Add(time.Duration(i)*time.Hour+happened)), []byte{byte(i)})
			must(t, err)
		}
		s := migrated(t, db)
		id, err := s.Late(t.Context(), logA, "g", "0")
		must(t, err)
		if first := auditlog.IDAt(at); id != first[:10]+"g" {
			t.Errorf("late entries are below %q, the one of %s", id, first)
		}
	})
}
