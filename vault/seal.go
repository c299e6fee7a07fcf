package vault

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
)

// Everything sealed begins with a byte that says how: AES-256-GCM, random nonce,
// the owner's reference and the caller's data bound in. After changes of a
// workspace's key its version follows in four bytes; without, it is the first.
const (
	sealFirst     = 1
	sealVersioned = 2
)

// Seal encrypts a small value with the owner's key, which is made when it is
// needed first. aad says what the value is and where it belongs; it must be
// given again to open it. The result is at most 33 bytes longer than plaintext.
//
// Error codes: key_shredded when the owner was erased; its key is never made
// again. key_damaged, disk_full, blob_unavailable.
func (v *Vault) Seal(ctx context.Context, owner Owner, aad, plaintext []byte) ([]byte, error) {
	if err := owner.valid(); err != nil {
		return nil, err
	}
	return v.sealBy(ctx, v.Reference(owner.Workspace, owner.Kind, owner.ID), aad, plaintext)
}

// Open gives back what Seal was given.
//
// Error codes: key_shredded when the owner or their workspace was erased,
// sealed_damaged when the bytes were changed or belong to another owner or
// place, key_missing, key_damaged, blob_unavailable.
func (v *Vault) Open(ctx context.Context, owner Owner, aad, sealed []byte) ([]byte, error) {
	if err := owner.valid(); err != nil {
		return nil, err
	}
	return v.openBy(ctx, v.Reference(owner.Workspace, owner.Kind, owner.ID), aad, sealed)
}

// SealFor is Seal for an owner known by reference. erased tells that the owner
// was erased, so that nothing can or may be sealed any more.
func (v *Vault) SealFor(ctx context.Context, reference string, aad, plaintext []byte) (sealed []byte, erased bool, err error) {
	sealed, err = v.sealBy(ctx, reference, aad, plaintext)
	if errors.Is(err, ErrShredded) {
		return nil, true, nil
	}
	return sealed, false, err
}

// OpenFor is Open for an owner known by reference. erased tells that the owner
// was erased and nothing can be opened any more.
func (v *Vault) OpenFor(ctx context.Context, reference string, aad, sealed []byte) (plaintext []byte, erased bool, err error) {
	plaintext, err = v.openBy(ctx, reference, aad, sealed)
	if errors.Is(err, ErrShredded) {
		return nil, true, nil
	}
	return plaintext, false, err
}

func (v *Vault) sealBy(ctx context.Context, reference string, aad, plaintext []byte) ([]byte, error) {
	if !isReference(reference) {
		return nil, errors.New("seal: that is not a reference of a key")
	}
	k, err := v.key(ctx, reference, true)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	sealed := make([]byte, 1, 5+len(plaintext)+k.seal.Overhead())
	sealed[0] = sealFirst
	if k.version != 1 {
		sealed[0] = sealVersioned
		sealed = binary.BigEndian.AppendUint32(sealed, k.version)
	}
	return k.seal.Seal(sealed, nil, plaintext, sealAAD(reference, aad)), nil
}

func (v *Vault) openBy(ctx context.Context, reference string, aad, sealed []byte) ([]byte, error) {
	if !isReference(reference) {
		return nil, errors.New("open what was sealed: that is not a reference of a key")
	}
	k, err := v.key(ctx, reference, false)
	if err != nil {
		return nil, fmt.Errorf("open what was sealed: %w", err)
	}
	version, box, err := splitSealed(sealed)
	if err != nil {
		return nil, err
	}
	if version != k.version {
		if k, err = v.version(ctx, reference, version); err != nil {
			return nil, fmt.Errorf("open what was sealed: %w", err)
		}
	}
	plaintext, err := k.seal.Open(nil, nil, box, sealAAD(reference, aad))
	if err != nil {
		return nil, ErrDamaged
	}
	return plaintext, nil
}

// splitSealed tells with which version of a key something is sealed.
func splitSealed(sealed []byte) (version uint32, box []byte, err error) {
	switch {
	case len(sealed) > 0 && sealed[0] == sealFirst:
		return 1, sealed[1:], nil
	case len(sealed) > 5 && sealed[0] == sealVersioned:
		return binary.BigEndian.Uint32(sealed[1:]), sealed[5:], nil
	}
	return 0, nil, ErrDamaged
}

func sealAAD(reference string, aad []byte) []byte {
	const label = "seal"
	b := make([]byte, 0, 4+len(label)+4+len(reference)+len(aad))
	return append(appendBound(b, label, reference), aad...)
}
