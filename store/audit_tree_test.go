package store_test

import (
	"crypto/ed25519"
	"fmt"
	"testing"
	"time"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/auditlog/auditlogtest"
	"github.com/privacyd/privacyd/store"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

const (
	logA = "0190a1b2-0000-7000-8000-00000000000a"
	logB = "0190a1b2-0000-7000-8000-00000000000b"
)

func signingKey() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)) }

func publicKey() ed25519.PublicKey { return signingKey().Public().(ed25519.PublicKey) }

// logBench is an audit log on a real database.
type logBench struct {
	*auditlog.Log
	db    *sqldb.DB
	store *store.Store
	shelf *auditlogtest.Shelf
	seq   *auditlog.Sequencer
}

func newLogBench(t *testing.T, db *sqldb.DB) *logBench {
	t.Helper()
	s := migrated(t, db)
	b := &logBench{Log: &auditlog.Log{Entries: s, Trees: s}, db: db, store: s, shelf: &auditlogtest.Shelf{}}
	b.seq = b.sequencer()
	return b
}

// sequencer is another node's.
func (b *logBench) sequencer() *auditlog.Sequencer {
	return &auditlog.Sequencer{Store: b.store, Signer: signingKey(), Published: b.shelf, Append: b.Append}
}

func (b *logBench) append(t *testing.T, log string) string {
	t.Helper()
	id, err := b.Append(t.Context(), auditlog.Record{Log: log, Action: "test.done", Outcome: "done"})
	must(t, err)
	return id
}

// pass passes until everything is integrated: a transaction of anybody's in
// the same server may hold entries back for a while.
func (b *logBench) pass(t *testing.T) (n int) {
	t.Helper()
	for {
		more, err := b.seq.Pass(t.Context())
		must(t, err)
		n += more
		_, waiting, err := b.seq.Lag(t.Context())
		must(t, err)
		if waiting == 0 {
			return n
		}
		pause(t)
	}
}

// pause is between two looks at something that will come.
func pause(t *testing.T) {
	t.Helper()
	select {
	case <-t.Context().Done():
		t.Fatal(t.Context().Err())
	case <-time.After(5 * time.Millisecond):
	}
}

func (b *logBench) view(t *testing.T, log string) *auditlog.View {
	t.Helper()
	v, err := b.View(t.Context(), log)
	must(t, err)
	return v
}

// checkLog holds a log against an independent implementation: each epoch's
// root is that of the leaves that the view gives, and its checkpoint is signed.
func checkLog(t *testing.T, v *auditlog.View) (ids []string) {
	t.Helper()
	for _, h := range v.Epochs() {
		size, root, err := auditlog.ParseCheckpoint(h.Checkpoint, publicKey(), auditlog.Origin(publicKey(), v.Log(), h.Epoch))
		must(t, err)
		tree := (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)
		for p, err := range v.Entries(t.Context(), h.Epoch, 0, h.Size) {
			must(t, err)
			ids = append(ids, p.ID)
			must(t, tree.Append(rfc6962.DefaultHasher.HashLeaf(p.Leaf), nil))
		}
		want, err := tree.GetRootHash(nil)
		must(t, err)
		if size != h.Size || root != h.Root || [32]byte(want) != root || tree.End() != uint64(size) {
			t.Errorf("epoch %d: size %d and root %x; of its leaves %d and %x", h.Epoch, size, root, tree.End(), want)
		}
	}
	return ids
}

func TestSequence(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := newLogBench(t, db)
		if n := b.pass(t); n != 0 {
			t.Fatalf("%d entries of an empty log", n)
		}
		var ids []string
		for range 3 {
			for range 200 {
				ids = append(ids, b.append(t, logA))
			}
			b.append(t, logB)
			b.append(t, "")
			b.pass(t)
		}
		v := b.view(t, logA)
		if got := checkLog(t, v); fmt.Sprint(got) != fmt.Sprint(ids) {
			t.Errorf("entries are not in the order in which they were added")
		}
		head := v.Epochs()[0]
		for index := range head.Size {
			p, err := v.Prove(t.Context(), 1, index)
			must(t, err)
			hashes, err := v.LeafHashes(t.Context(), 1, index, index+1)
			must(t, err)
			must(t, proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(index), uint64(head.Size), hashes[0][:], slicesOf(p), head.Root[:]))
		}
		for _, log := range []string{"", logB} {
			checkLog(t, b.view(t, log))
		}
	})
}

func slicesOf(hashes [][32]byte) (out [][]byte) {
	for _, h := range hashes {
		out = append(out, h[:])
	}
	return out
}

func TestSequenceConformance(t *testing.T) {
	for name, open := range map[string]func(t testing.TB) *sqldb.DB{"sqlite": sqldbtest.SQLite, "postgres": sqldbtest.Postgres} {
		t.Run(name, func(t *testing.T) {
			auditlogtest.RunSequence(t, func(t *testing.T) auditlogtest.Backend { return migrated(t, open(t)) })
		})
	}
}
