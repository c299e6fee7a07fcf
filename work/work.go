// Package work names what it takes to run something later: items that wait in
// a queue, handlers that run them, and leases that keep two processes from
// doing the same thing twice.
//
// It holds words and pure rules only. It must never import a database driver
// or know where items are kept: package work/local is the runner for one
// node (and for a few, on PostgreSQL), work/worktest the suite that every
// runner must pass.
//
// Open work.go first.
package work

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Item is something to be run by the handler of its kind.
type Item struct {
	Kind        string    // names the handler
	Key         string    // an id, never personal data; unique per kind while pending
	At          time.Time // not before; zero: at once
	MaxAttempts int       // after so many failures it is dead; 0: DefaultAttempts
}

// DefaultAttempts is how often an item is tried that does not say so itself.
const DefaultAttempts = 10

// Queue takes items. Both methods belong to the transaction in ctx: rolled
// back, nothing has happened; committed, runners in this process are woken at
// once and those elsewhere find out at their next poll.
type Queue interface {
	// Enqueue puts an item in the queue. While one of the same kind and key
	// waits, the earlier of the two times counts, unless a handler has begun it
	// and it waits to be tried again: then it stays as it is. While that one
	// runs, it runs once more afterwards, so that what the caller commits is
	// always seen by a run that begins later; of several such times the earliest
	// counts. A dead one starts afresh.
	Enqueue(ctx context.Context, item Item) error

	// Cancel removes an item that no handler has begun, and cancels the context
	// of one that runs, wherever it runs; the cause is ErrCancelled. One that
	// was begun and does not run now (it waits to be tried again, or its process
	// died) is handed to a handler at once, with a context that is cancelled
	// from the start, so that it can clean up. No such item is fine.
	Cancel(ctx context.Context, kind, key string) error
}

// Lease is a handler's right to run its item.
type Lease interface {
	// Check fails with ErrLost when another process has taken the item over.
	// Called in the transaction of the batch that it guards, it keeps the item
	// from being taken over until that transaction ends: of a batch and a
	// takeover only one commits.
	Check(ctx context.Context) error

	// Attempt counts from 1. A stop and a wait (Retry without an error) do not
	// count; a process that died does.
	Attempt() int
}

// Handler runs the item of its kind with the key. It may run more than once
// for one item (a process may die after the effect and before it could say so),
// so it looks first at what is already done and guards every batch with
// lease.Check.
//
// The cause of ctx's end (context.Cause) is ErrCancelled, ErrStopping or
// ErrLost. Nil says that the item is done. After ErrCancelled so do
// ErrCancelled and context.Canceled. After ErrStopping and ErrLost any error
// gives the item back without counting the attempt. Every other error counts,
// and the item is tried again later until its attempts are used up.
type Handler func(ctx context.Context, key string, lease Lease) error

// Why a handler's context ends. Check gives ErrLost too.
var (
	ErrLost      = errors.New("the item was taken over by another process")
	ErrCancelled = errors.New("the item was cancelled")
	ErrStopping  = errors.New("the runner is stopping")
)

// ErrDied is what the owner of a dead item is told when the last attempt did
// not fail but died with its process.
var ErrDied = errors.New("the process died during the last attempt")

// RetryError is an error that says when to try again; Retry makes it.
type RetryError struct {
	After time.Duration
	Err   error // nil: nothing failed, it is only too early
}

// Retry makes a handler's error that has the item tried again no sooner than
// after. With an err the attempt counts as failed; without one the item only
// waits ("another export of this workspace runs"), as often as need be.
func Retry(after time.Duration, err error) error { return &RetryError{After: after, Err: err} }

// Error implements error.
func (e *RetryError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("try again after %s", e.After)
	}
	return fmt.Sprintf("try again after %s: %v", e.After, e.Err)
}

// Unwrap gives the cause.
func (e *RetryError) Unwrap() error { return e.Err }
