package auditlog

import (
	"encoding/binary"
	"testing"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
)

// TestEdge holds roots and the subtrees of whole tiles against an independent
// implementation, for each size up to some tiles and across a tile of tiles.
func TestEdge(t *testing.T) {
	factory := compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}
	want := factory.NewEmptyRange(0)
	nodes, got := map[Node]bool{}, map[Node]bool{}
	visit := func(id compact.NodeID, hash []byte) {
		if id.Level > 0 && id.Level%tileHeight == 0 {
			nodes[Node{int(id.Level) / tileHeight, int64(id.Index), [32]byte(hash)}] = true
		}
	}
	var e edge
	if [32]byte(e.root()) != [32]byte(rfc6962.DefaultHasher.EmptyRoot()) {
		t.Error("the root of no leaves is wrong")
	}
	for i := range 70_000 {
		leaf := rfc6962.DefaultHasher.HashLeaf(binary.BigEndian.AppendUint32(nil, uint32(i)))
		if err := want.Append(leaf, visit); err != nil {
			t.Fatal(err)
		}
		for _, n := range e.add([32]byte(leaf)) {
			got[n] = true
		}
		if i > 1500 && i%997 != 0 {
			continue
		}
		root, err := want.GetRootHash(nil)
		if err != nil {
			t.Fatal(err)
		}
		if [32]byte(e.root()) != [32]byte(root) {
			t.Fatalf("the root of %d leaves is wrong", i+1)
		}
	}
	if len(got) != len(nodes) || len(got) != 70_000/256+1 {
		t.Errorf("%d subtrees of whole tiles, want %d", len(got), len(nodes))
	}
	for n := range nodes {
		if !got[n] {
			t.Errorf("level %d, number %d: wrong or not there", n.Level, n.N)
		}
	}
}
