package verify

import (
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// judge says what the pins tell. If the newest checkpoint holds, any other one
// that does not was signed over another history. If it does not, the smallest
// one that does not narrows down where entries were changed.
func (e *epoch) judge() {
	e.contradictions()
	newestOK := e.holds(func(p *pin) bool { return p.ok })
	switch {
	case newestOK && !e.vouched: // the hashes are right: what differs from them is not
		for _, b := range e.doubt {
			e.r.add(b.finding(e, Malformed, tileDiffers))
		}
	case newestOK:
		e.resolve()
	case e.holds(func(p *pin) bool { return p.said }): // the roots of blocks are
		newestOK = true
		for _, p := range e.pins {
			p.seen, p.ok = p.seen && !p.blind, p.said
		}
		e.resolve()
	}
	sound, changed := int64(0), false
	for _, p := range e.pins {
		switch {
		case !p.seen:
			e.unseen(p)
		case p.ok:
			sound = max(sound, p.size)
		case !newestOK && !changed && p.kind != endedPin:
			changed = true
			e.r.add(Finding{Code: Changed, Epoch: e.number, From: min(sound, p.size-1), To: p.size - 1, Detail: wrongRoot})
		case p.kind == notedPin && newestOK:
			e.r.add(Finding{Code: Forked, Epoch: e.number, From: min(sound, p.size-1), To: p.size - 1, Detail: p.wrong()})
			sound = p.size // the next one says so of what follows
		case newestOK || p.kind == endedPin:
			e.r.add(Finding{Code: Forked, Epoch: e.number, From: e.shared(p), To: p.size - 1, Detail: p.wrong()})
		}
	}
}

// holds tells whether the newest checkpoint does.
func (e *epoch) holds(ok func(*pin) bool) bool {
	return slices.ContainsFunc(e.pins, func(p *pin) bool { return p.kind == newestPin && p.seen && ok(p) })
}

// shared is up to where the history of a pin that does not hold is known to be
// this one: a checkpoint that the auditor noted before it holds.
func (e *epoch) shared(p *pin) int64 {
	shared := int64(0)
	for _, other := range e.pins {
		if other.seen && other.ok && other.size < p.size && (other.kind == p.kind || p.kind == endedPin) {
			shared = other.size
		}
	}
	return shared
}

func (p *pin) wrong() string {
	switch p.kind {
	case sincePin:
		return wrongSince
	case endedPin:
		return wrongEnded
	case olderPin:
		return wrongOlder
	case notedPin:
		return wrongNoted
	}
	return wrongRoot
}

func (p *pin) behind() string {
	if p.kind == notedPin {
		return behindNoted
	}
	return behindSince
}

// contradictions are signed checkpoints of one size with different roots: two
// histories, whatever the entries are.
func (e *epoch) contradictions() {
	for i, p := range e.pins { // in the order of sizes
		for n := i - 1; n >= 0 && e.pins[n].size == p.size; n-- {
			if other := e.pins[n]; other.root != p.root && (!p.seen || !other.seen) {
				e.r.found(Forked, e.number, max(0, p.size-1), p.wrong())
			}
		}
	}
}

// unseen is a pin that the tree did not come by.
func (e *epoch) unseen(p *pin) {
	switch {
	case !e.head.known:
	case p.kind == olderPin && p.size > e.head.size:
		e.r.add(Finding{Code: Truncated, Epoch: e.number, From: e.head.size, To: p.size - 1, Detail: behindOlder})
	case p.kind == notedPin && e.sparse && p.size <= e.head.size:
		e.onceUnchecked("whether the log grew from the checkpoints that the instance's log names: that takes the whole log")
	case p.kind != sincePin && p.kind != notedPin:
	case p.size > e.head.size && e.cut:
		e.r.Losses = append(e.r.Losses, Loss{Epoch: e.number, From: e.head.size, To: p.size - 1})
	case p.size > e.head.size && e.ended != nil && p.size <= e.ended.size: // lost, and declared
	case p.size > e.head.size:
		e.r.add(Finding{Code: Truncated, Epoch: e.number, From: e.head.size, To: p.size - 1, Detail: p.behind()})
	case e.sparse && p.size > 0:
		e.r.Unchecked = append(e.r.Unchecked, fmt.Sprintf(
			"whether the log grew from the checkpoint of %d entries of epoch %d: that takes the whole log", p.size, e.number))
	}
}

func (e *epoch) onceUnchecked(what string) {
	if !slices.Contains(e.r.Unchecked, what) {
		e.r.Unchecked = append(e.r.Unchecked, what)
	}
}

// judgeEnd compares the epoch with what the next one says of it.
func (e *epoch) judgeEnd() {
	if e.ended == nil || !e.head.known {
		return
	}
	size, found := e.head.size, e.ended.found
	switch {
	case found > size:
		e.r.add(Finding{Code: Truncated, Epoch: e.number, From: size, To: found - 1, Detail: behindEnded})
	case found < size:
		e.r.add(Finding{Code: Added, Epoch: e.number, From: found, To: size - 1, Detail: aheadOfEnded})
	}
	if e.ended.size > size {
		e.r.Losses = append(e.r.Losses, Loss{Epoch: e.number, From: size, To: e.ended.size - 1})
	}
}

// known takes a root of the tree that is proven by other means than hashing
// all entries.
func (e *epoch) known(size int64, root tlog.Hash) {
	for _, p := range e.pins {
		if p.size == size {
			p.seen, p.ok = true, p.root == root
		}
	}
}
