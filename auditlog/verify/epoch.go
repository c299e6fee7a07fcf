package verify

import (
	"cmp"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/privacyd/privacyd/auditlog"
)

// epoch is one epoch of a log on its way: the tree of the hashes that are
// listed, and the leaves beside them.
type epoch struct {
	r      *Report
	number int
	head   checkpoint
	proven bool   // head is signed
	pins   []*pin // by size
	passed int    // pins of smaller sizes than the tree has
	sparse bool   // only some entries are there, each with a proof
	ended  *ended // what the next epoch says of this one; nil: nothing
	// vouched says that the subtree roots given with hashes are known to be right;
	// doubt is where others differ from what they should be.
	vouched bool
	doubt   []block
	cut     bool // the next epoch is lost, and so is what it said

	blocks   tree        // of whole blocks
	rest     tree        // of a last block that is not whole
	said     tree        // of whole blocks by the roots that are given with them
	blind    bool        // inside of a block whose hashes do not give its root
	saidRest []tlog.Hash // of the last block, beside said
	listed   int64       // hashes so far
	broken   bool        // hashes are missing: no root can be computed any more
	entries  int64
	align    aligner
	gone     bitmap          // entries that lack disclosures
	lacking  map[int64]int64 // by block: of how many digests together
	begun    bool            // the first entry was seen
	first    []byte          // its leaf, if it explains something
	// from signedFrom on, if allSigned, erasures that are not signed are not believed
	allSigned  bool
	signedFrom int64
	tell       func(e *epoch, index int64, leaf []byte)
}

// checkpoint is what a signed note says.
type checkpoint struct {
	origin string
	size   int64
	root   tlog.Hash
	known  bool // the note could be read; whether it is signed is another question

	allSigned  bool  // it says that erasures are signed
	signedFrom int64 // from this entry on
}

func newCheckpoint(note []byte, origin string, size int64, root tlog.Hash) checkpoint {
	c := checkpoint{origin: origin, size: size, root: root, known: true}
	c.signedFrom, c.allSigned = auditlog.ErasuresSignedFrom(note)
	return c
}

// signs takes what a signed checkpoint says of erasures. What one once said
// holds whatever others say.
func (e *epoch) signs(c checkpoint) {
	if c.allSigned && (!e.allSigned || c.signedFrom < e.signedFrom) {
		e.allSigned, e.signedFrom = true, c.signedFrom
	}
}

// pin is a checkpoint that the tree must have gone through.
type pin struct {
	checkpoint
	kind pinKind
	seen bool // the tree had that size
	ok   bool // and that root
	// the same by the roots that are given with blocks: blind inside of one whose
	// hashes do not give it
	said, blind bool
}

type pinKind int

const (
	newestPin pinKind = iota
	olderPin          // in the export
	sincePin          // noted by the auditor
	endedPin          // named by the next epoch
	notedPin          // named by the instance's own log
)

// What pins say when they do not hold.
const (
	wrongRoot      = "the entries do not give the root of the signed checkpoint: they were changed, replaced or put into another order together with their hashes"
	wrongOlder     = "an older checkpoint of the export was signed over other entries"
	wrongSince     = "the earlier checkpoint was signed over other entries than these"
	wrongNoted     = "the instance's log names a checkpoint that was signed over other entries than these"
	wrongEnded     = "the next epoch names a checkpoint that was signed over other entries than these"
	behindOlder    = "another checkpoint of the export covers more entries than the newest one"
	behindSince    = "the earlier checkpoint covers more entries"
	behindNoted    = "the instance's log names a checkpoint that covers more entries: they were cut off, or this log was exported before the instance's"
	behindEnded    = "the next epoch says that this one had more entries"
	aheadOfEnded   = "the next epoch says that this one had fewer entries"
	notListed      = "their hashes are not in the export"
	notCovered     = "the signed checkpoint does not cover them"
	tail           = "the last entries that the signed checkpoint covers are not there"
	wrongTurn      = "leaf hashes stand where they do not belong"
	wrongNumber    = "its number is not that of its place"
	wrongSubtree   = "one or more of them were changed together with their hashes, which do not give the root that the log's tree has of them"
	wrongPlace     = "the entry was signed at another place: exchanging it with another one gives the root that the log's tree has of them"
	notUnderstood  = "the checkpoint of the epoch cannot be read, so that nothing proves its entries"
	altered        = "a disclosure is not the one that the entry was signed with"
	leafChanged    = "the leaf is not the one that was signed"
	leafMissing    = "the entry was signed and is not there"
	leafAdded      = "before this entry stands one that was not signed"
	leafReordered  = "the entry does not stand where it was signed"
	noSuchIndex    = "the signed checkpoint covers no entry of this number"
	wrongProof     = "the proof does not hold for the entry"
	noProof        = "the entry has no proof"
	proofMisplaced = "the entry has a proof although the export has them all"
)

func newEpoch(r *Report, number int, head checkpoint, tell func(*epoch, int64, []byte)) *epoch {
	e := &epoch{r: r, number: number, head: head, tell: tell, lacking: map[int64]int64{}}
	e.align = aligner{match: e.match, found: e.unfit, last: -1}
	if head.known {
		e.pin(head, newestPin)
	}
	return e
}

// ended is what an epoch says of the one before: the checkpoint that was
// published, and how many entries were found.
type ended struct {
	checkpoint
	found int64
}

// end takes what the next epoch says of this one, before the first hashes.
func (e *epoch) end(x *ended) {
	e.ended = x
	e.pin(x.checkpoint, endedPin)
}

// pin adds a checkpoint that the tree must go through. All of them must be
// there before the first hashes.
func (e *epoch) pin(c checkpoint, kind pinKind) { e.pinAll([]checkpoint{c}, kind) }

func (e *epoch) pinAll(list []checkpoint, kind pinKind) {
	for _, c := range list {
		e.pins = append(e.pins, &pin{checkpoint: c, kind: kind})
	}
	slices.SortStableFunc(e.pins, func(a, b *pin) int { return cmp.Compare(a.size, b.size) })
}

// hashes takes the leaf hashes of the next block. root is what the log's tree
// has of it: without it, a hash that was lost ends the tree, and one that was
// changed together with its leaf is somewhere in the log.
func (e *epoch) hashes(from int64, hashes []tlog.Hash, root *tlog.Hash) {
	switch {
	case from < e.listed || from%blockSize != 0 || len(hashes) > blockSize:
		e.r.found(Malformed, e.number, from, wrongTurn)
		return
	case from > e.listed:
		e.r.add(Finding{Code: Missing, Epoch: e.number, From: e.listed, To: from - 1, Detail: notListed})
		e.broken = true
		e.align.skip(from)
	}
	e.listed = from + int64(len(hashes))
	e.grow(hashes, root)
	e.align.list(hashes)
}

func (e *epoch) grow(hashes []tlog.Hash, root *tlog.Hash) {
	if e.broken {
		return
	}
	from := e.listed - int64(len(hashes))
	e.check(from)
	lost := slices.ContainsFunc(hashes, isZero)
	if lost && root == nil {
		e.rest, e.broken = tree{}, true
		return
	}
	b := block{from: from, hashes: hashes, computed: subtree(hashes)}
	if b.said = b.computed; root != nil {
		b.said = *root
	}
	wrong := !lost && b.said != b.computed
	if lost || wrong && e.vouched {
		b.computed = b.said
	}
	if !lost && (!wrong || !e.vouched) && e.pinned(e.listed) {
		e.within(hashes, wrong)
	}
	if wrong {
		e.suspect(b)
	}
	if e.rest, e.saidRest = (tree{}), nil; len(hashes) < blockSize {
		e.rest.roots, e.saidRest = []tlog.Hash{b.computed}, []tlog.Hash{b.said}
	} else {
		e.blocks.add(b.computed)
		e.said.add(b.said)
	}
	e.check(e.listed)
}

// within goes through a block that pins lie in.
func (e *epoch) within(hashes []tlog.Hash, wrong bool) {
	e.rest, e.blind = tree{}, wrong
	for _, h := range hashes[:len(hashes)-1] {
		e.rest.add(h)
		e.saidRest = e.rest.roots
		e.check(e.listed - int64(len(hashes)) + e.rest.size)
	}
	e.blind = false
}

// pinned tells whether a pin is before a size.
func (e *epoch) pinned(size int64) bool {
	return e.passed < len(e.pins) && e.pins[e.passed].size < size
}

// check compares the root with the pins of this size.
func (e *epoch) check(size int64) {
	for ; e.passed < len(e.pins) && e.pins[e.passed].size <= size; e.passed++ {
		if p := e.pins[e.passed]; p.size == size {
			p.seen, p.ok = true, e.blocks.root(e.rest.roots...) == p.root
			p.blind, p.said = e.blind, e.said.root(e.saidRest...) == p.root
		}
	}
}

// entry takes the entry that stands next.
func (e *epoch) entry(x entry) {
	e.entries++
	e.align.leaf(x)
}

// match takes an entry whose leaf is the one that is listed.
func (e *epoch) match(index int64, x *entry) {
	if x.index >= 0 && x.index != index {
		e.r.found(Malformed, e.number, index, wrongNumber)
	}
	e.signed(index, x)
}

// signed takes an entry whose leaf is the signed one.
func (e *epoch) signed(index int64, x *entry) {
	e.r.Disclosures += int64(x.disclosed)
	if x.problem != "" {
		e.r.found(Malformed, e.number, index, x.problem)
	}
	if x.altered {
		e.r.found(DisclosureAltered, e.number, index, altered)
	}
	if x.hidden > 0 {
		e.gone.set(index)
		e.lacking[index/blockSize] += int64(x.hidden)
	}
	if index == 0 {
		e.begun, e.first = true, x.telling
	}
	if x.telling != nil {
		e.tell(e, index, x.telling)
	}
}

// unfit takes what the aligner found.
func (e *epoch) unfit(code Code, index int64) {
	detail := map[Code]string{
		Changed: leafChanged, Missing: leafMissing, Truncated: tail, Added: leafAdded, Reordered: leafReordered,
	}[code]
	if code == Truncated && index >= e.head.size { // it is said that it was not signed
		return
	}
	e.r.found(code, e.number, index, detail)
}

// finish says what can be said once all entries were seen.
func (e *epoch) finish() {
	if e.listed == 0 && !e.broken {
		e.check(0)
	}
	e.align.finish()
	switch {
	case !e.head.known:
		e.r.noted(Malformed, e.number, notUnderstood)
	case e.sparse:
	case e.listed < e.head.size:
		e.r.add(Finding{Code: Truncated, Epoch: e.number, From: e.listed, To: e.head.size - 1, Detail: tail})
	case e.listed > e.head.size:
		e.r.add(Finding{Code: Added, Epoch: e.number, From: e.head.size, To: e.listed - 1, Detail: notCovered})
	}
	e.judge()
	e.judgeEnd()
	e.r.Entries += e.entries
	if e.head.known {
		e.r.Epochs = append(e.r.Epochs, Epoch{
			Epoch: e.number, Origin: e.head.origin, Size: e.head.size, Root: e.head.root.String(), Entries: e.entries,
		})
	}
}
