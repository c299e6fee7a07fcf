package vault

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/privacyd/privacyd"
)

// Each root key has a generation, from 1 on. What has to stay when it is changed
// is not derived from it but drawn at random once: the core, which lies in the
// key store wrapped by the root key. A key store from before there were cores
// has a check value in its place; there the first root key's own derivations are
// what stays.
//
//	core.N     the core, wrapped by the root key of generation N
//	           and after it, from 2 on and while the root key is being changed, the turn: what
//	           generation N wraps keys with, for whoever has N-1 alone. One record makes both,
//	           so that of several who change the root key at once exactly one does
//	root.N     the root key itself, wrapped by a key service, where that keeps it; root.N.X where another's is there already
//	retired.N  a one-way value of a former root key, so that it is known as such
//	check      generation 1 without a core
const (
	coreMagic = "pvdcore\n"
	coreHead  = magicSize + 4 + 8 + 32 // magic, generation, time, a one-way value of the root key
	coreSize  = 4*32 + 64              // of the secrets
	fullCore  = coreHead + coreSize + wrapExtra
	turnCore  = fullCore + recordSize // still within one disk sector

	corePrefix    = "core."
	turnPrefix    = "turn." // what a turn is bound to
	retiredPrefix = "retired."
	rootRecords   = "root."
)

func generationName(prefix string, generation uint32) string {
	return prefix + strconv.FormatUint(uint64(generation), 10)
}

// core is what stays when the root key is changed.
type core struct {
	names, fences, links []byte // HMAC keys
	pages                []byte
	former               []byte    // what the generation before wrapped keys with; zeros: there was none
	made                 time.Time // of the root key; zero: before this was noted
}

func (c *core) parts() []*[]byte {
	return []*[]byte{&c.names, &c.fences, &c.links, &c.former, &c.pages}
}

func newCore(made time.Time) (*core, error) {
	secrets := make([]byte, coreSize)
	if _, err := rand.Read(secrets); err != nil {
		return nil, fmt.Errorf("make keys: %w", err)
	}
	c := parseCore(secrets)
	c.made = made
	clear(c.former)
	return c, nil
}

func parseCore(secrets []byte) *core {
	c := &core{}
	for i, part := range c.parts() {
		size := 32
		if i == len(c.parts())-1 {
			size = 64
		}
		*part, secrets = secrets[:size:size], secrets[size:]
	}
	return c
}

// derivedCore is the core of a key store that has none.
func derivedCore(root []byte) (*core, error) {
	c := &core{former: make([]byte, 32)}
	var err error
	for _, k := range []struct {
		to    *[]byte
		label string
		size  int
	}{{&c.names, "names", 32}, {&c.fences, "fences", 32}, {&c.links, "links", 32}, {&c.pages, "sqlite-pages", 64}} {
		if *k.to, err = derive(root, k.label, k.size); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *core) seal(root []byte, generation uint32) ([]byte, error) {
	aead, err := deriveAEAD(root, "core")
	if err != nil {
		return nil, err
	}
	var secrets []byte
	for _, part := range c.parts() {
		secrets = append(secrets, *part...)
	}
	b := binary.BigEndian.AppendUint32([]byte(coreMagic), generation)
	b = binary.BigEndian.AppendUint64(b, microsOf(c.made))
	check, err := checkRecord(root)
	if err != nil {
		return nil, err
	}
	b = append(b, check[magicSize:magicSize+32]...)
	return aead.Seal(b, nil, secrets, b), nil
}

func isCore(record []byte) bool {
	return (len(record) == fullCore || len(record) == turnCore) && string(record[:magicSize]) == coreMagic
}

// turnOf gives the turn in a core's record; none: the change that it was for is
// over.
func turnOf(record []byte) []byte {
	if len(record) != turnCore || !isRecord(record[fullCore:], turnMagic) {
		return nil
	}
	return record[fullCore:]
}

// openCore opens a core; an error means that it is not this root key's.
func openCore(root []byte, generation uint32, record []byte) (*core, error) {
	if !isCore(record) || binary.BigEndian.Uint32(record[magicSize:]) != generation {
		return nil, storeDamaged()
	}
	aead, err := deriveAEAD(root, "core")
	if err != nil {
		return nil, err
	}
	secrets, err := aead.Open(nil, nil, record[coreHead:fullCore], record[:coreHead])
	if err != nil {
		return nil, keyWrong()
	}
	c := parseCore(secrets)
	c.made = timeOf(binary.BigEndian.Uint64(record[magicSize+4:]))
	return c, nil
}

func deriveAEAD(secret []byte, label string) (cipher.AEAD, error) {
	key, err := derive(secret, label, 32)
	if err != nil {
		return nil, err
	}
	return newAEAD(key)
}

// generations lists those that the key store has, the newest last.
func generations(ctx context.Context, rs records) (list []uint32, err error) {
	for name, err := range rs.List(ctx, corePrefix) {
		if err != nil {
			return nil, err
		}
		if n, err := strconv.ParseUint(strings.TrimPrefix(name, corePrefix), 10, 32); err == nil && n > 0 {
			list = append(list, uint32(n))
		}
	}
	switch _, err := rs.Read(ctx, checkName); {
	case err == nil:
		list = append(list, 1)
	case !errors.Is(err, errAbsent):
		return nil, err
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

// coreOf opens the core of a generation with its root key. Codes: key_wrong,
// keystore_damaged.
func coreOf(ctx context.Context, rs records, root []byte, generation uint32) (*core, error) {
	record, err := rs.Read(ctx, generationName(corePrefix, generation))
	if err == nil {
		return openCore(root, generation, record)
	}
	if !errors.Is(err, errAbsent) || generation != 1 {
		return nil, err
	}
	have, err := rs.Read(ctx, checkName)
	if err != nil {
		return nil, err
	}
	want, err := checkRecord(root)
	if err != nil {
		return nil, err
	}
	if string(have) != string(want) {
		return nil, keyWrong()
	}
	return derivedCore(root)
}

// wrapping is what one generation of the root key wraps keys with.
type wrapping struct {
	key  []byte
	aead cipher.AEAD
}

func newWrapping(key []byte) (wrapping, error) {
	aead, err := newAEAD(key)
	return wrapping{key, aead}, err
}

// roots knows what the generations of the root key wrap keys with, as far as
// they are in use.
type roots struct {
	mu     sync.RWMutex
	newest uint32
	made   time.Time // of the newest; zero: not known
	wraps  map[uint32]wrapping
}

func (r *roots) add(generation uint32, key []byte, made time.Time) error {
	w, err := newWrapping(key)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wraps[generation] = w
	if generation >= r.newest {
		r.newest, r.made = generation, made
	}
	return nil
}

func (r *roots) get(generation uint32) (wrapping, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	w, ok := r.wraps[generation]
	return w, ok
}

func (r *roots) latest() (uint32, wrapping) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.newest, r.wraps[r.newest]
}

// learn takes over what opening a generation's core tells.
func (r *roots) learn(generation uint32, root []byte, c *core) error {
	key, err := derive(root, "wrap", 32)
	if err != nil {
		return err
	}
	if err := r.add(generation, key, c.made); err != nil {
		return err
	}
	if generation > 1 && string(c.former) != string(make([]byte, 32)) {
		return r.add(generation-1, c.former, time.Time{})
	}
	return nil
}

// wrapOf gives what a generation wraps keys with, also of one that another
// process has begun in the meantime.
func (v *Vault) wrapOf(ctx context.Context, generation uint32) (cipher.AEAD, error) {
	if w, ok := v.roots.get(generation); ok {
		return w.aead, nil
	}
	if err := v.Refresh(ctx); err != nil {
		return nil, err
	}
	if w, ok := v.roots.get(generation); ok {
		return w.aead, nil
	}
	if newest, _ := v.roots.latest(); generation > newest {
		return nil, keyRetired(generation)
	}
	return nil, keyDamaged(fmt.Errorf("nothing here opens generation %d of the root key", generation))
}

// Refresh looks whether another process has changed the root key. Each process
// that runs for long is to call it once a minute.
//
// Error codes: key_retired when it was changed and what this process is
// configured with is the former one, and those of Open.
func (v *Vault) Refresh(ctx context.Context) error {
	list, err := generations(ctx, v.records)
	if err != nil || len(list) == 0 {
		return err
	}
	target := list[len(list)-1]
	for {
		newest, have := v.roots.latest()
		if newest >= target {
			return nil
		}
		d, err := v.turn(ctx, newest+1, have)
		if errors.Is(err, errAbsent) {
			return v.reopen(ctx, target)
		}
		if err != nil {
			return err
		}
		if err := v.roots.add(newest+1, d.secret, d.made); err != nil {
			return err
		}
	}
}

// turn opens the turn to a generation with what the one before wraps with.
func (v *Vault) turn(ctx context.Context, generation uint32, have wrapping) (d dated, err error) {
	for range 2 { // it may have been read in the moment in which it was written over
		record, readErr := v.records.Read(ctx, generationName(corePrefix, generation))
		if readErr != nil {
			return d, readErr
		}
		turn := turnOf(record)
		if turn == nil {
			return d, errAbsent
		}
		if d, err = unwrapAs(turnMagic, have.aead, generationName(turnPrefix, generation), turn, ownerKeySize); err == nil {
			return d, nil
		}
	}
	return d, keyDamaged(err)
}

// reopen reads the root key again where it is kept: the change was over before
// this process noticed.
func (v *Vault) reopen(ctx context.Context, generation uint32) error {
	list, err := v.source.candidates(ctx, v.records)
	if err != nil {
		return err
	}
	for _, root := range list {
		c, err := coreOf(ctx, v.records, root, generation)
		if err == nil {
			return v.roots.learn(generation, root, c)
		}
		if !notOpened(err) {
			return err
		}
	}
	return keyRetired(generation)
}

// notOpened tells that a root key is another than what a core wants, and nothing
// failed.
func notOpened(err error) bool {
	return privacyd.CodeOf(err) == "key_wrong" || errors.Is(err, errAbsent)
}

func keyRetired(generation uint32) error {
	return privacyd.Errorf(privacyd.ClassUnavailable, "key_retired",
		"The root key was changed, and this is a former one: generation %d is in use. Give this machine the new key file, "+
			"or put the address that the change was made to into keys.root; nothing was changed.", generation)
}

func storeDamaged() error {
	return privacyd.Errorf(privacyd.ClassUnavailable, "keystore_damaged",
		"The key store has keys but not the value by which the root key is checked. It is incomplete, or not a key store: "+
			"restore its newest backup. Nothing was changed.")
}
