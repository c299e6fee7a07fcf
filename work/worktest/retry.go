package worktest

import (
	"context"
	"errors"
	"time"

	"github.com/privacyd/privacyd/work"
)

func retryCases() map[string]func(*bench) {
	return map[string]func(*bench){
		"with backoff until dead":   backoff,
		"dead one starts afresh":    revived,
		"at the handler's time":     handlersTime,
		"waiting is no failure":     waiting,
		"panic is a failure":        panics,
		"death is told until heard": deathHeard,
	}
}

// obituary records what OnDead is told.
type obituary struct {
	key string
	err error
}

func (b *bench) mourner() (told chan obituary, option func(*Options)) {
	told = make(chan obituary, 8)
	return told, func(o *Options) {
		o.OnDead = func(_ context.Context, _, key string, err error) error {
			told <- obituary{key, err}
			return nil
		}
	}
}

func (b *bench) heard(told <-chan obituary, key string, want error) {
	b.t.Helper()
	select {
	case o := <-told:
		if o.key != key || !errors.Is(o.err, want) {
			b.t.Fatalf("told of %s: %v", o.key, o.err)
		}
	case <-time.After(patience):
		b.t.Fatal("nobody was told")
	}
}

func backoff(b *bench) {
	told, option := b.mourner()
	n := b.node(option)
	b.start(n)
	b.enqueue(n, work.Item{Key: "one", MaxAttempts: 3})
	for attempt := 1; attempt <= 3; attempt++ {
		c := b.next()
		b.want(c, "one", attempt)
		c.answer <- errBoom
		b.none()
		b.clock.Move(time.Duration(attempt)*time.Minute - time.Millisecond)
		b.none()
		b.clock.Move(time.Millisecond)
	}
	b.heard(told, "one", errBoom)
	b.clock.Move(24 * time.Hour)
	b.none()
	if len(told) != 0 {
		b.t.Error("told twice")
	}
}

func revived(b *bench) {
	told, option := b.mourner()
	n := b.node(option)
	b.start(n)
	for range 2 {
		b.enqueue(n, work.Item{Key: "one", MaxAttempts: 1})
		c := b.next()
		b.want(c, "one", 1)
		c.answer <- errBoom
		b.heard(told, "one", errBoom)
		b.none()
	}
}

func handlersTime(b *bench) {
	n := b.node(nil)
	b.start(n)
	b.enqueue(n, work.Item{Key: "one"})
	b.next().answer <- work.Retry(time.Hour, errBoom)
	b.none()
	b.clock.Move(time.Hour - time.Second)
	b.none()
	b.clock.Move(time.Second)
	c := b.next()
	b.want(c, "one", 2)
	c.answer <- nil
}

func waiting(b *bench) {
	n := b.node(nil)
	b.start(n)
	b.enqueue(n, work.Item{Key: "one", MaxAttempts: 1})
	for range 4 {
		c := b.next()
		b.want(c, "one", 1)
		c.answer <- work.Retry(time.Minute, nil)
		b.none()
		b.clock.Move(time.Minute)
	}
	b.next().answer <- nil
	b.none()
}

func panics(b *bench) {
	n := b.node(nil)
	n.Handle("bad", func(ctx context.Context, key string, l work.Lease) error {
		if l.Attempt() == 1 {
			panic("somebody@example.com")
		}
		return b.handle(ctx, key, l)
	}, 1)
	b.start(n)
	b.enqueue(n, work.Item{Kind: "bad", Key: "one"})
	b.none()
	b.clock.Move(time.Minute)
	c := b.next()
	b.want(c, "one", 2)
	c.answer <- nil
}

func deathHeard(b *bench) {
	told := make(chan obituary, 8)
	deaf := true
	var n Node
	n = b.node(func(o *Options) {
		o.OnDead = func(ctx context.Context, _, key string, err error) error {
			if _, err := n.DB.Exec(ctx, `INSERT INTO suite_effects (item, step) VALUES ($1, 'dead')`, key); err != nil {
				return err
			}
			if deaf {
				deaf = false
				return errBoom
			}
			told <- obituary{key, err}
			return nil
		}
	})
	b.effects(n.DB)
	b.start(n)
	b.enqueue(n, work.Item{Key: "one", MaxAttempts: 1})
	b.next().answer <- errBoom
	b.heard(told, "one", errBoom)
	b.none()
	if got := b.count(n.DB, "one", "dead"); got != 1 {
		b.t.Fatalf("what was told and failed was kept: %d", got)
	}
}
