package worktest

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/privacyd/privacyd/work"
)

func idleCases() map[string]func(*bench) {
	return map[string]func(*bench){
		"nothing to do":            idleAtOnce,
		"only its own keys":        idleKeys,
		"what is tried again":      idleRetries,
		"what another node runs":   idleElsewhere,
		"what is scheduled is not": idleScheduled,
		"ends with its context":    idleEnds,
	}
}

func (b *bench) counter(n Node, fail func(l work.Lease) error) *atomic.Int32 {
	var ran atomic.Int32
	n.Handle("idle", func(_ context.Context, _ string, l work.Lease) error {
		ran.Add(1)
		return fail(l)
	}, 0)
	return &ran
}

func fine(work.Lease) error { return nil }

func (b *bench) ran(counter *atomic.Int32, want int32) {
	b.t.Helper()
	if got := counter.Load(); got != want {
		b.t.Fatalf("ran %d times, not %d", got, want)
	}
}

func idleAtOnce(b *bench) {
	b.must(b.node(nil).RunUntilIdle(b.t.Context()))
	b.must(b.node(nil).RunUntilIdle(b.t.Context(), "one"))
}

func idleKeys(b *bench) {
	n := b.node(nil)
	ran := b.counter(n, fine)
	for _, key := range []string{"one", "two", "three"} {
		b.enqueue(n, work.Item{Kind: "idle", Key: key})
	}
	b.must(n.RunUntilIdle(b.t.Context(), "one", "three", "unknown"))
	b.ran(ran, 2)
	b.must(n.RunUntilIdle(b.t.Context()))
	b.ran(ran, 3)
}

func idleRetries(b *bench) {
	n := b.node(func(o *Options) {
		o.Now = time.Now
		o.Backoff = func(int) time.Duration { return 20 * time.Millisecond }
	})
	ran := b.counter(n, func(l work.Lease) error {
		if l.Attempt() < 3 {
			return errBoom
		}
		return nil
	})
	b.enqueue(n, work.Item{Kind: "idle", Key: "one"})
	b.must(n.RunUntilIdle(b.t.Context(), "one"))
	b.ran(ran, 3)
}

func idleElsewhere(b *bench) {
	n, other := b.node(nil), b.node(nil)
	b.start(n)
	b.enqueue(n, work.Item{Key: "one"})
	c := b.next()
	idle := make(chan error, 1)
	go func() { idle <- other.RunUntilIdle(b.t.Context(), "one") }()
	b.clock.Settle(b.t)
	select {
	case err := <-idle:
		b.t.Fatalf("did not wait: %v", err)
	default:
	}
	c.answer <- nil
	select {
	case err := <-idle:
		b.must(err)
	case <-time.After(patience):
		b.t.Fatal("waits for ever")
	}
}

func idleScheduled(b *bench) {
	n := b.node(nil)
	ran := b.counter(n, fine)
	b.enqueue(n, work.Item{Kind: "idle", Key: "one", At: b.clock.Peek().Add(time.Second)})
	b.must(n.RunUntilIdle(b.t.Context()))
	b.ran(ran, 0)
}

func idleEnds(b *bench) {
	n := b.node(nil)
	b.enqueue(n, work.Item{Key: "one"})
	ctx, cancel := context.WithCancel(b.t.Context())
	idle := make(chan error, 1)
	go func() { idle <- n.RunUntilIdle(ctx) }()
	c := b.next()
	cancel()
	if err := b.cause(c); !errors.Is(err, work.ErrStopping) {
		b.t.Fatalf("cause %v", err)
	}
	c.answer <- work.ErrStopping
	select {
	case err := <-idle:
		if !errors.Is(err, context.Canceled) {
			b.t.Fatal(err)
		}
	case <-time.After(patience):
		b.t.Fatal("does not end")
	}
}
