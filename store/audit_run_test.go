package store_test

import (
	"context"
	"encoding/hex"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/auditlog/auditlogtest"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// run runs a sequencer until stop is called.
func run(t *testing.T, seq *auditlog.Sequencer) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var over sync.WaitGroup
	over.Go(func() {
		if err := seq.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	return func() {
		cancel()
		over.Wait()
	}
}

// TestRunAndWait waits on one node for what another one signs; both end
// without leaving anything behind.
func TestRunAndWait(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := newLogBench(t, db)
		ignore := goleak.IgnoreCurrent()
		b.seq.Every = time.Hour
		stop := run(t, b.seq)
		for range 3 { // an hour's ticks need not come: the wait wakes the node
			must(t, waitOrWake(t, b, b.append(t, logA)))
		}
		other := b.sequencer()
		stopOther := run(t, other)
		for range 3 {
			must(t, b.seq.Wait(t.Context(), b.append(t, logB)))
		}
		if err := b.seq.Wait(t.Context(), "none"); !errors.Is(err, auditlog.ErrNoEntry) {
			t.Errorf("waited for what is not there: %v", err)
		}
		stopOther()
		last := b.append(t, logA)
		stop()
		b.pass(t)
		must(t, b.seq.Wait(t.Context(), last))
		goleak.VerifyNone(t, ignore)
	})
}

// waitOrWake waits for an entry, and wakes the node again where a transaction
// of somebody's held the entry back.
func waitOrWake(t *testing.T, b *logBench, id string) error {
	t.Helper()
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		err := b.seq.Wait(ctx, id)
		cancel()
		if !errors.Is(err, auditlog.ErrPending) {
			return err
		}
	}
}

func TestWaitCancelled(t *testing.T) {
	b := newLogBench(t, sqldbtest.SQLite(t))
	id := b.append(t, logA)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.seq.Wait(ctx, id); !errors.Is(err, context.Canceled) || errors.Is(err, auditlog.ErrPending) {
		t.Errorf("a wait that was cancelled ended with %v", err)
	}
}

// TestPublishedAgain dies between commit and publication: the next start
// publishes, and opens an epoch where more is published than there is, also in
// logs that nobody writes to.
func TestPublishedAgain(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := newLogBench(t, db)
		b.append(t, logA)
		b.pass(t)
		down := errors.New("down")
		b.append(t, logA)
		b.seq.Published = writeless{b.shelf, down}
		if err := b.untilError(t); !errors.Is(err, down) {
			t.Fatal(err)
		}
		ahead, err := auditlog.SignCheckpoint(signingKey(), auditlog.Origin(publicKey(), logB, 1), 9, [32]byte{})
		must(t, err)
		b.append(t, logB)
		b.seq.Published = &auditlogtest.Shelf{}
		b.pass(t)
		b.shelf.Put(logB, ahead)

		b.seq = b.sequencer()
		stop := run(t, b.seq)
		for b.publishedSize(t, logA) != 2 || b.head(t, logB).Epoch != 2 {
			pause(t)
		}
		stop()
		b.wantEpoch(t, logB, 2, 1, auditlog.Head{Epoch: 1, Size: 9}, 1)
	})
}

// writeless is a shelf that cannot be written to.
type writeless struct {
	auditlog.Published
	err error
}

func (w writeless) Write(context.Context, string, []byte) error { return w.err }

func (b *logBench) publishedSize(t *testing.T, log string) int64 {
	t.Helper()
	note, err := b.shelf.Read(t.Context(), auditlog.LogName(log))
	must(t, err)
	_, size, _, err := auditlog.ReadCheckpoint(note)
	must(t, err)
	return size
}

// notes gives the sizes of logA that the instance's log knows of.
func (b *logBench) notes(t *testing.T) (sizes []int64) {
	t.Helper()
	v := b.view(t, "")
	checkLog(t, v)
	for _, h := range v.Epochs() {
		for p, err := range v.Entries(t.Context(), h.Epoch, 0, h.Size) {
			must(t, err)
			if p.Action == auditlog.ActionCheckpoint && p.Public["log"] == logA {
				sizes = append(sizes, p.Public["size"].(int64))
			}
		}
	}
	return sizes
}

// certain waits until an entry can be integrated: on PostgreSQL a transaction
// of anybody's in the same server may hold it back.
func (b *logBench) certain(t *testing.T, id string) {
	t.Helper()
	for certain := b.db.Dialect == sqldb.SQLite; !certain; pause(t) {
		must(t, b.db.QueryRow(t.Context(), `SELECT xid < pg_snapshot_xmin(pg_current_snapshot()) FROM audit_entries WHERE id = $1`, id).Scan(&certain))
	}
}

// TestNoted has the instance's log learn of a workspace's once a minute, also
// with two nodes and when the clock was set back, and at a clean stop.
func TestNoted(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := newLogBench(t, db)
		now := at
		nodes := []*auditlog.Sequencer{b.sequencer(), b.sequencer()}
		grow := func() {
			t.Helper()
			for _, b.seq = range nodes {
				b.seq.Now = func() time.Time { return now }
				b.certain(t, b.append(t, logA))
				b.pass(t)
			}
		}
		want := func(sizes ...int64) {
			t.Helper()
			if diff := cmp.Diff(sizes, b.notes(t)); diff != "" {
				t.Error(diff)
			}
		}
		grow()
		want(1)
		now = now.Add(59 * time.Second)
		grow()
		want(1)
		now = now.Add(time.Second)
		grow()
		want(1, 5)
		now = now.Add(-365 * 24 * time.Hour)
		grow()
		want(1, 5, 7)
		b.append(t, logA)
		b.pass(t)
		must(t, b.seq.Finish(t.Context()))
		b.pass(t)
		want(1, 5, 7, 9)
		must(t, b.seq.Finish(t.Context()))
		b.pass(t)
		want(1, 5, 7, 9)
	})
}

// TestNoteNamesTheRoot reads what the instance's log says of a workspace's.
func TestNoteNamesTheRoot(t *testing.T) {
	b := newLogBench(t, sqldbtest.SQLite(t))
	b.append(t, logA)
	b.pass(t)
	root := b.head(t, logA).Root
	for p, err := range b.view(t, "").Entries(t.Context(), 1, 0, 1) {
		must(t, err)
		want := map[string]any{
			"actor_kind": "system", "log": logA, "epoch": int64(1), "size": int64(1), "root": hex.EncodeToString(root[:]),
		}
		if diff := cmp.Diff(want, p.Public); diff != "" || p.Log != "" {
			t.Error(diff)
		}
	}
}

// TestThinned keeps the last checkpoint of each hour for a week, then that of
// each day.
func TestThinned(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := newLogBench(t, db)
		now := at
		b.seq.Now = func() time.Time { return now }
		for range 60 {
			b.append(t, logA)
			b.pass(t)
			now = now.Add(20 * time.Minute)
		}
		older := func() int {
			all, err := b.view(t, logA).Older(t.Context(), 1)
			must(t, err)
			return len(all)
		}
		if n := older(); n != 19 { // 12:00 to 07:40 of the next day, the newest not among them
			t.Errorf("%d older checkpoints", n)
		}
		now = now.Add(7 * 24 * time.Hour)
		_, err := b.seq.Reconcile(t.Context())
		must(t, err)
		if n := older(); n != 2 {
			t.Errorf("%d older checkpoints after a week", n)
		}
	})
}
