package local_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/work"
	"github.com/privacyd/privacyd/work/local"
	"github.com/privacyd/privacyd/work/worktest"
)

const patience = 30 * time.Second

// run starts a runner and gives what stops it.
func run(t *testing.T, r *local.Runner) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	stop = func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		ended <- nil
	}
	t.Cleanup(stop)
	return stop
}

func enqueue(t *testing.T, r *local.Runner, keys ...string) {
	t.Helper()
	for _, key := range keys {
		if err := r.Enqueue(t.Context(), work.Item{Kind: "k", Key: key}); err != nil {
			t.Fatal(err)
		}
	}
}

func wait[T any](t *testing.T, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		t.Fatalf("%s did not come", what)
	}
	return v
}

// orphan leaves an item that runs on a process that is gone.
func orphan(t *testing.T, d database) {
	t.Helper()
	db := d.open(t)
	dead := local.New(db, local.Options{})
	begun := make(chan struct{})
	dead.Handle("k", func(ctx context.Context, _ string, _ work.Lease) error {
		close(begun)
		<-ctx.Done()
		return ctx.Err()
	}, 1)
	stop := run(t, dead)
	enqueue(t, dead, "one")
	wait(t, "the handler", begun)
	_ = db.Close()
	stop()
}

func TestRecoverVoidsTheLeasesOfTheDead(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		orphan(t, d)
		clock := worktest.NewClock() // stands still: no lease ever runs out
		r := local.New(d.open(t), local.Options{Now: clock.Now})
		attempts := make(chan int, 1)
		r.Handle("k", func(_ context.Context, _ string, l work.Lease) error {
			attempts <- l.Attempt()
			return nil
		}, 1)
		if err := r.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := r.RunUntilIdle(t.Context(), "one"); err != nil {
			t.Fatal(err)
		}
		if got := wait(t, "the handler", attempts); got != 2 {
			t.Fatalf("attempt %d", got)
		}
	})
}

func beat(t *testing.T, db *sqldb.DB) (n int64) {
	t.Helper()
	if err := db.QueryRow(t.Context(), `SELECT beat FROM work_items`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// The watcher's clock goes on by nearly a lease between any two heartbeats.
func TestHeartbeatsKeepTheLease(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		const lease = 150 * time.Millisecond
		slow, watcher := worktest.NewClock(), worktest.NewClock()
		alive := local.New(d.open(t), local.Options{Now: slow.Now, Lease: lease})
		db := d.open(t)
		other := local.New(db, local.Options{Now: watcher.Now, Poll: 10 * time.Millisecond})
		begun, end := make(chan context.Context, 2), make(chan struct{})
		defer close(end)
		handler := func(ctx context.Context, _ string, _ work.Lease) error {
			begun <- ctx
			<-end
			return nil
		}
		alive.Handle("k", handler, 1)
		other.Handle("k", handler, 1)
		run(t, alive)
		enqueue(t, alive, "one")
		ctx := wait(t, "the handler", begun)
		run(t, other)
		watcher.Settle(t)
		for range 5 {
			for before, late := beat(t, db), time.After(patience); beat(t, db) == before; {
				select {
				case <-late:
					t.Fatal("the heart does not beat")
				case <-time.After(5 * time.Millisecond):
				}
			}
			watcher.Settle(t)
			watcher.Move(lease * 9 / 10)
		}
		if ctx.Err() != nil || len(begun) != 0 {
			t.Errorf("taken over from the living: %v", context.Cause(ctx))
		}
	})
}

func TestLostDatabaseEndsTheHandler(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		db := d.open(t)
		r := local.New(db, local.Options{Lease: 90 * time.Millisecond})
		causes := make(chan error, 1)
		begun := make(chan struct{})
		r.Handle("k", func(ctx context.Context, _ string, _ work.Lease) error {
			close(begun)
			<-ctx.Done()
			causes <- context.Cause(ctx)
			return ctx.Err()
		}, 1)
		run(t, r)
		enqueue(t, r, "one")
		wait(t, "the handler", begun)
		_ = db.Close()
		if err := wait(t, "the end of the context", causes); !errors.Is(err, work.ErrLost) {
			t.Fatal(err)
		}
	})
}

func TestNoPersonalDataIsKept(t *testing.T) {
	const somebody = "somebody@example.com"
	each(t, func(t *testing.T, d database) {
		var log bytes.Buffer
		db := d.open(t)
		r := local.New(db, local.Options{
			Logger:  slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
			Backoff: func(int) time.Duration { return time.Millisecond },
		})
		r.Handle("k", func(context.Context, string, work.Lease) error { panic(somebody) }, 1)
		if err := r.Enqueue(t.Context(), work.Item{Kind: "k", Key: "one", MaxAttempts: 2}); err != nil {
			t.Fatal(err)
		}
		if err := r.RunUntilIdle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if text := log.String(); strings.Contains(text, somebody) || !strings.Contains(text, "fault_test.go") {
			t.Errorf("no stack, or more than that:\n%s", text)
		}
		var state, code string
		if err := db.QueryRow(t.Context(), `SELECT state, error_code FROM work_items`).Scan(&state, &code); err != nil {
			t.Fatal(err)
		}
		if state != "dead" || code != "internal" {
			t.Errorf("state %s, code %s", state, code)
		}
	})
}

// A batch holds its lease and then wants the job's row; a cancellation holds
// that and then wants the item's. Neither may wait for the other.
func TestCancelAndBatchDoNotDeadlock(t *testing.T) {
	d := newDatabase(t, sqldb.Postgres)
	db := d.open(t)
	execute(t, db, `CREATE TABLE jobs (n BIGINT NOT NULL)`, `INSERT INTO jobs (n) VALUES (0)`)
	touch := func(ctx context.Context) error {
		_, err := db.Exec(ctx, `UPDATE jobs SET n = n + 1`)
		return err
	}
	r := local.New(db, local.Options{Lease: 90 * time.Millisecond})
	checked, cancelled, result := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	r.Handle("k", func(ctx context.Context, _ string, l work.Lease) error {
		err := db.InTx(context.WithoutCancel(ctx), func(ctx context.Context) error {
			if err := l.Check(ctx); err != nil {
				return err
			}
			close(checked)
			<-cancelled
			return touch(ctx)
		})
		result <- err
		return err
	}, 1)
	run(t, r)
	enqueue(t, r, "one")
	wait(t, "the batch", checked)
	bounded, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	err := db.InTx(bounded, func(ctx context.Context) error {
		return errors.Join(touch(ctx), r.Cancel(ctx, "k", "one"), r.Enqueue(ctx, work.Item{Kind: "k", Key: "one"}))
	})
	close(cancelled)
	if err = errors.Join(err, wait(t, "the batch's end", result)); err != nil {
		t.Fatal(err)
	}
}

func execute(t *testing.T, db *sqldb.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.Exec(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
}

// Every connection is cut again and again; every item is done all the same.
func TestConnectionsAreCut(t *testing.T) {
	const items = 60
	d := newDatabase(t, sqldb.Postgres)
	db, knife := d.open(t), d.open(t)
	execute(t, db, `CREATE TABLE done (key TEXT PRIMARY KEY)`)
	knife.Writer().SetMaxOpenConns(1)
	r := local.New(db, local.Options{
		Poll: 10 * time.Millisecond, Backoff: func(int) time.Duration { return 10 * time.Millisecond },
	})
	r.Handle("k", func(ctx context.Context, key string, l work.Lease) error {
		return db.InTx(ctx, func(ctx context.Context) error {
			if err := l.Check(ctx); err != nil {
				return err
			}
			_, err := db.Exec(ctx, `INSERT INTO done (key) VALUES ($1) ON CONFLICT DO NOTHING`, key)
			return err
		})
	}, 0)
	for i := range items {
		item := work.Item{Kind: "k", Key: fmt.Sprint(i), MaxAttempts: 1000}
		if err := r.Enqueue(t.Context(), item); err != nil {
			t.Fatal(err)
		}
	}
	run(t, r)
	late := time.After(patience)
	for cuts, left := 0, items; left > 0; cuts++ {
		if cuts < 20 {
			execute(t, knife, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
		}
		if err := knife.QueryRow(t.Context(), `SELECT count(*) FROM work_items`).Scan(&left); err != nil {
			t.Fatal(err)
		}
		select {
		case <-late:
			t.Fatalf("%d items are left", left)
		case <-time.After(5 * time.Millisecond):
		}
	}
	var n int
	if err := knife.QueryRow(t.Context(), `SELECT count(*) FROM done`).Scan(&n); err != nil || n != items {
		t.Fatalf("%d of %d done: %v", n, items, err)
	}
}

func TestExponential(t *testing.T) {
	for attempt, want := range map[int]time.Duration{
		0: 2 * time.Second, 1: 2 * time.Second, 2: 4 * time.Second, 5: 32 * time.Second,
		9: 512 * time.Second, 10: 15 * time.Minute, 1000: 15 * time.Minute,
	} {
		if got := local.Exponential(attempt); got != want {
			t.Errorf("attempt %d: %s, want %s", attempt, got, want)
		}
	}
}
