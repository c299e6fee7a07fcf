package verify

import (
	"testing"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/tlog"
)

// TestTree compares roots with another implementation's.
func TestTree(t *testing.T) {
	factory := compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}
	theirs := factory.NewEmptyRange(0)
	var ours tree
	if got := ours.root(); string(got[:]) != string(rfc6962.DefaultHasher.EmptyRoot()) {
		t.Errorf("the root of nothing is %x", got)
	}
	var hashes []tlog.Hash
	for i := range 1100 {
		h := tlog.RecordHash([]byte{byte(i), byte(i >> 8)})
		hashes = append(hashes, h)
		ours.add(h)
		if err := theirs.Append(h[:], nil); err != nil {
			t.Fatal(err)
		}
		want, err := theirs.GetRootHash(nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := ours.root(); string(got[:]) != string(want) {
			t.Fatalf("the root of %d leaves is %x, not %x", i+1, got, want)
		}
	}
	var blocks tree
	for i := 0; i+256 <= len(hashes); i += 256 {
		blocks.add(subtree(hashes[i : i+256]))
	}
	var rest tree
	for _, h := range hashes[1024:] {
		rest.add(h)
	}
	if got := blocks.root(rest.roots...); got != ours.root() {
		t.Errorf("by blocks the root is %x", got)
	}
}
