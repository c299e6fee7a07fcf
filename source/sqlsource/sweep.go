package sqlsource

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/privacyd/privacyd/datamap"
)

// sweep erases the rows of steps on SQLite, whose one writer nobody else writes
// beside: rows are found in the transaction in which they go, and a transaction
// begins with the first step again if anything was written since the last one,
// so that a row goes only when nothing is left below it.
type sweep struct {
	e     *Eraser
	batch Batch
	steps []sweepStep
	pace  pace

	rows  int64
	step  *datamap.Step // at hand
	from  int           // of the steps before it nothing is left, as long as nobody else writes
	stamp string        // of the state after the last batch
}

type sweepStep struct {
	*datamap.Step
	query string // deletes at most so many
}

// allTables is what a sweep's pace goes by.
const allTables = ""

// firstSweep is more than elsewhere: what a row takes varies less.
const (
	firstSweep   = 2000
	largestSweep = 6000
)

// slowSweep is how few rows a batch may have that took its time: then finding
// them takes longer than deleting them, which must not be done under the lock.
const slowSweep = 500

// errSlow says that rows have to be found first.
var errSlow = errors.New("it takes long to find the rows")

// sweep erases as many of the steps as it can, and tells how many that were.
func (e *Eraser) sweep(ctx context.Context, steps []*datamap.Step, batch Batch) (done int, rows int64, err error) {
	s := &sweep{e: e, batch: batch, pace: e.paces.begin(allTables, firstSweep, e.sweepLimit()), step: steps[0]}
	if err := e.look(ctx, "prepare an erasure", func(view *Snapshot) error { return s.prepare(ctx, view, steps) }); err != nil || len(s.steps) == 0 {
		return 0, 0, err
	}
	for more := true; more; {
		switch more, err = s.attempt(ctx); {
		case errors.Is(err, errSlow), conflict(err):
			return 0, s.rows, nil // step by step, which comes back to what is locked
		case err != nil:
			return 0, s.rows, explainRun(ctx, err, s.step)
		}
	}
	return len(s.steps), s.rows, nil
}

func (e *Eraser) sweepLimit() int {
	if e.MaxRows > 0 {
		return min(largestSweep, e.MaxRows)
	}
	return largestSweep
}

// prepare takes the first steps that are plain, whose rows are found through
// indexes and whose files hold nobody up.
func (s *sweep) prepare(ctx context.Context, view *Snapshot, steps []*datamap.Step) error {
	r, ok := view.reader.(*sqliteReader)
	if !ok {
		return fmt.Errorf("read the tables: the snapshot is not one of SQLite")
	}
	if err := s.e.learnSQLite(ctx, r, steps...); err != nil {
		return err
	}
	triggers, err := r.triggers(ctx)
	if err != nil {
		return err
	}
	for _, step := range steps {
		_, table := splitTable(step.Collection.Table)
		if !s.e.plain(step) || slices.Contains(triggers, strings.ToLower(table)) || s.holdsUp(step) {
			break
		}
		query, err := s.query(view.builder(ctx), step)
		if err != nil {
			return err
		}
		if found, err := indexed(ctx, r, query); err != nil || !found {
			return err
		}
		s.steps = append(s.steps, sweepStep{step, query})
	}
	return nil
}

// holdsUp tells whether files are told of for a step while nobody else can write
// to a product's database: they are taken note of elsewhere, which may take long.
func (s *sweep) holdsUp(step *datamap.Step) bool {
	return len(step.Files) > 0 && s.batch.Files != nil && !s.e.source.writer.own()
}

// triggers are the tables that have some, which may keep rows from going.
func (r *sqliteReader) triggers(ctx context.Context) (tables []string, err error) {
	err = r.raw(ctx, func(c *sqlite3.Conn) error {
		return each(c, "SELECT DISTINCT lower(tbl_name) FROM sqlite_schema WHERE type = 'trigger'", func(s *sqlite3.Stmt) error {
			tables = append(tables, s.ColumnText(0))
			return s.Err()
		})
	})
	return tables, err
}

// query deletes rows, and gives the files that they name.
func (s *sweep) query(b *builder, step *datamap.Step) (string, error) {
	sh := s.e.facts.shape(step.Collection.Table)
	b.extra = sh.extra()
	free, err := b.unreferred(step)
	if err != nil {
		return "", err
	}
	pick, err := b.rowsQuery(step.Collection, step.Rows, sh.names("r"), free...)
	if err != nil {
		return "", err
	}
	own := sh.own("d")
	query := "DELETE FROM " + tableName(step.Collection.Table) + " AS d WHERE " + tuple(own) + " IN (" + pick + " LIMIT ?1)"
	var files []string
	for _, f := range step.Files {
		files = append(files, asText(identifier(f.Column), true))
	}
	if len(files) > 0 {
		query += " RETURNING " + strings.Join(files, ", ")
	}
	return query, nil
}

// indexed tells whether no table has to be read from end to end for a query.
func indexed(ctx context.Context, r *sqliteReader, query string) (bool, error) {
	all := true
	err := r.raw(ctx, func(c *sqlite3.Conn) error {
		return each(c, "EXPLAIN QUERY PLAN "+strings.ReplaceAll(query, "?1", "1"), func(s *sqlite3.Stmt) error {
			line := s.ColumnText(3)
			all = all && (!strings.HasPrefix(line, "SCAN ") || line == "SCAN CONSTANT ROW" || strings.Contains(line, " VIRTUAL TABLE "))
			return s.Err()
		})
	})
	return all, err
}

// attempt takes a batch through its transaction, and tells whether there may be
// more.
func (s *sweep) attempt(ctx context.Context) (more bool, err error) {
	w := s.e.source.writer
	if !w.own() {
		if err := s.guard(ctx); err != nil {
			return false, err
		}
	}
	var n int64
	var begun time.Time
	err = w.inTx(ctx, func(ctx context.Context, tx statements) (err error) {
		begun = time.Now()
		stamp, err := stampOf(ctx, tx)
		if err != nil {
			return err
		}
		if stamp != s.stamp {
			s.from = 0
			if err := s.e.still(ctx, tx, s.batch.Still); err != nil {
				return err
			}
		}
		if w.own() {
			if err := s.guard(ctx); err != nil {
				return err
			}
		}
		if n, err = s.all(ctx, tx); err != nil {
			return err
		}
		if w.own() {
			if err := s.done(ctx, n); err != nil {
				return err
			}
		}
		s.stamp, err = stampOf(ctx, tx)
		return err
	})
	if err != nil {
		return false, err
	}
	took, size := time.Since(begun), s.pace.size()
	s.rows += n
	s.pace.took(int(n), took)
	s.e.paces.keep(allTables, s.pace)
	if s.batch.Timed != nil {
		s.batch.Timed(n, took)
	}
	if !w.own() {
		err = s.done(ctx, n)
	}
	more = n == int64(size)
	if more && err == nil && took > batchTarget && n < slowSweep && s.e.MaxRows == 0 {
		err = errSlow
	}
	return more, err
}

// stampOf is another one whenever something was written, by this connection or
// by others.
func stampOf(ctx context.Context, tx statements) (string, error) {
	rows, err := tx.rows(ctx, "SELECT total_changes() || ' ' || data_version FROM pragma_data_version", 1)
	if err != nil || len(rows) == 0 {
		return "", err
	}
	return plainValue(rows[0][0]), nil
}

// all deletes rows of the steps until they are as many as a batch has.
func (s *sweep) all(ctx context.Context, tx statements) (n int64, err error) {
	for i := s.from; i < len(s.steps); i++ {
		step, left := s.steps[i], int64(s.pace.size())-n
		if left == 0 {
			return n, nil
		}
		s.step, s.from = step.Step, i
		gone, err := s.delete(ctx, tx, step, left)
		if err != nil {
			return n, err
		}
		if n += gone; gone > 0 && s.batch.Along != nil {
			s.batch.Along(step.Step, gone)
		}
	}
	return n, nil
}

func (s *sweep) delete(ctx context.Context, tx statements, step sweepStep, most int64) (int64, error) {
	if len(step.Files) == 0 {
		return tx.exec(ctx, step.query, most)
	}
	rows, err := tx.rows(ctx, step.query, len(step.Files), most)
	if err != nil {
		return 0, err
	}
	if files := filesIn(step.Files, rows, 0); len(files) > 0 && s.batch.Files != nil {
		if err := s.batch.Files(ctx, files); err != nil {
			return 0, theirs(err)
		}
	}
	return int64(len(rows)), nil
}

func (s *sweep) guard(ctx context.Context) error {
	if s.batch.Guard == nil {
		return nil
	}
	return theirs(s.batch.Guard(ctx))
}

func (s *sweep) done(ctx context.Context, n int64) error {
	if s.batch.Done == nil {
		return nil
	}
	return theirs(s.batch.Done(ctx, n))
}

// learnSQLite reads once what has to be known of the tables that steps change.
func (e *Eraser) learnSQLite(ctx context.Context, r *sqliteReader, steps ...*datamap.Step) error {
	var tables []string
	for _, step := range steps {
		tables = appendNew(tables, changedTables(step)...)
	}
	for _, table := range e.facts.unknown(tables) {
		sh, err := r.shape(ctx, table)
		if err != nil {
			return err
		}
		keys, err := r.referrers(ctx, table)
		if err != nil {
			return err
		}
		e.facts.add(table, sh, keys)
	}
	return nil
}
