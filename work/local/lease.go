package local

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/work"
)

// Attempt implements work.Lease.
func (it *item) Attempt() int { return it.attempt }

// Check implements work.Lease.
func (it *item) Check(ctx context.Context) error {
	query := `SELECT 1 FROM work_items WHERE kind = $1 AND key = $2 AND token = $3`
	if it.r.db.Dialect == sqldb.Postgres {
		query += " FOR KEY SHARE" // conflicts with a new token, not with heartbeats
	}
	held, err := it.r.exists(ctx, query, []any{it.id.kind, it.id.key, it.token})
	if err != nil {
		return fmt.Errorf("check the lease of %s %s: %w", it.id.kind, it.id.key, err)
	}
	if !held {
		return fmt.Errorf("check the lease of %s %s: %w", it.id.kind, it.id.key, work.ErrLost)
	}
	return nil
}

// execute runs the handler while the heart beats, then writes down what came
// of it.
func (r *Runner) execute(ctx context.Context, it *item, handle work.Handler) {
	err := work.ErrDied
	if it.attempt <= it.most {
		beats, stop := context.WithCancel(context.WithoutCancel(ctx))
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			it.beat(beats)
		}()
		defer stop() // when the handler leaves by runtime.Goexit
		err = it.call(ctx, handle)
		stop()
		<-stopped
	}
	it.finish(ctx, err)
}

// call runs the handler and makes a panic a failure.
func (it *item) call(ctx context.Context, handle work.Handler) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = it.panicked(ctx, p)
		}
	}()
	return handle(ctx, it.id.key, it)
}

// panicked logs the stack. The value is logged only where it is the runtime's
// own: another may hold anything, also somebody's data.
func (it *item) panicked(ctx context.Context, value any) error {
	what := fmt.Sprintf("%T", value)
	var own runtime.Error
	if err, ok := value.(error); ok && errors.As(err, &own) {
		what = own.Error()
	}
	it.r.o.Logger.ErrorContext(ctx, "a handler panicked", "kind", it.id.kind, "key", it.id.key, "panic", what, "stack", string(debug.Stack()))
	return fmt.Errorf("the handler of %s panicked: %s", it.id.kind, what)
}

// beat extends the lease until ctx ends or the lease is lost. Two thirds of it
// without an answer count as lost, so that the handler stops before others
// may start.
func (it *item) beat(ctx context.Context) {
	every := time.NewTicker(it.r.o.Lease / 3)
	defer every.Stop()
	last := it.r.o.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		now := it.r.o.Now()
		held, err := it.extend(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil && held:
			last = now
		case err == nil, it.r.o.Now().Sub(last) >= it.r.o.Lease*2/3:
			it.r.o.Logger.WarnContext(ctx, "the lease is lost", "kind", it.id.kind, "key", it.id.key, "node", it.r.o.Node)
			it.cancel(work.ErrLost)
			return
		}
	}
}

func (it *item) extend(ctx context.Context) (held bool, err error) {
	if it.r.db.Dialect == sqldb.Postgres {
		// On SQLite it waits only behind a write of this very process, and
		// while that lasts nobody can take over.
		var done context.CancelFunc
		ctx, done = context.WithTimeout(ctx, it.r.o.Lease/3)
		defer done()
	}
	n, err := it.r.db.Exec(ctx, `UPDATE work_items SET beat = beat + 1 WHERE kind = $1 AND key = $2 AND token = $3`,
		it.id.kind, it.id.key, it.token)
	return n == 1, err
}
