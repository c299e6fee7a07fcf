package vault

import (
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
	"time"
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
type names struct{ makers sync.Pool }

// maker makes one name at a time.
type maker struct {
	mac           hash.Hash
	bytes, digits []byte
}

func newNames(key []byte) *names {
	return &names{makers: sync.Pool{New: func() any { return &maker{mac: hmac.New(sha256.New, key)} }}}
}

func (n *names) of(parts ...string) string {
	m := n.makers.Get().(*maker) //nolint:forcetypeassert // nothing else is put in
	defer n.makers.Put(m)
	m.bytes = appendBound(m.bytes[:0], parts...)
	m.mac.Reset()
	m.mac.Write(m.bytes)
	m.bytes = m.mac.Sum(m.bytes[:0])
	m.digits = hex.AppendEncode(m.digits[:0], m.bytes[:nameDigits/2])
	return string(m.digits)
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
	version uint32
	made    time.Time // zero: not known, or a person's
	seal    cipher.AEAD
	wrap    cipher.AEAD // of a workspace: wraps the keys of its persons; nil of a former version
	file    []byte      // input key of chunked encryption
}

func splitKey(key []byte) (*ownerKey, error) {
	data, err := dataKeys(key)
	if err != nil {
		return nil, err
	}
	k, err := splitData(data)
	if err != nil {
		return nil, err
	}
	k.wrap, err = deriveAEAD(key, "wrap")
	return k, err
}

// dataKeys are what of a key opens data: the keys of sealing and of files.
func dataKeys(key []byte) ([]byte, error) {
	sealKey, err := derive(key, "seal", 32)
	if err != nil {
		return nil, err
	}
	fileKey, err := derive(key, "file", 32)
	return append(sealKey, fileKey...), err
}

func splitData(data []byte) (*ownerKey, error) {
	seal, err := newAEAD(data[:32])
	return &ownerKey{version: 1, seal: seal, file: data[32:]}, err
}

// key gives the key of a reference, of a workspace its newest version. Where
// there is none it is made, or it is an error: reading must never make one.
func (v *Vault) key(ctx context.Context, reference string, make bool) (*ownerKey, error) {
	return v.remembered(reference, func() (*ownerKey, error) { return v.load(ctx, reference, make) })
}

// remembered asks load for what is not in memory. name begins with the
// reference of whose key it is.
func (v *Vault) remembered(name string, load func() (*ownerKey, error)) (*ownerKey, error) {
	if k, ok := v.cache.get(name, v.now()); ok {
		if k == nil {
			return nil, ErrShredded
		}
		return k, nil
	}
	mark := v.cache.mark()
	k, err := load()
	if err == nil || errors.Is(err, ErrShredded) {
		v.cache.put(name, k, v.now(), mark)
	}
	return k, err
}

func (v *Vault) load(ctx context.Context, reference string, make bool) (*ownerKey, error) {
	if len(reference) > nameDigits { // a shredded workspace's persons are so, too
		if _, err := v.key(ctx, reference[:nameDigits], make); err != nil {
			return nil, err
		}
	}
	record, err := v.records.Read(ctx, recordName(reference))
	if errors.Is(err, errAbsent) && make {
		record, err = v.makeKey(ctx, reference)
	}
	if errors.Is(err, errAbsent) {
		return nil, keyGone()
	}
	if err != nil {
		return nil, err
	}
	return v.openRecord(ctx, reference, record)
}

// parent gives what a record of a reference with this epoch is wrapped with.
func (v *Vault) parent(ctx context.Context, reference string, epoch uint32) (cipher.AEAD, error) {
	if len(reference) == nameDigits {
		return v.wrapOf(ctx, epoch)
	}
	k, err := v.version(ctx, reference[:nameDigits], epoch)
	if errors.Is(err, ErrDamaged) {
		return nil, keyDamaged(fmt.Errorf("there is no version %d of the workspace's key", epoch))
	}
	if err != nil {
		return nil, err
	}
	if k.wrap == nil {
		return nil, keyDamaged(fmt.Errorf("it is wrapped with version %d of the workspace's key, which is gone", epoch))
	}
	return k.wrap, nil
}

// makeKey makes a key, or gives the one that another process made first.
func (v *Vault) makeKey(ctx context.Context, reference string) ([]byte, error) {
	if len(reference) > nameDigits {
		v.making.RLock()
		defer v.making.RUnlock()
	}
	key, err := newOwnerKey()
	if err != nil {
		return nil, err
	}
	record, err := v.wrapNew(ctx, reference, key)
	if err != nil {
		return nil, err
	}
	made, err := v.records.Create(ctx, recordName(reference), record)
	if err != nil {
		return nil, err
	}
	if made {
		err = v.keepUp(ctx, reference, record)
		return record, err
	}
	return v.records.Read(ctx, recordName(reference))
}

func newOwnerKey() ([]byte, error) {
	key := make([]byte, ownerKeySize)
	if _, err := rand.Read(key); err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	return key, nil
}

func (v *Vault) wrapNew(ctx context.Context, reference string, key []byte) ([]byte, error) {
	if len(reference) == nameDigits {
		generation, w := v.roots.latest()
		return wrapDated(w.aead, reference, generation, dated{version: 1, made: v.now().UTC(), secret: key}), nil
	}
	workspace, err := v.key(ctx, reference[:nameDigits], true)
	if err != nil {
		return nil, err
	}
	return wrapKey(workspace.wrap, reference, workspace.version, key), nil
}

// keepUp sees to it that a new key is wrapped with the newest there is, which
// another process may have changed unnoticed: what changes keys may have passed
// this place already.
func (v *Vault) keepUp(ctx context.Context, reference string, record []byte) error {
	if len(reference) == nameDigits {
		if err := v.Refresh(ctx); err != nil {
			return err
		}
		_, err := v.rewrapTop(ctx, reference, recordName(reference))
		return err
	}
	top := reference[:nameDigits]
	now, err := v.records.Read(ctx, recordName(top))
	if err != nil || versionOf(now) == epochOf(record) || isFence(v.core.fences, top, now) {
		return err
	}
	v.cache.drop(top)
	return v.rewrapPerson(ctx, reference)
}

func (v *Vault) openRecord(ctx context.Context, reference string, record []byte) (*ownerKey, error) {
	k, err := v.interpret(ctx, reference, record)
	if err == nil || errors.Is(err, ErrShredded) {
		return k, err
	}
	// It may have been read in the moment in which another was written over it.
	if record, err = v.records.Read(ctx, recordName(reference)); err != nil {
		return nil, keyDamaged(err)
	}
	return v.interpret(ctx, reference, record)
}

func (v *Vault) interpret(ctx context.Context, reference string, record []byte) (*ownerKey, error) {
	if isFence(v.core.fences, reference, record) {
		return nil, ErrShredded
	}
	if !isKey(record) {
		return nil, keyDamaged(errRecord)
	}
	parent, err := v.parent(ctx, reference, epochOf(record))
	if err != nil {
		return nil, err
	}
	if len(reference) > nameDigits {
		key, err := unwrapKey(parent, reference, record)
		if err != nil {
			return nil, keyDamaged(err)
		}
		return splitKey(key)
	}
	d, err := unwrapDated(parent, reference, record)
	if err != nil {
		return nil, keyDamaged(err)
	}
	return d.split()
}

func isKey(record []byte) bool {
	return isRecord(record, keyMagic) || isRecord(record, datedMagic) || isRecord(record, pastMagic)
}

func (d dated) split() (k *ownerKey, err error) {
	if d.past {
		k, err = splitData(d.secret)
	} else {
		k, err = splitKey(d.secret)
	}
	if err != nil {
		return nil, err
	}
	k.version, k.made = d.version, d.made
	return k, nil
}
