package vault

import (
	"context"
	"errors"
	"os"
	"path/filepath"
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
