package auditlog

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Prove gives the proof that the epoch's newest checkpoint includes the entry
// at index (RFC 6962, section 2.1.1). Every hash it is made of is checked
// against the checkpoint's root. ErrNoTile, ErrNoEntry.
func (v *View) Prove(ctx context.Context, epoch int, index int64) ([][32]byte, error) {
	h, err := v.within(epoch, index, index+1)
	if err != nil {
		return nil, err
	}
	proof, err := tlog.ProveRecord(h.Size, index, v.hashes(ctx, h))
	if err != nil {
		return nil, fmt.Errorf("prove that an audit entry is in the log: %w", err)
	}
	return plain(proof), nil
}

// ProveConsistency gives the proof that the tree of the epoch's newest
// checkpoint begins with the tree of from leaves, 1 or more (RFC 6962, section
// 2.1.2). ErrNoTile.
func (v *View) ProveConsistency(ctx context.Context, epoch int, from int64) ([][32]byte, error) {
	h, err := v.within(epoch, from-1, from)
	if err != nil {
		return nil, err
	}
	proof, err := tlog.ProveTree(h.Size, from, v.hashes(ctx, h))
	if err != nil {
		return nil, fmt.Errorf("prove that the audit log only grew: %w", err)
	}
	return plain(proof), nil
}

// RootAt gives the root that the epoch's tree had with size leaves, 1 or more.
// ErrNoTile.
func (v *View) RootAt(ctx context.Context, epoch int, size int64) ([32]byte, error) {
	h, err := v.within(epoch, size-1, size)
	if err != nil {
		return [32]byte{}, err
	}
	root, err := tlog.TreeHash(size, v.hashes(ctx, h))
	if err != nil {
		return [32]byte{}, fmt.Errorf("compute an earlier root of the audit log: %w", err)
	}
	return root, nil
}

func plain(hashes []tlog.Hash) [][32]byte {
	out := make([][32]byte, len(hashes))
	for i, h := range hashes {
		out[i] = h
	}
	return out
}

// hashes reads hashes of a tree out of its tiles and believes none that its
// root does not vouch for.
func (v *View) hashes(ctx context.Context, h Head) tlog.HashReader {
	return tlog.TileHashReader(tlog.Tree{N: h.Size, Hash: h.Root}, &tiles{ctx: ctx, view: v, epoch: h.Epoch})
}

// tiles is a tlog.TileReader, whose methods take no context.
type tiles struct {
	ctx   context.Context //nolint:containedctx // lives as long as one proof
	view  *View
	epoch int
}

func (t *tiles) Height() int { return tileHeight }

func (t *tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(wanted))
	for i, w := range wanted {
		var err error
		if data[i], err = t.view.Tile(t.ctx, t.epoch, w.L, w.N, w.W); err != nil {
			return nil, err
		}
	}
	return data, nil
}

func (t *tiles) SaveTiles([]tlog.Tile, [][]byte) {}
