package engine_test

import (
	"context"
	"sync"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/work"
)

// how an effect goes wrong.
type how string

const (
	dies     how = "dies"  // the process, right after it
	fails    how = "fails" // it does not happen
	happened how = "fails and happened"
)

// effects are what a process does that outlives it: transactions, batches of
// rows, files, keys, marks, work and audit entries. The at-th goes wrong; 0: none does.
type effects struct {
	how how
	at  int
	// before is told of each transaction that is about to begin, and of what
	// the steps of an erasure are about to change, and when its files are
	// looked at.
	before func(what string)

	mu   sync.Mutex
	n    int
	dead bool
}

func errInjected() error {
	return privacyd.Errorf(privacyd.ClassUnavailable, "test_injected", "It did not work. Try again.")
}

// begin counts an effect and fails when it shall not happen.
func (f *effects) begin() (n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead {
		return 0, errDied
	}
	if f.n++; f.n == f.at && f.how == fails {
		return f.n, errInjected()
	}
	return f.n, nil
}

func (f *effects) tell(what string) {
	if f.before != nil {
		f.before(what)
	}
}

// end fails when nobody may hear that the effect has happened.
func (f *effects) end(n int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.dead:
		return errDied
	case n != f.at:
		return nil
	case f.how == dies:
		f.dead = true
		return errDied
	case f.how == happened:
		return errInjected()
	}
	return nil
}

func (f *effects) do(act func() error) error {
	n, err := f.begin()
	if err != nil {
		return err
	}
	if err := act(); err != nil {
		return err
	}
	return f.end(n)
}

func (f *effects) died() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dead
}

// watch has every effect of an engine pass through f.
func (f *effects) watch(b *enginetest.Bench) {
	e := b.Engine
	e.Tx = watchedTx{e.Tx, f}
	e.Audit = watchedLog{e.Audit, f}
	e.Keys = watchedKeys{e.Keys, f}
	e.Queue = watchedQueue{e.Queue, f}
	e.Suppression = watchedLedger{e.Suppression, f}
	e.Purges = watchedPurges{e.Purges, f}
	e.Blobs = watchedBlobs{e.Blobs, f}
	e.Erasures = watchedErasures{e.Erasures, f}
	for i := range e.Datasets {
		d := &e.Datasets[i]
		d.Source = watchedSource{d.Source, f}
		for name, bucket := range d.Files {
			d.Files[name] = watchedBucket{bucket, f}
		}
	}
}

type watchedTx struct {
	engine.Transactor
	*effects
}

type inTx struct{}

// InTx counts transactions, and not what joins them.
func (w watchedTx) InTx(ctx context.Context, fn func(ctx context.Context) error) error {
	if ctx.Value(inTx{}) != nil {
		return w.Transactor.InTx(ctx, fn)
	}
	w.tell("transaction")
	return w.do(func() error { return w.Transactor.InTx(context.WithValue(ctx, inTx{}, true), fn) })
}

type watchedLog struct {
	engine.AuditLog
	*effects
}

func (w watchedLog) Append(ctx context.Context, r auditlog.Record) (id string, err error) {
	err = w.do(func() (err error) { id, err = w.AuditLog.Append(ctx, r); return err })
	return id, err
}

type watchedKeys struct {
	engine.Shredder
	*effects
}

func (w watchedKeys) ShredFor(ctx context.Context, references ...string) error {
	for _, r := range references {
		if err := w.do(func() error { return w.Shredder.ShredFor(ctx, r) }); err != nil {
			return err
		}
	}
	return nil
}

type watchedQueue struct {
	work.Queue
	*effects
}

func (w watchedQueue) Enqueue(ctx context.Context, item work.Item) error {
	return w.do(func() error { return w.Queue.Enqueue(ctx, item) })
}

type watchedLedger struct {
	engine.Suppression
	*effects
}

func (w watchedLedger) Append(ctx context.Context, e privacyd.Erased, roots []privacyd.Root) (n int64, err error) {
	err = w.do(func() (err error) { n, err = w.Suppression.Append(ctx, e, roots); return err })
	return n, err
}

type watchedPurges struct {
	engine.Purges
	*effects
}

func (w watchedPurges) QueuePurges(ctx context.Context, purges []privacyd.Purge) error {
	return w.do(func() error { return w.Purges.QueuePurges(ctx, purges) })
}

func (w watchedPurges) ClaimPurges(ctx context.Context, now, again time.Time, limit int) (claimed []privacyd.Purge, err error) {
	w.tell("files")
	err = w.do(func() (err error) { claimed, err = w.Purges.ClaimPurges(ctx, now, again, limit); return err })
	return claimed, err
}

func (w watchedPurges) FinishPurge(ctx context.Context, p privacyd.Purge, state privacyd.PurgeState, now time.Time) error {
	return w.do(func() error { return w.Purges.FinishPurge(ctx, p, state, now) })
}

type watchedBlobs struct {
	engine.Blobs
	*effects
}

func (w watchedBlobs) Delete(ctx context.Context, key string) error {
	return w.do(func() error { return w.Blobs.Delete(ctx, key) })
}

type watchedBucket struct {
	engine.BlobReader
	*effects
}

func (w watchedBucket) Delete(ctx context.Context, key string) error {
	return w.do(func() error { return w.BlobReader.(engine.BlobDeleter).Delete(ctx, key) })
}

type watchedErasures struct {
	engine.AuditErasures
	*effects
}

func (w watchedErasures) TruncateLog(ctx context.Context) (done bool, err error) {
	err = w.do(func() (err error) { done, err = w.AuditErasures.TruncateLog(ctx); return err })
	return done, err
}

type watchedSource struct {
	engine.Source
	*effects
}

func (w watchedSource) Eraser() (engine.Eraser, error) {
	e, err := w.Source.Eraser()
	return watchedEraser{e, w.effects}, err
}

type watchedEraser struct {
	engine.Eraser
	*effects
}

// RunAll counts each batch, which is over when it has committed.
func (w watchedEraser) RunAll(ctx context.Context, steps []*datamap.Step, b engine.Batch) (int64, error) {
	for _, step := range steps {
		w.tell(string(step.Action) + " " + step.Collection.Name)
	}
	n, guard, timed := 0, b.Guard, b.Timed
	var failed error
	b.Guard = func(ctx context.Context) (err error) {
		if failed != nil {
			return failed
		}
		if n, err = w.begin(); err != nil {
			return err
		}
		return guard(context.WithValue(ctx, inTx{}, true))
	}
	b.Timed = func(rows int64, took time.Duration) {
		timed(rows, took)
		failed = w.end(n)
	}
	rows, err := w.Eraser.RunAll(ctx, steps, b)
	if err == nil {
		err = failed
	}
	return rows, err
}
