package vault

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/privacyd/privacyd"
)

// WorkspaceKey tells of a workspace's key; an empty workspace is the instance.
//
// Error codes: key_shredded, key_damaged, blob_unavailable.
func (v *Vault) WorkspaceKey(ctx context.Context, workspace string) (privacyd.WorkspaceKey, error) {
	top, k := v.Reference(workspace, "", ""), privacyd.WorkspaceKey{WorkspaceID: workspace}
	d, _, err := v.readDated(ctx, top, recordName(top))
	if errors.Is(err, errAbsent) {
		return k, nil
	}
	if err != nil {
		return k, err
	}
	k.Version, k.MadeAt = int(d.version), d.made
	for n := uint32(1); n < d.version && !k.Changing; n++ {
		former, err := v.records.Read(ctx, pastName(top, n))
		if err != nil {
			return k, keyDamaged(err)
		}
		k.Changing = !isRecord(former, pastMagic)
	}
	return k, nil
}

// RotateWorkspace brings a workspace's key to the version target, which is the
// one in use or the next. What is sealed and encrypted from then on is so with
// the new version, and the persons' keys are wrapped with it. What was sealed
// and encrypted before stays as it is and readable: what opens it is kept,
// wrapped with the root key, while the former key itself, which wraps and
// derives, goes with RetireWorkspace. It may be repeated, and must be when it
// failed or was killed. An empty workspace is the instance.
//
// Error codes: key_shredded, key_damaged, keystore_unsuitable, disk_full,
// blob_unavailable.
func (v *Vault) RotateWorkspace(ctx context.Context, workspace string, target int) error {
	if err := v.refusesStale(ctx); err != nil {
		return fmt.Errorf("change a workspace's key: %w", err)
	}
	top := v.Reference(workspace, "", "")
	err := v.nextVersion(ctx, top, uint32(target))
	if err == nil {
		err = v.rewrapPersons(ctx, top)
	}
	if err != nil {
		return fmt.Errorf("change a workspace's key: %w", v.cleared(ctx, top, err))
	}
	return nil
}

// cleared removes what a change has kept of former versions of a key that was
// shredded meanwhile, whatever the change met of that first.
func (v *Vault) cleared(ctx context.Context, top string, err error) error {
	if err == nil {
		return nil
	}
	if record, readErr := v.records.Read(ctx, recordName(top)); readErr != nil || !isFence(v.core.fences, top, record) {
		return err
	}
	if failed := v.destroyPersons(ctx, top); failed != nil {
		return failed
	}
	return ErrShredded
}

// nextVersion puts a new version into the place of the one before, of which a
// record is written first.
func (v *Vault) nextVersion(ctx context.Context, top string, target uint32) error {
	defer v.cache.drop(top)
	if _, err := v.key(ctx, top, true); err != nil {
		return err
	}
	for range swapTries {
		d, record, err := v.readDated(ctx, top, recordName(top))
		if err != nil || d.version >= target {
			return err
		}
		if d.version+1 != target {
			return fmt.Errorf("it is at version %d, and cannot go to %d", d.version, target)
		}
		if err := v.keepPast(ctx, top, d); err != nil {
			return err
		}
		next, err := v.freshVersion(top, target)
		if err != nil {
			return err
		}
		if changed, err := v.records.Swap(ctx, recordName(top), record, next); changed || err != nil {
			return err
		}
	}
	return fmt.Errorf("gave up after %d tries", swapTries)
}

// keepPast writes the record of a version that is about to be a former one. Two
// that do it at once write the same.
func (v *Vault) keepPast(ctx context.Context, top string, d dated) error {
	name := pastName(top, d.version)
	generation, w := v.roots.latest()
	made, err := v.records.Create(ctx, name, wrapDated(w.aead, name, generation, d))
	if err != nil || made {
		return err
	}
	_, err = v.rewrapTop(ctx, top, name)
	return err
}

func (v *Vault) freshVersion(top string, version uint32) ([]byte, error) {
	key, err := newOwnerKey()
	if err != nil {
		return nil, err
	}
	generation, w := v.roots.latest()
	return wrapDated(w.aead, top, generation, dated{version: version, made: v.now().UTC(), secret: key}), nil
}

// rewrapPersons wraps the keys of a workspace's persons with its newest
// version.
func (v *Vault) rewrapPersons(ctx context.Context, top string) error {
	for name, err := range v.records.List(ctx, top+"/") {
		if err != nil {
			return err
		}
		reference, ok := personOf(top, name)
		if !ok {
			continue
		}
		if err := v.rewrapPerson(ctx, reference); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// personOf is recordName undone.
func personOf(top, name string) (reference string, ok bool) {
	reference = top + "/" + strings.ReplaceAll(strings.TrimPrefix(name, top+"/"), "/", "")
	return reference, len(reference) > nameDigits && isReference(reference) && recordName(reference) == name
}

// rewrapPerson wraps one person's key with the newest version of their
// workspace's. A fence stays, also one that is put there at this moment.
func (v *Vault) rewrapPerson(ctx context.Context, reference string) error {
	var failed error
	for range swapTries {
		record, err := v.records.Read(ctx, recordName(reference))
		if errors.Is(err, errAbsent) || err == nil && isFence(v.core.fences, reference, record) {
			return nil
		}
		if err != nil {
			return err
		}
		workspace, err := v.key(ctx, reference[:nameDigits], false)
		if err != nil || epochOf(record) == workspace.version {
			return err
		}
		parent, err := v.parent(ctx, reference, epochOf(record))
		if err != nil {
			return err
		}
		key, err := unwrapKey(parent, reference, record)
		if err != nil { // it may have been read while it was written over
			failed = keyDamaged(err)
			continue
		}
		next := wrapKey(workspace.wrap, reference, workspace.version, key)
		if changed, err := v.records.Swap(ctx, recordName(reference), record, next); changed || err != nil {
			return gone(err)
		}
	}
	if failed == nil {
		failed = fmt.Errorf("wrap a person's key anew: gave up after %d tries", swapTries)
	}
	return failed
}

// RetireWorkspace ends changes of a workspace's key: of former versions nothing
// is left but what opens data. It does nothing, and done is false, until all
// processes have had time to notice the change, unless this one is alone with
// the key store. It may be repeated.
//
// Error codes: those of RotateWorkspace.
func (v *Vault) RetireWorkspace(ctx context.Context, workspace string) (done bool, err error) {
	top := v.Reference(workspace, "", "")
	state, err := v.WorkspaceKey(ctx, workspace)
	if err != nil || !state.Changing {
		return err == nil, v.cleared(ctx, top, err)
	}
	if !v.alone && v.now().Before(state.MadeAt.Add(settled)) {
		return false, nil
	}
	if err := v.retireVersions(ctx, top, uint32(state.Version)); err != nil {
		return false, fmt.Errorf("end the change of a workspace's key: %w", v.cleared(ctx, top, err))
	}
	return true, nil
}

func (v *Vault) retireVersions(ctx context.Context, top string, newest uint32) error {
	v.making.Lock() // whoever makes a key with a former version is done, and is met below; the next take the newest
	v.cache.drop(top)
	v.making.Unlock()
	if err := v.rewrapPersons(ctx, top); err != nil {
		return err
	}
	defer v.cache.drop(top)
	for n := uint32(1); n < newest; n++ {
		if err := v.reducePast(ctx, top, pastName(top, n)); err != nil {
			return err
		}
	}
	return nil
}

// reducePast leaves of a former version what opens data.
func (v *Vault) reducePast(ctx context.Context, top, name string) error {
	for range swapTries {
		d, record, err := v.readDated(ctx, top, name)
		if err != nil || d.past {
			return gone(err)
		}
		data, err := dataKeys(d.secret)
		if err != nil {
			return err
		}
		generation, w := v.roots.latest()
		next := wrapDated(w.aead, name, generation, dated{version: d.version, made: d.made, secret: data, past: true})
		if changed, err := v.records.Swap(ctx, name, record, next); changed || err != nil {
			return gone(err)
		}
	}
	return fmt.Errorf("gave up after %d tries", swapTries)
}
