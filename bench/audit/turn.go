package main

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const writers = 8

// turn is what one way took in one turn.
type turn struct {
	acts       int
	took       time.Duration // until the last act is committed and, where there is a sequencer, under a signed checkpoint
	cpu        time.Duration // of this process and of the database server
	server     time.Duration // of that, the server's
	sequencing time.Duration // of that, the sequencer's, without the catalogue
	catalogued time.Duration // of that, the catalogue's
	waited     []time.Duration
}

// committed is an act's record and when it was known to be committed.
type committed struct {
	id string
	at time.Time
}

// take measures a way for a while: writers do acts, so many a transaction.
func (b *bench) take(ctx context.Context, s *site, w *way, group int) (turn, error) {
	var watched *watch
	var settle func(last string) (took, catalogued time.Duration, err error)
	processor, err := s.processor(ctx)
	if err != nil {
		return turn{}, err
	}
	before, err := processor.spent()
	if err != nil {
		return turn{}, err
	}
	serverBefore, err := processor[1:].spent()
	if err != nil {
		return turn{}, err
	}
	start := time.Now()
	if w.sequenced {
		if watched, settle, err = s.startSequencer(ctx); err != nil {
			return turn{}, err
		}
	}
	done, err := write(ctx, s, w, group, b.turn)
	if err != nil {
		return turn{}, fmt.Errorf("%s: %w", w.name, err)
	}
	var t turn
	if w.sequenced {
		if t.sequencing, t.catalogued, err = settle(done[len(done)-1].id); err != nil {
			return turn{}, fmt.Errorf("sequence: %w", err)
		}
		t.sequencing -= t.catalogued
	}
	t.acts, t.took = len(done), time.Since(start)
	after, err := processor.spent()
	if err != nil {
		return turn{}, err
	}
	serverAfter, err := processor[1:].spent()
	if err != nil {
		return turn{}, err
	}
	t.cpu, t.server = after-before, serverAfter-serverBefore
	if w.sequenced {
		t.waited, err = watched.waited(ctx, s, done)
	}
	return t, err
}

// write has all writers act for a while.
func write(ctx context.Context, s *site, w *way, group int, while time.Duration) ([]committed, error) {
	until := time.Now().Add(while)
	all := make([][]committed, writers)
	failed := make([]error, writers)
	var running sync.WaitGroup
	for i := range writers {
		running.Go(func() {
			for failed[i] == nil && time.Now().Before(until) {
				var ids []string
				ids, failed[i] = w.do(ctx, s, newActs(group))
				at := time.Now()
				for _, id := range ids {
					all[i] = append(all[i], committed{id, at})
				}
			}
		})
	}
	running.Wait()
	var done []committed
	for i := range writers {
		if failed[i] != nil {
			return nil, failed[i]
		}
		done = append(done, all[i]...)
	}
	return done, nil
}
