package store_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
	"github.com/privacyd/privacyd/vault"
)

// sealedBench is a logBench with keys.
type sealedBench struct {
	*logBench
	keys *vault.Vault
}

func newSealedBench(t *testing.T, db *sqldb.DB) sealedBench {
	t.Helper()
	keys, err := vault.Open(t.Context(), vault.Options{Keys: t.TempDir(), Root: make([]byte, vault.RootSize)})
	must(t, err)
	t.Cleanup(func() { _ = keys.Close() })
	b := sealedBench{newLogBench(t, db), keys}
	b.Keys = keys
	return b
}

// about appends an entry that discloses something of each of the persons.
func (b sealedBench) about(t *testing.T, log string, persons ...string) string {
	t.Helper()
	id, err := b.Append(t.Context(), recordOf(log, persons...))
	must(t, err)
	return id
}

func recordOf(log string, persons ...string) auditlog.Record {
	r := auditlog.Record{Log: log, Action: "test.done", Outcome: "done"}
	for _, p := range persons {
		r.Private = append(r.Private, auditlog.Claim{Name: p, Value: "of " + p, Owner: auditlog.Owner{Kind: "account", ID: p}})
	}
	return r
}

// settle passes until an entry is in its tree: on PostgreSQL the transactions
// of other tests may hold it back.
func (b *logBench) settle(t *testing.T, entry string) {
	t.Helper()
	for {
		b.pass(t)
		_, err := b.store.Find(t.Context(), entry)
		if err == nil {
			return
		}
		if !errors.Is(err, auditlog.ErrNotSequenced) {
			t.Fatal(err)
		}
		runtime.Gosched()
	}
}

func (b sealedBench) refs(persons ...string) []string {
	var refs []string
	for _, p := range persons {
		refs = append(refs, b.keys.Reference("", "account", p))
	}
	return refs
}

// erase deletes what there is of persons, and tells of which entry something is
// left.
func (b sealedBench) erase(t *testing.T, persons ...string) (gone []auditlog.Gone, left string) {
	t.Helper()
	err := b.store.InTx(t.Context(), func(ctx context.Context) error {
		found, err := b.store.Disclosures(ctx, b.refs(persons...), 100)
		must(t, err)
		gone, err = b.store.EraseDisclosures(ctx, found)
		return err
	})
	must(t, err)
	remaining, err := b.store.Disclosures(t.Context(), b.refs(persons...), 100)
	must(t, err)
	if len(remaining) > 0 {
		left = remaining[0].EntryID
	}
	slices.SortFunc(gone, func(a, b auditlog.Gone) int {
		if a.Log != b.Log {
			return strings.Compare(a.Log, b.Log)
		}
		return int(a.Index - b.Index)
	})
	return gone, left
}

// disclosed tells which claims of a log can still be read, oldest entry first.
func (b sealedBench) disclosed(t *testing.T, log string) []string {
	t.Helper()
	var all []string
	for o, err := range b.List(t.Context(), auditlog.Query{Log: log}) {
		must(t, err)
		var names []string
		for name := range o.Private {
			names = append(names, name)
		}
		slices.Sort(names)
		all = append([]string{strings.Join(names, " ")}, all...)
	}
	return all
}

func TestEraseDisclosures(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := newSealedBench(t, db)
		b.about(t, logA, "ann")
		b.about(t, logA, "ben", "ann")
		b.about(t, logA, "ben")
		b.settle(t, b.about(t, logB, "ann", "cyd"))
		waiting := b.about(t, logA, "ann")
		at := func(log string, i int64, digests int) auditlog.Gone {
			return auditlog.Gone{Position: auditlog.Position{Log: log, Epoch: 1, Index: i}, Digests: digests}
		}

		gone, left := b.erase(t, "ann", "cyd", "nobody")
		if diff := cmp.Diff([]auditlog.Gone{at(logA, 0, 2), at(logA, 1, 2), at(logB, 0, 4)}, gone); diff != "" || left != waiting {
			t.Errorf("left %q, want %q; gone %s", left, waiting, diff)
		}
		if diff := cmp.Diff([]string{"", "ben", "ben", "ann"}, b.disclosed(t, logA)); diff != "" {
			t.Error(diff)
		}
		if gone, left := b.erase(t, "ann"); len(gone) > 0 || left != waiting {
			t.Errorf("an entry without a place: gone %v, left %q", gone, left)
		}
		b.settle(t, waiting)
		gone, left = b.erase(t, "ann")
		if diff := cmp.Diff([]auditlog.Gone{at(logA, 3, 2)}, gone); diff != "" || left != "" {
			t.Errorf("left %q; gone %s", left, diff)
		}
		checkLog(t, b.view(t, logA))
	})
}

// TestEraseDisclosuresAtOnce has several processes erase the same in small
// batches: each entry is counted by one.
func TestEraseDisclosuresAtOnce(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := newSealedBench(t, db)
		const entries = 60
		var last string
		for range entries {
			last = b.about(t, logA, "ann", "ben")
		}
		b.settle(t, last)
		var mu sync.Mutex
		times := map[int64]int{}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for more := true; more; {
					err := b.store.InTx(context.Background(), func(ctx context.Context) error {
						found, err := b.store.Disclosures(ctx, b.refs("ann"), 7)
						if err != nil {
							return err
						}
						more = len(found) > 0
						gone, err := b.store.EraseDisclosures(ctx, found)
						mu.Lock()
						defer mu.Unlock()
						for _, p := range gone {
							times[p.Index]++
						}
						return err
					})
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		for i := range int64(entries) {
			if times[i] != 1 {
				t.Errorf("entry %d was counted %d times", i, times[i])
			}
		}
		if got := b.disclosed(t, logA); slices.ContainsFunc(got, func(s string) bool { return s != "ben" }) {
			t.Errorf("disclosed: %v", got)
		}
	})
}

func TestErasures(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := newSealedBench(t, db)
		inA, inB := b.append(t, logA), b.append(t, logB)
		must(t, b.store.BeginErasures(t.Context(), []string{"1", "2"}, inB, at.Add(time.Second)))
		must(t, b.store.BeginErasures(t.Context(), []string{"3"}, inA, at))
		known := func() []privacyd.AuditErasure {
			t.Helper()
			all, err := b.store.Erasures(t.Context(), []string{"1", "2", "3", "4"})
			must(t, err)
			return all
		}
		want := []privacyd.AuditErasure{{Owner: "1", Intent: inB, Log: logB}, {Owner: "2", Intent: inB, Log: logB}, {Owner: "3", Intent: inA, Log: logA}}
		sorted := cmpopts.SortSlices(func(a, b privacyd.AuditErasure) bool { return a.Owner < b.Owner })
		if diff := cmp.Diff(want, known(), sorted); diff != "" {
			t.Error(diff)
		}
		open := func(before time.Time) []privacyd.AuditErasure {
			t.Helper()
			all, err := b.store.OpenErasures(t.Context(), before, 100)
			must(t, err)
			return all
		}
		if diff := cmp.Diff(want[2:], open(at.Add(time.Hour))); diff != "" || len(open(at)) > 0 {
			t.Errorf("the oldest intent's: %s, %v", diff, open(at))
		}
		for i, ended := range []int64{2, 0} {
			if n, err := b.store.EndErasures(t.Context(), []string{"1", "3", "4"}, at.Add(time.Minute)); err != nil || n != ended {
				t.Errorf("%d: ended %d, %v", i, n, err)
			}
		}
		if diff := cmp.Diff(want[1:2], open(at.Add(time.Hour))); diff != "" {
			t.Error(diff)
		}
		must(t, b.store.BeginErasures(t.Context(), []string{"1"}, inA, at))
		must(t, b.store.DropErasures(t.Context(), at.Add(time.Hour)))
		want = []privacyd.AuditErasure{{Owner: "1", Intent: inA, Log: logA}, want[1]}
		if diff := cmp.Diff(want, known(), sorted); diff != "" {
			t.Error(diff)
		}
	})
}

func TestLateErasures(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := newSealedBench(t, db)
		intent := b.about(t, logA, "ann", "ben", "cyd")
		must(t, b.store.BeginErasures(t.Context(), b.refs("ann", "ben", "dan"), intent, at))
		_, err := b.store.EndErasures(t.Context(), b.refs("ann", "dan"), at)
		must(t, err)
		late, err := b.store.LateErasures(t.Context(), 100)
		want := []privacyd.AuditErasure{{Owner: b.refs("ann")[0], Intent: intent, Log: logA, Done: true}}
		if diff := cmp.Diff(want, late); err != nil || diff != "" {
			t.Error(err, diff)
		}
	})
}
