package verify

import (
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// block is up to 256 entries whose hashes do not give the root that is said of
// them.
type block struct {
	from           int64
	hashes         []tlog.Hash // nil: there are too many such blocks to keep them
	width          int
	computed, said tlog.Hash
}

// What is done to tell what was changed within blocks: about a quarter of a
// second for each, with a log of any size.
const (
	searchedBlocks = 16
	searchedPairs  = 4
)

// suspect remembers a block until it is known which of the two is right.
func (e *epoch) suspect(b block) {
	if len(e.doubt) >= e.r.most {
		return
	}
	b.width = len(b.hashes)
	if b.hashes = slices.Clone(b.hashes); len(e.doubt) >= searchedBlocks {
		b.hashes = nil
	}
	e.doubt = append(e.doubt, b)
}

func (b block) finding(e *epoch, code Code, detail string) Finding {
	return Finding{Code: code, Epoch: e.number, From: b.from, To: b.from + int64(b.width) - 1, Detail: detail}
}

// resolve says what is wrong with blocks whose roots are known to be right: two
// entries have changed places, or some of a block were changed.
func (e *epoch) resolve() {
	left := slices.DeleteFunc(slices.Clone(e.doubt), func(b block) bool {
		i, j, ok := b.swapped()
		if ok {
			e.r.found(Reordered, e.number, b.from+int64(i), wrongPlace)
			e.r.found(Reordered, e.number, b.from+int64(j), wrongPlace)
		}
		return ok
	})
	for len(left) > 0 {
		b := left[0]
		left = left[1:]
		other := -1
		var i, j int
		for n := 0; other < 0 && n < min(len(left), searchedPairs); n++ {
			var ok bool
			if i, j, ok = b.swappedWith(left[n]); ok {
				other = n
			}
		}
		if other < 0 {
			e.r.add(b.finding(e, Changed, wrongSubtree))
			continue
		}
		e.r.found(Reordered, e.number, b.from+int64(i), wrongPlace)
		e.r.found(Reordered, e.number, left[other].from+int64(j), wrongPlace)
		left = slices.Delete(left, other, other+1)
	}
}

// swapped finds two hashes that give the root when they change places.
func (b block) swapped() (i, j int, ok bool) {
	l := levelsOf(b.hashes)
	for i := range b.hashes {
		for j := i + 1; j < len(b.hashes); j++ {
			l.set(i, b.hashes[j])
			l.set(j, b.hashes[i])
			if l.root() == b.said {
				return i, j, true
			}
			l.set(j, b.hashes[j])
		}
		l.set(i, b.hashes[i])
	}
	return 0, 0, false
}

// swappedWith finds a hash of each of two blocks that give both roots when they
// change places.
func (b block) swappedWith(o block) (i, j int, ok bool) {
	l, other := levelsOf(b.hashes), levelsOf(o.hashes)
	for i := range b.hashes {
		for j := range o.hashes {
			if l.set(i, o.hashes[j]); l.root() != b.said {
				continue
			}
			if other.set(j, b.hashes[i]); other.root() == o.said {
				return i, j, true
			}
			other.set(j, o.hashes[j])
		}
		l.set(i, b.hashes[i])
	}
	return 0, 0, false
}

// levels is a tree of some hashes with all that is between them and its root.
type levels [][]tlog.Hash

func levelsOf(hashes []tlog.Hash) levels {
	if len(hashes) == 0 {
		return nil
	}
	l := levels{slices.Clone(hashes)}
	for width := len(hashes); width > 1; width = len(l[len(l)-1]) {
		l = append(l, make([]tlog.Hash, (width+1)/2))
		for i := 0; i < width; i += 2 {
			l.up(len(l)-1, i/2)
		}
	}
	return l
}

// up computes a node of a level from the level below. The last of an odd number
// is the same one level up (RFC 6962, section 2.1).
func (l levels) up(level, i int) {
	below := l[level-1]
	if 2*i+1 == len(below) {
		l[level][i] = below[2*i]
		return
	}
	l[level][i] = tlog.NodeHash(below[2*i], below[2*i+1])
}

func (l levels) set(i int, h tlog.Hash) {
	l[0][i] = h
	for level := 1; level < len(l); level++ {
		i /= 2
		l.up(level, i)
	}
}

func (l levels) root() tlog.Hash { return l[len(l)-1][0] }
