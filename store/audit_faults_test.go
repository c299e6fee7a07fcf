package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// committed is the entries whose transactions committed, by log.
type committed struct {
	mu  sync.Mutex
	ids map[string][]string
}

func (c *committed) add(log string, ids []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ids[log] = append(c.ids[log], ids...)
}

var errUndone = errors.New("undone")

// write runs transactions of one to three entries, of which every fourth is
// rolled back.
func (b *logBench) write(t *testing.T, logs []string, n int, done *committed) {
	for i := range n {
		log := logs[i%len(logs)]
		var ids []string
		err := b.db.InTx(t.Context(), func(ctx context.Context) error {
			for range 1 + i%3 {
				id, err := b.Append(ctx, auditlog.Record{Log: log, Action: "test.done", Outcome: "done"})
				if err != nil {
					return err
				}
				ids = append(ids, id)
			}
			if i%4 == 1 {
				return errUndone
			}
			return nil
		})
		switch {
		case err == nil:
			done.add(log, ids)
		case !errors.Is(err, errUndone):
			t.Error(err)
		}
	}
}

// TestManyNodes has several nodes sequence and several writers write and roll
// back at the same time: nothing is lost, nothing is there twice, and nobody
// takes another node's progress for a restored backup.
func TestManyNodes(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := newLogBench(t, db)
		logs := []string{"", logA, logB}
		done := &committed{ids: map[string][]string{}}
		ctx, stop := context.WithCancel(t.Context())
		var nodes, writers sync.WaitGroup
		for range 3 {
			seq := b.sequencer()
			seq.Every, seq.PublishEvery = time.Millisecond, time.Millisecond
			nodes.Go(func() {
				if err := seq.Run(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		for range 4 {
			writers.Go(func() { b.write(t, logs, 100, done) })
		}
		writers.Wait()
		stop()
		nodes.Wait()
		b.pass(t)
		for _, log := range logs {
			b.checkComplete(t, log, done.ids[log])
		}
		if n, err := b.seq.Reconcile(t.Context()); n != 0 || err != nil {
			t.Errorf("%d entries were lost, %v", n, err)
		}
	})
}

// checkComplete wants exactly these entries of test.done in a log of one
// epoch.
func (b *logBench) checkComplete(t *testing.T, log string, want []string) {
	t.Helper()
	v := b.view(t, log)
	if n := len(v.Epochs()); n != 1 {
		t.Errorf("the log %q has %d epochs", log, n)
	}
	got := checkLog(t, v)
	if log == "" {
		got = slices.DeleteFunc(got, func(id string) bool { return !slices.Contains(want, id) })
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the log %q has %d entries, want %d", log, len(got), len(want))
	}
}

// undone is a store whose transactions fail after they have done everything.
type undone struct {
	auditlog.Sequence
	left int
}

func (u *undone) Grow(ctx context.Context, grown []auditlog.Grown) error {
	if err := u.Sequence.Grow(ctx, grown); err != nil {
		return err
	}
	if u.left--; u.left >= 0 {
		return errUndone
	}
	return nil
}

// TestRolledBackPass rolls passes back at their very end: what comes after
// builds on what the database has, not on what was computed.
func TestRolledBackPass(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := newLogBench(t, db)
		b.append(t, logA)
		b.pass(t)
		for range 300 {
			b.append(t, logA)
		}
		b.seq.Store = &undone{Sequence: b.store, left: 2}
		for range 2 {
			if _, err := b.seq.Pass(t.Context()); err != nil && !errors.Is(err, errUndone) {
				t.Fatal(err)
			}
			if h := b.view(t, logA).Epochs()[0]; h.Size != 1 {
				t.Fatalf("size %d after what was rolled back", h.Size)
			}
		}
		b.seq.Store = b.store
		b.pass(t)
		if ids := checkLog(t, b.view(t, logA)); len(ids) != 301 {
			t.Errorf("%d entries", len(ids))
		}
	})
}

// TestClockGoingBack appends and signs with a clock that goes back a year:
// order is that of commits all the same.
func TestClockGoingBack(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := newLogBench(t, db)
		now := at
		b.seq.Now = func() time.Time { return now }
		var ids []string
		for _, step := range []time.Duration{0, -time.Hour, -365 * 24 * time.Hour, time.Minute, 1000 * time.Hour} {
			now = now.Add(step)
			for range 3 {
				id, err := b.Append(t.Context(), auditlog.Record{Log: logA, Action: "test.done", Outcome: "done", At: now})
				must(t, err)
				ids = append(ids, id)
			}
			b.pass(t)
		}
		v := b.view(t, logA)
		if got := checkLog(t, v); !slices.Equal(got, ids) {
			t.Error("the order is another")
		}
		older, err := v.Older(t.Context(), 1)
		must(t, err)
		var sizes []int64
		for _, note := range older {
			size, _, err := auditlog.ParseCheckpoint(note, publicKey(), v.Epochs()[0].Origin)
			must(t, err)
			sizes = append(sizes, size)
		}
		if fmt.Sprint(sizes) != "[3 6 12]" {
			t.Errorf("checkpoints of the sizes %v are kept", sizes)
		}
	})
}

func TestThousandLogs(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := newLogBench(t, db)
		name := func(i int) string { return fmt.Sprintf("0190a1b2-0000-7000-8000-%012x", i) }
		must(t, db.InTx(t.Context(), func(ctx context.Context) error {
			for i := range 3000 {
				if _, err := b.Append(ctx, auditlog.Record{Log: name(i % 1000), Action: "test.done", Outcome: "done"}); err != nil {
					return err
				}
			}
			return nil
		}))
		b.pass(t)
		for i := range 1000 {
			if heads, err := b.store.Heads(t.Context(), name(i)); err != nil || len(heads) != 1 || heads[0].Size != 3 {
				t.Fatalf("the log %d has the heads %v, %v", i, heads, err)
			}
		}
		noted := 0
		for p, err := range b.view(t, "").Entries(t.Context(), 1, 0, 1000) {
			must(t, err)
			if p.Action == auditlog.ActionCheckpoint {
				noted++
			}
		}
		if noted != 1000 {
			t.Errorf("the instance's log knows of %d logs", noted)
		}
	})
}
