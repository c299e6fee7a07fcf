package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/work"
)

// Memos keeps small things of the instance from one start to the next, under
// names. None of it is personal.
type Memos interface {
	PutMemo(ctx context.Context, name string, value []byte) error
	Memos(ctx context.Context, prefix string) (map[string][]byte, error)
	DeleteMemo(ctx context.Context, name string) (was bool, err error)
}

const (
	rootMemo = "key_change/" // and the id of the audit entry with the intent

	// keysPatience is how long a change of the root key that another process began
	// may be at work before it is taken for dead.
	keysPatience = 5 * time.Minute
)

// rootIntent is an intent to change the root key that has no outcome yet.
type rootIntent struct {
	Generation int       `json:"generation"`
	At         time.Time `json:"at"`                 // zero: its process is dead
	Abandons   int       `json:"abandons,omitempty"` // the generation in whose place it comes; 0: none
}

func (e *Engine) rotateRoot(ctx context.Context, c privacyd.Caller, change KeyChange) error {
	before, err := e.Ring.RootKey(ctx)
	if err != nil {
		return err
	}
	n, rotate := rootIntent{Generation: before.Generation + 1, At: e.Now()}, e.Ring.RotateRoot
	switch {
	case change.Abandon && !before.Changing:
		return privacyd.Errorf(privacyd.ClassConflict, "key_change_none", "No change of the root key is on its way, so there is none to give up.")
	case change.Abandon:
		n.Abandons, rotate = before.Generation, e.Ring.ReplaceRoot
	case before.Changing: // it may have failed, or been killed
		n.Generation = before.Generation
	}
	ev := rootEvent(c, "key.rotate", n.Generation)
	intent, err := e.intendRoot(ctx, ev, n)
	if err != nil {
		return err
	}
	if err := rotate(ctx, n.Generation, change.To); err != nil {
		ev.Outcome, ev.Code = privacyd.OutcomeFailed, privacyd.CodeOf(err)
		if recorded := outcome(ctx, func(ctx context.Context) error { return e.endIntent(ctx, intent, n, ev) }); recorded != nil {
			return fmt.Errorf("audit a change of keys that failed: %w", recorded)
		}
		return err
	}
	return outcome(ctx, func(ctx context.Context) error {
		return e.Tx.InTx(ctx, func(ctx context.Context) error {
			return errors.Join(e.endIntent(ctx, intent, n, ev), e.queueRoot(ctx, n.Generation, e.Now()))
		})
	})
}

// intendRoot notes that a change of the root key is to begin. Its end is sure to
// come, whatever becomes of this process.
func (e *Engine) intendRoot(ctx context.Context, ev privacyd.AuditEvent, n rootIntent) (intent string, err error) {
	ev.Outcome = privacyd.OutcomeIntent
	return intent, e.Tx.InTx(ctx, func(ctx context.Context) error {
		id, err := e.record(ctx, ev)
		if err != nil {
			return err
		}
		intent = rootMemo + id
		if err := e.putIntent(ctx, intent, n); err != nil {
			return err
		}
		return e.queueRoot(ctx, n.Generation, e.Now().Add(keysLook))
	})
}

func (e *Engine) putIntent(ctx context.Context, name string, n rootIntent) error {
	value, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("note a change of keys: %w", err)
	}
	return e.Memos.PutMemo(ctx, name, value)
}

// endIntent writes down what became of an intent, unless that was done.
func (e *Engine) endIntent(ctx context.Context, intent string, n rootIntent, ev privacyd.AuditEvent) error {
	return e.Tx.InTx(ctx, func(ctx context.Context) error {
		was, err := e.Memos.DeleteMemo(ctx, intent)
		if err != nil || !was {
			return err
		}
		if _, err = e.record(ctx, ev); err != nil || n.Abandons == 0 || ev.Outcome != privacyd.OutcomeDone {
			return err
		}
		if _, err = e.record(ctx, rootEvent(ev.Caller, "key.abandon", n.Abandons)); err != nil {
			return err
		}
		return e.Queue.Cancel(ctx, WorkKeys, rootWork(n.Abandons))
	})
}

func rootWork(generation int) string { return workRoot + "/" + strconv.Itoa(generation) }

func (e *Engine) queueRoot(ctx context.Context, generation int, at time.Time) error {
	return e.Queue.Enqueue(ctx, work.Item{Kind: WorkKeys, Key: rootWork(generation), At: at})
}

func rootEvent(c privacyd.Caller, action string, generation int) privacyd.AuditEvent {
	return privacyd.AuditEvent{
		Caller: c, Action: action, Outcome: privacyd.OutcomeDone, Target: privacyd.Target{Type: "root_key"},
		Facts: map[string]int64{"generation": int64(generation)},
	}
}

// rootIntents lists the intents that have no outcome, by the names of their
// memos.
func (e *Engine) rootIntents(ctx context.Context) (map[string]rootIntent, error) {
	memos, err := e.Memos.Memos(ctx, rootMemo)
	if err != nil {
		return nil, err
	}
	list := make(map[string]rootIntent, len(memos))
	for name, value := range memos {
		var n rootIntent
		if err := json.Unmarshal(value, &n); err != nil {
			return nil, fmt.Errorf("read an intent to change keys: %w", err)
		}
		list[name] = n
	}
	return list, nil
}

// runRoot ends the change of the root key once it may end. Until the new key is
// the one that is configured, it waits. One that never began has no end, but an
// outcome: that it failed.
func (e *Engine) runRoot(ctx context.Context, generation int) error {
	k, err := e.Ring.RootKey(ctx)
	if err != nil {
		return err
	}
	if k.Changing && k.Generation == generation {
		err = e.Ring.RotateRoot(ctx, generation, "")
	}
	abandoned, left := e.isAbandoned(ctx, generation)
	if left != nil {
		return left
	}
	if open, failed := e.endIntents(ctx, k.Generation, err); open || failed != nil || err != nil {
		return e.lookAgain(ctx, rootWork(generation), errors.Join(err, failed))
	}
	if k.Generation < generation || abandoned {
		return nil
	}
	if k.Changing && k.Generation == generation {
		if done, err := e.Ring.RetireRoot(ctx); err != nil || !done {
			return e.lookAgain(ctx, rootWork(generation), err)
		}
	}
	return e.recordAlone(ctx, rootEvent(privacyd.System("key.rotate"), "key.retire", generation))
}

// isAbandoned tells whether a change that is about to be written down gives up
// the one to a generation, which then has no end of its own.
func (e *Engine) isAbandoned(ctx context.Context, generation int) (bool, error) {
	intents, err := e.rootIntents(ctx)
	for _, n := range intents {
		if n.Abandons == generation {
			return true, nil
		}
	}
	return false, err
}

// endIntents writes down what became of changes whose process is dead: those up
// to the generation that is in use are done, or failed as the change does now,
// and the others never began. open: some process may still be at work.
func (e *Engine) endIntents(ctx context.Context, generation int, fault error) (open bool, err error) {
	intents, err := e.rootIntents(ctx)
	if err != nil {
		return false, err
	}
	for name, n := range intents {
		if e.Now().Before(n.At.Add(keysPatience)) {
			open = true
			continue
		}
		ev := rootEvent(privacyd.System("key.rotate"), "key.rotate", n.Generation)
		switch {
		case n.Generation > generation:
			ev.Outcome, ev.Code = privacyd.OutcomeFailed, "key_change_interrupted"
		case n.Generation == generation && fault != nil:
			ev.Outcome, ev.Code = privacyd.OutcomeFailed, privacyd.CodeOf(fault)
		}
		if err := e.endIntent(ctx, name, n, ev); err != nil {
			return open, err
		}
	}
	return open, nil
}

// ResumeKeys takes up, at each start, what a process had begun and did not come
// to: it queues the end of a change of the root key, and the outcome of one that
// has none. alone: no other process can be at work.
func (e *Engine) ResumeKeys(ctx context.Context, alone bool) error {
	k, err := e.Ring.RootKey(ctx)
	if err != nil {
		return err
	}
	intents, err := e.rootIntents(ctx)
	if err != nil || !k.Changing && len(intents) == 0 {
		return err
	}
	return e.Tx.InTx(ctx, func(ctx context.Context) error {
		if k.Changing {
			if err := e.queueRoot(ctx, k.Generation, e.Now()); err != nil {
				return err
			}
		}
		for name, n := range intents {
			if alone {
				n.At = time.Time{}
				if err := e.putIntent(ctx, name, n); err != nil {
					return err
				}
			}
			at := n.At.Add(keysPatience)
			if at.Before(e.Now()) {
				at = e.Now()
			}
			if err := e.queueRoot(ctx, n.Generation, at); err != nil {
				return err
			}
		}
		return nil
	})
}
