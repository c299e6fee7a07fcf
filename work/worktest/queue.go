package worktest

import (
	"context"
	"errors"
	"time"

	"github.com/privacyd/privacyd/work"
)

func queueCases() map[string]func(*bench) {
	return map[string]func(*bench){
		"committed with the caller":   committed,
		"rolled back with the caller": rolledBack,
		"thirty days ahead":           thirtyDays,
		"unique while pending":        unique,
		"enqueued while it runs":      again,
		"the earlier time counts":     earlier,
		"kinds are separate":          kinds,
		"clock put back":              clockBack,
		"without kind or key":         nameless,
	}
}

func committed(b *bench) {
	n := b.node(func(o *Options) { o.Poll = time.Hour }) // so only the commit can wake it
	b.start(n)
	for _, key := range []string{"one", "two"} {
		b.must(n.DB.InTx(b.t.Context(), func(ctx context.Context) error {
			return n.Enqueue(ctx, work.Item{Kind: kind, Key: key})
		}))
		c := b.next()
		b.want(c, key, 1)
		c.answer <- nil
	}
}

func rolledBack(b *bench) {
	n := b.node(nil)
	b.start(n)
	err := n.DB.InTx(b.t.Context(), func(ctx context.Context) error {
		b.must(n.Enqueue(ctx, work.Item{Kind: kind, Key: "one"}))
		return errBoom
	})
	if !errors.Is(err, errBoom) {
		b.t.Fatal(err)
	}
	b.none()
}

func thirtyDays(b *bench) {
	const grace = 30 * 24 * time.Hour
	n := b.node(nil)
	b.start(n)
	b.enqueue(n, work.Item{Key: "one", At: b.clock.Peek().Add(grace)})
	b.none()
	b.clock.Move(grace - time.Second)
	b.none()
	b.clock.Move(time.Second)
	c := b.next()
	b.want(c, "one", 1)
	c.answer <- nil
	b.none()
}

func unique(b *bench) {
	n := b.node(nil)
	for range 3 {
		b.enqueue(n, work.Item{Key: "one"})
	}
	b.enqueue(n, work.Item{Key: "later", At: b.clock.Peek().Add(time.Hour)})
	b.enqueue(n, work.Item{Key: "later", At: b.clock.Peek().Add(2 * time.Hour)}) // one that is due earlier stays as it is
	b.start(n)
	for range 2 {
		c := b.next()
		b.want(c, "one", 1)
		c.answer <- nil
		b.none()
		b.enqueue(n, work.Item{Key: "one"}) // what is done may come again
	}
	b.next().answer <- nil
}

// earlier: one that is to run later runs sooner for who asks for that, also
// when it was itself that asked for later; but not one that waits to be tried
// again.
func earlier(b *bench) {
	n := b.node(nil)
	b.start(n)
	hour := func(n int) time.Time { return b.clock.Peek().Add(time.Duration(n) * time.Hour) }
	b.enqueue(n, work.Item{Key: "one", At: hour(2)})
	b.enqueue(n, work.Item{Key: "one"})
	c := b.next()
	b.enqueue(n, work.Item{Key: "one", At: hour(2)})
	b.enqueue(n, work.Item{Key: "one", At: hour(1)})
	b.enqueue(n, work.Item{Key: "one", At: hour(3)})
	c.answer <- nil
	b.none()
	b.clock.Move(time.Hour)
	c = b.next()
	b.want(c, "one", 1)
	c.answer <- work.Retry(time.Hour, nil)
	b.none()
	b.enqueue(n, work.Item{Key: "one"})
	b.none()
	b.clock.Move(time.Hour)
	c = b.next()
	b.want(c, "one", 1)
	c.answer <- nil
	b.none()
}

func again(b *bench) {
	n := b.node(nil)
	b.start(n)
	b.enqueue(n, work.Item{Key: "one"})
	first := b.next()
	b.enqueue(n, work.Item{Key: "one"})
	b.enqueue(n, work.Item{Key: "one"})
	b.none() // not at the same time
	first.answer <- nil
	second := b.next()
	b.want(second, "one", 1)
	second.answer <- nil
	b.none()
}

func kinds(b *bench) {
	n := b.node(nil)
	n.Handle("other", b.handle, 1)
	for _, k := range []string{kind, "other", "nobody's"} {
		b.enqueue(n, work.Item{Kind: k, Key: "one"})
	}
	b.start(n)
	first, second := b.next(), b.next()
	first.answer <- nil
	second.answer <- nil
	b.none()
}

func clockBack(b *bench) {
	n := b.node(nil)
	b.enqueue(n, work.Item{Key: "one"})
	b.clock.Move(-time.Hour)
	b.start(n)
	c := b.next()
	b.clock.Move(-time.Hour)
	b.clock.Settle(b.t)
	b.must(n.DB.InTx(c.ctx, c.lease.Check))
	c.answer <- nil
	b.none()
}

func nameless(b *bench) {
	n := b.node(nil)
	for _, it := range []work.Item{{Kind: kind}, {Key: "one"}} {
		if err := n.Enqueue(b.t.Context(), it); err == nil {
			b.t.Errorf("%+v was taken", it)
		}
	}
}
