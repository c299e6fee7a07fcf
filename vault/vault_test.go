package vault_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/vault"
)

// place is a folder with a root key and a key store.
type place struct{ dir string }

func newPlace(t *testing.T) place { return place{t.TempDir()} }

func (p place) root() string { return filepath.Join(p.dir, "secret", "root.key") }
func (p place) keys() string { return filepath.Join(p.dir, "keys") }

func (p place) options() vault.Options {
	return vault.Options{Keys: p.keys(), RootFile: p.root(), Alone: true}
}

func (p place) open(t *testing.T) *vault.Vault {
	t.Helper()
	return open(t, p.options())
}

func open(t *testing.T, o vault.Options) *vault.Vault {
	t.Helper()
	v, err := vault.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	return v
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	if got := privacyd.CodeOf(err); got != code {
		t.Errorf("code %q, want %q (error: %v)", got, code, err)
	}
}

func TestFirstStart(t *testing.T) {
	p := newPlace(t)
	v := p.open(t)
	for path, want := range map[string]os.FileMode{p.root(): 0o600, filepath.Dir(p.root()): 0o700, p.keys(): 0o700} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", path, got, want)
		}
	}
	again := p.open(t)
	if !bytes.Equal(v.DatabaseKey(), again.DatabaseKey()) {
		t.Error("the second start derives another key for the database")
	}
}

func TestSign(t *testing.T) {
	p := newPlace(t)
	v, other := p.open(t), newPlace(t).open(t)
	mac := v.Sign([]byte("job/1"))
	for _, tc := range []struct {
		name    string
		v       *vault.Vault
		message string
		mac     []byte
		want    bool
	}{
		{"the same", p.open(t), "job/1", mac, true},
		{"another message", v, "job/2", mac, false},
		{"another root key", other, "job/1", mac, false},
		{"cut", v, "job/1", mac[:31], false},
		{"empty", v, "job/1", nil, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.v.Verify([]byte(tc.message), tc.mac); got != tc.want {
				t.Errorf("Verify = %v, want %v", got, tc.want)
			}
		})
	}
}

func TestRootKeyRefused(t *testing.T) {
	for _, tc := range []struct {
		name, code string
		spoil      func(t *testing.T, p place)
	}{
		{"lost", "key_missing", func(t *testing.T, p place) { must(t, os.Remove(p.root())) }},
		{"another", "key_wrong", func(t *testing.T, p place) {
			q := newPlace(t)
			q.open(t)
			key, err := os.ReadFile(q.root())
			must(t, err)
			must(t, os.WriteFile(p.root(), key, 0o600))
		}},
		{"not a key", "key_wrong", func(t *testing.T, p place) { must(t, os.WriteFile(p.root(), []byte("hello\n"), 0o600)) }},
		{"empty", "key_wrong", func(t *testing.T, p place) { must(t, os.WriteFile(p.root(), nil, 0o600)) }},
		{"world readable", "key_unsafe", func(t *testing.T, p place) { must(t, os.Chmod(p.root(), 0o604)) }},
		{"group writable", "key_unsafe", func(t *testing.T, p place) { must(t, os.Chmod(p.root(), 0o660)) }},
		{"folder open to all", "key_unsafe", func(t *testing.T, p place) { must(t, os.Chmod(filepath.Dir(p.root()), 0o777)) }},
		{"core lost", "keystore_damaged", func(t *testing.T, p place) { must(t, os.Remove(filepath.Join(p.keys(), "core.1"))) }},
		{"core cut", "keystore_damaged", func(t *testing.T, p place) {
			must(t, os.WriteFile(filepath.Join(p.keys(), "core.1"), make([]byte, 128), 0o600))
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newPlace(t)
			_, err := p.open(t).Seal(t.Context(), vault.Owner{Workspace: "w"}, nil, []byte("x"))
			must(t, err)
			tc.spoil(t, p)
			before := snapshot(t, p.dir)
			_, err = vault.Open(t.Context(), p.options())
			wantCode(t, err, tc.code)
			if after := snapshot(t, p.dir); after != before {
				t.Errorf("a refused start changed files:\n%s\nwas\n%s", after, before)
			}
		})
	}
}

func TestRootSizeRefused(t *testing.T) {
	if _, err := vault.Open(t.Context(), vault.Options{Keys: t.TempDir(), Root: make([]byte, 32)}); err == nil {
		t.Error("a root key of 32 bytes was accepted")
	}
}

// TestStartRace starts many at once on nothing; all must end with one key.
func TestStartRace(t *testing.T) {
	p := newPlace(t)
	const starters = 16
	keys := make([][]byte, starters)
	var wg sync.WaitGroup
	for i := range starters {
		wg.Go(func() {
			v, err := vault.Open(context.Background(), p.options())
			if err != nil {
				t.Error(err)
				return
			}
			keys[i] = v.DatabaseKey()
		})
	}
	wg.Wait()
	for _, k := range keys {
		if !bytes.Equal(k, keys[0]) {
			t.Fatal("two starters have different keys")
		}
	}
}

// TestRootLeftover has a process killed between giving the key its name and
// taking the temporary one away.
func TestRootLeftover(t *testing.T) {
	p := newPlace(t)
	key := p.open(t).DatabaseKey()
	must(t, os.Link(p.root(), p.root()+".XYZ.new"))
	if again := p.open(t).DatabaseKey(); !bytes.Equal(key, again) {
		t.Error("the key changed")
	}
	entries, err := os.ReadDir(filepath.Dir(p.root()))
	if err != nil || len(entries) != 1 {
		t.Errorf("beside the key: %v, %v", entries, err)
	}
}

func TestOpenError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	_, err := vault.Open(t.Context(), vault.Options{Keys: filepath.Join(file, "keys"), Root: make([]byte, 64)})
	wantCode(t, err, "blob_unavailable")
	_, err = vault.Open(t.Context(), vault.Options{Keys: "ftp://x", Root: make([]byte, 64)})
	wantCode(t, err, "blob_url_invalid")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// snapshot lists every file with its contents.
func snapshot(t *testing.T, dir string) string {
	t.Helper()
	var b bytes.Buffer
	must(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		b.WriteString(path + " " + hex.EncodeToString(data) + "\n")
		return err
	}))
	return b.String()
}

func clock(at *time.Time) func() time.Time { return func() time.Time { return *at } }

func wantShredded(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, vault.ErrShredded) {
		t.Errorf("error %v, want ErrShredded", err)
	}
}
