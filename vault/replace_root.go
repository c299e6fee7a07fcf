package vault

import (
	"context"
	"errors"
	"fmt"

	"github.com/privacyd/privacyd"
)

// ReplaceRoot gives up a change of the root key whose new key is lost: it makes
// another one, as the generation target, the next after the one that is lost.
// Whatever that wraps the former key still opens, by the turn to it, and is
// wrapped with it before the other is made; RetireRoot ends both. It may be
// repeated, and must be when it failed or was killed.
//
// Error codes: key_change_none, key_not_lost when the new key is where it was to
// be, key_rotation_running within five minutes of the change's beginning,
// key_missing and key_wrong when the former key is not at the configured place,
// those of RotateRoot.
func (v *Vault) ReplaceRoot(ctx context.Context, target int, to string) error {
	if err := v.replaceRoot(ctx, uint32(target), to); err != nil {
		return fmt.Errorf("give up a change of the root key: %w", err)
	}
	return nil
}

func (v *Vault) replaceRoot(ctx context.Context, target uint32, to string) error {
	state, err := v.RootKey(ctx)
	if err != nil {
		return err
	}
	if newest := uint32(state.Generation); newest < target {
		if !state.Changing || newest+1 < target {
			return privacyd.Errorf(privacyd.ClassConflict, "key_change_none", "No change of the root key is on its way, so there is none to give up.")
		}
		if !v.alone && v.now().Before(state.MadeAt.Add(settled)) {
			return privacyd.Errorf(privacyd.ClassConflict, "key_rotation_running",
				"This change of the root key began less than five minutes ago, and other processes may not know of it yet. Give it up after that.")
		}
		if err := v.lost(ctx, newest); err != nil {
			return err
		}
		if err := v.rewrapTops(ctx); err != nil { // what the lost one wraps is all that the next will know
			return err
		}
	}
	return v.rotateRoot(ctx, target, to, true)
}

// lost refuses when the root key of a generation is at the configured place, or
// can come there, and when the one before it is not.
func (v *Vault) lost(ctx context.Context, generation uint32) error {
	if err := v.settleRoot(ctx, generation); err != nil && privacyd.CodeOf(err) != "key_missing" {
		return err
	}
	there, err := v.taken(ctx, generation)
	switch {
	case errors.Is(err, errNoRoot):
		return rootMissing(v.source)
	case err != nil:
		return err
	case there:
		return privacyd.Errorf(privacyd.ClassConflict, "key_not_lost",
			"The new root key is in its place, so this change is not given up: it ends by itself (privacyd key list).")
	}
	list, err := generations(ctx, v.records)
	if err != nil {
		return err
	}
	for _, former := range list {
		if there, err := v.taken(ctx, former); err != nil || there {
			return err
		}
	}
	return keyWrong()
}
