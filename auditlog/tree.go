package auditlog

import (
	"context"
	"crypto/sha256"
	"errors"
	"math/bits"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// Errors about where an entry is.
var (
	// ErrNoEntry: the log has no such entry, or it is gone from where it was.
	ErrNoEntry = errors.New("the audit log has no such entry")
	// ErrNotSequenced: no signed checkpoint covers the entry yet.
	ErrNotSequenced = errors.New("no signed checkpoint covers the entry yet")
	// ErrPending: the wait for a signed checkpoint came to its end before it did.
	ErrPending = errors.New("no signed checkpoint covers the entry so far; it will be covered later")
	// ErrNoTile: the tree has no such tile, epoch, index or size.
	ErrNoTile = errors.New("the audit log's tree has nothing there")
)

// Actions of the log's own and the names of their public values.
const (
	// ActionEpoch is the first leaf of an epoch that was opened since the one
	// before it could not go on: its epoch, the size and root that were published
	// of it, and the size that was found of it.
	ActionEpoch = "audit.epoch"
	// ActionCheckpoint stands in the instance's log for a workspace's log that
	// grew: its log, epoch, size and root.
	ActionCheckpoint = "audit.checkpoint"

	PublicLog   = "log"
	PublicEpoch = "epoch"
	PublicSize  = "size"
	PublicRoot  = "root"  // hex
	PublicFound = "found" // leaves
)

// Head is the newest state of one epoch of a log's tree.
type Head struct {
	Log        string
	Epoch      int // from 1
	Origin     string
	Size       int64 // leaves
	Root       [32]byte
	Checkpoint []byte     // a signed note
	At         time.Time  // when it was signed, by the clock of who signed it
	Edge       [][32]byte // roots of complete subtrees, the largest first
}

// rest is the root of the last leaves, which are no whole block; nil: the edge
// does not say.
func (h Head) rest() []byte {
	few := bits.OnesCount64(uint64(h.Size) % ErasureBlock)           //nolint:gosec // not negative
	if few == 0 || len(h.Edge) != bits.OnesCount64(uint64(h.Size)) { //nolint:gosec // not negative
		return nil
	}
	root := Tip{Head: Head{Edge: h.Edge[len(h.Edge)-few:]}}.edge().root()
	return root[:]
}

// Position is where an entry is.
type Position struct {
	Log   string
	Epoch int
	Index int64
}

// Placed is a stored entry at its index. Where the entry is gone, its ID is
// empty.
type Placed struct {
	Index int64
	Stored
}

// Trees is where trees are read. Ranges are [from, to); what comes back may
// have gaps only where the database was tampered with.
// auditlogtest.RunSequence says what it must do.
type Trees interface {
	// Heads gives the head of each epoch of a log, the oldest epoch first.
	Heads(ctx context.Context, log string) ([]Head, error)
	// Older gives the checkpoints that are kept of an epoch beside its newest,
	// the smallest first.
	Older(ctx context.Context, log string, epoch int) ([][]byte, error)
	// Find gives an entry's position. ErrNoEntry, ErrNotSequenced.
	Find(ctx context.Context, entryID string) (Position, error)
	// Unplaced gives the newest entry of a log that is in no tree yet; empty: there
	// is none.
	Unplaced(ctx context.Context, log string) (entryID string, err error)
	// Placed gives entries with their disclosures, in the order of their
	// indexes.
	Placed(ctx context.Context, log string, epoch int, from, to int64) ([]Placed, error)
	// Leaves gives the leaves themselves, by their indexes from from on; one that
	// is gone is nil.
	Leaves(ctx context.Context, log string, epoch int, from, to int64) ([][]byte, error)
	// LeafHashes gives the hashes of leaves. ErrNoEntry when one is gone.
	LeafHashes(ctx context.Context, log string, epoch int, from, to int64) ([][32]byte, error)
	// Nodes gives roots of complete subtrees of 256^level leaves, level ≥ 1.
	// ErrNoTile when one is not there.
	Nodes(ctx context.Context, log string, epoch, level int, from, to int64) ([][32]byte, error)
}

// tileHeight is the height of tiles: 256 hashes each.
const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
)

// edge is the right edge of a tree: for each set bit of its size the root of a
// complete subtree, the largest first. It is all that is needed to append.
type edge struct {
	size  int64
	roots []tlog.Hash
}

// edge is the right edge of the tip's tree.
func (t Tip) edge() edge {
	e := edge{size: t.Size}
	for _, h := range t.Edge {
		e.roots = append(e.roots, tlog.Hash(h))
	}
	return e
}

// Node is the root of a complete subtree of 256^Level leaves.
type Node struct {
	Level int
	N     int64 // how many such subtrees are to the left
	Hash  [32]byte
}

// add appends a leaf and gives the subtrees of whole tiles that it completes.
func (e *edge) add(leaf [32]byte) (done []Node) {
	h := tlog.Hash(leaf)
	level := 0
	for n := e.size; n&1 == 1; n >>= 1 {
		last := len(e.roots) - 1
		h = tlog.NodeHash(e.roots[last], h)
		e.roots = e.roots[:last]
		level++
		if level%tileHeight == 0 {
			done = append(done, Node{Level: level / tileHeight, N: e.size >> level, Hash: h})
		}
	}
	e.roots = append(e.roots, h)
	e.size++
	return done
}

// root is the root of the whole tree, as RFC 6962 has it.
func (e edge) root() tlog.Hash {
	if len(e.roots) == 0 {
		return sha256.Sum256(nil)
	}
	h := e.roots[len(e.roots)-1]
	for i := len(e.roots) - 2; i >= 0; i-- {
		h = tlog.NodeHash(e.roots[i], h)
	}
	return h
}
