package blob_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/source/blob"
	"github.com/privacyd/privacyd/vault"
	"github.com/privacyd/privacyd/vault/bucket/buckettest"
)

const (
	ws1 = "0190a1b2-0000-7000-8000-000000000001"
	ws2 = "0190a1b2-0000-7000-8000-000000000002"
)

// each runs a test on a folder and on a real S3 server, encrypted and plain.
func each(t *testing.T, test func(t *testing.T, s *blob.Store)) {
	t.Helper()
	for _, kind := range []struct {
		name    string
		address func(t *testing.T) string
	}{
		{"folder", func(t *testing.T) string { return t.TempDir() }},
		{"s3", buckettest.S3},
	} {
		t.Run(kind.name, func(t *testing.T) { test(t, open(t, kind.address(t), newVault(t))) })
		t.Run(kind.name+" plain", func(t *testing.T) { test(t, open(t, kind.address(t), nil)) })
	}
}

func newVault(t *testing.T) *vault.Vault {
	t.Helper()
	v, err := vault.Open(t.Context(), vault.Options{Keys: t.TempDir(), Root: make([]byte, vault.RootSize)})
	must(t, err)
	return v
}

func open(t *testing.T, address string, c blob.Cipher) *blob.Store {
	t.Helper()
	s, err := blob.Open(t.Context(), address, c)
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	if got := privacyd.CodeOf(err); got != code {
		t.Errorf("code %q, want %q (error: %v)", got, code, err)
	}
}

func write(t *testing.T, s *blob.Store, ws, key string, data []byte) {
	t.Helper()
	w, err := s.Create(t.Context(), ws, key)
	must(t, err)
	_, err = w.Write(data)
	must(t, err)
	info, err := w.Commit()
	must(t, err)
	sum := sha256.Sum256(data)
	if want := (blob.Info{Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:])}); info != want {
		t.Errorf("Commit says %+v, want %+v", info, want)
	}
}

func read(t *testing.T, s *blob.Store, ws, key string) []byte {
	t.Helper()
	r, err := s.Open(t.Context(), ws, key)
	must(t, err)
	defer r.Close()
	b, err := io.ReadAll(r)
	must(t, err)
	return b
}

func list(t *testing.T, s *blob.Store, prefix string) []string {
	t.Helper()
	var keys []string
	for key, err := range s.List(t.Context(), prefix) {
		must(t, err)
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(n)}).Read(b)
	return b
}

func TestWriteRead(t *testing.T) {
	each(t, func(t *testing.T, s *blob.Store) {
		for _, n := range []int{0, 1, 16<<10 - 1, 16 << 10, 16<<10 + 1, 1_000_003} {
			key, data := blob.NewKey(ws1), random(n)
			write(t, s, ws1, key, data)
			r, err := s.Open(t.Context(), ws1, key)
			must(t, err)
			if r.Size() != int64(n) {
				t.Errorf("size %d, want %d", r.Size(), n)
			}
			if err := iotest.TestReader(r, data); n < 100_000 && err != nil {
				t.Error(err)
			}
			must(t, r.Close())
			if !bytes.Equal(read(t, s, ws1, key), data) {
				t.Errorf("%d bytes came back different", n)
			}
		}
	})
}

func TestReplace(t *testing.T) {
	each(t, func(t *testing.T, s *blob.Store) {
		key := blob.NewKey(ws1)
		write(t, s, ws1, key, []byte("old"))
		w, err := s.Create(t.Context(), ws1, key)
		must(t, err)
		_, err = w.Write([]byte("new"))
		must(t, err)
		if got := read(t, s, ws1, key); string(got) != "old" {
			t.Errorf("before Commit: %q", got)
		}
		_, err = w.Commit()
		must(t, err)
		if got := read(t, s, ws1, key); string(got) != "new" {
			t.Errorf("after Commit: %q", got)
		}
	})
}

func TestRanges(t *testing.T) {
	each(t, func(t *testing.T, s *blob.Store) {
		const n = 300_000
		key, data := blob.NewKey(ws1), random(n)
		write(t, s, ws1, key, data)
		r, err := s.Open(t.Context(), ws1, key)
		must(t, err)
		defer r.Close()
		rapid.Check(t, func(rt *rapid.T) {
			at := rapid.Int64Range(0, n).Draw(rt, "at")
			length := rapid.Int64Range(0, 80_000).Draw(rt, "length")
			if _, err := r.Seek(at, io.SeekStart); err != nil {
				rt.Fatal(err)
			}
			got, err := io.ReadAll(io.LimitReader(r, length))
			if err != nil || !bytes.Equal(got, data[at:min(at+length, n)]) {
				rt.Fatalf("%d bytes at %d: %v", length, at, err)
			}
		})
	})
}

func TestMissing(t *testing.T) {
	each(t, func(t *testing.T, s *blob.Store) {
		key := blob.NewKey(ws1)
		_, err := s.Open(t.Context(), ws1, key)
		wantCode(t, err, "blob_missing")
		must(t, s.Delete(t.Context(), key))
		write(t, s, ws1, key, []byte("x"))
		must(t, s.Delete(t.Context(), key))
		must(t, s.Delete(t.Context(), key))
		_, err = s.Open(t.Context(), ws1, key)
		wantCode(t, err, "blob_missing")
	})
}

func TestNothingBeforeCommit(t *testing.T) {
	each(t, func(t *testing.T, s *blob.Store) {
		for name, end := range map[string]func(w *blob.Writer, cancel func()) error{
			"abort":     func(w *blob.Writer, _ func()) error { w.Abort(); return nil },
			"cancelled": func(w *blob.Writer, cancel func()) error { cancel(); _, err := w.Commit(); return swallow(err) },
		} {
			ctx, cancel := context.WithCancel(t.Context())
			key := blob.NewKey(ws1)
			w, err := s.Create(ctx, ws1, key)
			must(t, err)
			_, err = w.Write(random(400_000))
			must(t, err)
			_, err = s.Open(t.Context(), ws1, key)
			wantCode(t, err, "blob_missing")
			if err := end(w, cancel); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			cancel()
			if keys := list(t, s, ""); len(keys) > 0 {
				t.Errorf("%s: left %v", name, keys)
			}
			if _, err := w.Commit(); err == nil {
				t.Errorf("%s: Commit after the end", name)
			}
			w.Abort()
		}
	})
}

func swallow(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return fmt.Errorf("error %w, want the cancellation", err)
}

func TestList(t *testing.T) {
	each(t, func(t *testing.T, s *blob.Store) {
		var first, second []string
		for range 5 {
			first, second = append(first, blob.NewKey(ws1)), append(second, blob.NewKey(ws2))
		}
		for _, key := range first {
			write(t, s, ws1, key, []byte("x"))
		}
		for _, key := range second {
			write(t, s, ws2, key, []byte("x"))
		}
		slices.Sort(first)
		slices.Sort(second)
		for _, tc := range []struct {
			prefix string
			want   []string
		}{
			{"", append(slices.Clone(first), second...)},
			{ws1 + "/", first},
			{ws2[:30], append(slices.Clone(first), second...)},
			{first[0], first[:1]},
			{"nothing/", nil},
		} {
			if got := list(t, s, tc.prefix); !slices.Equal(got, tc.want) {
				t.Errorf("%q: %v, want %v", tc.prefix, got, tc.want)
			}
		}
		for range s.List(t.Context(), "") {
			break
		}
	})
}

func TestConcurrent(t *testing.T) {
	each(t, func(t *testing.T, s *blob.Store) {
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				key, data := blob.NewKey(ws1), random(20_000+i)
				w, err := s.Create(context.Background(), ws1, key)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = w.Write(data)
				if _, err := w.Commit(); err != nil {
					t.Error(err)
				}
				r, err := s.Open(context.Background(), ws1, key)
				if err != nil {
					t.Error(err)
					return
				}
				defer r.Close()
				if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, data) {
					t.Errorf("came back different: %v", err)
				}
			})
		}
		wg.Wait()
	})
}

func TestKeyRefused(t *testing.T) {
	s := open(t, t.TempDir(), newVault(t))
	for _, key := range []string{
		"", "a", ws2 + "/a", ws1, ws1 + "/", ws1 + "//a", ws1 + "/../" + ws2 + "/a", ws1 + "/.hidden", ws1 + "/a b",
		ws1 + "/ä", ws1 + "/a.attrs", ws1 + "/a.0123456789abcdef.tmp", ws1 + "/" + strings.Repeat("a", 500), "/" + ws1 + "/a",
	} {
		_, err := s.Create(t.Context(), ws1, key)
		wantCode(t, err, "blob_key_invalid")
		_, err = s.Open(t.Context(), ws1, key)
		wantCode(t, err, "blob_key_invalid")
	}
}

// TestPlainStaysInside reads a product's keys as its database gives them.
func TestPlainStaysInside(t *testing.T) {
	top := t.TempDir()
	must(t, os.WriteFile(filepath.Join(top, "secret"), []byte("x"), 0o600))
	must(t, os.Mkdir(filepath.Join(top, "bucket"), 0o700))
	s := open(t, filepath.Join(top, "bucket"), nil)
	for _, key := range []string{"../secret", "a/../../secret", "/../secret", "..", "", "a\x00b"} {
		_, err := s.Open(t.Context(), "", key)
		if err == nil {
			t.Errorf("%q was opened", key)
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("the key is repeated: %v", err)
		}
	}
	if keys := list(t, s, "../"); len(keys) > 0 {
		t.Errorf("listed outside: %v", keys)
	}
}
