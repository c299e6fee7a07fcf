package verify

import (
	"cmp"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	// window is how far ahead leaves and listed hashes are compared to find out
	// whether one was changed, left out or put in.
	window = 4096
	// maxUnmatched is how many leaves and hashes that fit nothing are kept, to
	// find those that only moved.
	maxUnmatched = 1 << 16
)

// aligner compares the hashes that an epoch lists with those of its leaves, as
// both come in. Leaves that are where they should be go to match; what does
// not fit is sorted out at the end.
type aligner struct {
	match func(index int64, e *entry)
	found func(code Code, index int64)

	listed    []tlog.Hash
	next      int64 // the index of listed[0]
	leaves    []entry
	gaps      []gap
	unmatched int
	last      int64 // the index of the last match, or -1
}

// gap is where hashes and leaves do not fit.
type gap struct {
	listed []place
	leaves []place
	before int64 // the index of what fits again
}

// place is a hash and an index: where it is listed, or what its leaf says.
type place struct {
	index int64
	hash  tlog.Hash
}

// What stands at a place of the list that the leaf hashes of were lost.
func isZero(h tlog.Hash) bool { return h == tlog.Hash{} }

// list takes the hashes that are listed next.
func (a *aligner) list(hashes []tlog.Hash) {
	a.listed = append(a.listed, hashes...)
	a.run(false)
}

// leaf takes the leaf that stands next.
func (a *aligner) leaf(e entry) {
	a.leaves = append(a.leaves, e)
	switch {
	case len(a.listed) == 0 && len(a.leaves) > 4*window:
		a.gap(0, window)
	case len(a.listed) > 0 && len(a.leaves) >= len(a.listed):
		a.run(false)
	}
}

// skip goes on at an index that is not the next one of the list: the hashes in
// between are not there, so that leaves in between cannot be told.
func (a *aligner) skip(to int64) {
	end := a.next + int64(len(a.listed))
	a.leaves = slices.DeleteFunc(a.leaves, func(x entry) bool { return end <= x.index && x.index < to })
	a.run(true)
	a.next = to
}

// finish sorts out all that did not fit.
func (a *aligner) finish() {
	a.run(true)
	a.sortOut(true)
}

func (a *aligner) run(final bool) {
	i := 0
	for {
		for i < len(a.listed) && i < len(a.leaves) && a.listed[i] == a.leaves[i].hash {
			a.match(a.next+int64(i), &a.leaves[i])
			i++
		}
		if i > 0 {
			a.last = a.next + int64(i) - 1
			a.drop(i, i)
			i = 0
		}
		if len(a.listed) == 0 && len(a.leaves) == 0 || !final && !a.mustDecide() {
			return
		}
		a.resync()
	}
}

// mustDecide tells whether enough is there to see how what does not fit goes
// on, or too much to wait for more.
func (a *aligner) mustDecide() bool {
	h, l := len(a.listed), len(a.leaves)
	return h >= window && l >= window || h >= 4*window || l >= 4*window
}

func (a *aligner) drop(listed, leaves int) {
	a.next += int64(listed)
	a.listed = slices.Delete(a.listed, 0, listed)
	a.leaves = slices.Delete(a.leaves, 0, leaves)
}

// resync finds where hashes and leaves fit again, with as little as possible
// left out of both.
func (a *aligner) resync() {
	h, l := min(window, len(a.listed)), min(window, len(a.leaves))
	at := make(map[tlog.Hash]int, l)
	for q := l - 1; q >= 0; q-- {
		at[a.leaves[q].hash] = q
	}
	best, p, q := h+l, h, l
	for i := 0; i < h && i < best; i++ {
		if j, ok := at[a.listed[i]]; ok && i+j < best {
			best, p, q = i+j, i, j
		}
	}
	switch says := a.says(); {
	case best < h+l:
	case says > a.next: // a gap that is wider than the window
		p, q = int(min(says-a.next, int64(len(a.listed)))), 0
	case h > 0 && l > 0:
		p = min(h, l)
		q = p
	}
	a.gap(p, q)
}

// says is the index that the next leaf says it has, or -1.
func (a *aligner) says() int64 {
	if len(a.leaves) == 0 || len(a.listed) == 0 {
		return -1
	}
	return a.leaves[0].index
}

// gap notes that so many hashes and leaves do not fit.
func (a *aligner) gap(listed, leaves int) {
	g := gap{before: a.next + int64(listed)}
	for i, h := range a.listed[:listed] {
		g.listed = append(g.listed, place{a.next + int64(i), h})
	}
	for i := range a.leaves[:leaves] {
		g.leaves = append(g.leaves, place{a.leaves[i].index, a.leaves[i].hash})
	}
	a.gaps = append(a.gaps, g)
	a.drop(listed, leaves)
	if a.unmatched += listed + leaves; a.unmatched >= maxUnmatched {
		a.sortOut(false)
	}
}

// sortOut tells what happened to what did not fit: what is both listed and
// there was moved; of what is left, leaves in the place of others are changed
// ones, and the rest is missing or was added.
func (a *aligner) sortOut(final bool) {
	notes := a.takeMoved()
	for _, g := range a.gaps {
		notes = append(notes, g.takeChanged()...)
		for _, h := range g.listed {
			code := Missing
			if final && h.index > a.last {
				code = Truncated
			}
			notes = append(notes, note{code, h.index})
		}
		for range g.leaves {
			notes = append(notes, note{Added, g.before})
		}
	}
	a.gaps, a.unmatched = nil, 0
	slices.SortStableFunc(notes, func(x, y note) int { return cmp.Compare(x.index, y.index) })
	for _, n := range notes {
		a.found(n.code, n.index)
	}
}

// note is what happened to an entry.
type note struct {
	code  Code
	index int64
}

// takeMoved takes out of the gaps what is listed in one and stands in another.
func (a *aligner) takeMoved() (notes []note) {
	listed := map[tlog.Hash]int64{}
	for _, g := range a.gaps {
		for _, h := range g.listed {
			if !isZero(h.hash) {
				listed[h.hash] = h.index
			}
		}
	}
	moved := map[tlog.Hash]bool{}
	for i := range a.gaps {
		a.gaps[i].leaves = slices.DeleteFunc(a.gaps[i].leaves, func(l place) bool {
			index, ok := listed[l.hash]
			if !ok || moved[l.hash] {
				return false
			}
			moved[l.hash] = true
			notes = append(notes, note{Reordered, index})
			return true
		})
	}
	for i := range a.gaps {
		a.gaps[i].listed = slices.DeleteFunc(a.gaps[i].listed, func(h place) bool { return moved[h.hash] })
	}
	return notes
}

// takeChanged pairs what is listed with the leaves that stand there instead:
// by what these say of themselves, then in their order.
func (g *gap) takeChanged() (notes []note) {
	changed := map[int64]bool{} // by index; false: there is such a place
	for _, h := range g.listed {
		changed[h.index] = false
	}
	rest := 0
	for _, l := range g.leaves {
		if taken, ok := changed[l.index]; ok && !taken {
			changed[l.index] = true
		} else {
			rest++
		}
	}
	var kept []place
	for _, h := range g.listed {
		switch {
		case changed[h.index]:
			notes = append(notes, note{Changed, h.index})
		case rest > 0 && !isZero(h.hash):
			rest--
			notes = append(notes, note{Changed, h.index})
		default:
			kept = append(kept, h)
		}
	}
	g.listed, g.leaves = kept, g.leaves[:rest]
	return notes
}
