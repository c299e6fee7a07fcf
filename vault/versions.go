package vault

import (
	"context"
	"errors"
	"fmt"
	"strconv"
)

// A workspace's key has versions. The newest lies under the key's own name; of
// each former one a record remains beside it: whole while keys of persons may
// still be wrapped with it, and then only what opens data that was sealed with
// it. All are wrapped with the root key.

func pastName(workspace string, version uint32) string {
	return workspace + "/was." + strconv.FormatUint(uint64(version), 10)
}

// version gives one version of the key of a reference. A person's key has one.
func (v *Vault) version(ctx context.Context, reference string, version uint32) (*ownerKey, error) {
	k, err := v.key(ctx, reference, false)
	if err != nil || version == k.version {
		return k, err
	}
	if version > k.version { // another process has changed it
		v.cache.drop(reference)
		if k, err = v.key(ctx, reference, false); err != nil || version == k.version {
			return k, err
		}
	}
	if version == 0 || version > k.version || len(reference) > nameDigits {
		return nil, ErrDamaged
	}
	return v.remembered(reference+"#"+strconv.FormatUint(uint64(version), 10), func() (*ownerKey, error) {
		return v.loadPast(ctx, reference, version)
	})
}

func (v *Vault) loadPast(ctx context.Context, workspace string, version uint32) (*ownerKey, error) {
	d, _, err := v.readDated(ctx, workspace, pastName(workspace, version))
	if errors.Is(err, errAbsent) {
		return nil, keyGone()
	}
	if err != nil {
		return nil, err
	}
	if d.version != version {
		return nil, keyDamaged(fmt.Errorf("it is version %d and not %d", d.version, version))
	}
	return d.split()
}

// readDated opens a record of a workspace's key, the newest or a former one,
// and gives its bytes, too.
func (v *Vault) readDated(ctx context.Context, workspace, name string) (d dated, record []byte, err error) {
	record, err = v.records.Read(ctx, name)
	if err != nil {
		return d, nil, err
	}
	if isFence(v.core.fences, workspace, record) {
		return d, nil, ErrShredded
	}
	if !isKey(record) {
		return d, nil, keyDamaged(errRecord)
	}
	wrap, err := v.wrapOf(ctx, epochOf(record))
	if err != nil {
		return d, nil, err
	}
	if d, err = unwrapDated(wrap, boundTo(workspace, name), record); err != nil {
		return d, nil, keyDamaged(err)
	}
	return d, record, nil
}

// boundTo is what a record is bound to: the reference of the newest version,
// the name of a former one.
func boundTo(workspace, name string) string {
	if name == recordName(workspace) {
		return workspace
	}
	return name
}

// fileKeys gives a workspace's keys of files one after the other, the newest
// first, until try takes one: a file's header tells whose it is. It begins
// again once where another process may have changed the key.
func (v *Vault) fileKeys(ctx context.Context, reference string, try func(key []byte) error) error {
	err := v.tryFileKeys(ctx, reference, try)
	if !errors.Is(err, errCommitment) {
		return err
	}
	have, readErr := v.records.Read(ctx, recordName(reference))
	known, keyErr := v.key(ctx, reference, false)
	if readErr != nil || keyErr != nil || versionOf(have) <= known.version {
		return ErrDamaged
	}
	v.cache.drop(reference)
	if err = v.tryFileKeys(ctx, reference, try); errors.Is(err, errCommitment) {
		return ErrDamaged
	}
	return err
}

func (v *Vault) tryFileKeys(ctx context.Context, reference string, try func(key []byte) error) error {
	newest, err := v.key(ctx, reference, false)
	if err != nil {
		return err
	}
	for version := newest.version; version > 0; version-- {
		k, err := v.version(ctx, reference, version)
		if err != nil {
			return err
		}
		if err := try(k.file); !errors.Is(err, errCommitment) {
			return err
		}
	}
	return errCommitment
}
