package vault

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestShreddedWhileRotated shreds a workspace while its key is changed, and
// kills who changes it: whatever is done next leaves nothing of the key.
func TestShreddedWhileRotated(t *testing.T) {
	w := Owner{Workspace: "w"}
	for name, next := range map[string]func(ctx context.Context, v *Vault) error{
		"changed again":    func(ctx context.Context, v *Vault) error { return v.RotateWorkspace(ctx, "w", 2) },
		"ended":            func(ctx context.Context, v *Vault) error { _, err := v.RetireWorkspace(ctx, "w"); return err },
		"the root changed": func(ctx context.Context, v *Vault) error { return v.RotateRoot(ctx, 2, "") },
	} {
		t.Run(name, func(t *testing.T) {
			o, _ := rotatedIn(t)
			v, other := openIn(t, o), openIn(t, o)
			sealed := sealIn(t, v, w, Owner{Workspace: "w", Kind: "contact", ID: "a"})
			top := v.Reference("w", "", "")
			ctx, kill := context.WithCancel(t.Context())
			v.records = &meanwhile{records: &mortal{v.records}, before: map[string]func(){pastName(top, 1): func() {
				if err := other.Shred(t.Context(), w); err != nil {
					t.Error(err)
				}
			}}, after: map[string]func(){pastName(top, 1): kill}}
			if err := v.RotateWorkspace(ctx, "w", 2); err == nil {
				t.Fatal("it was not killed")
			}
			former := filepath.Join(o.Keys, filepath.FromSlash(pastName(top, 1)))
			if _, err := os.Stat(former); err != nil {
				t.Fatalf("the test shows nothing: %v", err)
			}
			v = openIn(t, o)
			if err := next(t.Context(), v); err != nil && !errors.Is(err, ErrShredded) {
				t.Fatal(err)
			}
			if _, err := os.Stat(former); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the former key is left: %v", err)
			}
			for owner, b := range sealed {
				if _, err := v.Open(t.Context(), owner, nil, b); !errors.Is(err, ErrShredded) {
					t.Errorf("%+v opens: %v", owner, err)
				}
			}
		})
	}
}

// mortal does nothing more once its process was killed.
type mortal struct{ records }

func (m *mortal) Read(ctx context.Context, name string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return m.records.Read(ctx, name)
}

func (m *mortal) Swap(ctx context.Context, name string, old, record []byte) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	return m.records.Swap(ctx, name, old, record)
}

// afterRead lets another do something just after a record was read for the nth
// time.
type afterRead struct {
	records
	name string
	left int
	do   func()
}

func (a *afterRead) Read(ctx context.Context, name string) ([]byte, error) {
	record, err := a.records.Read(ctx, name)
	if name == a.name {
		if a.left--; a.left == 0 {
			a.do()
		}
	}
	return record, err
}

// TestShreddedAfterRead destroys a key after each time that a change has read
// it: it never comes back.
func TestShreddedAfterRead(t *testing.T) {
	w, person := Owner{Workspace: "w"}, Owner{Workspace: "w", Kind: "contact", ID: "a"}
	change := map[string]func(ctx context.Context, v *Vault) error{
		"root":      func(ctx context.Context, v *Vault) error { return v.RotateRoot(ctx, 2, "") },
		"workspace": func(ctx context.Context, v *Vault) error { return v.RotateWorkspace(ctx, "w", 2) },
	}
	for name, want := range map[string]struct {
		of    Owner
		reads int
	}{"root": {w, 1}, "workspace": {w, 3}, "workspace of a person": {person, 1}} {
		t.Run(name, func(t *testing.T) {
			do, _, _ := strings.Cut(name, " ")
			n := 1
			for shreddedAfter(t, n, want.of, change[do]) {
				n++
			}
			if n <= want.reads {
				t.Errorf("it was read only %d times", n-1)
			}
		})
	}
}

func shreddedAfter(t *testing.T, n int, owner Owner, change func(ctx context.Context, v *Vault) error) (met bool) {
	t.Helper()
	o, _ := rotatedIn(t)
	other := openIn(t, o)
	sealed := sealIn(t, other, Owner{Workspace: "w", Kind: "contact", ID: "a"}, owner)
	v := openIn(t, o)
	v.records = &afterRead{v.records, recordName(v.Reference(owner.Workspace, owner.Kind, owner.ID)), n, func() {
		met = true
		if err := other.Shred(t.Context(), owner); err != nil {
			t.Error(err)
		}
	}}
	if err := change(t.Context(), v); err != nil && !errors.Is(err, ErrShredded) {
		t.Errorf("shredded after the read %d: %v", n, err)
	}
	if met {
		wantGone(t, openIn(t, o), owner, sealed[owner])
	}
	return met
}
