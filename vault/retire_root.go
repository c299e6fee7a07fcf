package vault

import (
	"bytes"
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
)

// RetireRoot ends a change of the root key: from then on the former key opens
// nothing more. It does nothing, and done is false, until what this process is
// configured with is the new key and, unless it is alone with the key store, all
// processes have had time to notice the change. It may be repeated.
//
// Error codes: those of Open.
func (v *Vault) RetireRoot(ctx context.Context) (done bool, err error) {
	if done, err = v.retireRoot(ctx); err != nil {
		return false, fmt.Errorf("end the change of the root key: %w", err)
	}
	return done, nil
}

func (v *Vault) retireRoot(ctx context.Context) (bool, error) {
	state, err := v.RootKey(ctx)
	if err != nil || !state.Changing {
		return err == nil, err
	}
	if !v.alone && v.now().Before(state.MadeAt.Add(settled)) {
		return false, nil
	}
	if taken, err := v.taken(ctx, uint32(state.Generation)); err != nil || !taken {
		return false, err
	}
	if err := v.rewrapTops(ctx); err != nil {
		return false, err
	}
	list, err := generations(ctx, v.records)
	if err != nil {
		return false, err
	}
	for _, former := range list {
		if int(former) >= state.Generation {
			continue
		}
		if err := v.retire(ctx, former); err != nil {
			return false, err
		}
	}
	return true, nil
}

// taken tells whether the root key that the configuration leads to is that of a
// generation.
func (v *Vault) taken(ctx context.Context, generation uint32) (bool, error) {
	list, err := v.source.candidates(ctx, v.records)
	if err != nil {
		return false, err
	}
	for _, root := range list {
		_, err := coreOf(ctx, v.records, root, generation)
		if notOpened(err) {
			continue
		}
		if err != nil {
			return false, err
		}
		key, err := derive(root, "wrap", 32)
		if err != nil {
			return false, err
		}
		w, _ := v.roots.get(generation)
		return hmac.Equal(w.key, key), nil
	}
	return false, nil
}

// retire removes what a former root key opens. Its core goes last: while it is
// there the change is not over.
func (v *Vault) retire(ctx context.Context, former uint32) error {
	if check, err := v.formerCheck(ctx, former); err != nil {
		return err
	} else if check != nil {
		if _, err := v.records.Create(ctx, generationName(retiredPrefix, former), check); err != nil {
			return err
		}
	}
	if err := v.endTurn(ctx, former+1); err != nil {
		return err
	}
	names, err := rootNames(ctx, v.records, former)
	if err != nil {
		return err
	}
	names = append(names, generationName(corePrefix, former))
	if former == 1 {
		names = append(names, checkName)
	}
	for _, name := range names {
		if err := v.records.Destroy(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// endTurn takes the turn to a generation out of its core's record.
func (v *Vault) endTurn(ctx context.Context, generation uint32) error {
	name := generationName(corePrefix, generation)
	for range swapTries {
		record, err := v.records.Read(ctx, name)
		if err != nil || turnOf(record) == nil {
			return gone(err)
		}
		next := append(bytes.Clone(record[:fullCore]), make([]byte, recordSize)...)
		if changed, err := v.records.Swap(ctx, name, record, next); changed || err != nil {
			return gone(err)
		}
	}
	return fmt.Errorf("take out a turn: gave up after %d tries", swapTries)
}

// formerCheck gives the one-way value of a former root key; none: it is retired
// already.
func (v *Vault) formerCheck(ctx context.Context, former uint32) ([]byte, error) {
	record, err := v.records.Read(ctx, generationName(corePrefix, former))
	if err == nil && isCore(record) {
		return pad(append([]byte(checkMagic), record[magicSize+12:coreHead]...)), nil
	}
	if former == 1 && errors.Is(err, errAbsent) {
		record, err = v.records.Read(ctx, checkName)
	}
	if errors.Is(err, errAbsent) {
		return nil, nil
	}
	return record, err
}
