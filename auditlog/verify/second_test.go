package verify_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"

	"github.com/privacyd/privacyd/auditlog"
)

// TestSecondOpinion checks a folder of tiles with another implementation
// alone: nothing of this product but the key is used from here on.
func TestSecondOpinion(t *testing.T) {
	for _, n := range []int{1, 255, 256, 257, 700} {
		b := newBook(t)
		b.write(n)
		b.sign()
		dir, origin := b.tiles(), b.last().head.Origin
		secondOpinion(t, dir, origin, auditlog.VerifierKey(publicOf(1), origin))
	}
	b := attacked(t)
	b.restore(300)
	b.write(10)
	b.sign()
	origin := b.last().head.Origin
	secondOpinion(t, filepath.Join(b.tiles(), "epoch-2"), origin, auditlog.VerifierKey(publicOf(1), origin))
}

// tilePath is the path of C2SP tlog-tiles, written down once more.
func tilePath(level string, n, size uint64) string {
	path := strconv.FormatUint(n%1000+1000, 10)[1:]
	for m := n / 1000; m > 0; m /= 1000 {
		path = "x" + strconv.FormatUint(m%1000+1000, 10)[1:] + "/" + path
	}
	if size/256 == n {
		path += ".p/" + strconv.FormatUint(size%256, 10)
	}
	return "tile/" + level + "/" + path
}

func secondOpinion(t *testing.T, dir, origin, vkey string) {
	t.Helper()
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		must(t, err)
		return b
	}
	v, err := note.NewVerifier(vkey)
	must(t, err)
	c, _, _, err := log.ParseCheckpoint(read("checkpoint"), origin, v)
	must(t, err)
	hasher := rfc6962.DefaultHasher
	nodes := map[compact.NodeID][]byte{}
	remember := func(id compact.NodeID, h []byte) { nodes[id] = h }
	tree := (&compact.RangeFactory{Hash: hasher.HashChildren}).NewEmptyRange(0)
	for n := uint64(0); n*256 < c.Size; n++ {
		tile, bundle := read(tilePath("0", n, c.Size)), read(tilePath("entries", n, c.Size))
		for len(bundle) > 0 {
			end := 2 + binary.BigEndian.Uint16(bundle)
			h := hasher.HashLeaf(bundle[2:end])
			if string(tile[:32]) != string(h) {
				t.Fatalf("leaf %d is not the one of its tile", tree.End())
			}
			must(t, tree.Append(h, remember))
			bundle, tile = bundle[end:], tile[32:]
		}
		if len(tile) > 0 {
			t.Errorf("tile %d has more hashes than leaves", n)
		}
	}
	root, err := tree.GetRootHash(nil)
	must(t, err)
	if tree.End() != c.Size || string(root) != string(c.Hash) {
		t.Fatalf("the leaves give %d and %x, the checkpoint says %d and %x", tree.End(), root, c.Size, c.Hash)
	}
	for level := uint(1); c.Size>>(8*level) > 0; level++ {
		size := c.Size >> (8 * level)
		for i := range size {
			tile := read(tilePath(strconv.Itoa(int(level)), i/256, size))
			if want := nodes[compact.NewNodeID(8*level, i)]; string(tile[i%256*32:][:32]) != string(want) {
				t.Errorf("hash %d of level %d differs", i, level)
			}
		}
	}
	secondProofs(t, nodes, c, hasher)
}

// secondProofs builds proofs from what the tiles hold and checks them.
func secondProofs(t *testing.T, hashes map[compact.NodeID][]byte, c *log.Checkpoint, hasher *rfc6962.Hasher) {
	t.Helper()
	for index := uint64(0); index < c.Size; index += 97 {
		nodes, err := proof.Inclusion(index, c.Size)
		must(t, err)
		var path [][]byte
		for _, id := range nodes.IDs {
			path = append(path, hashes[id])
		}
		path, err = nodes.Rehash(path, hasher.HashChildren)
		must(t, err)
		must(t, proof.VerifyInclusion(hasher, index, c.Size, hashes[compact.NewNodeID(0, index)], path, c.Hash))
	}
}

// TestTilePaths compares the paths with those written down above.
func TestTilePaths(t *testing.T) {
	for _, n := range []uint64{0, 1, 999, 1000, 1234067, 999999999} {
		p := auditlog.Part{Epoch: 1, Kind: auditlog.PartTile, Level: 3, N: int64(n), Width: 256}
		if got, want := p.Path(), tilePath("3", n, 1<<62); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		p.Width, p.Kind = 17, auditlog.PartEntries
		if got, want := p.Path(), tilePath("entries", n, n*256+17); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if got := (auditlog.Part{Epoch: 1, Kind: auditlog.PartTile, N: 1234067, Width: 256}).Path(); !strings.HasSuffix(got, "x001/x234/067") {
		t.Error(got)
	}
}
