package vault

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestRotatedFile changes a root key that a link leads to and that another may
// read: the new one lies where the former did, for the same people.
func TestRotatedFile(t *testing.T) {
	o, dir := rotatedIn(t)
	real := filepath.Join(dir, "real", "root.key")
	o.RootFile = real
	openIn(t, o)
	const mode, owner = 0o640, 1234
	if err := os.Chmod(real, mode); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(real, owner, owner); err != nil {
			t.Fatal(err)
		}
	}
	before, err := os.Stat(real)
	if err != nil {
		t.Fatal(err)
	}
	o.RootFile = filepath.Join(dir, "link", "root.key")
	if err := errors.Join(os.Mkdir(filepath.Dir(o.RootFile), 0o700), os.Symlink(real, o.RootFile)); err != nil {
		t.Fatal(err)
	}
	v := openIn(t, o)
	sealed := sealIn(t, v, Owner{Workspace: "w"})
	next, err := fileRoot{o.RootFile}.next()
	if err != nil || next != real+nextSuffix {
		t.Errorf("the next key is to wait at %s: %v", next, err)
	}
	if err := v.RotateRoot(t.Context(), 2, ""); err != nil {
		t.Fatal(err)
	}
	if done, err := v.RetireRoot(t.Context()); err != nil || !done {
		t.Fatalf("the change has not ended: %v", err)
	}
	after, err := os.Lstat(real)
	if err != nil || after.Mode() != before.Mode() || os.SameFile(before, after) {
		t.Errorf("the new key's file: %v, %v", after, err)
	}
	if os.Geteuid() == 0 && !ownedBy(after, owner) {
		t.Error("the new key's file belongs to somebody else")
	}
	for owner, b := range sealed {
		if text, err := openIn(t, o).Open(t.Context(), owner, nil, b); err != nil || string(text) != "text" {
			t.Errorf("it opens to %q, %v", text, err)
		}
	}
}

// TestRotatedFileRefused begins no change whose key could not come into its
// place.
func TestRotatedFileRefused(t *testing.T) {
	o, _ := rotatedIn(t)
	v := openIn(t, o)
	if err := errors.Join(os.Remove(o.RootFile), os.Mkdir(o.RootFile, 0o700)); err != nil {
		t.Fatal(err)
	}
	wantCoded(t, v.RotateRoot(t.Context(), 2, ""), "key_unwritable")
	if k, err := v.RootKey(t.Context()); err != nil || k.Changing || k.Generation != 1 {
		t.Errorf("%+v, %v", k, err)
	}
}

func ownedBy(info os.FileInfo, owner uint32) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && s.Uid == owner && s.Gid == owner
}
