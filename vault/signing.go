package vault

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
)

const signingName = "signing"

// SigningKey gives the Ed25519 key (RFC 8032) that signs the audit log's
// checkpoints and receipts. The first process that asks makes it, once for
// ever; it is random and only wrapped with the root key, so that it stays the
// same when the root key is changed.
//
// Error codes: key_damaged, disk_full, blob_unavailable.
func (v *Vault) SigningKey(ctx context.Context) (ed25519.PrivateKey, error) {
	record, err := v.records.Read(ctx, signingName)
	if errors.Is(err, errAbsent) {
		record, err = v.makeSigningKey(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("read the signing key: %w", err)
	}
	wrap, err := v.wrapOf(ctx, epochOf(record))
	if err != nil {
		return nil, fmt.Errorf("read the signing key: %w", err)
	}
	seed, err := unwrapKey(wrap, signingName, record)
	if err != nil {
		return nil, fmt.Errorf("read the signing key: %w", keyDamaged(err))
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

func (v *Vault) makeSigningKey(ctx context.Context) ([]byte, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := rand.Read(seed); err != nil {
		return nil, fmt.Errorf("make the signing key: %w", err)
	}
	generation, w := v.roots.latest()
	record := wrapKey(w.aead, signingName, generation, seed)
	made, err := v.records.Create(ctx, signingName, record)
	if err != nil || made {
		return record, err
	}
	return v.records.Read(ctx, signingName)
}
