package worktest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/work"
)

const (
	kind  = "suite"
	lease = time.Minute
)

var errBoom = errors.New("boom")

// bench is what a case works with: a database, and nodes that share a clock.
type bench struct {
	t       *testing.T
	backend Backend
	clock   *Clock
	calls   chan call
	closing chan struct{}
	close   func()
}

func newBench(t *testing.T, backend Backend) *bench {
	b := &bench{t: t, backend: backend, clock: NewClock(), calls: make(chan call), closing: make(chan struct{})}
	b.close = sync.OnceFunc(func() { close(b.closing) })
	t.Cleanup(b.close)
	return b
}

// call is a handler that waits for the case to tell it what to do.
type call struct {
	ctx    context.Context
	key    string
	lease  work.Lease
	answer chan error
}

// handle is the handler of every node: it ignores its context, as a bad one
// would, until it is answered.
func (b *bench) handle(ctx context.Context, key string, l work.Lease) error {
	c := call{ctx, key, l, make(chan error, 1)}
	select {
	case b.calls <- c:
	case <-b.closing:
		return errBoom
	}
	select {
	case err := <-c.answer:
		return err
	case <-b.closing:
		return errBoom
	}
}

func (b *bench) options() Options {
	return Options{
		Now: b.clock.Now, Poll: 10 * time.Millisecond, Lease: lease, Workers: 4,
		Backoff: func(attempt int) time.Duration { return time.Duration(attempt) * time.Minute },
	}
}

// node opens a node with the handler; change may be nil.
func (b *bench) node(change func(*Options)) Node {
	b.t.Helper()
	o := b.options()
	if change != nil {
		change(&o)
	}
	n := b.backend.Node(b.t, o)
	n.Handle(kind, b.handle, 0)
	return n
}

// start runs a node until the returned function is called or the case ends.
func (b *bench) start(n Node) (stop func()) {
	b.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	stopped := false
	stop = func() {
		b.t.Helper()
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				b.t.Errorf("Run: %v", err)
			}
		case <-time.After(patience):
			b.t.Error("Run does not end")
		}
	}
	b.t.Cleanup(func() {
		b.close() // handlers that nobody answers any more
		stop()
	})
	return stop
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) enqueue(n Node, it work.Item) {
	b.t.Helper()
	if it.Kind == "" {
		it.Kind = kind
	}
	b.must(n.Enqueue(b.t.Context(), it))
}

// next is the next call of any node's handler.
func (b *bench) next() call {
	b.t.Helper()
	select {
	case c := <-b.calls:
		return c
	case <-time.After(patience):
		b.t.Fatal("no handler was called")
		return call{}
	}
}

// nextAfter is next while the clock goes forward, by the length of a lease at
// a time: a watcher must have seen an item before it can know that its
// heartbeat stands still.
func (b *bench) nextAfter() call {
	b.t.Helper()
	late := time.After(patience)
	for {
		b.clock.Move(lease)
		select {
		case c := <-b.calls:
			return c
		case <-time.After(50 * time.Millisecond):
		case <-late:
			b.t.Fatal("no handler was called")
		}
	}
}

// none fails when a handler is called while the nodes go through their tables.
func (b *bench) none() {
	b.t.Helper()
	b.clock.Settle(b.t)
	select {
	case c := <-b.calls:
		c.answer <- nil
		b.t.Fatalf("the handler was called for %s", c.key)
	default:
	}
}

// cause waits for the end of a call's context.
func (b *bench) cause(c call) error {
	b.t.Helper()
	select {
	case <-c.ctx.Done():
		return context.Cause(c.ctx)
	case <-time.After(patience):
		b.t.Fatal("the context does not end")
		return nil
	}
}

func (b *bench) want(c call, key string, attempt int) {
	b.t.Helper()
	if c.key != key || c.lease.Attempt() != attempt {
		b.t.Fatalf("called for %s, attempt %d; want %s, attempt %d", c.key, c.lease.Attempt(), key, attempt)
	}
}

// effects makes the table in which handlers leave their traces.
func (b *bench) effects(db *sqldb.DB) {
	b.t.Helper()
	_, err := db.Exec(b.t.Context(), `CREATE TABLE IF NOT EXISTS suite_effects (item TEXT NOT NULL, step TEXT NOT NULL)`)
	b.must(err)
}

// batch leaves a trace under the lease, as a handler's batch does.
func batch(ctx context.Context, db *sqldb.DB, l work.Lease, key, step string, during func()) error {
	return db.InTx(ctx, func(ctx context.Context) error {
		if err := l.Check(ctx); err != nil {
			return err
		}
		if _, err := db.Exec(ctx, `INSERT INTO suite_effects (item, step) VALUES ($1, $2)`, key, step); err != nil {
			return err
		}
		if during != nil {
			during()
		}
		return nil
	})
}

func (b *bench) count(db *sqldb.DB, key, step string) (n int) {
	b.t.Helper()
	b.must(db.QueryRow(b.t.Context(), `SELECT count(*) FROM suite_effects WHERE item = $1 AND step = $2`, key, step).Scan(&n))
	return n
}
