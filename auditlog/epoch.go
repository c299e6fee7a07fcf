package auditlog

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// mark is a state of a log that the database must not be behind.
type mark struct {
	epoch int
	size  int64
	root  [32]byte
}

func markOf(h Head) mark { return mark{h.Epoch, h.Size, h.Root} }

func (m mark) after(o mark) bool {
	return m.epoch > o.epoch || (m.epoch == o.epoch && m.size > o.size)
}

// unchecked gives the logs whose tips may not be signed upon: nothing is known
// of them yet, they are behind what is known, are another key's, or not whole.
func (s *Sequencer) unchecked(logs []string, tips map[string]Tip) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, log := range logs {
		known, ok := s.known[log]
		tip := markOf(tips[log].Head)
		if !ok || known.after(tip) || (!tip.after(known) && tip.root != known.root) || !s.sound(tips[log], known) {
			out = append(out, log)
		}
	}
	return out
}

// atOnce is how many logs are compared or published at a time.
const atOnce = 16

// check compares logs with what is published of them, and opens a new epoch
// for those that are behind.
func (s *Sequencer) check(ctx context.Context, logs []string) error {
	tips, err := s.Store.Tips(ctx, logs)
	if err != nil {
		return err
	}
	return forEach(ctx, logs, func(ctx context.Context, log string) error {
		return s.checkLog(ctx, log, tips[log])
	})
}

// forEach calls fn for each item, some at once, and gives the first error.
func forEach[T any](ctx context.Context, items []T, fn func(ctx context.Context, item T) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan T)
	var workers sync.WaitGroup
	for range min(atOnce, len(items)) {
		workers.Go(func() {
			for item := range next {
				if err := fn(ctx, item); err != nil {
					cancel(err)
				}
			}
		})
	}
	for _, item := range items {
		if ctx.Err() != nil {
			break
		}
		next <- item
	}
	close(next)
	workers.Wait()
	return context.Cause(ctx)
}

// checkLog compares one log with what is published and with what this process
// has seen of it.
func (s *Sequencer) checkLog(ctx context.Context, log string, tip Tip) error {
	published, err := s.published(ctx, log)
	if err != nil {
		return fmt.Errorf("compare the audit log %s with its published checkpoint: %w", LogName(log), err)
	}
	s.mu.Lock()
	known := s.known[log]
	s.mu.Unlock()
	if !known.after(published) {
		known = published
	}
	behind, err := s.behind(ctx, tip, known)
	if err != nil {
		return fmt.Errorf("compare the audit log %s with its published checkpoint: %w", LogName(log), err)
	}
	if behind {
		return s.reopen(ctx, log, known, published)
	}
	s.accept(log, tip, published)
	return nil
}

// accept remembers a tip that may be signed upon, and what it still lacks.
func (s *Sequencer) accept(log string, tip Tip, published mark) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := markOf(tip.Head)
	if known, ok := s.known[log]; !ok || m.after(known) {
		s.known[log] = m
	}
	if m.after(published) {
		s.publishLater(tip.Head)
	}
	if tip.Noted < tip.Size {
		s.noteLater(tip.Head)
	}
}

// published gives what is published of a log; nothing is the zero mark. A
// checkpoint that claims to be of this key must be signed with it. One of
// another key, which was lost, is believed as it stands: all that follows from
// it is a new epoch.
func (s *Sequencer) published(ctx context.Context, log string) (mark, error) {
	signed, err := s.Published.Read(ctx, LogName(log))
	if errors.Is(err, fs.ErrNotExist) {
		return mark{}, nil
	}
	if err != nil {
		return mark{}, err
	}
	origin, size, root, err := ReadCheckpoint(signed)
	if err != nil {
		return mark{}, err
	}
	fingerprint, of, epoch, err := ParseOrigin(origin)
	if err != nil {
		return mark{}, err
	}
	if of != log {
		return mark{}, ErrOrigin
	}
	public, err := s.public()
	if err != nil {
		return mark{}, err
	}
	if fingerprint == Fingerprint(public) {
		if _, _, err := ParseCheckpoint(signed, public, origin); err != nil {
			return mark{}, err
		}
	}
	return mark{epoch, size, root}, nil
}

// sound tells whether a tip is what was signed: whoever may write to the
// database could have changed it. What this process signed itself it knows.
func (s *Sequencer) sound(tip Tip, known mark) bool {
	if tip.Size == 0 {
		return true
	}
	if !tip.whole() {
		return false
	}
	if markOf(tip.Head) == known {
		return true
	}
	public, err := s.public()
	if err != nil {
		return false
	}
	_, _, err = ParseCheckpoint(tip.Checkpoint, public, Origin(public, tip.Log, tip.Epoch))
	return err == nil
}

// whole tells whether a tip's parts say the same, whoever signed it.
func (t Tip) whole() bool {
	if len(t.Edge) != bits.OnesCount64(uint64(t.Size)) || t.edge().root() != t.Root { //nolint:gosec // a negative one has no such edge
		return false
	}
	_, size, root, err := ReadCheckpoint(t.Checkpoint)
	return err == nil && size == t.Size && root == t.Root
}

// behind tells whether the tree of a tip does not begin with a known one, is
// signed with another key, or not signed as it stands.
func (s *Sequencer) behind(ctx context.Context, tip Tip, known mark) (bool, error) {
	if other, err := s.otherKey(tip); other || err != nil {
		return other, err
	}
	if !s.sound(tip, known) {
		return true, nil
	}
	if tip.Epoch != known.epoch {
		return known.epoch > tip.Epoch, nil
	}
	if tip.Size <= known.size {
		return tip.Size < known.size || tip.Root != known.root, nil
	}
	root, err := s.rootAt(ctx, tip.Head, known.size)
	if errors.Is(err, ErrNoEntry) || errors.Is(err, ErrNoTile) {
		return true, nil
	}
	return err == nil && root != known.root, err
}

// otherKey tells whether a tip is signed with a key that is not ours.
func (s *Sequencer) otherKey(tip Tip) (bool, error) {
	public, err := s.public()
	if err != nil {
		return false, err
	}
	return tip.Size > 0 && tip.Origin != Origin(public, tip.Log, tip.Epoch), nil
}

// rootAt computes a root from what the database holds, believing it.
func (s *Sequencer) rootAt(ctx context.Context, h Head, size int64) (tlog.Hash, error) {
	v := &View{log: &Log{Trees: s.Store}, name: h.Log, heads: []Head{h}}
	return tlog.TreeHash(size, tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			t := tlog.TileForIndex(tileHeight, x)
			data, err := v.Tile(ctx, h.Epoch, t.L, t.N, t.W)
			if err != nil {
				return nil, err
			}
			if hashes[i], err = tlog.HashFromTile(t, data, x); err != nil {
				return nil, err
			}
		}
		return hashes, nil
	}))
}

// reopen opens a new epoch for a log that cannot go on with the known state. It
// looks again under the lock: another node may have grown the log since.
func (s *Sequencer) reopen(ctx context.Context, log string, known, published mark) error {
	var tip Tip
	var opened *Grown
	_, err := s.Store.InLock(ctx, true, func(ctx context.Context) error {
		tips, err := s.Store.Tips(ctx, []string{log})
		if err != nil {
			return err
		}
		tip = tips[log]
		behind, err := s.behind(ctx, tip, known)
		if err != nil || !behind {
			return err
		}
		opened, err = s.openEpoch(ctx, log, tip, known)
		return err
	})
	if err != nil {
		return fmt.Errorf("open a new epoch of the audit log %s: %w", LogName(log), err)
	}
	if opened == nil {
		s.accept(log, tip, published)
		return nil
	}
	s.logger().ErrorContext(ctx, "an audit log is not what was published of it, as after the restoring of a backup; a new epoch is open",
		"log", LogName(log), "epoch", opened.Epoch, "published_epoch", known.epoch, "published_size", known.size, "found", found(tip, known))
	s.committed([]Grown{*opened})
	return nil
}

// found is how many leaves the database has of the known epoch.
func found(tip Tip, known mark) int64 {
	if tip.Epoch != known.epoch {
		return 0
	}
	return tip.Size
}

// openEpoch adds the tree of a new epoch. Its first leaf names what is known,
// and the size that was found instead.
func (s *Sequencer) openEpoch(ctx context.Context, log string, tip Tip, known mark) (*Grown, error) {
	other, err := s.otherKey(tip)
	if err != nil {
		return nil, err
	}
	if m := markOf(tip.Head); other && tip.whole() && m.after(known) {
		known = m
	}
	now := s.now()
	id, err := s.Append(ctx, Record{
		Log: log, Action: ActionEpoch, Outcome: "done", At: now,
		Public: map[string]any{
			PublicActorKind: "system", PublicEpoch: known.epoch, PublicSize: known.size,
			PublicRoot: hex.EncodeToString(known.root[:]), PublicFound: found(tip, known),
		},
	})
	if err != nil {
		return nil, err
	}
	first, err := s.Store.Entry(ctx, id)
	if err != nil {
		return nil, err
	}
	first.Old = true // entries that were written before it may come after it
	g, err := s.grown(Tip{Head: Head{Log: log, Epoch: max(tip.Epoch, known.epoch) + 1}}, []Waiting{first}, now)
	if err != nil {
		return nil, err
	}
	return &g, s.Store.Grow(ctx, []Grown{g})
}

const (
	checkPage  = 500
	checkAgain = 5 * time.Second
)

// checkAll compares every log once, also those that do not grow, until it has
// been through all.
func (s *Sequencer) checkAll(ctx context.Context) {
	trouble := s.newTrouble("the audit logs cannot be compared with what is published of them; it is tried again")
	for after := int64(0); ctx.Err() == nil; {
		tips, next, err := s.Store.AllTips(ctx, after, checkPage)
		if err == nil {
			err = forEach(ctx, tips, func(ctx context.Context, t Tip) error { return s.checkLog(ctx, t.Log, t) })
		}
		trouble.report(ctx, err)
		if err != nil {
			select {
			case <-ctx.Done():
			case <-time.After(checkAgain):
			}
			continue
		}
		if next == 0 {
			break
		}
		after = next
	}
	signal(s.hurry)
}
