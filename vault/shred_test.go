package vault_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/privacyd/privacyd/vault"
)

func TestShred(t *testing.T) {
	p := newPlace(t)
	v := p.open(t)
	sealed := map[vault.Owner][]byte{}
	for _, o := range owners() {
		b, err := v.Seal(t.Context(), o, nil, []byte("x"))
		must(t, err)
		sealed[o] = b
	}
	top, own, _ := strings.Cut(v.Reference("w1", "contact", "ben"), "/")
	file := keyFile(t, p, filepath.Join(top, own[:2], own[2:]))
	wrapped, err := os.ReadFile(file)
	must(t, err)
	must(t, v.Shred(t.Context(), ben))
	must(t, v.Shred(t.Context(), ben)) // again is fine
	for name, v := range map[string]*vault.Vault{"the same process": v, "another": p.open(t)} {
		t.Run(name, func(t *testing.T) {
			_, err := v.Open(t.Context(), ben, nil, sealed[ben])
			wantShredded(t, err)
			_, err = v.Seal(t.Context(), ben, nil, nil)
			wantShredded(t, err)
			got, err := v.Open(t.Context(), anna, nil, sealed[anna])
			if err != nil || string(got) != "x" {
				t.Errorf("another person's: %q, %v", got, err)
			}
		})
	}
	if strings.Contains(snapshot(t, p.keys()), hex.EncodeToString(wrapped[12:72])) {
		t.Error("the wrapped key is still there")
	}
}

func TestShredFor(t *testing.T) {
	v := newPlace(t).open(t)
	ref := v.Reference("w1", "contact", "ben")
	sealed, _, err := v.SealFor(t.Context(), ref, nil, []byte("x"))
	must(t, err)
	must(t, v.Shred(t.Context(), ben))
	if _, erased, err := v.OpenFor(t.Context(), ref, nil, sealed); !erased || err != nil {
		t.Errorf("OpenFor: erased %v, %v", erased, err)
	}
	if _, erased, err := v.SealFor(t.Context(), ref, nil, nil); !erased || err != nil {
		t.Errorf("SealFor: erased %v, %v", erased, err)
	}
}

// TestShredMany destroys the keys of many persons at once, of whom some never
// had one and one comes twice, beside others who keep theirs.
func TestShredMany(t *testing.T) {
	p := newPlace(t)
	v := p.open(t)
	var gone, kept []vault.Owner
	var refs []string
	for i := range 100 {
		o := vault.Owner{Workspace: "w1", Kind: "contact", ID: strconv.Itoa(i)}
		if i%3 > 0 {
			_, err := v.Seal(t.Context(), o, nil, []byte("x"))
			must(t, err)
		}
		if i%2 > 0 {
			kept = append(kept, o)
			continue
		}
		gone = append(gone, o)
		refs = append(refs, v.Reference(o.Workspace, o.Kind, o.ID))
	}
	must(t, v.ShredFor(t.Context(), append(refs, refs[7])...))
	must(t, v.ShredFor(t.Context()))
	for _, v := range []*vault.Vault{v, p.open(t)} {
		for _, o := range gone {
			_, err := v.Seal(t.Context(), o, nil, nil)
			wantShredded(t, err)
		}
		for _, o := range kept {
			_, err := v.Seal(t.Context(), o, nil, nil)
			must(t, err)
		}
	}
}

func TestShredForRefused(t *testing.T) {
	v := newPlace(t).open(t)
	ref := v.Reference("w1", "contact", "anna")
	for _, bad := range []string{"", "x", "../" + ref, ref + "/", v.Reference("", "", "")} {
		if err := v.ShredFor(t.Context(), ref, bad); err == nil {
			t.Errorf("%q was shredded", bad)
		}
	}
	_, err := v.Seal(t.Context(), anna, nil, nil)
	must(t, err)
}

// BenchmarkShred is what the disk takes for each of many persons.
func BenchmarkShred(b *testing.B) {
	for _, had := range []bool{true, false} {
		b.Run(map[bool]string{true: "key", false: "no key"}[had], func(b *testing.B) {
			v, err := vault.Open(b.Context(), vault.Options{Keys: b.TempDir(), Root: make([]byte, vault.RootSize)})
			if err != nil {
				b.Fatal(err)
			}
			const persons = 1000
			for n := 0; b.Loop(); n++ {
				b.StopTimer()
				var refs []string
				for i := range persons {
					ref := v.Reference("w", "contact", strconv.Itoa(n*persons+i))
					if _, _, err := v.SealFor(b.Context(), ref, nil, nil); had && err != nil {
						b.Fatal(err)
					}
					refs = append(refs, ref)
				}
				b.StartTimer()
				if err := v.ShredFor(b.Context(), refs...); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*persons)/b.Elapsed().Seconds(), "persons/s")
		})
	}
}

// TestShredBeforeUse fences somebody who never had a key.
func TestShredBeforeUse(t *testing.T) {
	p := newPlace(t)
	v := p.open(t)
	must(t, v.Shred(t.Context(), anna))
	_, err := p.open(t).Seal(t.Context(), anna, nil, nil)
	wantShredded(t, err)
	gone, err := v.Shredded(t.Context(), anna)
	if err != nil || !gone {
		t.Errorf("Shredded = %v, %v", gone, err)
	}
	gone, err = v.Shredded(t.Context(), ben)
	if err != nil || gone {
		t.Errorf("Shredded of another = %v, %v", gone, err)
	}
}

func TestShredWorkspace(t *testing.T) {
	p := newPlace(t)
	v := p.open(t)
	sealed := map[vault.Owner][]byte{}
	for _, o := range owners() {
		b, err := v.Seal(t.Context(), o, nil, []byte("x"))
		must(t, err)
		sealed[o] = b
	}
	must(t, v.Shred(t.Context(), w1))
	for _, v := range []*vault.Vault{v, p.open(t)} {
		for _, o := range owners() {
			_, err := v.Open(t.Context(), o, nil, sealed[o])
			if o.Workspace == "w1" {
				wantShredded(t, err)
				gone, err := v.Shredded(t.Context(), o)
				if err != nil || !gone {
					t.Errorf("Shredded(%v) = %v, %v", o, gone, err)
				}
			} else if err != nil {
				t.Errorf("%+v: %v", o, err)
			}
		}
		_, err := v.EncryptTo(t.Context(), "w1", "f", &bytes.Buffer{})
		wantShredded(t, err)
		_, err = v.WorkspaceKey(t.Context(), "w1")
		wantShredded(t, err)
	}
	left, err := filepath.Glob(filepath.Join(p.keys(), v.Reference("w1", "", ""), "??", "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("keys of persons are left: %v, %v", left, err)
	}
}

func TestShredInstanceRefused(t *testing.T) {
	if err := newPlace(t).open(t).Shred(t.Context(), instance); err == nil {
		t.Error("the instance's key was destroyed")
	}
}

// TestShredRace has many processes make, use and destroy one key. Whoever
// comes after the shredding finds it gone.
func TestShredRace(t *testing.T) {
	p := newPlace(t)
	var wg sync.WaitGroup
	for i := range 8 {
		v := p.open(t)
		wg.Go(func() {
			for range 20 {
				sealed, err := v.Seal(context.Background(), anna, nil, []byte("x"))
				if err == nil {
					_, err = v.Open(context.Background(), anna, nil, sealed)
				}
				if err != nil && !errors.Is(err, vault.ErrShredded) {
					t.Error(err)
				}
			}
			if i%4 == 0 {
				if err := v.Shred(context.Background(), anna); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	_, err := p.open(t).Seal(t.Context(), anna, nil, nil)
	wantShredded(t, err)
}

// TestKeyRace has many processes need a new person's key at once: what any of
// them sealed, all can open.
func TestKeyRace(t *testing.T) {
	p := newPlace(t)
	const processes = 12
	vaults, sealed := make([]*vault.Vault, processes), make([][]byte, processes)
	for i := range vaults {
		vaults[i] = p.open(t)
	}
	var wg sync.WaitGroup
	for i, v := range vaults {
		wg.Go(func() {
			b, err := v.Seal(context.Background(), anna, nil, []byte("x"))
			if err != nil {
				t.Error(err)
			}
			sealed[i] = b
		})
	}
	wg.Wait()
	for i, b := range sealed {
		for j, v := range vaults {
			if _, err := v.Open(t.Context(), anna, nil, b); err != nil {
				t.Errorf("what %d sealed, %d cannot open: %v", i, j, err)
			}
		}
	}
	if left, err := filepath.Glob(filepath.Join(p.keys(), "*/??/*.new")); err != nil || len(left) > 0 {
		t.Errorf("temporary files are left: %v, %v", left, err)
	}
}

const childFolder = "PRIVACYD_TEST_VAULT"

// TestMain lets the test binary be the process that gets killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childFolder); dir != "" {
		makeKeysForEver(place{dir})
	}
	os.Exit(m.Run())
}

func makeKeysForEver(p place) {
	v, err := vault.Open(context.Background(), p.options())
	if err != nil {
		panic(err)
	}
	_, _ = os.Stdout.WriteString("ready\n")
	for i := 0; ; i++ {
		o := vault.Owner{Workspace: "w", Kind: "contact", ID: string(rune('a' + i%26))}
		if _, err := v.Seal(context.Background(), o, nil, []byte("x")); err != nil && !errors.Is(err, vault.ErrShredded) {
			panic(err)
		}
		if i%3 == 2 {
			if err := v.Shred(context.Background(), vault.Owner{Workspace: "w", Kind: "contact", ID: o.ID + "!"}); err != nil {
				panic(err)
			}
		}
	}
}

// TestKilled kills -9 two processes that make keys in the same key store,
// again and again; the store must open and work after each.
func TestKilled(t *testing.T) {
	p := newPlace(t)
	self, err := os.Executable()
	must(t, err)
	for range 8 {
		var children []*exec.Cmd
		for range 2 {
			c := exec.Command(self)
			c.Env = append(os.Environ(), childFolder+"="+p.dir)
			out, err := c.StdoutPipe()
			must(t, err)
			must(t, c.Start())
			_, err = out.Read(make([]byte, 6))
			must(t, err)
			children = append(children, c)
		}
		for _, c := range children {
			must(t, c.Process.Kill())
			_ = c.Wait()
		}
		v := p.open(t)
		for id := 'a'; id <= 'z'; id++ {
			o := vault.Owner{Workspace: "w", Kind: "contact", ID: string(id)}
			sealed, err := v.Seal(t.Context(), o, nil, []byte("x"))
			must(t, err)
			_, err = p.open(t).Open(t.Context(), o, nil, sealed)
			must(t, err)
		}
	}
	found, err := filepath.Glob(filepath.Join(p.keys(), "*/??/*.new"))
	if err != nil || len(found) > 0 {
		t.Errorf("half-written files are left: %v, %v", found, err)
	}
}
