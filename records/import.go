package records

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/bits"
	"slices"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
)

// Request is an import.
type Request struct {
	Workspace string
	Source    Source
	// Progress is told how far the import is, from time to time; it may be nil.
	Progress func(Progress)
	// Check runs in each transaction of the second pass and stops the import
	// when it fails: a lease that is lost, for one. It may be nil.
	Check func(ctx context.Context) error
	// Suppressed knows who was erased: their records and what belongs to them
	// are left out. It may be nil. Origin is the workspace of which an archive
	// is an export: who was erased there is not to come back here.
	Suppressed Suppressed
	Origin     string
}

// Phase is what an import is doing.
type Phase string

// The phases: everything is checked before anything is written.
const (
	Checking Phase = "checking"
	Writing  Phase = "writing"
)

// Progress is how far an import is, in records. Total is 0 while it is checked.
type Progress struct {
	Phase       Phase
	Done, Total int64
}

// Result is what an import wrote.
type Result struct {
	Records     map[string]int64 `json:"records"`           // collection → records written, new and changed
	Attachments int64            `json:"attachments"`       // attachments whose content was written
	Bytes       int64            `json:"bytes"`             // of these
	Missing     int64            `json:"missing"`           // attachments of an archive that came without their content
	Skipped     map[string]int64 `json:"skipped,omitempty"` // collection → records of an archive that imports never write
	Accounts    int64            `json:"accounts"`          // accounts that the records name
	Erased      map[string]int64 `json:"erased,omitempty"`  // collection → records left out since they, or whom they belong to, were erased
}

const (
	batchRows  = 2048
	batchBytes = 4 << 20
)

// Import reads everything and checks it: each record by itself, ids that are
// there twice, and links to what is neither in the import nor stored. Only if
// nothing is wrong does it write, in transactions that each hold the writer
// for a moment. A record that is stored already is replaced. The same import
// run again changes nothing.
//
// Codes of what is wrong with a file are in docs/import-format.md, each with
// file and line. When writing fails (a full disk, a lost connection) the error
// has the cause's code, or import_incomplete, and Result says what was
// written: run the same import again.
func (s *Store) Import(ctx context.Context, req Request) (Result, error) {
	c := s.newChecker(req.Source)
	defer c.close()
	var err error
	if c.erased, err = s.newSuppression(ctx, req); err != nil {
		return Result{}, err
	}
	if req.Progress != nil {
		c.progress = func(done int64) { req.Progress(Progress{Phase: Checking, Done: done}) }
	}
	if err := c.all(ctx, req.Workspace); err != nil {
		return Result{}, err
	}
	w := &writer{store: s, req: req, checked: c, erased: map[string]bool{}, result: Result{
		Records: map[string]int64{}, Skipped: c.skipped,
	}}
	w.forgetAuthors()
	if err := w.all(ctx); err != nil {
		return w.result, w.stopped(err)
	}
	return w.result, nil
}

// writer is the second pass: it writes the rows that a checker kept.
type writer struct {
	store    *Store
	req      Request
	checked  *checker
	accounts map[string]string // e-mail → account id
	erased   map[string]bool   // e-mails of accounts that were erased
	done     int64
	result   Result
}

func (w *writer) all(ctx context.Context) error {
	if err := w.resolve(ctx); err != nil {
		return err
	}
	for _, c := range collections {
		if rows := w.checked.rows[c.number]; rows != nil {
			if err := w.collection(ctx, c, rows); err != nil {
				return err
			}
			rows.close()
		}
	}
	return nil
}

// stopped says how far an import came that could not end.
func (w *writer) stopped(err error) error {
	if errors.Is(err, context.Canceled) && w.done == 0 {
		return err
	}
	class, code := privacyd.ClassOf(err), privacyd.CodeOf(err)
	if class == privacyd.ClassInternal {
		class, code = privacyd.ClassUnavailable, "import_incomplete"
	}
	cause := ""
	var known *privacyd.Error
	if errors.As(err, &known) {
		cause = " " + known.Message
	}
	stopped := privacyd.Errorf(class, code,
		"The import stopped after %d of %d records were written.%s What was written is whole; run the same import again to write the rest.",
		w.done, w.checked.total, cause)
	stopped.Err = err
	return stopped
}

// resolve finds or makes the accounts that the records name.
func (w *writer) resolve(ctx context.Context) error {
	w.accounts = map[string]string{}
	emails := slices.Sorted(maps.Keys(w.checked.authors))
	for part := range slices.Chunk(emails, maxIDs) {
		authors := make([]Author, len(part))
		for i, e := range part {
			authors[i] = w.checked.authors[e]
		}
		err := w.store.inTx(ctx, func(ctx context.Context) error {
			if err := w.check(ctx); err != nil {
				return err
			}
			return w.store.resolve(ctx, authors, w.accounts)
		})
		if err != nil {
			return err
		}
	}
	for mail, id := range w.accounts {
		if id == "" {
			w.forgetAuthor(mail)
		}
	}
	w.result.Accounts = int64(len(w.checked.authors))
	return nil
}

// resolve adds the account ids of authors, by e-mail; an empty one of those that
// are being erased.
func (s *Store) resolve(ctx context.Context, authors []Author, into map[string]string) error {
	ids, err := s.Authors.Resolve(ctx, authors)
	if err != nil {
		return fmt.Errorf("resolve authors: %w", err)
	}
	for _, a := range authors {
		id, resolved := ids[a.Email]
		if !resolved {
			return errors.New("resolve authors: an author has no account")
		}
		into[a.Email] = id
	}
	return nil
}

// collection writes the rows of one collection in batches.
func (w *writer) collection(ctx context.Context, c *Collection, rows *sorter) error {
	batch, size := make([]*row, 0, batchRows), 0
	write := func() error {
		if len(batch) == 0 {
			return nil
		}
		err := w.batch(ctx, c, batch)
		batch, size = batch[:0], 0
		return err
	}
	err := rows.each(func(b []byte) error {
		if len(batch) == batchRows || size+len(b) > batchBytes {
			if err := write(); err != nil {
				return err
			}
		}
		r, err := w.decode(c, b)
		if err != nil || r == nil {
			return err
		}
		batch, size = append(batch, r), size+len(b)
		return nil
	})
	if err != nil {
		return err
	}
	return write()
}

// decode gives no row for one that was erased.
func (w *writer) decode(c *Collection, b []byte) (*row, error) {
	r, err := decodeRow(b, len(c.Fields))
	if err != nil {
		return nil, err
	}
	out, err := w.checked.leavesOut(c, r)
	if out {
		w.leaveOut(c.Name)
		return nil, err
	}
	if len(w.erased) > 0 {
		w.nameNobody(c, r)
	}
	return r, err
}

func (w *writer) batch(ctx context.Context, c *Collection, rows []*row) error {
	if err := w.commit(ctx, c, rows); err != nil {
		return err
	}
	w.done += int64(len(rows))
	before := w.result.Records[c.Name]
	w.result.Records[c.Name] += int64(len(rows))
	if err := w.analyze(ctx, c, before, before+int64(len(rows))); err != nil {
		return err
	}
	if w.req.Progress != nil {
		w.req.Progress(Progress{Phase: Writing, Done: w.done, Total: w.checked.total})
	}
	return nil
}

func (w *writer) commit(ctx context.Context, c *Collection, rows []*row) error {
	if c.Name == "attachments" {
		return w.attachments(ctx, c, rows)
	}
	return w.store.inTx(ctx, func(ctx context.Context) error {
		if err := w.check(ctx); err != nil {
			return err
		}
		return w.store.write(ctx, w.req.Workspace, c, rows, w.accounts, nil)
	})
}

func (w *writer) check(ctx context.Context) error {
	if w.req.Check == nil {
		return nil
	}
	return w.req.Check(ctx)
}

// analyze tells PostgreSQL how a table looks that has grown much: it plans
// badly for tables that it has no statistics of, and looks by itself only
// every minute. Who does not own the table may not; then it does nothing.
func (w *writer) analyze(ctx context.Context, c *Collection, before, after int64) error {
	if w.store.DB.Dialect != sqldb.Postgres || bits.Len64(uint64(before)/batchRows) == bits.Len64(uint64(after)/batchRows) {
		return nil
	}
	if _, err := w.store.DB.Exec(ctx, "ANALYZE "+c.Name); err != nil {
		return fmt.Errorf("analyze %s: %w", c.Name, err)
	}
	return nil
}
