package datamap

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"
)

// Batch is what is called around each batch of rows. Any of the functions may
// be nil. In privacyd's own database all of them are called with the context
// of the batch's transaction; for a product's, Guard and Files come before it
// and Done after it. A batch that met a lock or a deadlock is tried again from
// the start.
type Batch struct {
	// Guard says whether the batch may go: that the lease still stands, and no
	// new hold. Its error ends the run and is what Run returns.
	Guard func(ctx context.Context) error
	// Files are the blobs that the rows name, without the names for people. It
	// is not called when there are none. They may be named by other rows, too:
	// see the source. The files of rows that go along with others
	// (Orphan) may come in a second call, within the transaction.
	Files func(ctx context.Context, files []File) error
	// Along tells how many rows of another step (see Orphan) went along with the
	// batch's, within the batch's transaction in either database.
	Along func(step *Step, rows int64)
	// Done tells how many rows of the step the batch changed or deleted; of all
	// steps where several run, of which Along has told before.
	Done func(ctx context.Context, rows int64) error
	// Timed tells how long a batch took, from its first lock to its commit.
	Timed func(rows int64, took time.Duration)
	// Still are the rows with a clock that lead to all others: they are looked at
	// again in each batch's transaction, before anything goes. Run and RunAll end
	// with a *NotDue when one must stay.
	Still *ClockCheck
}

// ClockCheck is another look at rows with a clock, under a lock where the
// database has any.
type ClockCheck struct {
	Collection *Collection
	Keys       [][]string          // those that are found to be gone are taken off
	Due        func(ClockRow) bool // whether the row may still go
	Wait       bool                // for rows that others have locked; otherwise NotDue tells them
}

// NotDue says that nothing went, since of the rows that lead to all others some
// are not what they were.
type NotDue struct {
	Changed [][]string // keys of rows that must stay
	Locked  [][]string // keys of rows that others have locked
}

// Error names no row: keys may be personal.
func (n *NotDue) Error() string { return "rows changed, or are locked, that were to go" }

// Tally is what a step is about.
type Tally struct {
	Rows  int64
	Files int64 // that the rows name and that would go with them
	Bytes int64 // of those whose size a column of theirs says
}

// Identifier is a text that says who somebody is.
type Identifier struct {
	Kind  string // as the data map calls it: "email", "phone", …
	Value string
}

// The shortest values that are looked for. What is shorter stands in too many
// texts that are about somebody else.
const (
	shortestPhone = 7
	shortestOther = 8
)

// Telling says whether a text that holds the identifier speaks of its person:
// e-mail addresses, phone numbers of 7 and more characters, anything else of 8
// and more.
func (i Identifier) Telling() bool {
	switch i.Kind {
	case identityEmail:
		at := strings.LastIndexByte(i.Value, '@')
		return at > 0 && at < len(i.Value)-1
	case identityPhone:
		return utf8.RuneCountInString(i.Value) >= shortestPhone
	}
	return utf8.RuneCountInString(i.Value) >= shortestOther
}

const (
	identityEmail = "email"
	identityPhone = "phone"
)

// Hit is where an identifier was found. It does not say which, nor what stands
// there.
type Hit struct {
	Collection string
	Key        []string // as text, in the order of the collection's key
	Column     string
}

// ClockRow is a row that has a retention clock.
type ClockRow struct {
	Key          []string // of the collection's key, as text
	Resolved     bool
	ResolvedAt   time.Time // zero: the row does not say
	LastActivity time.Time // zero: there was none
}

// ClockAsk is what is asked about the clocks of many rows at once. A span begins
// with each of Spans, and there is one before the first.
type ClockAsk struct {
	Now     time.Time
	Spans   []time.Time     // ascending
	Periods []time.Duration // how long rows are kept that were resolved in each span, the one before the first included; 0: no date
	Most    int             // of those that fall due first
	From    time.Time       // of those that fall due then or later; zero: of all
	After   []string        // of those that fall due at From itself: whose key, as text, comes after; nil: all
}

// Last is when something happened to the row last.
func (r ClockRow) Last() time.Time {
	if r.LastActivity.IsZero() {
		return r.ResolvedAt
	}
	return r.LastActivity
}
