package verify_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/privacyd/privacyd/auditlog"
)

// TestDamaged exports a log whose storage was tampered with: it is exported all
// the same, and verification says what was done.
func TestDamaged(t *testing.T) {
	for name, tc := range map[string]struct {
		tamper  func(b *book)
		damaged int64
		want    []string
	}{
		"a leaf": {func(b *book) {
			s := &b.last().stored[5]
			s.Leaf = bytes.Replace(s.Leaf, []byte(outcome), []byte(`"outcome":"denied"`), 1)
		}, 1, []string{"changed 5-5"}},
		"a leaf out of form": {func(b *book) { b.last().stored[5].Leaf = []byte("\n") }, 1, []string{"changed 5-5"}},
		"a leaf and its hash": {func(b *book) {
			s := &b.last().stored[5]
			s.Leaf = bytes.Replace(s.Leaf, []byte(outcome), []byte(`"outcome":"denied"`), 1)
			s.LeafHash = auditlog.LeafHash(s.Leaf)
		}, 1, []string{"changed 0-255", "disclosure_missing 5-5"}}, // what its columns say is something else: it is not opened
		"an entry gone":       {func(b *book) { b.last().stored[5] = auditlog.Stored{} }, 1, []string{"missing 5-5"}},
		"the last entry gone": {func(b *book) { b.last().stored[600] = auditlog.Stored{} }, 1, []string{"truncated 600-600"}},
		"a disclosure gone":   {func(b *book) { b.last().stored[5].Disclosures = b.last().stored[5].Disclosures[1:] }, 0, []string{"disclosure_missing 5-5"}},
		"a disclosure of another": {func(b *book) {
			b.last().stored[5].Disclosures = slices.Clone(b.last().stored[6].Disclosures)
		}, 1, []string{"disclosure_missing 5-5"}},
		"two entries swapped": {func(b *book) {
			s := b.last().stored
			s[5], s[6] = s[6], s[5]
		}, 0, []string{"reordered 5-6"}},
		"two entries of two blocks swapped": {func(b *book) {
			s := b.last().stored
			s[5], s[400] = s[400], s[5]
		}, 0, []string{"reordered 5-5", "reordered 400-400"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := attacked(t)
			nodes := b.nodes()
			tc.tamper(b)
			b.kept = nodes
			var out bytes.Buffer
			w, err := b.view().WriteJSON(t.Context(), &out, b.export())
			must(t, err)
			if w.Damaged != tc.damaged {
				t.Errorf("%+v", w)
			}
			wantFindings(t, checkJSON(t, out.Bytes(), options()), tc.want...)
			r := checkPath(t, b.tiles(), options())
			if got := findings(r); len(got) == 0 || got[0][:4] != tc.want[0][:4] {
				t.Errorf("tiles: found %q", got)
			}
		})
	}
}

// edge is the right edge of the tree as it stands.
func (b *book) edge() (roots [][32]byte) {
	all := b.last().stored
	for from, bit := 0, 1<<30; bit > 0; bit >>= 1 {
		if len(all)&bit != 0 {
			root, err := tlog.TreeHash(int64(bit), hashes(all[from:from+bit]))
			must(b.t, err)
			roots, from = append(roots, root), from+bit
		}
	}
	return roots
}

// TestIntolerable has keys fail: an export without what they seal would say
// that disclosures are missing.
func TestIntolerable(t *testing.T) {
	b := attacked(t)
	broken := errors.New("the key store is not there")
	b.Log.Keys = failing{b, broken}
	var out bytes.Buffer
	o := b.export()
	if _, err := b.view().WriteJSON(t.Context(), &out, o); !errors.Is(err, broken) {
		t.Errorf("JSON: %v", err)
	}
	keep := func(auditlog.Part, []byte) error { return nil }
	if _, err := b.view().WriteParts(t.Context(), o, keep); !errors.Is(err, broken) {
		t.Errorf("tiles: %v", err)
	}
	out.Reset()
	o.Tolerate = func(err error) bool { return errors.Is(err, broken) }
	w, err := b.view().WriteJSON(t.Context(), &out, o)
	if err != nil || w.Damaged != 601 {
		t.Errorf("%+v, %v", w, err)
	}
	wantFindings(t, checkJSON(t, out.Bytes(), options()), "disclosure_missing 0-600")
	if w, err := b.view().WriteParts(t.Context(), o, keep); err != nil || w.Damaged != 601 || w.Entries != 601 {
		t.Errorf("%+v, %v", w, err)
	}
}

type failing struct {
	*book
	err error
}

func (f failing) OpenFor(context.Context, string, []byte, []byte) ([]byte, bool, error) {
	return nil, false, f.err
}
