package sqlsource

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/store/sqldb"
)

// Eraser erases rows, and reads what an erasure has to know. It remembers what
// it has learnt of tables: make one for each job. It is safe for concurrent use.
type Eraser struct {
	source *Source
	tables *tableCache
	facts  *facts
	paces  *paces

	// Patience is how long Run goes on without getting any further because of
	// rows that others have locked.
	Patience time.Duration
	// MaxRows is the most rows that a batch has; 0: as many as go in time.
	MaxRows int

	ordered int           // how many rows are put in order at once
	chunk   int           // SQLite: how many rows are found at once
	round   time.Duration // see roundLength
}

const defaultPatience = time.Minute

// Eraser gives an Eraser of the database.
//
// Error codes: source_forbidden when the source is open for reading only.
func (s *Source) Eraser() (*Eraser, error) {
	if s.writer == nil {
		return nil, privacyd.Errorf(privacyd.ClassRefused, "source_forbidden",
			"The dataset's database is open for reading only, and an erasure has to write to it. Give the address of the database itself, not of a replica or a copy.")
	}
	return &Eraser{source: s, tables: newTableCache(), facts: newFacts(), paces: newPaces(), Patience: defaultPatience, ordered: mostOrdered, chunk: largestChunk, round: roundLength}, nil
}

// Count is how many rows a step is about, exactly, in a snapshot, and how many
// files they name that would go with them, with their bytes where a column says
// those. Of a step that changes rows it
// counts those that are not yet as they will be; of one that keeps them, all.
//
// Error codes: those of Snapshot.Read.
func (e *Eraser) Count(ctx context.Context, step *datamap.Step) (datamap.Tally, error) {
	left := step.Action != datamap.Keep
	return e.count(ctx, step, left)
}

// Left is how many rows Run would still change or delete: 0 is what an erasure
// has to end with.
//
// Error codes: those of Snapshot.Read.
func (e *Eraser) Left(ctx context.Context, step *datamap.Step) (int64, error) {
	if step.Action != datamap.Delete && len(step.Set) == 0 {
		return 0, nil
	}
	t, err := e.count(ctx, step, true)
	return t.Rows, err
}

func (e *Eraser) count(ctx context.Context, step *datamap.Step, left bool) (t datamap.Tally, err error) {
	err = e.look(ctx, "count "+step.Collection.Name, func(s *Snapshot) error {
		b := s.builder(ctx)
		var also []string
		if left {
			also, err = b.unfinished(step)
			if err != nil {
				return err
			}
		}
		query, err := b.rowsQuery(step.Collection, step.Rows, []string{b.asText("count(*)"), b.asText(b.fileCount(step)), b.asText(b.fileBytes(step))}, also...)
		if err != nil {
			return err
		}
		return s.reader.values(ctx, query, 3, func(v [][]byte) error {
			t = datamap.Tally{Rows: number(v[0]), Files: number(v[1]), Bytes: number(v[2])}
			return nil
		})
	})
	return t, err
}

func number(text []byte) int64 {
	n, _ := strconv.ParseInt(string(text), 10, 64) //nolint:errcheck // the database counted
	return n
}

// fileCount sums up the files that the rows of a step name.
func (b *builder) fileCount(step *datamap.Step) string {
	terms := []string{"0"}
	for _, f := range step.Files {
		terms = append(terms, "count(NULLIF("+asText(named("r", f.Column), true)+", ''))")
	}
	return strings.Join(terms, " + ")
}

// fileBytes sums up what the rows say of the sizes of those files.
func (b *builder) fileBytes(step *datamap.Step) string {
	terms := []string{"0"}
	for _, f := range step.Files {
		if f.SizeColumn == "" {
			continue
		}
		size := named("r", f.SizeColumn)
		isNumber, asNumber := "typeof("+size+") = 'integer'", size
		if b.dialect == sqldb.Postgres {
			isNumber, asNumber = size+"::text ~ '^[0-9]{1,15}$'", size+"::text::bigint"
		}
		terms = append(terms, "coalesce(sum(CASE WHEN NULLIF("+asText(named("r", f.Column), true)+", '') IS NOT NULL AND "+isNumber+" THEN "+asNumber+" END), 0)")
	}
	return strings.Join(terms, " + ")
}

func (b *builder) asText(expr string) string { return asText(expr, b.dialect == sqldb.Postgres) }

// TruncateLog makes an SQLite file forget what was erased: its write-ahead log
// still has the pages as they were. It is false when somebody who reads an older
// state holds that back; ask again. On PostgreSQL, whose log is its own, it is
// true.
//
// Error codes: database_unavailable.
func (e *Eraser) TruncateLog(ctx context.Context) (bool, error) {
	done, err := e.source.writer.truncate(ctx)
	if err != nil {
		return false, fmt.Errorf("truncate the log: %w", explain(ctx, err))
	}
	return done, nil
}

// look runs fn on a snapshot of its own.
func (e *Eraser) look(ctx context.Context, doing string, fn func(*Snapshot) error) error {
	s, err := e.source.lazily(ctx, e.tables)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	defer s.Close() //nolint:errcheck // nothing was written
	err = fn(s)
	var theirs *callerError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &theirs):
		return theirs.err
	}
	return fmt.Errorf("%s: %w", doing, explain(ctx, err))
}

// callerError is an error of a callback, which is not the database's.
type callerError struct{ err error }

func (e *callerError) Error() string { return e.err.Error() }
func (e *callerError) Unwrap() error { return e.err }

func theirs(err error) error {
	if err == nil {
		return nil
	}
	return &callerError{err}
}

// tableCache remembers the columns of tables.
type tableCache struct {
	mu    sync.Mutex
	known map[string]columns
}

func newTableCache() *tableCache { return &tableCache{known: map[string]columns{}} }

func (t *tableCache) get(table string) (columns, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c, ok := t.known[table]
	return c, ok
}

func (t *tableCache) put(table string, c columns) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.known[table] = c
}

// keyText are a collection's key columns as text.
func (b *builder) keyText(c *datamap.Collection, alias string) ([]string, error) {
	return b.textOf(c, alias, c.Key)
}

func (b *builder) textOf(c *datamap.Collection, alias string, names []string) ([]string, error) {
	var all []string
	for _, name := range names {
		col, err := b.column(c.Table, name)
		if err != nil {
			return nil, err
		}
		all = append(all, b.text(alias, col))
	}
	return all, nil
}

// text reads a column as text. On SQLite that is left to who reads it.
func (b *builder) text(alias string, c column) string {
	if b.dialect == sqldb.Postgres && (c.kind != kindText || c.cast) {
		return named(alias, c.name) + "::text"
	}
	return named(alias, c.name)
}
