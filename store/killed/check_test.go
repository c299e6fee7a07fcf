package killed_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"testing"
	"time"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"

	"github.com/privacyd/privacyd/auditlog"
)

// proofs is how many entries of each log are proven.
const proofs = 64

// end sequences what is left and holds everything against what is known.
func (s *siege) end(t *testing.T) {
	t.Helper()
	p := s.openPlace(t)
	defer p.close() //nolint:errcheck // a test's
	seq, err := p.sequencer(t.Context())
	must(t, err)
	p.settle(t, seq)
	if n, err := seq.Reconcile(t.Context()); n != 0 || err != nil {
		t.Errorf("%d entries were in no tree, %v", n, err)
	}
	s.look(t)
	placed := map[string]bool{}
	for _, log := range logs() {
		s.checkLog(t, p, log, seq.Signer.Public().(ed25519.PublicKey), placed)
	}
	s.checkEntries(t, p, placed)
}

// settle passes until nothing waits.
func (p *place) settle(t *testing.T, seq *auditlog.Sequencer) {
	t.Helper()
	for {
		_, err := seq.Pass(t.Context())
		must(t, err)
		_, waiting, err := seq.Lag(t.Context())
		must(t, err)
		if waiting == 0 {
			return
		}
		select {
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// checkLog holds a log against an independent implementation: one epoch, whose
// signed root is that of its leaves, as is each root that was published; each
// entry is whole and there once; and some are proven.
func (s *siege) checkLog(t *testing.T, p *place, log string, public ed25519.PublicKey, placed map[string]bool) {
	t.Helper()
	v, err := p.log.View(t.Context(), log)
	must(t, err)
	heads := v.Epochs()
	if len(heads) != 1 {
		t.Fatalf("the log %q has %d epochs", log, len(heads))
	}
	h := heads[0]
	size, root, err := auditlog.ParseCheckpoint(h.Checkpoint, public, auditlog.Origin(public, log, 1))
	must(t, err)
	if size != h.Size || root != h.Root {
		t.Errorf("the log %q has a checkpoint of %d leaves and the root %x, not %d and %x", log, size, root, h.Size, h.Root)
	}
	roots := map[int64][32]byte{}
	tree := (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)
	for e, err := range v.Entries(t.Context(), 1, 0, size) {
		must(t, err)
		if placed[e.ID] || len(e.Erased) > 0 {
			t.Errorf("entry %d of the log %q is there twice, or lacks %v", e.Index, log, e.Erased)
		}
		placed[e.ID] = true
		must(t, tree.Append(rfc6962.DefaultHasher.HashLeaf(e.Leaf), nil))
		hash, err := tree.GetRootHash(nil)
		must(t, err)
		roots[e.Index+1] = [32]byte(hash)
	}
	for _, was := range append(s.published[log], published{size, root}) {
		if was.size > 0 && roots[was.size] != was.root {
			t.Errorf("the log %q is not what was published of it at %d leaves", log, was.size)
		}
	}
	prove(t, v, size, root)
}

func prove(t *testing.T, v *auditlog.View, size int64, root [32]byte) {
	t.Helper()
	for i := range int64(proofs) {
		index := i * size / proofs
		path, err := v.Prove(t.Context(), 1, index)
		must(t, err)
		hashes, err := v.LeafHashes(t.Context(), 1, index, index+1)
		must(t, err)
		var nodes [][]byte
		for _, n := range path {
			nodes = append(nodes, n[:])
		}
		must(t, proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(index), uint64(size), hashes[0][:], nodes, root[:]))
	}
}

// checkEntries compares what is in the trees with what the database has and
// with what was seen.
func (s *siege) checkEntries(t *testing.T, p *place, placed map[string]bool) {
	t.Helper()
	for id := range s.committed {
		if !placed[id] {
			t.Errorf("entry %s was committed and is lost", id)
		}
	}
	for id := range s.undone {
		if placed[id] {
			t.Errorf("entry %s was rolled back and is there", id)
		}
	}
	acts := 0
	for id, err := range ids(t.Context(), p, "SELECT audit_entry_id FROM acts") {
		must(t, err)
		acts++
		if !placed[id] {
			t.Errorf("entry %s of an act is in no tree", id)
		}
	}
	entries, ours := 0, 0
	for id, err := range ids(t.Context(), p, "SELECT id FROM audit_entries") {
		must(t, err)
		entries++
		if !placed[id] {
			t.Errorf("entry %s is in no tree", id)
		}
	}
	for _, err := range ids(t.Context(), p, "SELECT id FROM audit_entries WHERE action = 'test.done'") {
		must(t, err)
		ours++
	}
	if entries != len(placed) || ours != acts || acts < len(s.committed) {
		t.Errorf("%d entries, %d in trees; %d of %d acts, %d of which were seen committed", entries, len(placed), ours, acts, len(s.committed))
	}
	t.Logf("%d acts seen committed, %d rolled back, %d in all; %d entries in trees", len(s.committed), len(s.undone), acts, len(placed))
}

// ids gives the texts that a query selects.
func ids(ctx context.Context, p *place, query string) func(yield func(string, error) bool) {
	return func(yield func(string, error) bool) {
		rows, err := p.db.Query(ctx, query)
		if err != nil {
			yield("", err)
			return
		}
		defer rows.Close() //nolint:errcheck // rows.Err says it
		for rows.Next() {
			var id string
			if err := rows.Scan(&id); err != nil {
				yield("", fmt.Errorf("scan: %w", err))
				return
			}
			if !yield(id, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield("", err)
		}
	}
}
