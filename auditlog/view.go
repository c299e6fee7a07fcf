package auditlog

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"slices"
)

const entriesPage = 512

// View is one log as it stood at its newest checkpoint. What is added later
// does not change it. It is safe for concurrent use.
type View struct {
	log   *Log
	name  string
	heads []Head
}

// View gives the log as it stands at its newest checkpoint. A log without a
// checkpoint has no epochs.
func (l *Log) View(ctx context.Context, log string) (*View, error) {
	heads, err := l.Trees.Heads(ctx, log)
	if err != nil {
		return nil, fmt.Errorf("view an audit log: %w", err)
	}
	return &View{log: l, name: log, heads: heads}, nil
}

// Log is the log's id; empty: the instance's own.
func (v *View) Log() string { return v.name }

// Epochs gives the newest head of each epoch, oldest epoch first; the last is
// the current one. Empty: nothing is signed yet.
func (v *View) Epochs() []Head { return slices.Clone(v.heads) }

func (v *View) head(epoch int) (Head, error) {
	i := slices.IndexFunc(v.heads, func(h Head) bool { return h.Epoch == epoch })
	if i < 0 {
		return Head{}, fmt.Errorf("%w: no epoch %d", ErrNoTile, epoch)
	}
	return v.heads[i], nil
}

// within gives the head of an epoch if it holds all of [from, to).
func (v *View) within(epoch int, from, to int64) (Head, error) {
	h, err := v.head(epoch)
	if err == nil && (from < 0 || from > to || to > h.Size) {
		err = fmt.Errorf("%w: entries %d to %d of %d", ErrNoTile, from, to, h.Size)
	}
	return h, err
}

// Older gives the checkpoints that are kept of an epoch beside its newest
// (signed notes), oldest first. ErrNoTile: no such epoch.
func (v *View) Older(ctx context.Context, epoch int) ([][]byte, error) {
	h, err := v.head(epoch)
	if err != nil {
		return nil, err
	}
	older, err := v.log.Trees.Older(ctx, v.name, epoch)
	if err != nil {
		return nil, fmt.Errorf("read older checkpoints: %w", err)
	}
	return slices.DeleteFunc(older, func(signed []byte) bool {
		_, size, _, err := ReadCheckpoint(signed)
		return err == nil && size >= h.Size
	}), nil
}

// Positioned is an entry at its index.
type Positioned struct {
	Index int64
	Opened
}

// Entries gives the entries [from, to) of an epoch in the order of their
// indexes, with all that can still be read of them, page by page. An entry that
// is gone (ErrNoEntry) or fails its check (ErrLeaf, ErrHash, ErrDisclosure, or
// an error of Keys) comes with its index and an error; whoever goes on gets the
// ones after it. An error with the index -1 ends the list.
func (v *View) Entries(ctx context.Context, epoch int, from, to int64) iter.Seq2[Positioned, error] {
	return func(yield func(Positioned, error) bool) {
		if _, err := v.within(epoch, from, to); err != nil {
			yield(Positioned{Index: -1}, err)
			return
		}
		for ; from < to; from = from - from%entriesPage + entriesPage {
			end := min(from-from%entriesPage+entriesPage, to)
			page, err := v.log.Trees.Placed(ctx, v.name, epoch, from, end)
			if err != nil {
				yield(Positioned{Index: -1}, fmt.Errorf("read audit entries: %w", err))
				return
			}
			if !v.yieldPage(ctx, page, from, end, yield) {
				return
			}
		}
	}
}

// yieldPage opens one page and puts an error into each gap of it.
func (v *View) yieldPage(ctx context.Context, page []Placed, from, to int64, yield func(Positioned, error) bool) bool {
	for ; from < to; from++ {
		var p Placed
		if len(page) > 0 && page[0].Index == from {
			p, page = page[0], page[1:]
		}
		if !yield(v.open(ctx, from, p)) {
			return false
		}
	}
	return true
}

func (v *View) open(ctx context.Context, index int64, p Placed) (Positioned, error) {
	if p.ID == "" {
		return Positioned{Index: index, Opened: Opened{Log: v.name}}, fmt.Errorf("read audit entry %d: %w", index, ErrNoEntry)
	}
	o, err := v.log.open(ctx, p.Stored)
	if err != nil {
		return Positioned{Index: index, Opened: Opened{ID: p.ID, Log: p.Log}}, fmt.Errorf("read audit entry %d, %s: %w", index, p.ID, err)
	}
	return Positioned{Index: index, Opened: o}, nil
}

// Find gives an entry's epoch and index. ErrNoEntry: the log has no such
// entry; ErrNotSequenced: the view's checkpoints do not cover it.
func (v *View) Find(ctx context.Context, entryID string) (epoch int, index int64, err error) {
	p, err := v.log.Trees.Find(ctx, entryID)
	if err != nil {
		return 0, 0, fmt.Errorf("find an audit entry: %w", err)
	}
	if p.Log != v.name {
		return 0, 0, ErrNoEntry
	}
	if h, err := v.head(p.Epoch); err != nil || p.Index >= h.Size {
		return 0, 0, ErrNotSequenced
	}
	return p.Epoch, p.Index, nil
}

// LeafHashes gives the leaf hashes [from, to) of an epoch. ErrNoTile: it has
// not as many; ErrNoEntry: one is gone.
func (v *View) LeafHashes(ctx context.Context, epoch int, from, to int64) ([][32]byte, error) {
	if _, err := v.within(epoch, from, to); err != nil {
		return nil, err
	}
	hashes, err := v.log.Trees.LeafHashes(ctx, v.name, epoch, from, to)
	if err != nil {
		return nil, fmt.Errorf("read leaf hashes: %w", err)
	}
	return hashes, nil
}

// Tile gives a tile of hashes as C2SP tlog-tiles has it: width hashes of 32
// bytes, 256 or, of the tree's right edge, fewer. ErrNoTile, ErrNoEntry.
func (v *View) Tile(ctx context.Context, epoch, level int, n int64, width int) ([]byte, error) {
	h, err := v.head(epoch)
	if err != nil {
		return nil, err
	}
	if err := checkTile(h.Size, level, n, width); err != nil {
		return nil, err
	}
	hashes, err := v.tile(ctx, epoch, level, n, width)
	if err != nil {
		return nil, fmt.Errorf("read a tile: %w", err)
	}
	out := make([]byte, 0, width*32)
	for _, hash := range hashes {
		out = append(out, hash[:]...)
	}
	return out, nil
}

func (v *View) tile(ctx context.Context, epoch, level int, n int64, width int) ([][32]byte, error) {
	from := n << tileHeight
	if level == 0 {
		return v.log.Trees.LeafHashes(ctx, v.name, epoch, from, from+int64(width))
	}
	return v.log.Trees.Nodes(ctx, v.name, epoch, level, from, from+int64(width))
}

func checkTile(size int64, level int, n int64, width int) error {
	if level < 0 || level > 7 || n < 0 || n > size>>tileHeight || width < 1 || width > tileWidth {
		return ErrNoTile
	}
	if n<<tileHeight+int64(width) > size>>(tileHeight*level) {
		return ErrNoTile
	}
	return nil
}

// Bundle gives the leaves of a tile as C2SP tlog-tiles has them: each with its
// length in two bytes before it. ErrNoTile, ErrNoEntry.
func (v *View) Bundle(ctx context.Context, epoch int, n int64, width int) ([]byte, error) {
	h, err := v.head(epoch)
	if err != nil {
		return nil, err
	}
	if err := checkTile(h.Size, 0, n, width); err != nil {
		return nil, err
	}
	from := n << tileHeight
	leaves, err := v.log.Trees.Leaves(ctx, v.name, epoch, from, from+int64(width))
	if err != nil {
		return nil, fmt.Errorf("read an entry bundle: %w", err)
	}
	var out []byte
	for i, leaf := range leaves {
		if leaf == nil {
			return nil, fmt.Errorf("read audit entry %d: %w", from+int64(i), ErrNoEntry)
		}
		out = binary.BigEndian.AppendUint16(out, uint16(len(leaf))) //nolint:gosec // leaves have at most 65,535 bytes
		out = append(out, leaf...)
	}
	return out, nil
}
