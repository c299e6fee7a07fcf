package sqlsource

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/store/sqldb"
)

// Batch is what is called around each batch of rows.
type Batch = datamap.Batch

const (
	staleRounds = 20               // of discovery that find no fewer rows than those before
	idleRounds  = 8                // in which nothing went although nothing was locked
	roundLength = 10 * time.Minute // after which a snapshot is given up for a new one
	firstPause  = 10 * time.Millisecond
	shortPause  = 100 * time.Millisecond // at most, when rows only changed meanwhile
	longPause   = time.Second            // at most, when rows are locked, between rounds
	mostVain    = 5                      // locked rows in sequence that a round still tries when patience is over
)

// run is one Run of one step.
type run struct {
	e     *Eraser
	step  *datamap.Step
	batch Batch
	rowset
	pace  pace
	paced string // by what name it is kept

	rows    int64     // gone or changed
	gone    int64     // in this round
	locked  int       // rows of this round that others had locked
	vain    int       // times that rows were locked since rows went last
	stuck   time.Time // the first of these
	pause   time.Duration
	until   time.Time // see roundLength
	leaves  bool      // rows go by those that no row refers to
	guarded bool      // rows that are added behind it will not go unnoticed
	begin   string    // what each transaction begins with
}

// rowset finds and changes the rows of a step in one of the two databases.
type rowset interface {
	// harvest gives h the rows that are to go or change.
	harvest(ctx context.Context, h *harvester) error
	// settled tells, where that takes less than a harvest, that one would find
	// nothing.
	settled(ctx context.Context, h *harvester) (bool, error)
	// change deletes or changes those of the rows that are still as they were
	// found.
	change(ctx context.Context, tx statements, rows []row) (int64, error)
	close()
}

// row is a row of a step as it was found.
type row struct {
	table   uint32 // PostgreSQL: the table or partition
	tid     tid    // PostgreSQL: where it lies there
	version        // PostgreSQL: 0 of a row that is locked
	key     []any  // SQLite: what names it, and then what it was found by
	files   []datamap.File
	node    node
}

// errRoundOver ends a harvest early.
var errRoundOver = errors.New("the round has lasted long enough")

// Run erases the rows of a step, or changes them as it says, in batches, until
// discovery finds none. It can be stopped at any time and called again: what is
// gone is gone, what is left is found. Rows that others have locked are come
// back to.
//
// Error codes: those of Snapshot.Read; source_forbidden also when the role may
// not change the table; rows_refer when a reference that the map does not know
// or that keeps its rows stands in the way; rows_locked, rows_growing,
// rows_remain, value_refused, trigger_refused.
func (e *Eraser) Run(ctx context.Context, step *datamap.Step, batch Batch) (int64, error) {
	if step.Action != datamap.Delete && len(step.Set) == 0 {
		return 0, nil
	}
	r := e.newRun(step, batch)
	defer r.close()
	if err := r.rounds(ctx); err != nil {
		return r.rows, explainRun(ctx, err, step)
	}
	return r.rows, nil
}

func (e *Eraser) newRun(step *datamap.Step, batch Batch) *run {
	table := step.Collection.Table
	r := &run{e: e, step: step, batch: batch, pace: e.paces.begin(table, firstBatch, e.limit(step)), paced: table, pause: firstPause}
	r.rowset = &sqliteRowset{e: e, step: step, files: r.files, along: r.along}
	if e.source.dialect == sqldb.Postgres {
		r.rowset = &pgRowset{e: e, step: step, files: r.files, along: r.along}
	}
	return r
}

// explainRun says at which step something failed; what a callback says is
// handed on as it is.
func explainRun(ctx context.Context, err error, step *datamap.Step) error {
	var own *callerError
	if errors.As(err, &own) {
		return own.err
	}
	return fmt.Errorf("erase %s: %w", step.Collection.Name, explainErase(ctx, err, step))
}

// limit is the most rows that a batch of a step has. Documents that are edited
// are held in memory.
func (e *Eraser) limit(step *datamap.Step) int {
	limit := largestBatch
	if slices.ContainsFunc(step.Set, func(a datamap.Assignment) bool { return a.JSONPath != "" }) {
		limit = largestEdit
	}
	if e.MaxRows > 0 {
		limit = min(limit, e.MaxRows)
	}
	return limit
}

func (r *run) rounds(ctx context.Context) error {
	idle, stale, last := 0, 0, 0
	for {
		found, all, err := r.round(ctx)
		if err != nil || found == 0 && all {
			return err
		}
		if stale++; found < last || last == 0 || r.leaves {
			stale = 0
		}
		last = found
		switch {
		case stale == staleRounds:
			return growing(r.step)
		case r.gone > 0:
			idle = 0
			if done, err := r.ended(ctx, all); done || err != nil {
				return err
			}
			continue
		case r.locked == 0:
			idle++
		case r.tired():
			return busy(r.step)
		}
		if idle == idleRounds {
			return remaining(r.step, found)
		}
		r.close() // nothing must be kept from being vacuumed meanwhile
		if r.locked == 0 {
			r.pause = min(r.pause, shortPause/2)
		}
		r.pause = min(2*r.pause, longPause)
		if err := wait(ctx, r.pause); err != nil {
			return err
		}
	}
}

// ended tells that a round after which nothing should be left has left nothing.
func (r *run) ended(ctx context.Context, all bool) (bool, error) {
	if !all || r.locked > 0 || r.guarded {
		return r.guarded && all && r.locked == 0, nil
	}
	return r.settled(ctx, r.harvester(nil))
}

func (r *run) harvester(take func([]row) error) *harvester {
	return &harvester{step: r.step, limit: r.e.ordered, leaves: r.leaves, size: r.pace.size, take: take}
}

// round discovers once and erases what it finds.
func (r *run) round(ctx context.Context) (found int, all bool, err error) {
	r.gone, r.locked = 0, 0
	r.until = time.Now().Add(r.e.round)
	take := func(rows []row) error {
		found += len(rows)
		if err := r.commit(ctx, rows); err != nil {
			return err
		}
		return r.over()
	}
	h := r.harvester(take)
	err = r.harvest(ctx, h)
	switch {
	case errors.Is(err, errTooMany):
		r.leaves = true // from now on, those that nothing refers to
		return r.round(ctx)
	case errors.Is(err, errRoundOver):
		return found, false, nil
	case r.leaves && found == 0:
		r.leaves = false // what is left may be few enough, or circles
		return 0, false, err
	}
	return found, !r.leaves, err
}

func wait(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// over ends what has lasted long enough for a snapshot to stay open, or meets
// nothing any more but rows that are locked.
func (r *run) over() error {
	if time.Now().After(r.until) || r.vain >= mostVain && r.tired() {
		return errRoundOver
	}
	return nil
}

// meets notes rows that are locked.
func (r *run) meets(rows int) {
	r.locked += rows
	if r.vain++; r.vain == 1 {
		r.stuck = time.Now()
	}
}

// tired tells whether rows have been locked for long and none went.
func (r *run) tired() bool { return r.vain > 0 && time.Since(r.stuck) > r.e.Patience }

// insist takes a batch through its transaction. Where a lock is in the way it
// tries again.
func (r *run) insist(ctx context.Context, rows []row) error {
	const tries = 2
	var err error
	for range tries {
		if err = r.attempt(ctx, rows); err == nil || !conflict(err) {
			return err
		}
		if err := wait(ctx, 2*firstPause); err != nil {
			return err
		}
	}
	return err
}

// commit insists on a batch, and where locks still are in the way on halves of
// it, so that one locked row holds up itself alone.
func (r *run) commit(ctx context.Context, rows []row) error {
	err := r.insist(ctx, rows)
	if err == nil || !conflict(err) {
		return err
	}
	half := splitAt(rows)
	switch {
	case isSQLite(err): // which locks the whole file
		r.meets(len(rows))
		return errRoundOver
	case half == 0:
		r.meets(len(rows))
		if rows[0].node.ordered {
			return errRoundOver // what it refers to must not go before it
		}
		return r.over()
	}
	if err := r.commit(ctx, rows[:half]); err != nil {
		return err
	}
	return r.commit(ctx, rows[half:])
}

func (r *run) attempt(ctx context.Context, rows []row) error {
	return r.transact(ctx, rows, func(ctx context.Context, tx statements) (int64, error) { return r.change(ctx, tx, rows) })
}

// transact takes rows through a transaction, in which act deletes or changes
// them.
func (r *run) transact(ctx context.Context, rows []row, act func(context.Context, statements) (int64, error)) error {
	w := r.e.source.writer
	if !w.own() {
		if err := r.before(ctx, rows); err != nil {
			return err
		}
	}
	var n int64
	var begun time.Time
	err := w.inTx(ctx, func(ctx context.Context, tx statements) error {
		begun = time.Now()
		if w.own() {
			if err := r.before(ctx, rows); err != nil {
				return err
			}
		}
		if r.begin != "" {
			if _, err := tx.exec(ctx, r.begin); err != nil {
				return err
			}
		}
		if err := r.e.still(ctx, tx, r.batch.Still); err != nil {
			return err
		}
		var err error
		if n, err = act(ctx, tx); err != nil || !w.own() {
			return err
		}
		return r.done(ctx, n)
	})
	if err != nil {
		return err
	}
	r.took(n, len(rows), time.Since(begun))
	if w.own() {
		return nil
	}
	return r.done(ctx, n)
}

// take erases rows that were found before, as long as the snapshot in which they
// were may stay open, and none is locked.
func (r *run) take(ctx context.Context, rows []row) error {
	for len(rows) > 0 {
		if err := r.over(); err != nil {
			return err
		}
		n := min(r.pace.size(), len(rows))
		if err := r.insist(ctx, rows[:n]); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

func (r *run) took(n int64, rows int, took time.Duration) {
	r.rows += n
	r.gone += n
	r.pace.took(rows, took)
	r.e.paces.keep(r.paced, r.pace)
	if n > 0 {
		r.vain, r.pause = 0, firstPause
	}
	if r.batch.Timed != nil {
		r.batch.Timed(n, took)
	}
}

func (r *run) before(ctx context.Context, rows []row) error {
	if r.batch.Guard != nil {
		if err := r.batch.Guard(ctx); err != nil {
			return theirs(err)
		}
	}
	var files []datamap.File
	for i := range rows {
		files = append(files, rows[i].files...)
	}
	return r.files(ctx, files)
}

func (r *run) files(ctx context.Context, files []datamap.File) error {
	if r.batch.Files == nil || len(files) == 0 {
		return nil
	}
	return theirs(r.batch.Files(ctx, files))
}

// along tells of rows of another step that went with the batch.
func (r *run) along(step *datamap.Step, rows int64) {
	if r.batch.Along != nil && rows > 0 {
		r.batch.Along(step, rows)
	}
}

func (r *run) done(ctx context.Context, n int64) error {
	if r.batch.Done == nil {
		return nil
	}
	return theirs(r.batch.Done(ctx, n))
}

func busy(step *datamap.Step) error {
	return privacyd.Errorf(privacyd.ClassUnavailable, "rows_locked",
		"Rows of table %q that are to be erased are locked by another transaction of the database. End it and try again; what was erased meanwhile stays erased.", step.Table)
}

func growing(step *datamap.Step) error {
	return privacyd.Errorf(privacyd.ClassUnavailable, "rows_growing",
		"Rows are added to table %q, or put back by a trigger, as fast as they are erased. Stop what writes them and try again.", step.Table)
}

func remaining(step *datamap.Step, rows int) error {
	return privacyd.Errorf(privacyd.ClassRefused, "rows_remain",
		"%d rows of table %q stay although the database was told to %s them. Look for a trigger or a rule of that table that undoes it.", rows, step.Table, step.Action)
}
