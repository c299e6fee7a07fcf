package auditlogtest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/privacyd/privacyd/auditlog"
)

// Backend is a place for entries and for the trees over them.
type Backend interface {
	auditlog.Entries
	auditlog.Sequence
}

// RunSequence checks an implementation of auditlog.Sequence. open gives an
// empty one.
func RunSequence(t *testing.T, open func(t *testing.T) Backend) {
	t.Helper()
	for _, test := range []struct {
		name string
		run  func(t *testing.T, b Backend)
	}{
		{"nothing there", testNothing},
		{"takes in order", testTake},
		{"gives back what was rolled back", testTakeBack},
		{"grows", testGrow},
		{"grows all or none", testGrowWrong},
		{"opens an epoch", testNextEpoch},
		{"finds what was passed", testLost},
		{"keeps and thins checkpoints", testKept},
		{"lists tips", testAllTips},
		{"measures the lag", testLag},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
}

func locked(t *testing.T, b Backend, fn func(ctx context.Context) error) error {
	t.Helper()
	var ran bool
	ok, err := b.InLock(t.Context(), true, func(ctx context.Context) error {
		ran = true
		return fn(ctx)
	})
	if !ran || !ok {
		t.Fatalf("it did not run in the lock: %v", err)
	}
	return err
}

// certain waits until n entries can be taken: a transaction of anybody's in the
// same server may hold them back for a while.
func certain(t *testing.T, b Backend, n int) {
	t.Helper()
	undo := errors.New("undo")
	for {
		var taken auditlog.Taken
		err := locked(t, b, func(ctx context.Context) (err error) {
			if taken, err = b.Take(ctx, n+1); err != nil {
				return err
			}
			return undo
		})
		if !errors.Is(err, undo) {
			t.Fatal(err)
		}
		if len(taken.Entries) >= n {
			return
		}
		select {
		case <-t.Context().Done():
			t.Fatalf("of %d entries only %d can be taken", n, len(taken.Entries))
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// takeAll takes n entries as soon as they are certain.
func takeAll(t *testing.T, b Backend, n int) []auditlog.Waiting {
	t.Helper()
	certain(t, b, n)
	return take(t, b, n).Entries
}

func take(t *testing.T, b Backend, limit int) (taken auditlog.Taken) {
	t.Helper()
	if err := locked(t, b, func(ctx context.Context) (err error) {
		taken, err = b.Take(ctx, limit)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return taken
}

// state is a state of a tree over entries, whose hashes are made up.
func state(log string, epoch int, size int64, entries ...auditlog.Waiting) auditlog.Grown {
	g := auditlog.Grown{Head: auditlog.Head{
		Log: log, Epoch: epoch, Origin: "o", Size: size, Root: [32]byte{byte(size), byte(epoch)},
		Checkpoint: []byte{'o', '\n', byte(size)}, At: start().Add(time.Duration(size) * time.Minute),
	}}
	g.Edge = [][32]byte{{1, byte(size)}, {2}}
	for _, e := range entries {
		g.Entries = append(g.Entries, e.Seq)
	}
	return g
}

func grow(t *testing.T, b Backend, grown ...auditlog.Grown) error {
	t.Helper()
	return locked(t, b, func(ctx context.Context) error { return b.Grow(ctx, grown) })
}

func mustGrow(t *testing.T, b Backend, grown ...auditlog.Grown) {
	t.Helper()
	if err := grow(t, b, grown...); err != nil {
		t.Fatal(err)
	}
}

func insertTo(t *testing.T, b Backend, log string, n int) {
	t.Helper()
	for i := range n {
		insert(t, b, entry(log, i), i%3)
	}
}

func waiting(t *testing.T, b Backend) bool {
	t.Helper()
	w, err := b.Waiting(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func testNothing(t *testing.T, b Backend) {
	if waiting(t, b) {
		t.Error("something waits")
	}
	if taken := take(t, b, 10); len(taken.Entries) != 0 || taken.More || taken.Sweep {
		t.Errorf("took %+v", taken)
	}
	heads, err := b.Heads(t.Context(), wsA)
	if err != nil || len(heads) != 0 {
		t.Errorf("heads %v, %v", heads, err)
	}
	if _, err := b.Find(t.Context(), entry(wsA, 0).ID); !errors.Is(err, auditlog.ErrNoEntry) {
		t.Errorf("found what is not there: %v", err)
	}
	if tips, err := b.Tips(t.Context(), nil); err != nil || len(tips) != 0 {
		t.Errorf("tips %v, %v", tips, err)
	}
}

func testTake(t *testing.T, b Backend) {
	var want []auditlog.Waiting
	for _, n := range []int{3, 1, 4, 0, 2} { // not in the order of ids
		log := []string{wsA, wsB}[n%2]
		e := entry(log, n)
		insert(t, b, e, n)
		want = append(want, auditlog.Waiting{Log: log, LeafHash: e.LeafHash, Kind: auditlog.Kind{Action: e.Action}})
	}
	certain(t, b, len(want))
	var got []auditlog.Waiting
	for _, size := range []int{2, 2, 1} {
		if !waiting(t, b) {
			t.Fatal("nothing waits")
		}
		taken := take(t, b, 2)
		if len(taken.Entries) != size || taken.More != (size == 2) || taken.Sweep {
			t.Fatalf("took %+v", taken)
		}
		got = append(got, taken.Entries...)
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(auditlog.Waiting{}, "Seq", "Kind.Stretch")); diff != "" {
		t.Error(diff)
	}
	if waiting(t, b) || len(take(t, b, 2).Entries) != 0 {
		t.Error("something was taken twice")
	}
}

func testTakeBack(t *testing.T, b Backend) {
	insertTo(t, b, wsA, 3)
	certain(t, b, 3)
	boom := errors.New("boom")
	err := locked(t, b, func(ctx context.Context) error {
		taken, err := b.Take(ctx, 10)
		if err != nil {
			return err
		}
		if err := b.Grow(ctx, []auditlog.Grown{state(wsA, 1, 3, taken.Entries...)}); err != nil {
			return err
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Fatal(err)
	}
	heads, err := b.Heads(t.Context(), wsA)
	if err != nil || len(heads) != 0 || !waiting(t, b) || len(take(t, b, 10).Entries) != 3 {
		t.Errorf("what was rolled back is there: %v, %v", heads, err)
	}
}

func testGrow(t *testing.T, b Backend) {
	insertTo(t, b, wsA, 5)
	insert(t, b, entry(wsB, 0), 0)
	all := takeAll(t, b, 6)
	first, second, other := state(wsA, 1, 2, all[:2]...), state(wsA, 1, 5, all[2:5]...), state(wsB, 1, 1, all[5])
	second.Nodes = []auditlog.Node{{Level: 1, N: 0, Hash: [32]byte{7}}, {Level: 1, N: 1, Hash: [32]byte{8}}, {Level: 2, N: 0, Hash: [32]byte{9}}}
	mustGrow(t, b, first)
	mustGrow(t, b, second, other)
	tips, err := b.Tips(t.Context(), []string{wsB, wsA, ""})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]auditlog.Tip{wsA: {Head: second.Head}, wsB: {Head: other.Head}}
	if diff := cmp.Diff(want, tips, cmpopts.IgnoreFields(auditlog.Tip{}, "NotedAt")); diff != "" {
		t.Error(diff)
	}
	for i := range 5 {
		p, err := b.Find(t.Context(), entry(wsA, i).ID)
		if diff := cmp.Diff(auditlog.Position{Log: wsA, Epoch: 1, Index: int64(i)}, p); diff != "" || err != nil {
			t.Error(diff, err)
		}
	}
	nodes, err := b.Nodes(t.Context(), wsA, 1, 1, 0, 2)
	if diff := cmp.Diff([][32]byte{{7}, {8}}, nodes); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if _, err := b.Nodes(t.Context(), wsA, 1, 1, 1, 3); !errors.Is(err, auditlog.ErrNoTile) {
		t.Errorf("a node that is not there: %v", err)
	}
	wantEntries(t, b)
}

// wantEntries reads the five entries of testGrow by their indexes.
func wantEntries(t *testing.T, b Backend) {
	t.Helper()
	placed, err := b.Placed(t.Context(), wsA, 1, 1, 4)
	if err != nil || len(placed) != 3 {
		t.Fatalf("%d entries, %v", len(placed), err)
	}
	leaves, err := b.Leaves(t.Context(), wsA, 1, 1, 4)
	if err != nil {
		t.Fatal(err)
	}
	hashes, err := b.LeafHashes(t.Context(), wsA, 1, 1, 4)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range placed {
		e := entry(wsA, i+1)
		slices.SortFunc(p.Disclosures, func(a, b auditlog.SealedDisclosure) int { return slices.Compare([]byte(a.Owner), []byte(b.Owner)) })
		want := auditlog.Placed{Index: int64(i + 1), Stored: auditlog.Stored{Entry: e, Disclosures: disclosures(e, (i+1)%3)}}
		if diff := cmp.Diff(want, p, cmpopts.EquateEmpty()); diff != "" {
			t.Error(diff)
		}
		if string(leaves[i]) != string(e.Leaf) || hashes[i] != e.LeafHash {
			t.Errorf("entry %d has another leaf or hash", i+1)
		}
	}
	if _, err := b.LeafHashes(t.Context(), wsA, 1, 3, 6); !errors.Is(err, auditlog.ErrNoEntry) {
		t.Errorf("a hash that is not there: %v", err)
	}
}

func testGrowWrong(t *testing.T, b Backend) {
	insertTo(t, b, wsA, 4)
	insertTo(t, b, wsB, 1)
	all := takeAll(t, b, 5)
	mustGrow(t, b, state(wsA, 1, 2, all[:2]...))
	for name, wrong := range map[string]auditlog.Grown{
		"another size":     state(wsA, 1, 4, all[2]),
		"an entry twice":   state(wsA, 1, 3, all[0]),
		"a tree twice":     state(wsA, 1, 1, all[2]),
		"no such tree":     state(wsA, 2, 3, all[2]),
		"an earlier epoch": state(wsA, 0, 1, all[2]),
	} {
		if err := grow(t, b, state(wsB, 1, 1, all[4]), wrong); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	heads, err := b.Heads(t.Context(), wsB)
	if err != nil || len(heads) != 0 {
		t.Errorf("a tree grew beside one that could not: %v, %v", heads, err)
	}
	mustGrow(t, b, state(wsA, 1, 4, all[2:4]...))
}

func testNextEpoch(t *testing.T, b Backend) {
	insertTo(t, b, wsA, 3)
	all := takeAll(t, b, 3)
	first, second := state(wsA, 1, 2, all[:2]...), state(wsA, 3, 1, all[2])
	mustGrow(t, b, first)
	mustGrow(t, b, second)
	heads, err := b.Heads(t.Context(), wsA)
	if diff := cmp.Diff([]auditlog.Head{first.Head, second.Head}, heads); diff != "" || err != nil {
		t.Error(diff, err)
	}
	tips, err := b.Tips(t.Context(), []string{wsA})
	if err != nil || tips[wsA].Epoch != 3 {
		t.Errorf("tips %v, %v", tips, err)
	}
	p, err := b.Find(t.Context(), entry(wsA, 2).ID)
	if diff := cmp.Diff(auditlog.Position{Log: wsA, Epoch: 3}, p); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func testLost(t *testing.T, b Backend) {
	insertTo(t, b, wsA, 7)
	certain(t, b, 7)
	all := take(t, b, 5).Entries
	mustGrow(t, b, state(wsA, 1, 2, all[1], all[3]))
	if _, err := b.Find(t.Context(), entry(wsA, 0).ID); !errors.Is(err, auditlog.ErrNotSequenced) {
		t.Errorf("an entry that was passed: %v", err)
	}
	var got []auditlog.Waiting
	for after := int64(0); ; {
		lost, next, err := b.Lost(t.Context(), after, 2)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, lost...)
		if after = next; next == 0 {
			break
		}
	}
	if diff := cmp.Diff([]auditlog.Waiting{all[0], all[2], all[4]}, got); diff != "" {
		t.Error(diff)
	}
	if err := locked(t, b, b.Swept); err != nil {
		t.Error(err)
	}
}

func testKept(t *testing.T, b Backend) {
	insertTo(t, b, wsA, 6)
	all := takeAll(t, b, 6)
	day := 24 * time.Hour
	mustGrow(t, b, state(wsA, 1, 1, all[0]))
	for i, at := range []time.Time{start(), start().Add(time.Minute), start().Add(day), start().Add(2 * day), start().Add(2*day + 1)} {
		g := state(wsA, 1, int64(i+2), all[i+1])
		g.Kept = &auditlog.Head{Size: int64(i + 1), Checkpoint: []byte{byte(i)}, At: at}
		mustGrow(t, b, g)
	}
	wantOlder := func(want ...byte) {
		t.Helper()
		older, err := b.Older(t.Context(), wsA, 1)
		if err != nil || string(slices.Concat(older...)) != string(want) {
			t.Errorf("kept %v, want %v, %v", older, want, err)
		}
	}
	wantOlder(0, 1, 2, 3, 4)
	if n, err := b.Thin(t.Context(), start().Add(2*day)); n != 1 || err != nil {
		t.Errorf("%d deleted, %v", n, err)
	}
	wantOlder(1, 2, 3, 4)
}

func testAllTips(t *testing.T, b Backend) {
	insertTo(t, b, "", 1)
	insertTo(t, b, wsA, 2)
	insertTo(t, b, wsB, 1)
	all := takeAll(t, b, 4)
	noted := state(wsA, 2, 1, all[2])
	mustGrow(t, b, state("", 1, 1, all[0]), state(wsA, 1, 1, all[1]))
	mustGrow(t, b, noted, state(wsB, 1, 1, all[3]))
	for _, size := range []int64{5, 1} {
		noted.Size = size
		if err := b.SetNoted(t.Context(), []auditlog.Head{noted.Head}, start()); err != nil {
			t.Fatal(err)
		}
	}
	got := map[string]auditlog.Tip{}
	for after := int64(0); ; {
		tips, next, err := b.AllTips(t.Context(), after, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, tip := range tips {
			got[tip.Log] = tip
		}
		if after = next; next == 0 {
			break
		}
	}
	if len(got) != 3 || got[wsA].Epoch != 2 || got[wsA].Noted != 1 || !got[wsA].NotedAt.Equal(start()) || got[wsB].Noted != 0 {
		t.Errorf("tips %+v", got)
	}
}

func testLag(t *testing.T, b Backend) {
	want := func(at time.Time, n int64) {
		t.Helper()
		oldest, waiting, err := b.Lag(t.Context())
		if err != nil || waiting != n || !oldest.Equal(at) {
			t.Errorf("%d wait since %v, want %d since %v; %v", waiting, oldest, n, at, err)
		}
	}
	want(time.Time{}, 0)
	insert(t, b, entry(wsA, 5), 0)
	insert(t, b, entry(wsA, 2), 0)
	insert(t, b, entry(wsB, 3), 0)
	want(entry(wsA, 2).At, 3)
	certain(t, b, 3)
	all := take(t, b, 2).Entries
	mustGrow(t, b, state(wsA, 1, 2, all...))
	want(entry(wsB, 3).At, 1)
}
