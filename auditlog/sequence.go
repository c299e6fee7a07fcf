package auditlog

import (
	"context"
	"time"
)

// Waiting is a committed entry that is in no tree yet.
type Waiting struct {
	Seq      int64 // its number in the database
	Log      string
	LeafHash [32]byte
	Old      bool // written when erasures' entries were not signed yet
	Kind     Kind
}

// Kind is what entries of an action are found by: the action, and when about
// they were written, as the storage has it.
type Kind struct {
	Action  string
	Stretch string
}

// Taken is what Take gives.
type Taken struct {
	Entries []Waiting // in the order in which they go into their trees
	More    bool      // there may be more
	Sweep   bool      // the cursor may have passed entries: see Lost and Swept
}

// Tip is the current epoch of a log with all that is needed to append.
type Tip struct {
	Head
	Noted   int64 // the size that the instance's log knows of
	NotedAt time.Time
}

// Grown is what a tree is to become.
type Grown struct {
	Head            // the new state
	Entries []int64 // by Seq; the last becomes the leaf before Head.Size
	Kinds   []Kind  // of the entries, each once
	Nodes   []Node
	Kept    *Head // the state before, to be kept as an older checkpoint; nil: not
}

// Growth is how trees grow. On PostgreSQL any number of nodes share one.
type Growth interface {
	// InLock runs fn in a transaction in which nobody else grows trees. Without
	// wait it gives false at once where another node is at it.
	InLock(ctx context.Context, wait bool, fn func(ctx context.Context) error) (bool, error)
	// Waiting tells whether Take would give something or ask for a sweep. It
	// writes nothing.
	Waiting(ctx context.Context) (bool, error)
	// Take moves the cursor past at most limit entries of which it is certain that
	// no other can commit before them any more, and gives those that are in no
	// tree. In InLock.
	Take(ctx context.Context, limit int) (Taken, error)
	// Lost looks at limit entries after a Seq for such as the cursor has passed, or
	// will never come to, and that are in no tree. next is where to go on; 0: that
	// was the end.
	Lost(ctx context.Context, after int64, limit int) (lost []Waiting, next int64, err error)
	// Swept says that Lost has been through all. In InLock.
	Swept(ctx context.Context) error
	// Entry gives an entry of the transaction of ctx.
	Entry(ctx context.Context, id string) (Waiting, error)
	// Tips gives the current epochs of those of the logs that have one.
	Tips(ctx context.Context, logs []string) (map[string]Tip, error)
	// Grow makes trees, new ones too, into what they are to become, all or none.
	// In InLock.
	Grow(ctx context.Context, grown []Grown) error
}

// Upkeep is what is done beside growing.
type Upkeep interface {
	// AllTips gives the current epochs of all logs, at most limit at a time; after
	// is 0 and then what it gave as next, until that is 0.
	AllTips(ctx context.Context, after int64, limit int) (tips []Tip, next int64, err error)
	// SetNoted remembers that the instance's log knows of heads.
	SetNoted(ctx context.Context, heads []Head, at time.Time) error
	// Thin deletes kept checkpoints from before a time, except for the last of each
	// day (UTC), and tells how many.
	Thin(ctx context.Context, before time.Time) (int64, error)
	// Misplaced tells how many entries have a position that no tree has: they look
	// integrated, and something else than a sequencer made it so.
	Misplaced(ctx context.Context) (int64, error)
	// Catalogue does what inserting entries put off, if it has become much, so that
	// the disclosures of an owner are found soon.
	Catalogue(ctx context.Context) error
	// Lag tells how many committed entries are in no tree, and the oldest's time.
	Lag(ctx context.Context) (oldest time.Time, waiting int64, err error)
}

// Sequence is where trees are kept. auditlogtest.RunSequence says what it must
// do.
type Sequence interface {
	Trees
	Growth
	Upkeep
}
