// Package local runs work out of a table of privacyd's own database, SQLite or
// PostgreSQL. It is made for one node and is right, if not fast, on a few.
//
// A process claims an item under a token and says by heartbeats that it lives.
// Others watch the heartbeats: an item whose heartbeat stands still for the
// length of its lease, by the watcher's own clock, is taken over under a new
// token. No two clocks are ever compared, so neither skew nor a clock that is
// put back harms. What the old process still tries fails at Lease.Check.
//
// It must never put personal data into a row or a log line, and never let two
// tokens of one item commit.
//
// Open local.go, then loop.go: a loop claims items and starts them.
package local

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/work"
)

//go:embed schema/*.sql
var schema embed.FS

// Migrate makes or updates the runner's table.
func Migrate(ctx context.Context, db *sqldb.DB) error {
	files, err := fs.Sub(schema, "schema")
	if err != nil {
		return fmt.Errorf("read the schema of work: %w", err)
	}
	return db.Migrate(ctx, "work", files)
}

// Options are a Runner's settings. The zero value is for production.
type Options struct {
	Now     func() time.Time // default time.Now
	Poll    time.Duration    // between looks at the table when nobody wakes the runner; default 500 ms
	Lease   time.Duration    // without a heartbeat for so long, an item is taken over; default 30 s
	Workers int              // items at once over all kinds; default 4
	Logger  *slog.Logger     // default: silent
	Node    string           // this process's name in rows and logs; default a new id

	// Backoff is the delay after the given failed attempt, before jitter;
	// default Exponential.
	Backoff func(attempt int) time.Duration
	// Jitter gives numbers in [0, 1); default math/rand. Of a delay, half is
	// fixed and half is multiplied with it.
	Jitter func() float64

	// OnDead is told of an item whose attempts are used up, with the last
	// error, in the transaction that lays the item down. When OnDead fails,
	// that is rolled back and tried again later. For a daily item it is called
	// on each day that failed.
	OnDead func(ctx context.Context, kind, key string, err error) error
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Poll <= 0 {
		o.Poll = 500 * time.Millisecond
	}
	if o.Lease <= 0 {
		o.Lease = 30 * time.Second
	}
	if o.Workers <= 0 {
		o.Workers = 4
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Node == "" {
		o.Node = uuid.NewString()
	}
	if o.Backoff == nil {
		o.Backoff = Exponential
	}
	if o.Jitter == nil {
		o.Jitter = rand.Float64
	}
	return o
}

// Exponential is 2 s after the first attempt and doubles to at most 15 minutes.
func Exponential(attempt int) time.Duration {
	const longest = 15 * time.Minute
	if attempt > 9 {
		return longest
	}
	return min(time.Second<<max(attempt, 1), longest)
}

// Runner is a work.Queue and runs what is in it.
type Runner struct {
	db      *sqldb.DB
	o       Options
	mu      sync.Mutex
	kinds   []string // in the order of Handle
	handler map[string]registered
	dailies map[itemID]work.Daily
	active  map[string]*item // by token
	loops   map[*loop]struct{}
	turn    int // which kind is asked first
	// claiming keeps two loops from filling the same room.
	claiming sync.Mutex
}

type registered struct {
	handle      work.Handler
	concurrency int
}

type itemID struct{ kind, key string }

// New makes a runner on db, whose tables Migrate has made. Until Run or
// RunUntilIdle is called it only queues.
func New(db *sqldb.DB, o Options) *Runner {
	return &Runner{
		db: db, o: o.withDefaults(),
		handler: map[string]registered{},
		dailies: map[itemID]work.Daily{},
		active:  map[string]*item{},
		loops:   map[*loop]struct{}{},
	}
}

// Handle sets the handler of a kind, of which at most concurrency items run at
// once in this process (0: as many as there are workers). The runner leaves
// alone what it has no handler for. Call it before Run.
func (r *Runner) Handle(kind string, h work.Handler, concurrency int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, again := r.handler[kind]; !again {
		r.kinds = append(r.kinds, kind)
	}
	if concurrency <= 0 {
		concurrency = r.o.Workers
	}
	r.handler[kind] = registered{h, concurrency}
}

// Recover voids the leases of every other process, so that their items are
// due at once. Only a process that owns the database alone may call it (the
// owner of the data folder), at its start.
func (r *Runner) Recover(ctx context.Context) error {
	n, err := r.db.Exec(ctx, voidAll)
	if err != nil {
		return fmt.Errorf("recover the work of dead processes: %w", err)
	}
	if n > 0 {
		r.o.Logger.InfoContext(ctx, "work of a dead process is taken over", "items", n)
	}
	return nil
}

// wake has every loop of this process look at the table now.
func (r *Runner) wake() { r.wakeOthers(nil) }

func (r *Runner) wakeOthers(self *loop) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for l := range r.loops {
		if l == self {
			continue
		}
		select {
		case l.woken <- struct{}{}:
		default:
		}
	}
}
