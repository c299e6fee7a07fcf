package worktest

import (
	"context"
	"errors"
	"time"

	"github.com/privacyd/privacyd/work"
)

func cancelCases() map[string]func(*bench) {
	return map[string]func(*bench){
		"scheduled":                    cancelScheduled,
		"queued":                       cancelQueued,
		"rolled back with the caller":  cancelRolledBack,
		"running here":                 cancelHere,
		"running elsewhere":            cancelElsewhere,
		"between two tries":            cancelBetween,
		"its process is dead":          cancelDead,
		"cleans up under its lease":    cancelCleansUp,
		"handler stumbles":             cancelStumbles,
		"unknown":                      cancelUnknown,
		"what came again is cancelled": cancelAgain,
	}
}

func cancelScheduled(b *bench) {
	n := b.node(nil)
	b.start(n)
	b.enqueue(n, work.Item{Key: "one", At: b.clock.Peek().Add(24 * time.Hour)})
	b.must(n.Cancel(b.t.Context(), kind, "one"))
	b.clock.Move(48 * time.Hour)
	b.none()
}

func cancelQueued(b *bench) {
	n := b.node(nil)
	b.enqueue(n, work.Item{Key: "one"})
	b.must(n.Cancel(b.t.Context(), kind, "one"))
	b.start(n)
	b.none()
}

func cancelRolledBack(b *bench) {
	n := b.node(nil)
	b.enqueue(n, work.Item{Key: "one"})
	err := n.DB.InTx(b.t.Context(), func(ctx context.Context) error {
		b.must(n.Cancel(ctx, kind, "one"))
		return errBoom
	})
	if !errors.Is(err, errBoom) {
		b.t.Fatal(err)
	}
	b.start(n)
	b.next().answer <- nil
}

// ends expects that c was cancelled, lets it end and sees that it was the last.
func (b *bench) ends(c call, answer error) {
	b.t.Helper()
	if err := b.cause(c); !errors.Is(err, work.ErrCancelled) {
		b.t.Fatalf("cause %v", err)
	}
	c.answer <- answer
}

func cancelHere(b *bench) {
	n := b.node(func(o *Options) { o.Poll = time.Hour })
	b.start(n)
	for range 2 { // the second time nothing of the first is left
		b.enqueue(n, work.Item{Key: "one"})
		c := b.next()
		if err := c.ctx.Err(); err != nil {
			b.t.Fatalf("a new item begins with %v", err)
		}
		b.must(n.Cancel(b.t.Context(), kind, "one"))
		b.ends(c, work.ErrCancelled)
		b.must(n.RunUntilIdle(b.t.Context()))
	}
}

func cancelElsewhere(b *bench) {
	n, other := b.node(nil), b.node(nil)
	b.start(n)
	b.enqueue(n, work.Item{Key: "one"})
	c := b.next()
	b.must(other.Cancel(b.t.Context(), kind, "one"))
	b.ends(c, context.Canceled)
	b.none()
}

func cancelBetween(b *bench) {
	n := b.node(nil)
	b.start(n)
	b.enqueue(n, work.Item{Key: "one"})
	b.next().answer <- errBoom
	b.none()
	b.must(n.Cancel(b.t.Context(), kind, "one"))
	b.ends(b.next(), nil)
	b.none()
}

func cancelDead(b *bench) {
	n, other := b.node(nil), b.node(nil)
	b.start(n)
	b.enqueue(n, work.Item{Key: "one"})
	b.next() // never answers
	b.must(n.DB.Close())
	b.must(other.Cancel(b.t.Context(), kind, "one"))
	b.start(other)
	c := b.nextAfter()
	b.want(c, "one", 2)
	b.ends(c, nil)
	b.none()
}

func cancelCleansUp(b *bench) {
	n := b.node(nil)
	b.effects(n.DB)
	b.start(n)
	b.enqueue(n, work.Item{Key: "one"})
	c := b.next()
	b.must(n.Cancel(b.t.Context(), kind, "one"))
	if err := b.cause(c); !errors.Is(err, work.ErrCancelled) {
		b.t.Fatalf("cause %v", err)
	}
	b.must(batch(context.WithoutCancel(c.ctx), n.DB, c.lease, "one", "cleanup", nil))
	c.answer <- nil
	b.none()
	if got := b.count(n.DB, "one", "cleanup"); got != 1 {
		b.t.Fatalf("%d clean-ups", got)
	}
}

// A handler may only see that its transaction is gone, not why.
func cancelStumbles(b *bench) {
	n := b.node(nil)
	b.start(n)
	b.enqueue(n, work.Item{Key: "one", MaxAttempts: 1})
	c := b.next()
	b.must(n.Cancel(b.t.Context(), kind, "one"))
	b.ends(c, errBoom)
	c = b.next()
	b.want(c, "one", 1)
	b.ends(c, c.ctx.Err())
	b.none()
}

func cancelUnknown(b *bench) {
	b.must(b.node(nil).Cancel(b.t.Context(), kind, "nothing"))
}

func cancelAgain(b *bench) {
	n := b.node(nil)
	b.start(n)
	b.enqueue(n, work.Item{Key: "one"})
	c := b.next()
	b.enqueue(n, work.Item{Key: "one"})
	b.must(n.Cancel(b.t.Context(), kind, "one"))
	b.ends(c, nil)
	b.none()
}
