package verify

import (
	"context"
	"errors"
	"io/fs"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/privacyd/privacyd/auditlog"
)

// upperTiles are the tiles above the leaf hashes. If their hashes give the
// root that was signed, each of them is known to be right, and with it which
// block of entries is not.
type upperTiles struct {
	t       *tilesRun
	e       *epoch
	vouched bool
	cached  int64 // the number of the tile in cache, plus 1
	cache   []tlog.Hash
}

// upper reads the tiles above the leaf hashes once, to see whether they give
// the signed root.
func (t *tilesRun) upper(ctx context.Context, e *epoch) (*upperTiles, error) {
	u := &upperTiles{t: t, e: e}
	blocks := e.head.size / blockSize
	if blocks == 0 {
		return u, nil
	}
	above := make([][]tlog.Hash, 0, 7) // by level from 2: hashes that the level below gives
	var all tree
	whole := true
	for n := int64(0); whole && n*blockSize < blocks; n++ {
		hashes, err := u.tile(ctx, 1, n, int(min(blockSize, blocks-n*blockSize)))
		if err != nil {
			return nil, err
		}
		if hashes == nil {
			whole = false
			continue
		}
		for _, h := range hashes {
			all.add(h)
		}
		if len(hashes) == blockSize {
			if above, err = u.carry(ctx, above, 0, n, subtree(hashes)); err != nil {
				return nil, err
			}
		}
	}
	for i, hashes := range above {
		if !whole {
			break
		}
		n := e.head.size >> (8 * (i + 3))
		if err := u.compare(ctx, i+2, n, hashes); err != nil {
			return nil, err
		}
	}
	rest, err := u.rest(ctx)
	u.vouched = whole && err == nil && all.root(rest.roots...) == e.head.root
	return u, err
}

// carry hands the hash of a whole tile to the level above.
func (u *upperTiles) carry(ctx context.Context, above [][]tlog.Hash, i int, n int64, h tlog.Hash) ([][]tlog.Hash, error) {
	if len(above) == i {
		above = append(above, nil)
	}
	above[i] = append(above[i], h)
	if len(above[i]) < blockSize {
		return above, nil
	}
	if err := u.compare(ctx, i+2, n/blockSize, above[i]); err != nil {
		return above, err
	}
	full := subtree(above[i])
	above[i] = nil
	return u.carry(ctx, above, i+1, n/blockSize, full)
}

// compare reads a tile of a level above 1 and compares it with the level below.
func (u *upperTiles) compare(ctx context.Context, level int, n int64, want []tlog.Hash) error {
	if len(want) == 0 {
		return nil
	}
	got, err := u.tile(ctx, level, n, len(want))
	if err != nil || got == nil {
		return err
	}
	for i := range want {
		if got[i] != want[i] {
			u.t.r.noted(Malformed, u.e.number, tileDiffers)
			break
		}
	}
	return nil
}

// tile reads a tile; nil: it is not there as it should be, which is noted.
func (u *upperTiles) tile(ctx context.Context, level int, n int64, width int) ([]tlog.Hash, error) {
	raw, err := u.t.wide(ctx, auditlog.Part{Epoch: u.e.number, Kind: auditlog.PartTile, Level: level, N: n, Width: width}, maxTile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		u.t.r.noted(Malformed, u.e.number, tileMissing)
	case errors.Is(err, errTooMuch) || err == nil && (len(raw)%tlog.HashSize != 0 || len(raw) < width*tlog.HashSize):
		u.t.r.noted(Malformed, u.e.number, tileWrong)
	case err != nil:
		return nil, err
	default:
		return hashesOf(raw[:width*tlog.HashSize]), nil
	}
	return nil, nil
}

// rest is the tree of the last leaf hashes, which no tile above covers.
func (u *upperTiles) rest(ctx context.Context) (*tree, error) {
	t := &tree{}
	width := int(u.e.head.size % blockSize)
	if width == 0 {
		return t, nil
	}
	raw, err := u.t.wide(ctx, auditlog.Part{Epoch: u.e.number, Kind: auditlog.PartTile, N: u.e.head.size / blockSize, Width: width}, maxTile)
	if err != nil {
		return t, absent(err)
	}
	for _, h := range hashesOf(raw[:min(len(raw), width*tlog.HashSize)/tlog.HashSize*tlog.HashSize]) {
		t.add(h)
	}
	return t, nil
}

// root gives the root of a block's subtree; nil: the tile is not there.
func (u *upperTiles) root(ctx context.Context, n int64) (*tlog.Hash, error) {
	tile := n / blockSize
	if u.cached != tile+1 {
		width := int(min(blockSize, u.e.head.size/blockSize-tile*blockSize))
		raw, err := u.t.wide(ctx, auditlog.Part{Epoch: u.e.number, Kind: auditlog.PartTile, Level: 1, N: tile, Width: width}, maxTile)
		if err = absent(err); err != nil {
			return nil, err
		}
		u.cached, u.cache = tile+1, hashesOf(raw[:len(raw)/tlog.HashSize*tlog.HashSize])
	}
	if i := n % blockSize; i < int64(len(u.cache)) {
		return &u.cache[i], nil
	}
	return nil, nil
}
