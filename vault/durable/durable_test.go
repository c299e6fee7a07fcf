package durable_test

import (
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/privacyd/privacyd/vault/durable"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestPlaceOnce has many writers want one name, while another sweeps their
// temporary files away.
func TestPlaceOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	must(t, durable.MakeDirs(dir))
	must(t, durable.MakeDirs(dir))
	path := filepath.Join(dir, "file")
	var placed atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			made, err := durable.Place(path, []byte("whole"))
			if err != nil {
				t.Error(err)
			}
			if made {
				placed.Add(1)
			}
		})
	}
	wg.Go(func() {
		if err := durable.Sweep(dir); err != nil {
			t.Error(err)
		}
	})
	wg.Wait()
	content, err := os.ReadFile(path)
	if err != nil || string(content) != "whole" || placed.Load() != 1 {
		t.Errorf("%d placed it; it holds %q, %v", placed.Load(), content, err)
	}
}

func TestSweep(t *testing.T) {
	dir := t.TempDir()
	below := filepath.Join(dir, "below")
	must(t, durable.MakeDirs(below))
	kept, left := filepath.Join(below, "kept"), filepath.Join(below, "kept.X"+durable.NewSuffix)
	for _, path := range []string{kept, left} {
		must(t, os.WriteFile(path, nil, 0o600))
	}
	must(t, durable.Sweep(dir))
	found, err := filepath.Glob(filepath.Join(below, "*"))
	if err != nil || len(found) != 1 || found[0] != kept {
		t.Errorf("left: %v, %v", found, err)
	}
}

// TestRights keeps what is written to its owner.
func TestRights(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a")
	must(t, durable.MakeDirs(dir))
	path := filepath.Join(dir, "file")
	_, err := durable.Place(path, nil)
	must(t, err)
	for name, want := range map[string]os.FileMode{dir: 0o700, path: 0o600} {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, %v; want %v", filepath.Base(name), info.Mode().Perm(), err, want)
		}
	}
}
