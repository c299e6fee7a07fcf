package vault_test

import (
	"bytes"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/privacyd/privacyd/vault"
)

// firstPlace is a folder that the first version has made, with what it sealed.
func firstPlace(t *testing.T) (place, [][]byte) {
	t.Helper()
	p := newPlace(t)
	must(t, os.CopyFS(filepath.Join(p.dir, "copy"), os.DirFS(filepath.Join("testdata", "first"))))
	must(t, os.MkdirAll(filepath.Dir(p.root()), 0o700))
	must(t, os.Rename(filepath.Join(p.dir, "copy", "root.key"), p.root()))
	must(t, os.Chmod(p.root(), 0o600)) // what checks files out does not keep it
	must(t, os.Rename(filepath.Join(p.dir, "copy", "store"), p.keys()))
	must(t, filepath.WalkDir(p.keys(), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return os.Chmod(path, 0o600)
	}))
	text, err := os.ReadFile(filepath.Join(p.dir, "copy", "sealed.txt"))
	must(t, err)
	var lines [][]byte
	for line := range strings.FieldsSeq(string(text)) {
		b, err := hex.DecodeString(line)
		must(t, err)
		lines = append(lines, b)
	}
	return p, lines
}

// wantFirst looks whether everything that the first version made is as it was.
func wantFirst(t *testing.T, v *vault.Vault, lines [][]byte) {
	t.Helper()
	ctx := t.Context()
	person := func(id string) vault.Owner { return vault.Owner{Workspace: "w1", Kind: "contact", ID: id} }
	account := vault.Owner{Kind: "account", ID: "ada"}
	for i, owner := range []vault.Owner{{}, {Workspace: "w1"}, person("anna"), person("ben"), account} {
		text, err := v.Open(ctx, owner, []byte("aad"), lines[i])
		if owner.ID == "ben" {
			wantShredded(t, err)
		} else if err != nil || string(text) != "old text" {
			t.Errorf("%+v: %q, %v", owner, text, err)
		}
	}
	r, err := v.DecryptFrom(ctx, "w1", "name", bytes.NewReader(lines[5]), int64(len(lines[5])))
	must(t, err)
	if text, err := io.ReadAll(io.NewSectionReader(r, 0, r.Size())); err != nil || string(text) != "old file" {
		t.Errorf("the file holds %q, %v", text, err)
	}
	signing, err := v.SigningKey(ctx)
	must(t, err)
	if !bytes.Equal(v.DatabaseKey(), lines[6]) || !bytes.Equal(v.Sign([]byte("m")), lines[7]) || !bytes.Equal(signing, lines[8]) {
		t.Error("the keys of the database, of links or of signing have changed")
	}
}

// TestFirstVersion opens a folder that the first version has made, and changes
// all of its keys.
func TestFirstVersion(t *testing.T) {
	p, lines := firstPlace(t)
	v := p.open(t)
	wantFirst(t, v, lines)
	if v.Fresh() {
		t.Error("an old key store passes for a new one")
	}
	old, err := os.ReadFile(p.root())
	must(t, err)
	must(t, v.RotateRoot(t.Context(), 2, ""))
	must(t, v.RotateWorkspace(t.Context(), "w1", 2))
	must(t, v.RotateWorkspace(t.Context(), "", 2))
	wantFirst(t, v, lines)
	wantFirst(t, p.open(t), lines)
	retire(t, v, "w1", "")
	wantFirst(t, v, lines)
	wantFirst(t, p.open(t), lines)
	must(t, os.WriteFile(p.root(), old, 0o600))
	_, err = vault.Open(t.Context(), p.options())
	wantCode(t, err, "key_retired")
}

// retire ends all changes, as a process that is alone.
func retire(t *testing.T, v *vault.Vault, workspaces ...string) {
	t.Helper()
	if done, err := v.RetireRoot(t.Context()); err != nil || !done {
		t.Fatalf("the root key's change did not end: %v", err)
	}
	for _, w := range workspaces {
		if done, err := v.RetireWorkspace(t.Context(), w); err != nil || !done {
			t.Fatalf("the change of %q's key did not end: %v", w, err)
		}
	}
}
