package vault_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/privacyd/privacyd/vault"
)

var (
	anna     = vault.Owner{Workspace: "w1", Kind: "contact", ID: "anna@example.com"}
	ben      = vault.Owner{Workspace: "w1", Kind: "contact", ID: "ben"}
	annaInW2 = vault.Owner{Workspace: "w2", Kind: "contact", ID: "anna@example.com"}
	account  = vault.Owner{Kind: "account", ID: "a1"}
	w1       = vault.Owner{Workspace: "w1"}
	w2       = vault.Owner{Workspace: "w2"}
	instance = vault.Owner{}
)

func owners() []vault.Owner {
	return []vault.Owner{anna, ben, annaInW2, account, w1, w2, instance}
}

func TestSealOpen(t *testing.T) {
	p := newPlace(t)
	v := p.open(t)
	for _, o := range owners() {
		sealed, err := v.Seal(t.Context(), o, []byte("aad"), []byte("secret"))
		must(t, err)
		if bytes.Contains(sealed, []byte("secret")) {
			t.Error("the plaintext is readable in what was sealed")
		}
		// Another process, which has nothing in memory.
		got, err := p.open(t).Open(t.Context(), o, []byte("aad"), sealed)
		must(t, err)
		if string(got) != "secret" {
			t.Errorf("opened %q", got)
		}
	}
}

func TestSealedIsBound(t *testing.T) {
	v := newPlace(t).open(t)
	for _, o := range owners() {
		_, err := v.Seal(t.Context(), o, nil, nil)
		must(t, err)
	}
	sealed, err := v.Seal(t.Context(), anna, []byte("aad"), []byte("secret"))
	must(t, err)
	for _, o := range owners() {
		if o == anna {
			continue
		}
		_, err := v.Open(t.Context(), o, []byte("aad"), sealed)
		wantCode(t, err, "sealed_damaged")
	}
	_, err = v.Open(t.Context(), anna, []byte("aaD"), sealed)
	wantCode(t, err, "sealed_damaged")
}

func TestSealedTampered(t *testing.T) {
	v := newPlace(t).open(t)
	sealed, err := v.Seal(t.Context(), anna, nil, []byte("secret"))
	must(t, err)
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		_, err := v.Open(t.Context(), anna, nil, changed)
		wantCode(t, err, "sealed_damaged")
		_, err = v.Open(t.Context(), anna, nil, sealed[:i])
		wantCode(t, err, "sealed_damaged")
	}
}

func TestOpenMakesNoKey(t *testing.T) {
	p := newPlace(t)
	v := p.open(t)
	before := snapshot(t, p.dir)
	_, err := v.Open(t.Context(), anna, nil, make([]byte, 64))
	wantCode(t, err, "key_missing")
	if snapshot(t, p.dir) != before {
		t.Error("reading made a key")
	}
}

func TestOwnerRefused(t *testing.T) {
	v := newPlace(t).open(t)
	for _, o := range []vault.Owner{{Kind: "contact"}, {ID: "1"}, {Workspace: "w", ID: "1"}} {
		if _, err := v.Seal(t.Context(), o, nil, nil); err == nil {
			t.Errorf("sealed for %+v", o)
		}
		if _, err := v.Open(t.Context(), o, nil, nil); err == nil {
			t.Errorf("opened for %+v", o)
		}
		if err := v.Shred(t.Context(), o); err == nil {
			t.Errorf("shredded for %+v", o)
		}
	}
}

// TestNothingPersonalInKeyStore looks for ids in names and contents.
func TestNothingPersonalInKeyStore(t *testing.T) {
	p := newPlace(t)
	v := p.open(t)
	for _, o := range owners() {
		_, err := v.Seal(t.Context(), o, nil, []byte("x"))
		must(t, err)
	}
	all := snapshot(t, p.keys())
	for _, word := range []string{"anna", "ben", "example", "contact", "account", "w1", "w2"} {
		if strings.Contains(strings.ReplaceAll(all, p.dir, ""), word) {
			t.Errorf("%q is readable in the key store", word)
		}
	}
}

func TestReferences(t *testing.T) {
	v := newPlace(t).open(t)
	seen := map[string]bool{}
	for _, o := range append(owners(), vault.Owner{Workspace: "w1", Kind: "contactanna@example", ID: ".com"}) {
		ref := v.Reference(o.Workspace, o.Kind, o.ID)
		if seen[ref] {
			t.Errorf("%+v shares its reference", o)
		}
		seen[ref] = true
		if o.Kind != "" && !strings.HasPrefix(ref, v.Reference(o.Workspace, "", "")+"/") {
			t.Errorf("the reference of %+v does not begin with its workspace's", o)
		}
		sealed, erased, err := v.SealFor(t.Context(), ref, []byte("aad"), []byte("x"))
		if err != nil || erased {
			t.Fatal(erased, err)
		}
		if got, err := v.Open(t.Context(), o, []byte("aad"), sealed); err != nil || string(got) != "x" {
			t.Errorf("opened %q, %v", got, err)
		}
	}
}

func TestReferenceRefused(t *testing.T) {
	v := newPlace(t).open(t)
	for _, ref := range []string{"", "../../etc/passwd", "check", strings.Repeat("a", 40) + "/..", strings.Repeat("A", 40)} {
		if _, _, err := v.SealFor(t.Context(), ref, nil, nil); err == nil {
			t.Errorf("sealed for %q", ref)
		}
		if _, _, err := v.OpenFor(t.Context(), ref, nil, nil); err == nil {
			t.Errorf("opened for %q", ref)
		}
	}
}

// keyFile is where the only key under the pattern lies.
func keyFile(t *testing.T, p place, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(p.keys(), pattern))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	return found[0]
}

func TestKeyDamaged(t *testing.T) {
	for name, spoil := range map[string]func([]byte) []byte{
		"changed":     func(b []byte) []byte { b[30] ^= 1; return b },
		"short":       func(b []byte) []byte { return b[:40] },
		"empty":       func([]byte) []byte { return nil },
		"other epoch": func(b []byte) []byte { b[11]++; return b },
		"fake fence":  func(b []byte) []byte { return append([]byte("pvdgone\n"), b[8:]...) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			sealed, err := p.open(t).Seal(t.Context(), anna, nil, []byte("x"))
			must(t, err)
			file := keyFile(t, p, "*/??/*")
			record, err := os.ReadFile(file)
			must(t, err)
			must(t, os.WriteFile(file, spoil(record), 0o600))
			_, err = p.open(t).Open(t.Context(), anna, nil, sealed)
			wantCode(t, err, "key_damaged")
			_, err = p.open(t).Seal(t.Context(), anna, nil, nil)
			wantCode(t, err, "key_damaged")
		})
	}
}

// TestKeysSwapped gives one person's key file to another.
func TestKeysSwapped(t *testing.T) {
	p := newPlace(t)
	sealed, err := p.open(t).Seal(t.Context(), anna, nil, []byte("x"))
	must(t, err)
	file := keyFile(t, p, "*/??/*")
	record, err := os.ReadFile(file)
	must(t, err)
	_, err = p.open(t).Seal(t.Context(), ben, nil, []byte("x"))
	must(t, err)
	found, err := filepath.Glob(filepath.Join(p.keys(), "*/??/*"))
	must(t, err)
	for _, f := range found {
		must(t, os.WriteFile(f, record, 0o600))
	}
	_, err = p.open(t).Open(t.Context(), ben, nil, sealed)
	wantCode(t, err, "key_damaged")
}

func TestCacheIsBoundedAndForgets(t *testing.T) {
	p := newPlace(t)
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	o := p.options()
	o.Cached, o.Now = 2, clock(&now)
	v := open(t, o)
	sealed := map[vault.Owner][]byte{}
	for _, owner := range owners() {
		b, err := v.Seal(t.Context(), owner, nil, []byte("x"))
		must(t, err)
		sealed[owner] = b
	}
	for _, owner := range owners() { // most are no longer in memory
		_, err := v.Open(t.Context(), owner, nil, sealed[owner])
		must(t, err)
	}
	_, err := v.Open(t.Context(), anna, nil, sealed[anna])
	must(t, err)
	must(t, p.open(t).Shred(t.Context(), anna)) // another process
	now = now.Add(time.Minute + time.Second)
	_, err = v.Open(t.Context(), anna, nil, sealed[anna])
	wantShredded(t, err)
}

func TestSealProperty(t *testing.T) {
	v := newPlace(t).open(t)
	rapid.Check(t, func(t *rapid.T) {
		o := rapid.SampledFrom(owners()).Draw(t, "owner")
		aad := rapid.SliceOf(rapid.Byte()).Draw(t, "aad")
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		sealed, err := v.Seal(t.Context(), o, aad, plain)
		if err != nil || len(sealed) != len(plain)+29 {
			t.Fatal(len(sealed), err)
		}
		got, err := v.Open(t.Context(), o, aad, sealed)
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatal(got, err)
		}
	})
}

func FuzzOpen(f *testing.F) {
	v, err := vault.Open(f.Context(), vault.Options{Keys: f.TempDir(), Root: make([]byte, vault.RootSize)})
	if err != nil {
		f.Fatal(err)
	}
	sealed, err := v.Seal(f.Context(), anna, nil, []byte("seed"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(v.Reference("w1", "contact", "anna@example.com"), sealed)
	f.Add("../..", []byte{1})
	f.Fuzz(func(t *testing.T, reference string, b []byte) {
		got, _, err := v.OpenFor(t.Context(), reference, nil, b)
		if err == nil && !bytes.Equal(b, sealed) {
			t.Errorf("opened a forgery: %q", got)
		}
	})
}
