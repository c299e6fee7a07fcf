package pages

import (
	"bytes"
	"crypto/aes"
	"crypto/rand"
	"testing"

	"golang.org/x/crypto/xts"
)

// TestOpen decrypts what the cipher of golang.org/x/crypto encrypted, some
// sectors at a time, one call after the other.
func TestOpen(t *testing.T) {
	key := make([]byte, 64)
	_, _ = rand.Read(key) // it never fails
	c, err := xts.NewCipher(aes.NewCipher, key)
	if err != nil {
		t.Fatal(err)
	}
	o, err := newOpener(key)
	if err != nil {
		t.Fatal(err)
	}
	number := uint64(1<<32 - 9)
	for _, sectors := range []int{1, 8, 1, 9, 128, 2} {
		plain := make([]byte, sectors*sector)
		_, _ = rand.Read(plain)
		sealed := make([]byte, len(plain))
		for at := 0; at < len(plain); at += sector {
			c.Encrypt(sealed[at:at+sector], plain[at:at+sector], number+uint64(at/sector)) //nolint:gosec // not negative
		}
		if o.open(sealed, number); !bytes.Equal(sealed, plain) {
			t.Errorf("%d sectors from %d on are not what was encrypted", sectors, number)
		}
		number += 3
	}
}

func TestOpenKey(t *testing.T) {
	if _, err := newOpener(make([]byte, 10)); err == nil {
		t.Error("a key of ten bytes is taken")
	}
}
