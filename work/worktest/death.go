package worktest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/work"
)

func deathCases() map[string]func(*bench) {
	return map[string]func(*bench){
		"picked up after its lease":    pickedUp,
		"clock put back meanwhile":     pickedUpBack,
		"last attempt":                 lastAttempt,
		"no effect twice":              noEffectTwice,
		"a batch holds off a takeover": batchHolds,
		"killed in mid-batch":          killed,
		"stopped gives back":           stopped,
		"stopped and done":             stoppedDone,
	}
}

// orphan leaves an item that runs on a node that is gone, and another node
// that runs.
func (b *bench) orphan(it work.Item, option func(*Options)) {
	b.t.Helper()
	n, other := b.node(nil), b.node(option)
	b.start(n)
	b.enqueue(n, it)
	b.next() // never answers
	b.must(n.DB.Close())
	b.start(other)
}

func pickedUp(b *bench) {
	b.orphan(work.Item{Key: "one"}, nil)
	b.none()
	b.clock.Move(lease - time.Second)
	b.none()
	c := b.nextAfter()
	b.want(c, "one", 2)
	c.answer <- nil
	b.none()
}

func pickedUpBack(b *bench) {
	b.orphan(work.Item{Key: "one"}, nil)
	b.none()
	b.clock.Move(-24 * time.Hour)
	b.none()
	c := b.nextAfter()
	c.answer <- nil
	if moved := NewClock().Peek().Sub(b.clock.Peek()); moved < 23*time.Hour {
		b.t.Fatalf("only when the clock was back where it had been, but for %s", moved)
	}
}

func lastAttempt(b *bench) {
	told, option := b.mourner()
	b.orphan(work.Item{Key: "one", MaxAttempts: 1}, option)
	b.clock.Settle(b.t)
	b.clock.Move(lease)
	b.heard(told, "one", work.ErrDied)
	b.none()
}

func noEffectTwice(b *bench) {
	n, other := b.node(nil), b.node(nil)
	b.effects(n.DB)
	b.start(n)
	b.enqueue(n, work.Item{Key: "one"})
	stale := b.next()
	b.must(batch(context.Background(), n.DB, stale.lease, "one", "first", nil))
	b.start(other)
	fresh := b.nextAfter()
	b.want(fresh, "one", 2)
	for range 2 {
		if err := batch(context.Background(), n.DB, stale.lease, "one", "second", nil); !errors.Is(err, work.ErrLost) {
			b.t.Fatalf("a batch of the stale process: %v", err)
		}
	}
	if err := b.cause(stale); !errors.Is(err, work.ErrLost) {
		b.t.Fatalf("cause %v", err)
	}
	b.must(batch(fresh.ctx, other.DB, fresh.lease, "one", "second", nil))
	stale.answer <- nil // too late: it ends nothing
	b.clock.Settle(b.t)
	b.must(batch(fresh.ctx, other.DB, fresh.lease, "one", "third", nil))
	fresh.answer <- nil
	b.none()
	for _, step := range []string{"first", "second", "third"} {
		if got := b.count(n.DB, "one", step); got != 1 {
			b.t.Errorf("%s: %d effects", step, got)
		}
	}
}

func batchHolds(b *bench) {
	n, other := b.node(nil), b.node(nil)
	b.effects(n.DB)
	b.start(n)
	b.enqueue(n, work.Item{Key: "one"})
	stale := b.next()
	stop := b.start(other)
	b.clock.Settle(b.t)
	// On SQLite the other process cannot even begin to write meanwhile.
	during := func() {
		b.clock.Move(2 * lease)
		if n.DB.Dialect == sqldb.Postgres {
			b.none()
		}
	}
	b.must(batch(context.Background(), n.DB, stale.lease, "one", "first", during))
	fresh := b.nextAfter()
	if err := batch(context.Background(), n.DB, stale.lease, "one", "second", nil); !errors.Is(err, work.ErrLost) {
		b.t.Fatalf("a batch of the stale process: %v", err)
	}
	fresh.answer <- nil
	stop()
}

// Child is the main function of the process that Backend.Child starts: it runs
// the suite's item, commits a step, says so, and hangs in the middle of the
// next step's transaction until it is killed.
func Child(ctx context.Context, n Node) error {
	n.Handle(kind, func(ctx context.Context, key string, l work.Lease) error {
		if err := batch(ctx, n.DB, l, key, "first", nil); err != nil {
			return err
		}
		return batch(ctx, n.DB, l, key, "second", func() {
			fmt.Println("in the middle")
			<-ctx.Done()
		})
	}, 1)
	return n.Run(ctx)
}

func killed(b *bench) {
	n := b.node(nil)
	b.effects(n.DB)
	b.enqueue(n, work.Item{Key: "one"})
	child := b.backend.Child(b.t)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	b.must(err)
	b.must(child.Start())
	b.t.Cleanup(func() { _ = child.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "in the middle\n" {
		b.t.Fatalf("the child said %q: %v", line, err)
	}
	b.must(child.Process.Kill())
	_, _ = io.Copy(io.Discard, out)
	if err := child.Wait(); err == nil {
		b.t.Fatal("the child ended by itself")
	}
	b.start(n)
	c := b.nextAfter()
	b.want(c, "one", 2)
	if first, second := b.count(n.DB, "one", "first"), b.count(n.DB, "one", "second"); first != 1 || second != 0 {
		b.t.Fatalf("left behind: first %d, second %d", first, second)
	}
	b.must(batch(c.ctx, n.DB, c.lease, "one", "second", nil))
	c.answer <- nil
	b.none()
}

func stopped(b *bench) {
	n, other := b.node(nil), b.node(nil)
	stop := b.start(n)
	b.enqueue(n, work.Item{Key: "one", MaxAttempts: 1})
	c := b.next()
	go func() {
		<-c.ctx.Done()
		c.answer <- context.Cause(c.ctx)
	}()
	stop()
	if err := context.Cause(c.ctx); !errors.Is(err, work.ErrStopping) {
		b.t.Fatalf("cause %v", err)
	}
	b.start(other)
	c = b.next() // at once: the clock stands still
	b.want(c, "one", 1)
	c.answer <- nil
	b.none()
}

func stoppedDone(b *bench) {
	n, other := b.node(nil), b.node(nil)
	stop := b.start(n)
	b.enqueue(n, work.Item{Key: "one"})
	c := b.next()
	go func() {
		<-c.ctx.Done()
		c.answer <- nil // it was at its end anyway
	}()
	stop()
	b.start(other)
	b.none()
}
