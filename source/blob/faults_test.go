package blob_test

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/privacyd/privacyd/source/blob"
	"github.com/privacyd/privacyd/vault"
	"github.com/privacyd/privacyd/vault/bucket"
	"github.com/privacyd/privacyd/vault/bucket/buckettest"
)

func TestEncryptedOnDisk(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, newVault(t))
	marker := []byte("anna@example.com")
	a, b := blob.NewKey(ws1), blob.NewKey(ws2)
	write(t, s, ws1, a, bytes.Repeat(marker, 3000))
	write(t, s, ws2, b, bytes.Repeat(marker, 3000))
	var all [][]byte
	for _, key := range []string{a, b} {
		info, err := os.Stat(filepath.Join(dir, key))
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("mode %o", info.Mode().Perm())
		}
		raw, err := os.ReadFile(filepath.Join(dir, key))
		must(t, err)
		if bytes.Contains(raw, marker) {
			t.Error("the plaintext is readable")
		}
		all = append(all, raw)
	}
	if bytes.Equal(all[0], all[1]) {
		t.Error("two workspaces share ciphertext")
	}
}

// TestDamaged changes what is stored behind the store's back.
func TestDamaged(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, newVault(t))
	data := random(100_000)
	for name, spoil := range map[string]func(raw []byte) []byte{
		"byte in the middle": func(raw []byte) []byte { raw[50_000] ^= 1; return raw },
		"first byte":         func(raw []byte) []byte { raw[0] ^= 1; return raw },
		"last byte":          func(raw []byte) []byte { raw[len(raw)-1] ^= 1; return raw },
		"cut":                func(raw []byte) []byte { return raw[:len(raw)-1] },
		"cut at a chunk":     func(raw []byte) []byte { return raw[:56+3*(16<<10+16)] },
		"empty":              func([]byte) []byte { return nil },
		"longer":             func(raw []byte) []byte { return append(raw, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			key := blob.NewKey(ws1)
			write(t, s, ws1, key, data)
			path := filepath.Join(dir, key)
			raw, err := os.ReadFile(path)
			must(t, err)
			must(t, os.WriteFile(path, spoil(raw), 0o600))
			r, err := s.Open(t.Context(), ws1, key)
			if err == nil {
				defer r.Close()
				_, err = io.ReadAll(r)
			}
			wantCode(t, err, "blob_damaged")
		})
	}
}

// TestSwapped puts one stored file in another's place, within a workspace and
// across two.
func TestSwapped(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, newVault(t))
	a, b, other := blob.NewKey(ws1), blob.NewKey(ws1), blob.NewKey(ws2)
	write(t, s, ws1, a, []byte("same"))
	write(t, s, ws1, b, []byte("same"))
	write(t, s, ws2, other, []byte("same"))
	raw, err := os.ReadFile(filepath.Join(dir, a))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, b), raw, 0o600))
	must(t, os.WriteFile(filepath.Join(dir, other), raw, 0o600))
	_, err = s.Open(t.Context(), ws1, b)
	wantCode(t, err, "blob_damaged")
	_, err = s.Open(t.Context(), ws2, other)
	wantCode(t, err, "blob_damaged")
}

func TestShreddedWorkspace(t *testing.T) {
	v := newVault(t)
	s := open(t, t.TempDir(), v)
	a, b := blob.NewKey(ws1), blob.NewKey(ws2)
	write(t, s, ws1, a, []byte("x"))
	write(t, s, ws2, b, []byte("x"))
	must(t, v.Shred(t.Context(), vault.Owner{Workspace: ws1}))
	_, err := s.Open(t.Context(), ws1, a)
	wantCode(t, err, "key_shredded")
	_, err = s.Create(t.Context(), ws1, blob.NewKey(ws1))
	wantCode(t, err, "key_shredded")
	read(t, s, ws2, b)
	if keys := list(t, s, ws1); len(keys) != 1 {
		t.Errorf("a refused Create left %v", keys)
	}
}

func TestBucketGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "blobs")
	s := open(t, dir, newVault(t))
	key := blob.NewKey(ws1)
	write(t, s, ws1, key, []byte("x"))
	must(t, os.Rename(dir, dir+"-unmounted"))
	_, err := s.Open(t.Context(), ws1, key)
	wantCode(t, err, "blob_unavailable")
	wantCode(t, s.Delete(t.Context(), key), "blob_unavailable")
	for _, err := range s.List(t.Context(), "") {
		wantCode(t, err, "blob_unavailable")
	}
}

func TestOpenRefused(t *testing.T) {
	s3 := buckettest.S3(t)
	for address, code := range map[string]string{
		filepath.Join(t.TempDir(), "none"):               "blob_unavailable",
		strings.Replace(s3, "test-bucket", "no-such", 1): "blob_unavailable",
		"gopher://x": "blob_url_invalid",
		"s3://b?endpoint=http://storage.example.com&region=x": "blob_url_invalid",
	} {
		_, err := blob.Open(t.Context(), address, nil)
		wantCode(t, err, code)
	}
}

const childFolder = "PRIVACYD_TEST_BLOBS"

// TestMain lets the test binary be the process that dies while it writes.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childFolder); dir != "" {
		writeHalf(dir)
	}
	os.Exit(m.Run())
}

func writeHalf(dir string) {
	v, err := vault.Open(context.Background(), vault.Options{Keys: filepath.Join(dir, "keys"), Root: make([]byte, vault.RootSize)})
	if err != nil {
		panic(err)
	}
	s, err := blob.Open(context.Background(), filepath.Join(dir, "blobs"), v)
	if err != nil {
		panic(err)
	}
	w, err := s.Create(context.Background(), ws1, blob.NewKey(ws1))
	if err != nil {
		panic(err)
	}
	if _, err := w.Write(random(2_000_000)); err != nil {
		panic(err)
	}
	_, _ = os.Stdout.WriteString("ready\n")
	select {}
}

// TestClean kills a process in the middle of writing; what it left goes, what
// a living process writes stays.
func TestClean(t *testing.T) {
	dir := t.TempDir()
	self, err := os.Executable()
	must(t, err)
	c := exec.Command(self)
	c.Env = append(os.Environ(), childFolder+"="+dir)
	out, err := c.StdoutPipe()
	must(t, err)
	must(t, c.Start())
	_, err = out.Read(make([]byte, 6))
	must(t, err)

	v, err := vault.Open(t.Context(), vault.Options{Keys: filepath.Join(dir, "keys"), Root: make([]byte, vault.RootSize)})
	must(t, err)
	s := open(t, filepath.Join(dir, "blobs"), v)
	must(t, s.Clean(t.Context()))
	if n := files(t, filepath.Join(dir, "blobs")); n != 1 {
		t.Errorf("%d files beside a living process, want its 1", n)
	}
	must(t, c.Process.Kill())
	_ = c.Wait()
	key := blob.NewKey(ws1)
	w, err := s.Create(t.Context(), ws1, key)
	must(t, err)
	if keys := list(t, s, ""); len(keys) != 0 {
		t.Errorf("half-written files are listed: %v", keys)
	}
	must(t, s.Clean(t.Context()))
	_, err = w.Write([]byte("x"))
	must(t, err)
	_, err = w.Commit()
	must(t, err)
	if n := files(t, filepath.Join(dir, "blobs")); n != 1 {
		t.Errorf("%d files at the end, want 1", n)
	}
	read(t, s, ws1, key)
}

func files(t *testing.T, dir string) int {
	t.Helper()
	n := 0
	must(t, filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return err
	}))
	return n
}

// TestCleanLeavesProducts must not touch a product's files, whatever they are
// called.
func TestCleanLeavesProducts(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "a.0123456789abcdef.tmp"), []byte("x"), 0o600))
	s := open(t, dir, nil)
	must(t, s.Clean(t.Context()))
	if keys := list(t, s, ""); len(keys) != 1 {
		t.Errorf("left: %v", keys)
	}
}

func TestCleanUploads(t *testing.T) {
	address := buckettest.S3(t)
	s := open(t, address, newVault(t))
	raw, err := bucket.OpenURL(t.Context(), address)
	must(t, err)
	defer raw.Close()
	key := blob.NewKey(ws1)
	write(t, s, ws1, key, []byte("x"))
	id := beginUpload(t, raw)
	must(t, s.Clean(t.Context()))
	if got := uploads(t, raw); len(got) != 1 || got[0] != id {
		t.Errorf("a fresh upload: %v", got)
	}
	later := blob.Later(s)
	must(t, later.Clean(t.Context()))
	if got := uploads(t, raw); len(got) != 0 {
		t.Errorf("an abandoned upload is still there: %v", got)
	}
	read(t, s, ws1, key)
}
