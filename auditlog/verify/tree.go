package verify

import (
	"crypto/sha256"

	"golang.org/x/mod/sumdb/tlog"
)

// blockSize is how many entries are hashed to a subtree of their own.
const blockSize = 256

// tree is the right edge of an RFC 6962 tree: for each set bit of its size the
// root of a complete subtree, the largest first.
type tree struct {
	size  int64
	roots []tlog.Hash
}

func (t *tree) add(h tlog.Hash) {
	for n := t.size; n&1 == 1; n >>= 1 {
		last := len(t.roots) - 1
		h = tlog.NodeHash(t.roots[last], h)
		t.roots = t.roots[:last]
	}
	t.roots = append(t.roots, h)
	t.size++
}

// root is the root of the tree, with more subtrees to the right of it if there
// are any.
func (t *tree) root(right ...tlog.Hash) tlog.Hash {
	all := append(t.roots[:len(t.roots):len(t.roots)], right...)
	if len(all) == 0 {
		return sha256.Sum256(nil)
	}
	h := all[len(all)-1]
	for i := len(all) - 2; i >= 0; i-- {
		h = tlog.NodeHash(all[i], h)
	}
	return h
}

// subtree is the root of the complete subtree of a whole block, or of the tree
// that part of one is.
func subtree(hashes []tlog.Hash) tlog.Hash {
	var t tree
	for _, h := range hashes {
		t.add(h)
	}
	return t.root()
}
