package engine

import (
	"context"
	"errors"
)

const (
	relayBatches = 32 // 2 MiB: what evens out a block of compression
	relayBytes   = 64 << 10
	relayKept    = 1 << 20 // a larger buffer, of large rows, is not used again
)

// errRelayStopped tells the reader that the writer has failed; the writer's
// own error is the one that counts.
var errRelayStopped = errors.New("the rows are no longer wanted")

// relay hands rows from the goroutine that reads them to the one that writes
// them, in batches: reading then waits for no compression, and compression for
// no row. Its memory is a few batches.
type relay struct {
	empty   chan *batch
	full    chan *batch // has room for every batch
	stopped chan struct{}
	current *batch
}

type batch struct {
	data []byte
	ends []int // of each row in data
}

func newRelay() *relay {
	r := &relay{empty: make(chan *batch, relayBatches), full: make(chan *batch, relayBatches), stopped: make(chan struct{})}
	for range relayBatches {
		r.empty <- &batch{}
	}
	return r
}

// relayRows reads with one function and writes each row with the other, side
// by side. The writer's error goes before the reader's.
func relayRows(ctx context.Context, read func(context.Context, func(row []byte) error) error, write func(row []byte) error) error {
	r := newRelay()
	written := make(chan error, 1)
	go func() { written <- r.drain(write) }()
	err := read(ctx, r.add)
	if r.current != nil && err == nil {
		r.full <- r.current
	}
	close(r.full)
	if failed := <-written; failed != nil {
		return failed
	}
	return err
}

// add copies a row into the batch at hand.
func (r *relay) add(row []byte) error {
	if r.current == nil {
		select {
		case r.current = <-r.empty:
		case <-r.stopped:
			return errRelayStopped
		}
	}
	b := r.current
	b.data = append(b.data, row...)
	b.ends = append(b.ends, len(b.data))
	if len(b.data) >= relayBytes {
		r.full <- b
		r.current = nil
	}
	return nil
}

func (r *relay) drain(write func(row []byte) error) error {
	for b := range r.full {
		if err := b.each(write); err != nil {
			close(r.stopped)
			return err
		}
		b.data, b.ends = b.data[:0], b.ends[:0]
		if cap(b.data) > relayKept {
			b.data = nil
		}
		r.empty <- b
	}
	return nil
}

func (b *batch) each(write func(row []byte) error) error {
	start := 0
	for _, end := range b.ends {
		if err := write(b.data[start:end]); err != nil {
			return err
		}
		start = end
	}
	return nil
}
