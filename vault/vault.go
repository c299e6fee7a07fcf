// Package vault holds every key of the product and does what needs one:
// sealing small values for the person or workspace that they are about,
// encrypting files in chunks that can be read at random, signing links, and
// destroying a key so that what it sealed is gone.
//
// Keys form a tree: the root key (a file that the operator keeps) wraps each
// workspace's key, which wraps the keys of that workspace's persons. Wrapped
// keys lie in a key store outside the database, under names that are keyed
// hashes. A destroyed key leaves a fence under its name, so that it is never
// made again.
//
// It must never write a key unwrapped, put a name or id of a person into a
// file name or error, or fall back to another key when the right one is
// missing. Open keys.go first, then seal.go and chunked.go.
package vault

import (
	"context"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/privacyd/privacyd"
)

// RootSize is the number of bytes of the root key.
const RootSize = 64

const (
	defaultCached = 1024
	cachedFor     = time.Minute // how long another node's shredding may go unnoticed
)

// ErrShredded says that what was sealed can never be read again: its key was
// destroyed. Its code is key_shredded.
var ErrShredded = &privacyd.Error{
	Class: privacyd.ClassNotFound, Code: "key_shredded",
	Message: "This was erased: the key that it was sealed with has been destroyed.",
}

// ErrDamaged says that sealed or encrypted bytes fail their authentication:
// they were changed, cut short, or belong somewhere else. Its code is
// sealed_damaged.
var ErrDamaged = &privacyd.Error{
	Class: privacyd.ClassUnavailable, Code: "sealed_damaged",
	Message: "Encrypted data fails its check: it was changed or cut short. Restore it from a backup.",
}

// Options say where the keys are.
type Options struct {
	Keys     string           // the key store: a folder (made when absent, 0700) or an object store's URL
	RootFile string           // the root key's file; made at the first start, 0600
	Root     []byte           // the root key itself, 64 bytes, in place of RootFile
	Now      func() time.Time // default time.Now
	Cached   int              // unwrapped keys kept in memory at most; default 1024
}

// Vault seals, encrypts and signs. It is safe for concurrent use; any number
// of processes may share one key store.
type Vault struct {
	records records
	cache   *cache
	now     func() time.Time
	wrap    cipher.AEAD // wraps the workspaces' keys
	names   *names
	fences  []byte // HMAC key that makes fences authentic
	links   []byte
	pages   []byte
	fresh   bool
	buffers *sync.Pool // for reading files
}

// Fresh tells whether this Open made the key store. A database that has been
// used before then belongs to one that is lost.
func (v *Vault) Fresh() bool { return v.fresh }

// Open opens the key store with the root key. At the very first start it makes
// both.
//
// Error codes: key_missing when the key store was made with a root key whose
// file is not there, key_wrong when the root key is not the store's,
// key_unsafe when others may read the file, keystore_damaged,
// keystore_unsuitable, disk_full, blob_url_invalid, blob_unavailable.
func Open(ctx context.Context, o Options) (*Vault, error) {
	rs, err := openRecords(ctx, o.Keys)
	if err != nil {
		return nil, err
	}
	v, err := open(ctx, rs, o)
	if err != nil {
		return nil, errors.Join(err, rs.Close())
	}
	return v, nil
}

func open(ctx context.Context, rs records, o Options) (*Vault, error) {
	root, err := o.root(ctx, rs)
	if err != nil {
		return nil, err
	}
	v, err := unlock(root, rs, o)
	if err != nil {
		return nil, err
	}
	return v, v.check(ctx, root)
}

// root gives the root key. A new one is made only for a key store without keys.
func (o Options) root(ctx context.Context, rs records) ([]byte, error) {
	if o.RootFile == "" {
		if len(o.Root) != RootSize {
			return nil, fmt.Errorf("open vault: the root key has %d bytes, not %d", len(o.Root), RootSize)
		}
		return o.Root, nil
	}
	sweepRoot(o.RootFile)
	root, err := readRoot(o.RootFile)
	if !errors.Is(err, errNoRoot) {
		return root, err
	}
	_, err = rs.Read(ctx, checkName)
	switch {
	case err == nil:
		return nil, keyMissing(o.RootFile)
	case errors.Is(err, errAbsent):
		return createRoot(o.RootFile)
	default:
		return nil, err
	}
}

func unlock(root []byte, rs records, o Options) (*Vault, error) {
	wrapKey, err := derive(root, "wrap", 32)
	if err != nil {
		return nil, err
	}
	wrap, err := newAEAD(wrapKey)
	if err != nil {
		return nil, err
	}
	v := &Vault{records: rs, wrap: wrap, now: o.Now, cache: newCache(o.Cached), buffers: newBuffers()}
	if v.now == nil {
		v.now = time.Now
	}
	var nameKey []byte // HMAC key of the names in the key store
	for _, k := range []struct {
		to    *[]byte
		label string
		size  int
	}{{&nameKey, "names", 32}, {&v.fences, "fences", 32}, {&v.links, "links", 32}, {&v.pages, "sqlite-pages", 64}} {
		if *k.to, err = derive(root, k.label, k.size); err != nil {
			return nil, err
		}
	}
	v.names = newNames(nameKey)
	return v, nil
}

// Close lets go of the key store. Keys in memory are dropped.
func (v *Vault) Close() error {
	v.cache.clear()
	return v.records.Close()
}

// DatabaseKey is the key of the SQLite pages: 64 bytes, two AES-256 keys for
// XTS. It stays the same as long as the root key does.
func (v *Vault) DatabaseKey() []byte { return append([]byte(nil), v.pages...) }

// Sign gives the 32-byte HMAC of a message, for links that we hand out.
// Messages of different uses must differ in a prefix.
func (v *Vault) Sign(message []byte) []byte {
	m := hmac.New(sha256.New, v.links)
	m.Write(message)
	return m.Sum(nil)
}

// Verify tells whether mac was made by Sign for message, in constant time.
func (v *Vault) Verify(message, mac []byte) bool {
	return subtle.ConstantTimeCompare(v.Sign(message), mac) == 1
}
