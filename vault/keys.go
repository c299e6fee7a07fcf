package vault

import (
	"bytes"
	"context"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"sync"

	"github.com/privacyd/privacyd"
)

// Owner says whose key seals something.
type Owner struct {
	Workspace string // a workspace's id; empty: the instance
	Kind, ID  string // a person, as data maps name them; both empty: the workspace's or instance's own key
}

func (o Owner) valid() error {
	if (o.Kind == "") != (o.ID == "") {
		return errors.New("an owner of a key needs both kind and id, or neither")
	}
	return nil
}

// Reference is the stable name of the owner's key: keyed hashes, in which
// nothing personal can be recognised. A person's begins with their
// workspace's. It may be stored beside what is sealed, so that this can be
// found again.
func (v *Vault) Reference(workspace, kind, id string) string {
	top := v.names.of("workspace", workspace)
	if kind == "" && id == "" {
		return top
	}
	return top + "/" + v.names.of("subject", workspace, kind, id)
}

const (
	nameDigits = 40 // 160 bits in hex
	checkName  = "check"
)

// names makes names of keys. Setting up an HMAC takes longer than using it, and
// each audit entry needs some: they are kept.
type names struct{ macs sync.Pool }

func newNames(key []byte) *names {
	return &names{macs: sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}}
}

func (n *names) of(parts ...string) string {
	m := n.macs.Get().(hash.Hash) //nolint:forcetypeassert // nothing else is put in
	defer n.macs.Put(m)
	m.Reset()
	m.Write(bind(parts...))
	var sum [sha256.Size]byte
	return hex.EncodeToString(m.Sum(sum[:0])[:nameDigits/2])
}

// isReference tells whether s is of the form of what Reference gives.
func isReference(s string) bool {
	if len(s) != nameDigits && (len(s) != 2*nameDigits+1 || s[nameDigits] != '/') {
		return false
	}
	for i, c := range []byte(s) {
		if i != nameDigits && (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// recordName is where the key of a reference lies: folders of at most 256
// entries for a workspace with many persons.
func recordName(reference string) string {
	if len(reference) == nameDigits {
		return reference + "/key"
	}
	top, own := reference[:nameDigits], reference[nameDigits+1:]
	return top + "/" + own[:2] + "/" + own[2:]
}

// ownerKey is an unwrapped key, already split into its uses.
type ownerKey struct {
	seal cipher.AEAD
	wrap cipher.AEAD // of a workspace: wraps the keys of its persons
	file []byte      // input key of chunked encryption
}

func splitKey(key []byte) (*ownerKey, error) {
	sealKey, err := derive(key, "seal", 32)
	if err != nil {
		return nil, err
	}
	wrapKey, err := derive(key, "wrap", 32)
	if err != nil {
		return nil, err
	}
	k := &ownerKey{}
	if k.file, err = derive(key, "file", 32); err != nil {
		return nil, err
	}
	if k.seal, err = newAEAD(sealKey); err != nil {
		return nil, err
	}
	k.wrap, err = newAEAD(wrapKey)
	return k, err
}

// key gives the key of a reference. Where there is none it is made, or it is
// an error: reading must never make one.
func (v *Vault) key(ctx context.Context, reference string, make bool) (*ownerKey, error) {
	if k, ok := v.cache.get(reference, v.now()); ok {
		if k == nil {
			return nil, ErrShredded
		}
		return k, nil
	}
	mark := v.cache.mark()
	k, err := v.load(ctx, reference, make)
	if err == nil || errors.Is(err, ErrShredded) {
		v.cache.put(reference, k, v.now(), mark)
	}
	return k, err
}

func (v *Vault) load(ctx context.Context, reference string, make bool) (*ownerKey, error) {
	parent, err := v.parent(ctx, reference, make)
	if err != nil {
		return nil, err
	}
	record, err := v.records.Read(ctx, recordName(reference))
	if errors.Is(err, errAbsent) && make {
		record, err = v.makeKey(ctx, parent, reference)
	}
	if errors.Is(err, errAbsent) {
		return nil, keyGone()
	}
	if err != nil {
		return nil, err
	}
	return v.openRecord(ctx, parent, reference, record)
}

func (v *Vault) parent(ctx context.Context, reference string, make bool) (cipher.AEAD, error) {
	if len(reference) == nameDigits {
		return v.wrap, nil
	}
	k, err := v.key(ctx, reference[:nameDigits], make)
	if err != nil {
		return nil, err
	}
	return k.wrap, nil
}

// makeKey makes a key, or gives the one that another process made first.
func (v *Vault) makeKey(ctx context.Context, parent cipher.AEAD, reference string) ([]byte, error) {
	key := make([]byte, ownerKeySize)
	if _, err := rand.Read(key); err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	record := wrapKey(parent, reference, key)
	made, err := v.records.Create(ctx, recordName(reference), record)
	if err != nil || made {
		return record, err
	}
	return v.records.Read(ctx, recordName(reference))
}

func (v *Vault) openRecord(ctx context.Context, parent cipher.AEAD, reference string, record []byte) (*ownerKey, error) {
	k, err := v.interpret(parent, reference, record)
	if err == nil || errors.Is(err, ErrShredded) {
		return k, err
	}
	// It may have been read in the moment in which a fence was written over it.
	if record, err = v.records.Read(ctx, recordName(reference)); err != nil {
		return nil, keyDamaged(err)
	}
	return v.interpret(parent, reference, record)
}

func (v *Vault) interpret(parent cipher.AEAD, reference string, record []byte) (*ownerKey, error) {
	if isFence(v.fences, reference, record) {
		return nil, ErrShredded
	}
	key, err := unwrapKey(parent, reference, record)
	if err != nil {
		return nil, keyDamaged(err)
	}
	return splitKey(key)
}

// check compares the root key with the key store before anything is read or
// written with it. The first process of a new store writes the check value.
func (v *Vault) check(ctx context.Context, root []byte) error {
	want, err := checkRecord(root)
	if err != nil {
		return err
	}
	have, err := v.records.Read(ctx, checkName)
	if errors.Is(err, errAbsent) {
		have, err = v.makeCheck(ctx, want)
	}
	if err != nil {
		return err
	}
	if !bytes.Equal(have, want) {
		return keyWrong()
	}
	if o, ok := v.records.(*objects); ok {
		return o.refusesTaken(ctx, checkName, want)
	}
	return nil
}

func (v *Vault) makeCheck(ctx context.Context, want []byte) ([]byte, error) {
	used := false
	for _, err := range v.records.List(ctx, "") {
		if err != nil {
			return nil, err
		}
		used = true
		break
	}
	if !used {
		made, err := v.records.Create(ctx, checkName, want)
		if err != nil {
			return nil, err
		}
		v.fresh = made
	}
	have, err := v.records.Read(ctx, checkName)
	if errors.Is(err, errAbsent) {
		return nil, privacyd.Errorf(privacyd.ClassUnavailable, "keystore_damaged",
			"The key store has keys but not the value by which the root key is checked. It is incomplete, or not a key store: "+
				"restore its newest backup. Nothing was changed.")
	}
	return have, err
}
