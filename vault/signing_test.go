package vault_test

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/privacyd/privacyd/vault"
	"github.com/privacyd/privacyd/vault/bucket/buckettest"
)

func TestSigningKey(t *testing.T) {
	p := newPlace(t)
	first, err := p.open(t).SigningKey(t.Context())
	must(t, err)
	again, err := p.open(t).SigningKey(t.Context())
	must(t, err)
	if !first.Equal(again) {
		t.Error("another process has another key")
	}
	if !ed25519.Verify(again.Public().(ed25519.PublicKey), []byte("m"), ed25519.Sign(first, []byte("m"))) {
		t.Error("what it signs does not verify")
	}
	if strings.Contains(snapshot(t, p.keys()), hex.EncodeToString(first.Seed())) {
		t.Error("the key is stored unwrapped")
	}
	other, err := newPlace(t).open(t).SigningKey(t.Context())
	must(t, err)
	if other.Equal(first) {
		t.Error("two instances have the same key")
	}
}

// TestSigningKeyRandom makes two key stores with the same root key: what signs
// must not follow from it, since the root key can be changed.
func TestSigningKeyRandom(t *testing.T) {
	var keys []ed25519.PrivateKey
	for range 2 {
		v := open(t, vault.Options{Keys: t.TempDir(), Root: make([]byte, vault.RootSize)})
		k, err := v.SigningKey(t.Context())
		must(t, err)
		keys = append(keys, k)
	}
	if keys[0].Equal(keys[1]) {
		t.Error("the signing key is derived from the root key")
	}
}

func TestSigningKeyDamaged(t *testing.T) {
	p := newPlace(t)
	_, err := p.open(t).SigningKey(t.Context())
	must(t, err)
	file := keyFile(t, p, "signing")
	record, err := os.ReadFile(file)
	must(t, err)
	record[40] ^= 1
	must(t, os.WriteFile(file, record, 0o600))
	_, err = p.open(t).SigningKey(t.Context())
	wantCode(t, err, "key_damaged")
}

// TestSigningKeyRace has many processes start at once.
func TestSigningKeyRace(t *testing.T) {
	p := newPlace(t)
	for name, o := range map[string]vault.Options{
		"folder":       p.options(),
		"object store": {Keys: buckettest.S3(t), Root: make([]byte, vault.RootSize)},
	} {
		t.Run(name, func(t *testing.T) {
			const processes = 12
			keys := make([]ed25519.PrivateKey, processes)
			var wg sync.WaitGroup
			for i := range processes {
				v := open(t, o)
				wg.Go(func() {
					var err error
					if keys[i], err = v.SigningKey(context.Background()); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			for _, k := range keys {
				if !k.Equal(keys[0]) {
					t.Error("two processes have different keys")
				}
			}
		})
	}
}
