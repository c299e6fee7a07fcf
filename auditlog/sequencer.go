package auditlog

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

const (
	defaultEvery        = 250 * time.Millisecond
	defaultPublishEvery = time.Second
	stopTimeout         = 10 * time.Second
	// batchSize bounds a transaction that grows trees, in entries.
	batchSize = 2048
	// sweepSize bounds one look for lost entries.
	sweepSize = 20_000
	// leastBetween is what lies between two passes that nobody waits for: many
	// commits become one.
	leastBetween = 200 * time.Millisecond
	firstPoll    = 5 * time.Millisecond
	lastPoll     = 100 * time.Millisecond
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
//
// Nothing is signed in an epoch of which more is published than the database
// has: a new epoch is opened, whose first leaf (ActionEpoch) says so.
type Sequencer struct {
	Store        Sequence
	Signer       crypto.Signer // Ed25519
	Published    Published
	Append       func(ctx context.Context, r Record) (string, error) // Log.Append
	Now          func() time.Time                                    // default time.Now
	Log          *slog.Logger                                        // default: none
	Every        time.Duration                                       // between two passes; default 250 ms
	PublishEvery time.Duration                                       // between two publications by Run; default 1 s

	once  sync.Once
	wake  chan struct{} // a pass is wanted soon
	hurry chan struct{} // somebody waits for it
	grew  chan struct{} // something is to be published
	mu    sync.Mutex    // guards what follows
	known map[string]mark
	dirty map[string]Head      // grown, not published yet
	note  map[string]time.Time // workspace logs that the instance's log does not know of, and when it is to learn
}

// setUp makes what the zero value has not.
func (s *Sequencer) setUp() {
	s.once.Do(func() {
		s.wake, s.hurry, s.grew = make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{}, 1)
		s.known, s.dirty, s.note = map[string]mark{}, map[string]Head{}, map[string]time.Time{}
	})
}

func (s *Sequencer) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

func (s *Sequencer) logger() *slog.Logger {
	if s.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Log
}

// public is the key of Signer.
func (s *Sequencer) public() (ed25519.PublicKey, error) {
	public, ok := s.Signer.Public().(ed25519.PublicKey)
	if !ok {
		return nil, errors.New("the key that signs checkpoints is not Ed25519")
	}
	return public, nil
}

// Wake asks Run for a pass: now, or soon where there was one a moment ago. It
// is meant to be called upon each commit.
func (s *Sequencer) Wake() {
	s.setUp()
	signal(s.wake)
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it was asked for already
	}
}

// Run works until ctx ends: a pass at once, then one at each tick or Wake, or
// when somebody waits.
// What fails is logged and tried again. At the end it finishes what is
// waiting, within ten seconds; its error is that of this end alone.
func (s *Sequencer) Run(ctx context.Context) error {
	s.setUp()
	var beside sync.WaitGroup
	beside.Go(func() { s.checkAll(ctx) })
	beside.Go(func() { s.publishing(ctx) })
	s.passes(ctx)
	beside.Wait()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	return s.Finish(last)
}

// passes passes until ctx ends.
func (s *Sequencer) passes(ctx context.Context) {
	every := s.Every
	if every <= 0 {
		every = defaultEvery
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	trouble := s.newTrouble("the audit log cannot be sequenced; it is tried again")
	for ctx.Err() == nil {
		begun := time.Now()
		n, err := s.integrateAll(ctx, false)
		trouble.report(ctx, errors.Join(err, s.noteDue(ctx, false), s.Store.Catalogue(ctx)))
		var rest time.Duration
		if n > 0 {
			rest = time.Until(begun.Add(leastBetween))
		}
		s.pause(ctx, tick.C, rest)
	}
}

// pause waits until the next pass is due. Those who wake it are heard after a
// rest, unless somebody waits.
func (s *Sequencer) pause(ctx context.Context, tick <-chan time.Time, rest time.Duration) {
	rested := time.NewTimer(rest)
	defer rested.Stop()
	select {
	case <-ctx.Done():
		return
	case <-s.hurry:
		return
	case <-rested.C:
	}
	select {
	case <-ctx.Done():
	case <-s.hurry:
	case <-tick:
	case <-s.wake:
	}
}

// Pass integrates everything that is waiting, in all logs, signs and publishes.
// It gives how many entries were integrated. What was committed before Pass was
// called is covered by a signed checkpoint when it returns without an error,
// unless a transaction that runs holds it back: see Lag.
func (s *Sequencer) Pass(ctx context.Context) (integrated int, err error) {
	s.setUp()
	integrated, err = s.integrateAll(ctx, true)
	if err != nil {
		return integrated, err
	}
	if err := s.noteDue(ctx, true); err != nil {
		return integrated, err
	}
	noted, err := s.integrateAll(ctx, true)
	if err != nil {
		return integrated + noted, err
	}
	return integrated + noted, errors.Join(s.publishAll(ctx), s.Store.Catalogue(ctx))
}

// Finish is Pass at a clean stop: the instance's log learns of every
// workspace's log that grew, not only of those whose minute is over.
func (s *Sequencer) Finish(ctx context.Context) error {
	if _, err := s.Pass(ctx); err != nil {
		return fmt.Errorf("finish the audit log: %w", err)
	}
	if err := s.noteAll(ctx); err != nil {
		return fmt.Errorf("finish the audit log: %w", err)
	}
	if _, err := s.Pass(ctx); err != nil {
		return fmt.Errorf("finish the audit log: %w", err)
	}
	return nil
}

// Wait returns when a signed checkpoint covers the entry, whichever node
// signed it. ErrPending when the deadline of ctx comes first; ErrNoEntry.
func (s *Sequencer) Wait(ctx context.Context, entryID string) error {
	s.setUp()
	signal(s.hurry)
	for poll := firstPoll; ; poll = min(2*poll, lastPoll) {
		_, err := s.Store.Find(ctx, entryID)
		if err == nil {
			return nil
		}
		if ctx.Err() == nil && !errors.Is(err, ErrNotSequenced) {
			return fmt.Errorf("wait for a signed checkpoint: %w", err)
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return ErrPending
			}
			return fmt.Errorf("wait for a signed checkpoint: %w", ctx.Err())
		case <-time.After(poll):
		}
	}
}

// Lag tells how many committed entries no signed checkpoint covers, and how
// old the oldest is. On PostgreSQL a long transaction of anybody's in the same
// server holds back the entries that were committed since it began.
func (s *Sequencer) Lag(ctx context.Context) (oldest time.Duration, waiting int64, err error) {
	at, waiting, err := s.Store.Lag(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("measure the lag of the audit log: %w", err)
	}
	if waiting == 0 {
		return 0, 0, nil
	}
	return max(s.now().Sub(at), 0), waiting, nil
}

// trouble logs what keeps failing once in a while, and its end.
type trouble struct {
	s      *Sequencer
	what   string
	logged time.Time
	failed bool
}

const logEvery = time.Minute

func (s *Sequencer) newTrouble(what string) *trouble { return &trouble{s: s, what: what} }

func (t *trouble) report(ctx context.Context, err error) {
	switch {
	case ctx.Err() != nil:
	case err == nil && t.failed:
		t.s.logger().InfoContext(ctx, "the audit log works again")
		t.failed = false
	case err != nil && (!t.failed || time.Since(t.logged) > logEvery):
		t.s.logger().ErrorContext(ctx, t.what, "error", err)
		t.failed, t.logged = true, time.Now()
	}
}
