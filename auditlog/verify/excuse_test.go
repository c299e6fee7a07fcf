package verify_test

import (
	"bytes"
	"maps"
	"testing"

	"github.com/google/uuid"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/auditlog/verify"
)

// excuse adds an erasure's entry that is not signed, as whoever may write to
// the database can, and as old versions did.
func (b *book) excuse(public map[string]any) {
	b.t.Helper()
	id := uuid.Must(uuid.NewV7()).String()
	b.insert(&auditlog.Leaf{ID: id, Log: b.id, At: noon(), Action: auditlog.ActionErased, Outcome: "done", Public: public})
}

// insert adds any leaf.
func (b *book) insert(l *auditlog.Leaf) {
	b.t.Helper()
	leaf, err := l.Encode()
	must(b.t, err)
	must(b.t, b.Insert(b.t.Context(), auditlog.Entry{
		ID: l.ID, Log: b.id, At: l.At, Action: l.Action, Outcome: l.Outcome, Leaf: leaf, LeafHash: auditlog.LeafHash(leaf),
	}, nil))
}

// drop deletes a disclosure, and gives what an erasure would say of that.
func (b *book) drop(entry int) map[string]any {
	b.t.Helper()
	s := &b.last().stored[entry]
	var e auditlog.Erasure
	e.Add(auditlog.Gone{Position: auditlog.Position{Epoch: 1, Index: int64(entry)}, Digests: s.Disclosures[0].Digests})
	s.Disclosures = s.Disclosures[1:]
	return e.Public()[0]
}

// genuine is the leaf of the newest erasure of a book.
func (b *book) genuine() *auditlog.Leaf {
	b.t.Helper()
	stored := b.last().stored
	for i := len(stored) - 1; i >= 0; i-- {
		if stored[i].Action == auditlog.ActionErased {
			l, err := auditlog.ParseLeaf(stored[i].Leaf)
			must(b.t, err)
			return l
		}
	}
	b.t.Fatal("there is no erasure")
	return nil
}

// TestMadeUpErasure drops a disclosure and adds an entry that says that it was
// erased, which whoever may write to the database can.
func TestMadeUpErasure(t *testing.T) {
	for name, tc := range map[string]struct {
		excuse func(b *book, public map[string]any)
		want   []string
	}{
		"not signed": {func(b *book, public map[string]any) { b.excuse(public) }, []string{"erasure_unsigned 601-601", "disclosure_missing 7-7"}},
		"with another key": {func(b *book, public map[string]any) {
			b.Signer = keyOf(2)
			_, err := b.Append(b.t.Context(), auditlog.Record{Log: b.id, Action: auditlog.ActionErased, Outcome: "done", Public: public})
			must(b.t, err)
		}, []string{"erasure_unsigned 601-601", "disclosure_missing 7-7"}},
		"with a signature of nothing": {func(b *book, public map[string]any) {
			public["signature"] = "done"
			b.excuse(public)
		}, []string{"erasure_unsigned 601-601", "disclosure_missing 7-7"}},
		"the signature of another": {func(b *book, public map[string]any) {
			b.forget(ben(3))
			public["signature"] = b.genuine().Public["signature"]
			b.excuse(public)
		}, []string{"erasure_unsigned 602-602", "disclosure_missing 3-253"}},
		"another's under a new id": {func(b *book, _ map[string]any) {
			b.forget(ben(3))
			l := b.genuine()
			l.ID = uuid.Must(uuid.NewV7()).String()
			b.insert(l)
		}, []string{"erasure_unsigned 602-602", "disclosure_missing 3-253"}},
		"another's to the letter": {func(b *book, _ map[string]any) {
			b.forget(ben(3))
			b.insert(b.genuine())
		}, []string{"erasure_unsigned 602-602", "disclosure_missing 3-253"}},
		"one of another log": {func(b *book, public map[string]any) {
			other := newBook(t)
			other.id = logA + "b"
			_, err := other.Append(b.t.Context(), auditlog.Record{Log: other.id, Action: auditlog.ActionErased, Outcome: "done", Public: public})
			must(b.t, err)
			l := other.genuine()
			l.Log = b.id
			b.insert(l)
		}, []string{"erasure_unsigned 601-601", "disclosure_missing 7-7"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := attacked(t)
			tc.excuse(b, b.drop(7))
			b.sign()
			each(t, b, options(), asIs, func(t *testing.T, r *verify.Report) {
				if tc.want[1] != "disclosure_missing 7-7" {
					if !r.Has(verify.ErasureUnsigned) || !r.Has(verify.DisclosureMissing) {
						t.Errorf("found %q", findings(r))
					}
					return
				}
				wantFindings(t, r, tc.want...)
			})
		})
	}
}

// TestErasuresOfOld believes erasures that an old version wrote, and none that
// come after the first that is signed or after what a checkpoint says of them.
func TestErasuresOfOld(t *testing.T) {
	b := newBook(t)
	b.old = true
	b.write(600)
	b.forget(ben(3))
	b.sign()
	each(t, b, options(), asIs, func(t *testing.T, r *verify.Report) { wantFindings(t, r) })
	before := maps.Clone(b.drop(7))
	b.excuse(before)
	b.sign()
	each(t, b, options(), asIs, func(t *testing.T, r *verify.Report) { wantFindings(t, r) })
	b.from = 602
	b.sign()
	b.excuse(b.drop(8))
	b.sign()
	each(t, b, options(), asIs, func(t *testing.T, r *verify.Report) {
		wantFindings(t, r, "erasure_unsigned 602-602", "disclosure_missing 3-593")
	})

	b = newBook(t)
	b.old = true
	b.write(600)
	_, err := b.Append(t.Context(), auditlog.Record{Log: b.id, Action: auditlog.ActionErased, Outcome: "done", Public: map[string]any{"entries": 0, "digests": 0}})
	must(t, err)
	b.excuse(b.drop(8))
	b.sign()
	each(t, b, options(), asIs, func(t *testing.T, r *verify.Report) {
		wantFindings(t, r, "erasure_unsigned 601-601", "disclosure_missing 8-8")
	})
}

// TestSignedFromOnHolds: what a checkpoint once said of erasures holds, whatever
// the newest one says, if it is in the export or the auditor noted it.
func TestSignedFromOnHolds(t *testing.T) {
	for name, newest := range map[string]int64{"says nothing": 0, "says a later entry": 1000} {
		t.Run(name, func(t *testing.T) {
			b := newBook(t)
			b.old = true
			b.write(600)
			b.from = 600
			note := b.sign()
			b.excuse(b.drop(8))
			b.from = newest
			b.sign()
			refused := func(t *testing.T, r *verify.Report) {
				wantFindings(t, r, "erasure_unsigned 600-600", "disclosure_missing 8-8")
			}
			each(t, b, options(), asIs, refused)
			b.last().older = nil
			each(t, b, options(), asIs, func(t *testing.T, r *verify.Report) { wantFindings(t, r) })
			o := options()
			o.Since = [][]byte{note}
			each(t, b, o, asIs, refused)
		})
	}
}

// TestSignedFromOnMeanwhile takes what a checkpoint says of erasures that was
// signed while the log was being written.
func TestSignedFromOnMeanwhile(t *testing.T) {
	b := newBook(t)
	b.old = true
	b.write(600)
	b.sign()
	view := b.view()
	b.excuse(b.drop(8))
	b.from = 600
	b.sign()
	var out bytes.Buffer
	_, err := view.WriteJSON(t.Context(), &out, b.export())
	must(t, err)
	wantFindings(t, checkJSON(t, out.Bytes(), options()), "erasure_unsigned 600-600", "disclosure_missing 8-8")
}
