package vault

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestKilledWhileReplacing kills the process that gives up a change of the root
// key at each of its effects. What is there then opens everything, and whoever
// begins again comes to the end.
func TestKilledWhileReplacing(t *testing.T) {
	for name, after := range map[string]bool{"before": false, "after": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := 1
			for replaceKilled(t, n, after) {
				n++
			}
			if n < 15 {
				t.Errorf("only %d effects were met", n)
			}
		})
	}
}

func replaceKilled(t *testing.T, n int, after bool) (killed bool) {
	t.Helper()
	ctx, dir := t.Context(), t.TempDir()
	o := Options{Keys: filepath.Join(dir, "keys"), RootFile: filepath.Join(dir, "root.key"), Alone: true}
	v := openIn(t, o)
	sealed := sealIn(t, v, Owner{}, Owner{Workspace: "w"}, Owner{Workspace: "w", Kind: "contact", ID: "a"})
	gone := Owner{Workspace: "w", Kind: "contact", ID: "gone"}
	goneSealed := sealIn(t, v, gone)[gone]
	lost := filepath.Join(dir, "lost.key")
	if err := errors.Join(v.Shred(ctx, gone), v.RotateRoot(ctx, 2, lost), os.Remove(lost)); err != nil {
		t.Fatal(err)
	}
	made := Owner{Workspace: "made with the lost one"}
	sealed[made] = sealIn(t, v, made)[made]
	v = openIn(t, o)
	d := &dying{records: v.records, rootSource: v.source, at: n, after: after}
	v.records, v.source = d, d
	err := replaceAndRetire(ctx, v)
	if killed = errors.Is(err, errKilled); !killed && err != nil {
		t.Fatalf("at effect %d: %v", n, err)
	}
	next := openIn(t, o)
	wantOpen(t, next, sealed, gone)
	if err := replaceAndRetire(ctx, next); err != nil {
		t.Fatalf("killed at effect %d (after it: %v), it cannot go on: %v", n, after, err)
	}
	next = openIn(t, o)
	wantOpen(t, next, sealed, gone)
	wantGone(t, next, gone, goneSealed)
	if k, err := next.RootKey(ctx); err != nil || k.Generation != 3 || k.Changing {
		t.Errorf("the root key: %+v, %v", k, err)
	}
	for _, pattern := range []string{"root.key.next", "keys/core.1", "keys/core.2"} {
		if left, err := filepath.Glob(filepath.Join(dir, pattern)); err != nil || len(left) > 0 {
			t.Errorf("left: %v, %v", left, err)
		}
	}
	return killed
}

func replaceAndRetire(ctx context.Context, v *Vault) error {
	if err := v.ReplaceRoot(ctx, 3, ""); err != nil {
		return err
	}
	_, err := v.RetireRoot(ctx)
	return err
}
