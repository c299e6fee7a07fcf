package worktest

import (
	"time"

	"github.com/privacyd/privacyd/work"
)

func dailyCases() map[string]func(*bench) {
	return map[string]func(*bench){
		"once a day over two nodes":  dailyOnce,
		"caught up once":             dailyCatchUp,
		"clock put back":             dailyClockBack,
		"another hour":               dailyMoved,
		"failed for good":            dailyFailed,
		"cancelled for a day":        dailyCancelled,
		"its process dies":           dailyDies,
		"no such hour":               dailyWrong,
		"run by hand in between":     dailyByHand,
		"declared by a slower clock": dailySlow,
	}
}

// nightly is due at 01:00 UTC in summer: 13 hours after the clock's start.
func (b *bench) nightly() work.Daily {
	zone, err := time.LoadLocation("Europe/Berlin")
	b.must(err)
	return work.Daily{Kind: kind, Key: "nightly", Hour: 3, Zone: zone}
}

const untilNight = 13 * time.Hour

func (b *bench) declare(n Node, d work.Daily) {
	b.t.Helper()
	b.must(n.Daily(b.t.Context(), d))
}

// runsOnce expects one run now and no other.
func (b *bench) runsOnce(answer error) {
	b.t.Helper()
	c := b.next()
	b.want(c, "nightly", 1)
	c.answer <- answer
	b.none()
}

func dailyOnce(b *bench) {
	for range 2 {
		n := b.node(nil)
		b.declare(n, b.nightly())
		b.start(n)
	}
	b.none()
	b.clock.Move(untilNight - time.Second)
	b.none()
	b.clock.Move(time.Second)
	for range 3 {
		b.runsOnce(nil)
		b.clock.Move(24 * time.Hour)
	}
	b.runsOnce(nil)
}

func dailyCatchUp(b *bench) {
	b.declare(b.node(nil), b.nightly())
	b.clock.Move(10*24*time.Hour + untilNight + time.Hour)
	n := b.node(nil)
	b.declare(n, b.nightly())
	b.start(n)
	b.runsOnce(nil)
	b.clock.Move(23*time.Hour - time.Second)
	b.none()
	b.clock.Move(time.Second)
	b.runsOnce(nil)
}

func dailyClockBack(b *bench) {
	n := b.node(nil)
	b.declare(n, b.nightly())
	b.start(n)
	b.clock.Move(untilNight)
	c := b.next()
	b.clock.Move(-2 * time.Hour)
	c.answer <- nil
	b.none()
	b.clock.Move(3 * time.Hour)
	b.none() // it was this day's
	b.clock.Move(23 * time.Hour)
	b.runsOnce(nil)
}

func dailyMoved(b *bench) {
	b.declare(b.node(nil), b.nightly())
	d := b.nightly()
	d.Hour = 22 // 20:00 UTC
	n := b.node(nil)
	b.declare(n, d)
	b.start(n)
	b.clock.Move(8*time.Hour - time.Second)
	b.none()
	b.clock.Move(time.Second)
	b.runsOnce(nil)
	b.clock.Move(12 * time.Hour)
	b.none()
}

func dailyFailed(b *bench) {
	told, option := b.mourner()
	n := b.node(option)
	b.declare(n, b.nightly())
	b.start(n)
	b.clock.Move(untilNight)
	for attempt := 1; attempt <= work.DefaultAttempts; attempt++ {
		c := b.next()
		b.want(c, "nightly", attempt)
		c.answer <- errBoom
		b.clock.Settle(b.t)
		b.clock.Move(time.Duration(attempt) * time.Minute)
	}
	b.heard(told, "nightly", errBoom)
	b.none()
	b.clock.Move(24 * time.Hour)
	b.runsOnce(nil)
}

func dailyCancelled(b *bench) {
	n := b.node(nil)
	b.declare(n, b.nightly())
	b.start(n)
	b.must(n.Cancel(b.t.Context(), kind, "nightly"))
	b.clock.Move(untilNight)
	b.none()
	b.clock.Move(24 * time.Hour)
	b.runsOnce(nil)
}

func dailyDies(b *bench) {
	n, other := b.node(nil), b.node(nil)
	b.declare(n, b.nightly())
	b.declare(other, b.nightly())
	b.start(n)
	b.clock.Move(untilNight)
	b.next() // never answers
	b.must(n.DB.Close())
	b.start(other)
	c := b.nextAfter()
	b.want(c, "nightly", 2)
	c.answer <- nil
	b.none()
	b.clock.Move(24 * time.Hour)
	b.runsOnce(nil)
}

func dailyWrong(b *bench) {
	n := b.node(nil)
	for _, d := range []work.Daily{{Kind: kind, Key: "x", Hour: 24}, {Kind: kind, Key: "x", Hour: -1}, {Kind: kind}, {Key: "x"}} {
		if err := n.Daily(b.t.Context(), d); err == nil {
			b.t.Errorf("%+v was taken", d)
		}
	}
}

func dailyByHand(b *bench) {
	n := b.node(nil)
	b.declare(n, b.nightly())
	b.start(n)
	b.clock.Move(untilNight)
	c := b.next()
	b.enqueue(n, work.Item{Key: "nightly"})
	c.answer <- nil
	b.runsOnce(nil)
	b.clock.Move(24 * time.Hour)
	b.runsOnce(nil)
}

func dailySlow(b *bench) {
	n := b.node(nil)
	b.declare(n, b.nightly())
	b.start(n)
	b.clock.Move(untilNight)
	b.runsOnce(nil)
	slow := b.node(func(o *Options) { o.Now = func() time.Time { return b.clock.Peek().Add(-time.Hour) } })
	b.declare(slow, b.nightly())
	b.clock.Move(time.Hour)
	b.none()
}
