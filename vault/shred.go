package vault

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

const (
	shredTries  = 5
	shredAtOnce = 16
)

// Shred destroys the owner's key and puts a fence in its place: nothing that
// it sealed can be opened again, and the key is never made again, also by a
// process that does not know of the erasure. A workspace's takes the keys of
// its persons with it. It may be repeated, and must be when it failed.
//
// Processes that hold the key in memory forget it within a minute. Copies of
// the key store (backups, versions that a bucket keeps) still hold the wrapped
// key: they must expire.
//
// Error codes: key_damaged, disk_full, blob_unavailable.
func (v *Vault) Shred(ctx context.Context, owner Owner) error {
	if err := owner.valid(); err != nil {
		return err
	}
	if owner == (Owner{}) {
		return errors.New("shred: the instance's own key cannot be destroyed")
	}
	if err := v.shred(ctx, v.Reference(owner.Workspace, owner.Kind, owner.ID)); err != nil {
		return fmt.Errorf("shred: %w", err)
	}
	return nil
}

// ShredFor is Shred for any number of owners known by reference. It destroys
// several keys at once, since most of the time goes into waiting for the disk.
// Where it fails, some keys may be destroyed and others not: repeat it.
func (v *Vault) ShredFor(ctx context.Context, references ...string) error {
	for _, r := range references {
		if !isReference(r) || r == v.Reference("", "", "") {
			return errors.New("shred: that is not a reference of a key that can be destroyed")
		}
	}
	work := make(chan string)
	failed := make([]error, min(shredAtOnce, len(references)))
	var running sync.WaitGroup
	for i := range failed {
		running.Go(func() {
			for r := range work {
				if failed[i] == nil {
					failed[i] = errors.Join(ctx.Err(), v.shred(ctx, r))
				}
			}
		})
	}
	for _, r := range references {
		work <- r
	}
	close(work)
	running.Wait()
	if err := errors.Join(failed...); err != nil {
		return fmt.Errorf("shred: %w", err)
	}
	return nil
}

func (v *Vault) shred(ctx context.Context, reference string) error {
	defer v.cache.drop(reference)
	if err := v.fence(ctx, reference); err != nil || len(reference) > nameDigits {
		return err
	}
	return v.destroyPersons(ctx, reference)
}

// fence takes the key's own name, so that making a key again fails where it
// would be written. A key that another process makes at this moment is
// written over in the next try.
func (v *Vault) fence(ctx context.Context, reference string) error {
	name := recordName(reference)
	for range shredTries {
		have, err := v.records.Read(ctx, name)
		if err == nil && isFence(v.core.fences, reference, have) {
			return nil
		}
		fence := fenceRecord(v.core.fences, reference, v.now())
		if errors.Is(err, errAbsent) {
			_, err = v.records.Create(ctx, name, fence)
		} else if err == nil {
			err = v.records.Replace(ctx, name, fence)
		}
		if err != nil && !errors.Is(err, errAbsent) {
			return err
		}
	}
	return fmt.Errorf("fence a key: gave up after %d tries", shredTries)
}

// destroyPersons removes the keys of a workspace's persons. They are already
// unreadable; nothing of them shall remain to be counted.
func (v *Vault) destroyPersons(ctx context.Context, workspace string) error {
	own := recordName(workspace)
	for name, err := range v.records.List(ctx, workspace+"/") {
		if err != nil {
			return err
		}
		if name == own {
			continue
		}
		if err := v.records.Destroy(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// Shredded tells whether the owner's key, or their workspace's, was destroyed.
//
// Error codes: blob_unavailable, key_damaged.
func (v *Vault) Shredded(ctx context.Context, owner Owner) (bool, error) {
	reference := v.Reference(owner.Workspace, owner.Kind, owner.ID)
	for _, ref := range []string{reference[:nameDigits], reference} {
		record, err := v.records.Read(ctx, recordName(ref))
		if errors.Is(err, errAbsent) {
			continue
		}
		if err != nil {
			return false, err
		}
		if isFence(v.core.fences, ref, record) {
			return true, nil
		}
	}
	return false, nil
}
