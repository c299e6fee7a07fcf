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
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/vault/bucket"
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
	RootFile string           // where the root key is kept: its file, made at the first start, 0600, or a key service's address
	Root     []byte           // the root key itself, 64 bytes, in place of RootFile
	Now      func() time.Time // default time.Now
	Alone    bool             // no other process uses the key store: changes of keys need not wait for one to notice
	Cached   int              // unwrapped keys kept in memory at most; default 1024
}

// Vault seals, encrypts and signs. It is safe for concurrent use; any number
// of processes may share one key store.
type Vault struct {
	records records
	cache   *cache
	now     func() time.Time
	source  rootSource
	roots   *roots // wrap the workspaces' keys
	core    *core
	names   *names
	fresh   bool
	alone   bool
	making  sync.RWMutex // read: a person's key is being made, perhaps with a version of their workspace's that is to go
	buffers *sync.Pool   // for reading files
}

// Fresh tells whether this Open made the key store. A database that has been
// used before then belongs to one that is lost.
func (v *Vault) Fresh() bool { return v.fresh }

// Open opens the key store with the root key. At the very first start it makes
// both.
//
// Error codes: key_missing when the key store was made with a root key that is
// not there, key_wrong when the root key is not the store's, key_retired when it
// is a former one, key_unsafe when others may read the file, keystore_damaged,
// keystore_unsuitable, key_service_invalid, key_service_unreachable,
// key_service_denied, key_service_failed, disk_full, blob_url_invalid,
// blob_unavailable.
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

// Used tells whether a key store was opened before, and makes nothing. Codes:
// blob_url_invalid, blob_unavailable.
func Used(ctx context.Context, keys string) (bool, error) {
	if dir, ok := bucket.Folder(keys); ok {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
	}
	rs, err := openRecords(ctx, keys)
	if err != nil {
		return false, err
	}
	list, err := generations(ctx, rs)
	return len(list) > 0, errors.Join(err, rs.Close())
}

func open(ctx context.Context, rs records, o Options) (*Vault, error) {
	source, err := o.source(ctx)
	if err != nil {
		return nil, err
	}
	v := &Vault{records: rs, source: source, now: o.Now, alone: o.Alone, cache: newCache(o.Cached), buffers: newBuffers(), roots: &roots{wraps: map[uint32]wrapping{}}}
	if v.now == nil {
		v.now = time.Now
	}
	if err := v.unlock(ctx); err != nil {
		return nil, errors.Join(err, source.close())
	}
	v.names = newNames(v.core.names)
	return v, nil
}

// CheckRoot asks for the root key again, as a start would do, of its file or its
// key service: a process that runs has it, and may not notice for long that
// nobody else can. Error codes: those of Open.
func (v *Vault) CheckRoot(ctx context.Context) error {
	list, err := generations(ctx, v.records)
	if err != nil {
		return err
	}
	look := &Vault{records: v.records, source: v.source, now: v.now, roots: &roots{wraps: map[uint32]wrapping{}}}
	_, _, err = look.find(ctx, list)
	return err
}

func (o Options) source(ctx context.Context) (rootSource, error) {
	if o.RootFile == "" {
		return memoryRoot(o.Root), nil
	}
	return openSource(ctx, o.RootFile)
}

// unlock opens the key store with the root key, before anything is read or
// written with it. A new root key is made only for a key store without keys.
func (v *Vault) unlock(ctx context.Context) error {
	list, err := generations(ctx, v.records)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		if err := v.begin(ctx); err != nil {
			return err
		}
		list = []uint32{1}
	}
	generation, root, err := v.find(ctx, list)
	if err != nil {
		return err
	}
	if err := v.roots.learn(generation, root, v.core); err != nil {
		return err
	}
	if err := v.checkStore(ctx, generation); err != nil {
		return err
	}
	return v.Refresh(ctx)
}

// begin makes root key and core of a key store that has nothing in it. Of
// several processes one does.
func (v *Vault) begin(ctx context.Context) error {
	for name, err := range v.records.List(ctx, "") {
		if err != nil {
			return err
		}
		if !strings.HasPrefix(name, rootRecords) { // a process was killed before it could use what it made
			return v.beginUsed(ctx)
		}
	}
	list, err := v.source.candidates(ctx, v.records)
	if errors.Is(err, errNoRoot) {
		list = make([][]byte, 1)
		list[0], err = v.source.create(ctx, v.records)
	}
	if err != nil {
		return err
	}
	c, err := newCore(v.now().UTC())
	if err != nil {
		return err
	}
	record, err := c.seal(list[0], 1)
	if err != nil {
		return err
	}
	v.fresh, err = v.records.Create(ctx, generationName(corePrefix, 1), record)
	return err
}

// beginUsed refuses a key store that has keys and no core, unless another
// process has made it at this moment.
func (v *Vault) beginUsed(ctx context.Context) error {
	list, err := generations(ctx, v.records)
	if err == nil && len(list) == 0 {
		return storeDamaged()
	}
	return err
}

// find opens the newest generation that the root key opens.
func (v *Vault) find(ctx context.Context, list []uint32) (generation uint32, root []byte, err error) {
	candidates, err := v.source.candidates(ctx, v.records)
	if errors.Is(err, errNoRoot) {
		return 0, nil, rootMissing(v.source)
	}
	if err != nil {
		return 0, nil, err
	}
	for _, generation := range slices.Backward(list) {
		for _, root := range candidates {
			c, err := coreOf(ctx, v.records, root, generation)
			if err == nil {
				v.core = c
				return generation, root, nil
			}
			if privacyd.CodeOf(err) != "key_wrong" {
				return 0, nil, err
			}
		}
	}
	return 0, nil, v.unknown(ctx, candidates, list[len(list)-1])
}

// unknown tells a former root key from one that has never opened anything here.
func (v *Vault) unknown(ctx context.Context, candidates [][]byte, newest uint32) error {
	for _, root := range candidates {
		if former, err := v.isRetired(ctx, root); err != nil || former {
			return cmp.Or(err, keyRetired(newest))
		}
	}
	return keyWrong()
}

// isRetired tells whether a root key was in use and is no more.
func (v *Vault) isRetired(ctx context.Context, root []byte) (bool, error) {
	want, err := checkRecord(root)
	if err != nil {
		return false, err
	}
	for name, err := range v.records.List(ctx, retiredPrefix) {
		if err != nil {
			return false, err
		}
		have, err := v.records.Read(ctx, name)
		if err != nil || bytes.Equal(have, want) {
			return err == nil, err
		}
	}
	return false, nil
}

// checkStore proves that an object store does not let one process write over
// what another has made.
func (v *Vault) checkStore(ctx context.Context, generation uint32) error {
	o, ok := v.records.(*objects)
	if !ok {
		return nil
	}
	name := generationName(corePrefix, generation)
	have, err := o.Read(ctx, name)
	if errors.Is(err, errAbsent) {
		name = checkName
		have, err = o.Read(ctx, name)
	}
	if err != nil {
		return err
	}
	return o.refusesTaken(ctx, name, have)
}

// Close lets go of the key store. Keys in memory are dropped.
func (v *Vault) Close() error {
	v.cache.clear()
	return errors.Join(v.records.Close(), v.source.close())
}

// DatabaseKey is the key of the SQLite pages: 64 bytes, two AES-256 keys for
// XTS. It stays the same when the root key is changed.
func (v *Vault) DatabaseKey() []byte { return bytes.Clone(v.core.pages) }

// Sign gives the 32-byte HMAC of a message, for links that we hand out.
// Messages of different uses must differ in a prefix.
func (v *Vault) Sign(message []byte) []byte {
	m := hmac.New(sha256.New, v.core.links)
	m.Write(message)
	return m.Sum(nil)
}

// Verify tells whether mac was made by Sign for message, in constant time.
func (v *Vault) Verify(message, mac []byte) bool {
	return subtle.ConstantTimeCompare(v.Sign(message), mac) == 1
}
