package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"fmt"
)

const labelPrefix = "privacyd/v1/"

// derive gives a key of size bytes for one use. Each label is one use.
func derive(secret []byte, label string, size int) ([]byte, error) {
	k, err := hkdf.Key(sha512.New, secret, nil, labelPrefix+label, size)
	if err != nil {
		return nil, fmt.Errorf("derive the key %s: %w", label, err)
	}
	return k, nil
}

// newAEAD is AES-256-GCM that draws a random nonce for each message and puts
// it in front: safe for 2^32 messages a key.
func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("use a key: %w", err)
	}
	a, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("use a key: %w", err)
	}
	return a, nil
}

// bind joins parts so that no two different lists give the same bytes.
func bind(parts ...string) []byte {
	size := 0
	for _, p := range parts {
		size += 4 + len(p)
	}
	return appendBound(make([]byte, 0, size), parts...)
}

func appendBound(b []byte, parts ...string) []byte {
	for _, p := range parts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(p)))
		b = append(b, p...)
	}
	return b
}

func keyedHash(key []byte, parts ...string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write(bind(parts...))
	return m.Sum(nil)
}
