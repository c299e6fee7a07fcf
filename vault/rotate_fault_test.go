package vault

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

var errKilled = errors.New("the process was killed")

// dying lets a process die at its nth effect, just before or just after it.
type dying struct {
	records
	rootSource
	at, count int
	after     bool
}

func (d *dying) effect(do func() error) error {
	d.count++
	switch {
	case d.count > d.at:
		return errKilled
	case d.count < d.at:
		return do()
	case d.after:
		_ = do() // nobody learns of it
	}
	return errKilled
}

func (d *dying) Create(ctx context.Context, name string, record []byte) (made bool, err error) {
	err = d.effect(func() error { made, err = d.records.Create(ctx, name, record); return err })
	return made && err == nil, err
}

func (d *dying) Replace(ctx context.Context, name string, record []byte) error {
	return d.effect(func() error { return d.records.Replace(ctx, name, record) })
}

func (d *dying) Swap(ctx context.Context, name string, old, record []byte) (changed bool, err error) {
	err = d.effect(func() error { changed, err = d.records.Swap(ctx, name, old, record); return err })
	return changed && err == nil, err
}

func (d *dying) Destroy(ctx context.Context, name string) error {
	return d.effect(func() error { return d.records.Destroy(ctx, name) })
}

func (d *dying) Close() error { return d.records.Close() }

func (d *dying) prepare(ctx context.Context, rs records, generation uint32) (root []byte, err error) {
	err = d.effect(func() error { root, err = d.rootSource.prepare(ctx, rs, generation); return err })
	return root, err
}

func (d *dying) settle(opens func([]byte) bool) error {
	return d.effect(func() error { return d.rootSource.settle(opens) })
}

// TestKilledWhileRotating kills the process that changes all keys at each of
// its effects. What is there then opens everything, and whoever begins again
// comes to the end.
func TestKilledWhileRotating(t *testing.T) {
	for name, after := range map[string]bool{"before": false, "after": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := 1
			for rotateKilled(t, n, after) {
				n++
			}
			if n < 15 {
				t.Errorf("only %d effects were met", n)
			}
		})
	}
}

func rotateKilled(t *testing.T, n int, after bool) (killed bool) {
	t.Helper()
	ctx := t.Context()
	dir := t.TempDir()
	o := Options{Keys: filepath.Join(dir, "keys"), RootFile: filepath.Join(dir, "root.key"), Alone: true}
	v := openIn(t, o)
	sealed := map[Owner][]byte{{}: nil, {Workspace: "w"}: nil, {Workspace: "w", Kind: "contact", ID: "a"}: nil, {Kind: "account", ID: "b"}: nil}
	for owner := range sealed {
		b, err := v.Seal(ctx, owner, nil, []byte("text"))
		if err != nil {
			t.Fatal(err)
		}
		sealed[owner] = b
	}
	gone := Owner{Workspace: "w", Kind: "contact", ID: "gone"}
	goneSealed := sealIn(t, v, gone)[gone]
	err := v.Shred(ctx, gone)
	_, signErr := v.SigningKey(ctx)
	if err = errors.Join(err, signErr); err != nil {
		t.Fatal(err)
	}
	d := &dying{records: v.records, rootSource: v.source, at: n, after: after}
	v.records, v.source = d, d
	err = rotateAll(ctx, v)
	if killed = errors.Is(err, errKilled); !killed && err != nil {
		t.Fatalf("at effect %d: %v", n, err)
	}
	next := openIn(t, o)
	wantOpen(t, next, sealed, gone)
	wantGone(t, next, gone, goneSealed)
	if err := rotateAll(ctx, next); err != nil {
		t.Fatalf("killed at effect %d (after it: %v), it cannot go on: %v", n, after, err)
	}
	wantOpen(t, openIn(t, o), sealed, gone)
	wantGone(t, openIn(t, o), gone, goneSealed)
	wantEnded(t, next, dir)
	return killed
}

func openIn(t *testing.T, o Options) *Vault {
	t.Helper()
	v, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func rotateAll(ctx context.Context, v *Vault) error {
	if err := v.RotateRoot(ctx, 2, ""); err != nil {
		return err
	}
	for _, w := range []string{"", "w"} {
		if err := v.RotateWorkspace(ctx, w, 2); err != nil {
			return err
		}
		if _, err := v.RetireWorkspace(ctx, w); err != nil {
			return err
		}
	}
	_, err := v.RetireRoot(ctx)
	return err
}

func wantOpen(t *testing.T, v *Vault, sealed map[Owner][]byte, gone Owner) {
	t.Helper()
	for owner, b := range sealed {
		if text, err := v.Open(t.Context(), owner, nil, b); err != nil || string(text) != "text" {
			t.Fatalf("%+v opens to %q, %v", owner, text, err)
		}
	}
	if shredded, err := v.Shredded(t.Context(), gone); err != nil || !shredded {
		t.Errorf("a destroyed key came back: %v", err)
	}
	if _, err := v.SigningKey(t.Context()); err != nil {
		t.Error(err)
	}
}

// wantGone opens what a destroyed key had sealed.
func wantGone(t *testing.T, v *Vault, owner Owner, sealed []byte) {
	t.Helper()
	if _, err := v.Open(t.Context(), owner, nil, sealed); !errors.Is(err, ErrShredded) {
		t.Errorf("%+v, whose key was destroyed, opens: %v", owner, err)
	}
}

func wantEnded(t *testing.T, v *Vault, dir string) {
	t.Helper()
	root, err := v.RootKey(t.Context())
	if err != nil || root.Generation != 2 || root.Changing {
		t.Errorf("the root key: %+v, %v", root, err)
	}
	for _, w := range []string{"", "w"} {
		if s, err := v.WorkspaceKey(t.Context(), w); err != nil || s.Version != 2 || s.Changing {
			t.Errorf("the key of %q: %+v, %v", w, s, err)
		}
	}
	for _, pattern := range []string{"root.key.next", "keys/turn.*", "keys/core.1", "keys/check"} {
		if left, err := filepath.Glob(filepath.Join(dir, pattern)); err != nil || len(left) > 0 {
			t.Errorf("left: %v, %v", left, err)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "root.key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the root key: %v, %v", info, err)
	}
}

// deaf does not give one record.
type deaf struct {
	records
	name string
}

var errDeaf = errors.New("the store does not answer")

func (d deaf) Read(ctx context.Context, name string) ([]byte, error) {
	if name == d.name {
		return nil, errDeaf
	}
	return d.records.Read(ctx, name)
}

// TestStoreFails takes a store that does not answer for that, and not for a root
// key that was changed or is another.
func TestStoreFails(t *testing.T) {
	o, _ := rotatedIn(t)
	v := openIn(t, o)
	if err := v.RotateRoot(t.Context(), 2, ""); err != nil {
		t.Fatal(err)
	}
	v.records = deaf{v.records, "core.2"}
	if err := v.reopen(t.Context(), 2); !errors.Is(err, errDeaf) {
		t.Errorf("opened again: %v", err)
	}
	if _, err := v.RetireRoot(t.Context()); !errors.Is(err, errDeaf) {
		t.Errorf("ended: %v", err)
	}
}
