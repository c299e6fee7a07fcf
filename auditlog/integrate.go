package auditlog

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// uncheckedError names logs that were not compared with what is published of
// them since the process began, or that are behind what it knows of them.
type uncheckedError struct{ logs []string }

func (e *uncheckedError) Error() string {
	return fmt.Sprintf("%d audit logs are not compared with what is published", len(e.logs))
}

// integrateAll integrates until nothing waits. Without wait it leaves the work
// to another node that is at it.
func (s *Sequencer) integrateAll(ctx context.Context, wait bool) (n int, err error) {
	for more := true; more; {
		waiting, err := s.Store.Waiting(ctx)
		if err != nil || !waiting {
			return n, err
		}
		var taken Taken
		done, err := s.integrate(ctx, wait, func(ctx context.Context) ([]Waiting, error) {
			var err error
			taken, err = s.Store.Take(ctx, batchSize)
			return taken.Entries, err
		})
		n += done
		if err != nil {
			return n, err
		}
		if taken.Sweep {
			found, err := s.sweep(ctx, wait)
			n += found
			if err != nil {
				return n, err
			}
		}
		more = taken.More
	}
	return n, nil
}

// checkTries is how often a batch is tried whose logs turn out to be unchecked:
// another node may be at work on them.
const checkTries = 10

// integrate appends entries to the trees of their logs, in one transaction.
// choose runs in it and gives the entries.
func (s *Sequencer) integrate(ctx context.Context, wait bool, choose func(ctx context.Context) ([]Waiting, error)) (int, error) {
	for range checkTries {
		var entries []Waiting
		var grown []Grown
		_, err := s.Store.InLock(ctx, wait, func(ctx context.Context) error {
			var err error
			if entries, err = choose(ctx); err != nil {
				return err
			}
			if grown, err = s.grow(ctx, entries); err != nil {
				return err
			}
			return s.Store.Grow(ctx, grown)
		})
		var unchecked *uncheckedError
		if errors.As(err, &unchecked) {
			if err := s.check(ctx, unchecked.logs); err != nil {
				return 0, err
			}
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("integrate audit entries: %w", err)
		}
		s.committed(grown)
		return len(entries), nil
	}
	return 0, errors.New("integrate audit entries: their logs change faster than they can be compared with what is published")
}

// grow says what the trees of the entries' logs become. It reads them in the
// transaction, so that what was rolled back is not believed.
func (s *Sequencer) grow(ctx context.Context, entries []Waiting) ([]Grown, error) {
	byLog := map[string][]Waiting{}
	for _, e := range entries {
		byLog[e.Log] = append(byLog[e.Log], e)
	}
	logs := slices.Sorted(maps.Keys(byLog))
	tips, err := s.Store.Tips(ctx, logs)
	if err != nil {
		return nil, err
	}
	if unchecked := s.unchecked(logs, tips); len(unchecked) > 0 {
		return nil, &uncheckedError{unchecked}
	}
	now := s.now()
	grown := make([]Grown, 0, len(logs))
	for _, log := range logs {
		tip, ok := tips[log]
		if !ok {
			tip.Log, tip.Epoch = log, 1
		}
		g, err := s.grown(tip, byLog[log], now)
		if err != nil {
			return nil, err
		}
		grown = append(grown, g)
	}
	return grown, nil
}

// grown appends entries to one tree and signs the checkpoint.
func (s *Sequencer) grown(tip Tip, entries []Waiting, now time.Time) (Grown, error) {
	public, err := s.public()
	if err != nil {
		return Grown{}, err
	}
	g := Grown{Entries: make([]int64, 0, len(entries))}
	e := tip.edge()
	kinds := map[Kind]bool{}
	for _, w := range entries {
		if !kinds[w.Kind] {
			kinds[w.Kind] = true
			g.Kinds = append(g.Kinds, w.Kind)
		}
		g.Nodes = append(g.Nodes, e.add(w.LeafHash)...)
		g.Entries = append(g.Entries, w.Seq)
	}
	g.Head = Head{Log: tip.Log, Epoch: tip.Epoch, Origin: Origin(public, tip.Log, tip.Epoch), Size: e.size, Root: e.root(), At: now}
	g.Edge = plain(e.roots)
	if g.Checkpoint, err = SignCheckpoint(s.Signer, g.Origin, g.Size, g.Root, tip.erasuresSigned(entries)...); err != nil {
		return Grown{}, err
	}
	if tip.Size > 0 && hour(tip.At) != hour(now) {
		g.Kept = &tip.Head
	}
	return g, nil
}

func hour(t time.Time) int64 { return t.Unix() / 3600 }

// committed remembers what trees have become: what is to be published, and
// below which size the database must not fall.
func (s *Sequencer) committed(grown []Grown) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range grown {
		s.learn(g.Head)
		s.publishLater(g.Head)
		s.noteLater(g.Head)
	}
}

// learn remembers the newest state of a log that was seen.
func (s *Sequencer) learn(h Head) {
	if m := markOf(h); m.after(s.known[h.Log]) {
		s.known[h.Log] = m
	}
}

// sweep looks for entries that the cursor passed without integrating them, and
// integrates them.
func (s *Sequencer) sweep(ctx context.Context, wait bool) (found int, err error) {
	for after := int64(0); ; {
		lost, next, err := s.Store.Lost(ctx, after, sweepSize)
		if err != nil {
			return found, err
		}
		for len(lost) > 0 { // seen without the lock: look again under it
			n, err := s.integrateLost(ctx, wait, lost[0].Seq-1)
			found += n
			if err != nil {
				return found, err
			}
			if n < batchSize {
				break
			}
			lost = lost[min(n, len(lost)):]
		}
		if next == 0 {
			break
		}
		after = next
	}
	_, err = s.Store.InLock(ctx, wait, s.Store.Swept)
	return found, err
}

func (s *Sequencer) integrateLost(ctx context.Context, wait bool, after int64) (int, error) {
	return s.integrate(ctx, wait, func(ctx context.Context) ([]Waiting, error) {
		lost, _, err := s.Store.Lost(ctx, after, sweepSize)
		return lost[:min(len(lost), batchSize)], err
	})
}

const week = 7 * 24 * time.Hour

// Reconcile looks through all entries for such as the cursor has passed without
// integrating them, and integrates them: there should be none. It also thins
// out older checkpoints. It is meant to be run once a day.
func (s *Sequencer) Reconcile(ctx context.Context) (found int, err error) {
	s.setUp()
	if found, err = s.sweep(ctx, true); err != nil {
		return found, fmt.Errorf("reconcile the audit log: %w", err)
	}
	if found > 0 {
		s.logger().ErrorContext(ctx, "audit entries were in no tree, and are now", "entries", found)
	}
	if _, err := s.Store.Thin(ctx, s.now().Add(-week)); err != nil {
		return found, fmt.Errorf("reconcile the audit log: %w", err)
	}
	misplaced, err := s.Store.Misplaced(ctx)
	if err == nil && misplaced > 0 {
		err = fmt.Errorf("%d audit entries have a position that no tree has: something else than privacyd wrote to audit_positions", misplaced)
	}
	if err != nil {
		return found, fmt.Errorf("reconcile the audit log: %w", err)
	}
	return found, nil
}
