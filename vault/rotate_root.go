package vault

import (
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/privacyd/privacyd"
)

// settled is how long a change of keys must have been known to be sure that each
// process has noticed: they look once a minute.
const settled = 5 * time.Minute

const swapTries = 8

// RootKey tells of the root key. Error codes: those of Refresh.
func (v *Vault) RootKey(ctx context.Context) (privacyd.RootKey, error) {
	if err := v.Refresh(ctx); err != nil {
		return privacyd.RootKey{}, err
	}
	list, err := generations(ctx, v.records)
	if err != nil {
		return privacyd.RootKey{}, err
	}
	v.roots.mu.RLock()
	defer v.roots.mu.RUnlock()
	return privacyd.RootKey{Kept: v.source.kind(), Generation: int(v.roots.newest), MadeAt: v.roots.made, Changing: len(list) > 1}, nil
}

// RotateRoot brings the root key to the generation target, which is the one in
// use or the next: it makes a new root key, where the former one is kept or at
// the address to (a file, or a key service), and wraps with it what the former
// one wrapped. Nothing has to stop meanwhile, and both keys open everything until
// RetireRoot. It may be repeated, and must be when it failed or was killed.
//
// Processes of an earlier version that share the key store must be stopped first.
//
// Error codes: key_rotation_running while the change before is not over,
// key_unwritable, key_same, those of Open.
func (v *Vault) RotateRoot(ctx context.Context, target int, to string) error {
	if err := v.rotateRoot(ctx, uint32(target), to, false); err != nil {
		return fmt.Errorf("change the root key: %w", err)
	}
	return nil
}

func (v *Vault) rotateRoot(ctx context.Context, target uint32, to string, inPlace bool) error {
	if err := v.Refresh(ctx); err != nil {
		return err
	}
	if err := v.refusesStale(ctx); err != nil {
		return err
	}
	newest, _ := v.roots.latest()
	switch {
	case newest > target:
		return nil
	case newest+1 < target:
		return errRotating()
	case newest+1 == target:
		if err := v.beginRoot(ctx, target, to, inPlace); err != nil {
			return err
		}
	case to != "":
		if err := v.keptAt(ctx, target, to); err != nil {
			return err
		}
	}
	if to == "" {
		err := v.settleRoot(ctx, target)
		if err != nil && (newest < target || privacyd.CodeOf(err) != "key_missing") { // it may have gone elsewhere
			return err
		}
	}
	return v.rewrapTops(ctx)
}

// keptAt refuses a place that is not the one that a running change leads to.
func (v *Vault) keptAt(ctx context.Context, target uint32, to string) error {
	there, err := openSource(ctx, to)
	if err != nil {
		return err
	}
	defer there.close() //nolint:errcheck // it was only read
	list, err := there.candidates(ctx, v.records)
	if errors.Is(err, errNoRoot) {
		return errRotating()
	}
	if err != nil {
		return err
	}
	for _, root := range list {
		if _, err := coreOf(ctx, v.records, root, target); err == nil || !notOpened(err) {
			return err
		}
	}
	return errRotating()
}

// settleRoot has the new root key take the former one's place.
func (v *Vault) settleRoot(ctx context.Context, target uint32) error {
	return v.source.settle(func(root []byte) bool {
		_, err := coreOf(ctx, v.records, root, target)
		return err == nil
	})
}

// beginRoot makes the next root key, also in place of one whose change is not
// over. Once its core is written all processes wrap with it.
func (v *Vault) beginRoot(ctx context.Context, target uint32, to string, inPlace bool) error {
	list, err := generations(ctx, v.records)
	if err != nil {
		return err
	}
	if !inPlace && slices.ContainsFunc(list, func(n uint32) bool { return n+1 < target }) {
		return errRotating()
	}
	root, err := v.nextRoot(ctx, target, to)
	if err != nil {
		return err
	}
	if err := v.unused(ctx, root, target, list); err != nil {
		return err
	}
	return v.placeCore(ctx, root, target)
}

// unused refuses a root key for a generation that is one of another, or was.
func (v *Vault) unused(ctx context.Context, root []byte, target uint32, list []uint32) error {
	for _, n := range list {
		if n == target {
			continue
		}
		if _, err := coreOf(ctx, v.records, root, n); err == nil {
			return errSame()
		} else if !notOpened(err) {
			return err
		}
	}
	former, err := v.isRetired(ctx, root)
	if err == nil && former {
		err = errSame()
	}
	return err
}

func errSame() error {
	return privacyd.Errorf(privacyd.ClassRefused, "key_same",
		"The key at the new place is the one in use already, or was in use before. Name a place that has none yet.")
}

// nextRoot makes the next root key durable where it is to be kept.
func (v *Vault) nextRoot(ctx context.Context, target uint32, to string) ([]byte, error) {
	if to == "" {
		return v.source.prepare(ctx, v.records, target)
	}
	next, err := openSource(ctx, to)
	if err != nil {
		return nil, err
	}
	defer next.close() //nolint:errcheck // nothing is written by it
	if file, ok := next.(fileRoot); ok {
		next = placedRoot{file}
	}
	return next.prepare(ctx, v.records, target)
}

// placeCore writes the core of the next generation, and in the same record the
// turn to it: of several processes one does, and the others learn that a change
// is running. A core that is there is never removed for another.
func (v *Vault) placeCore(ctx context.Context, root []byte, target uint32) error {
	key, err := derive(root, "wrap", 32)
	if err != nil {
		return err
	}
	record, err := v.turnedCore(root, key, target)
	if err != nil {
		return err
	}
	name := generationName(corePrefix, target)
	made, err := v.records.Create(ctx, name, record)
	if err != nil {
		return err
	}
	if made {
		if over, err := v.isOver(ctx, target); err != nil || over {
			return errors.Join(err, v.records.Destroy(ctx, name), errRotating())
		}
	}
	if err := v.Refresh(ctx); err != nil {
		return err
	}
	if w, ok := v.roots.get(target); !ok || !hmac.Equal(w.key, key) {
		return errRotating()
	}
	return nil
}

// turnedCore makes the record of the next generation.
func (v *Vault) turnedCore(root, key []byte, target uint32) ([]byte, error) {
	former, ok := v.roots.get(target - 1)
	if !ok {
		return nil, errRotating()
	}
	c := *v.core
	c.former, c.made = former.key, v.now().UTC()
	record, err := c.seal(root, target)
	if err != nil {
		return nil, err
	}
	turn := wrapAs(turnMagic, former.aead, generationName(turnPrefix, target), target-1, dated{version: target, made: c.made, secret: key})
	return append(record, turn...), nil
}

// isOver tells whether a generation has come and gone, which only a process that
// stood still for long does not know.
func (v *Vault) isOver(ctx context.Context, generation uint32) (bool, error) {
	_, err := v.records.Read(ctx, generationName(retiredPrefix, generation))
	if errors.Is(err, errAbsent) {
		return false, nil
	}
	return err == nil, err
}

// rewrapTops wraps all that the root key wraps with its newest generation.
func (v *Vault) rewrapTops(ctx context.Context) error {
	if _, err := v.rewrapTop(ctx, signingName, signingName); err != nil {
		return err
	}
	tops, err := v.records.Tops(ctx)
	if err != nil {
		return err
	}
	for _, top := range tops {
		if len(top) != nameDigits || !isReference(top) {
			continue
		}
		fenced, err := v.rewrapTop(ctx, top, recordName(top))
		if err != nil {
			return err
		}
		if fenced { // whoever shredded it may have been killed, or passed by a change
			if err := v.destroyPersons(ctx, top); err != nil {
				return err
			}
			continue
		}
		for name, err := range v.records.List(ctx, top+"/was.") {
			if err != nil {
				return err
			}
			if _, err := v.rewrapTop(ctx, top, name); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// rewrapTop wraps one record with the newest generation. A fence stays, also
// one that is put there at this moment.
func (v *Vault) rewrapTop(ctx context.Context, reference, name string) (fenced bool, err error) {
	var failed error
	for range swapTries {
		record, err := v.records.Read(ctx, name)
		if err != nil {
			return false, gone(err)
		}
		if isFence(v.core.fences, reference, record) {
			return true, nil
		}
		generation, w := v.roots.latest()
		if epochOf(record) == generation {
			return false, nil
		}
		next, err := v.rewrapped(ctx, reference, name, record, generation, w)
		if err != nil { // it may have been read while it was written over
			failed = err
			continue
		}
		if changed, err := v.records.Swap(ctx, name, record, next); changed || err != nil {
			return false, gone(err)
		}
	}
	if failed == nil {
		failed = fmt.Errorf("wrap a key anew: gave up after %d tries", swapTries)
	}
	return false, failed
}

func (v *Vault) rewrapped(ctx context.Context, reference, name string, record []byte, generation uint32, w wrapping) ([]byte, error) {
	if !isKey(record) {
		return nil, keyDamaged(errRecord)
	}
	parent, err := v.wrapOf(ctx, epochOf(record))
	if err != nil {
		return nil, err
	}
	if name == signingName {
		seed, err := unwrapKey(parent, signingName, record)
		if err != nil {
			return nil, keyDamaged(err)
		}
		return wrapKey(w.aead, signingName, generation, seed), nil
	}
	d, err := unwrapDated(parent, boundTo(reference, name), record)
	if err != nil {
		return nil, keyDamaged(err)
	}
	return wrapDated(w.aead, boundTo(reference, name), generation, d), nil
}

// gone takes a record that was removed in the meantime for done.
func gone(err error) error {
	if errors.Is(err, errAbsent) {
		return nil
	}
	return err
}

// refusesStale proves of an object store that a change of keys cannot bring
// back one that is destroyed meanwhile.
func (v *Vault) refusesStale(ctx context.Context) error {
	o, ok := v.records.(*objects)
	if !ok {
		return nil
	}
	record, err := o.Read(ctx, signingName)
	if errors.Is(err, errAbsent) {
		return nil // nothing was ever signed: there is no key to bring back
	}
	if err != nil {
		return err
	}
	return o.refusesStale(ctx, signingName, record)
}

func errRotating() error {
	return privacyd.Errorf(privacyd.ClassConflict, "key_rotation_running",
		"The change of the root key before this one is not over yet. privacyd key list says what it waits for.")
}
