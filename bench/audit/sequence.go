package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/pprof"
	"sync"
	"syscall"
	"time"

	"github.com/privacyd/privacyd/auditlog"
)

// watch is a store that tells when its trees grew, as a reader sees it: when
// the transaction that signed has committed.
type watch struct {
	auditlog.Sequence
	thread     stopwatch     // of the sequencer
	catalogued time.Duration // what of its time the catalogue took
	mu         sync.Mutex
	grown      []int64 // in the transaction
	signed     map[int64]time.Time
}

// InLock implements auditlog.Growth.
func (w *watch) InLock(ctx context.Context, wait bool, fn func(ctx context.Context) error) (bool, error) {
	w.mu.Lock()
	w.grown = w.grown[:0]
	w.mu.Unlock()
	locked, err := w.Sequence.InLock(ctx, wait, fn)
	if err == nil {
		at := time.Now()
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, seq := range w.grown {
			w.signed[seq] = at
		}
	}
	return locked, err
}

// Grow implements auditlog.Growth.
func (w *watch) Grow(ctx context.Context, grown []auditlog.Grown) error {
	w.mu.Lock()
	for _, g := range grown {
		w.grown = append(w.grown, g.Entries...)
	}
	w.mu.Unlock()
	return w.Sequence.Grow(ctx, grown)
}

// Catalogue implements auditlog.Upkeep. What it takes is told apart: on SQLite
// it is an index of the entries, by whose they are, which a plain row has made
// with it.
func (w *watch) Catalogue(ctx context.Context) error {
	before, err := w.thread.spent()
	if err != nil {
		return err
	}
	if err := w.Sequence.Catalogue(ctx); err != nil {
		return err
	}
	after, err := w.thread.spent()
	w.catalogued += after - before
	return err
}

// waited gives, for each committed act, how long it waited for the checkpoint.
func (w *watch) waited(ctx context.Context, s *site, done []committed) ([]time.Duration, error) {
	at := make(map[string]time.Time, len(done))
	for _, c := range done {
		at[c.id] = c.at
	}
	rows, err := s.db.Query(ctx, "SELECT id, seq FROM audit_entries")
	if err != nil {
		return nil, fmt.Errorf("read entries: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	waited := make([]time.Duration, 0, len(done))
	for rows.Next() {
		var id string
		var seq int64
		if err := rows.Scan(&id, &seq); err != nil {
			return nil, fmt.Errorf("read entries: %w", err)
		}
		begun, ours := at[id]
		if !ours {
			continue
		}
		signed, ok := w.signed[seq]
		if !ok {
			return nil, fmt.Errorf("entry %d was not signed", seq)
		}
		waited = append(waited, max(signed.Sub(begun), 0))
	}
	if len(waited) != len(done) {
		return nil, fmt.Errorf("of %d acts %d have an entry", len(done), len(waited))
	}
	return waited, rows.Err()
}

// startSequencer runs a sequencer as a server does, on a thread of its own so
// that its share of the processor can be told. settle waits until everything is
// signed, as a command waits for its entry, and gives what it took until then.
func (s *site) startSequencer(ctx context.Context) (w *watch, settle func(last string) (took, catalogued time.Duration, err error), err error) {
	seq := s.sequencer()
	w = &watch{Sequence: seq.Store, signed: map[int64]time.Time{}}
	seq.Store = w
	server, err := s.sequencingServer(ctx)
	if err != nil {
		return nil, nil, err
	}
	s.wake = seq.Wake
	running, cancel := context.WithCancel(ctx)
	thread, ended := make(chan processes, 1), make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		own := processes{name: fmt.Sprintf("self/task/%d", syscall.Gettid())}
		w.thread = stopwatch{own}
		thread <- own
		pprof.Do(running, pprof.Labels("part", "sequencer"), func(running context.Context) { ended <- seq.Run(running) })
	}()
	both := stopwatch{server, <-thread}
	before, err := both.spent()
	return w, func(last string) (took, catalogued time.Duration, err error) {
		err = errors.Join(seq.Wait(ctx, last), s.settled(ctx))
		took, timing := both.spent()
		cancel()
		s.wake = nil
		err = errors.Join(err, timing, <-ended)
		return took - before, w.catalogued, err
	}, err
}

// settled waits until no entry waits any more.
func (s *site) settled(ctx context.Context) error {
	for {
		waiting, err := s.store.Waiting(ctx)
		if err != nil || !waiting {
			return err
		}
		time.Sleep(lookEvery)
	}
}

const lookEvery = 5 * time.Millisecond
