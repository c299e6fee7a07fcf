package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/work"
)

// outcome is what becomes of an item after its handler.
type outcome int

const (
	done    outcome = iota
	release         // due again at once, the attempt does not count
	wait            // due again later, the attempt does not count
	retry           // due again later
	dead
)

// judge reads the handler's error.
func (it *item) judge(ctx context.Context, err error) (outcome, time.Duration) {
	var later *work.RetryError
	cause := context.Cause(ctx)
	ended := errors.Is(err, context.Canceled)
	switch {
	case err == nil, errors.Is(err, work.ErrCancelled), errors.Is(cause, work.ErrCancelled) && ended:
		return done, 0
	case errors.Is(cause, work.ErrCancelled) && !it.cancelled:
		// Perhaps it only met a transaction that the cancellation ended. It is
		// handed out again to clean up.
		return release, 0
	case errors.As(err, &later) && later.Err == nil:
		return wait, later.After
	case errors.Is(cause, work.ErrStopping), errors.Is(cause, work.ErrLost):
		return release, 0
	case it.attempt >= it.most:
		return dead, 0
	case later != nil:
		return retry, later.After
	default:
		return retry, it.r.delay(it.attempt)
	}
}

func (r *Runner) delay(attempt int) time.Duration {
	d := r.o.Backoff(attempt)
	return d/2 + time.Duration(r.o.Jitter()*float64(d/2))
}

// finish writes the outcome under the token. While the database does not
// answer it tries for as long as the lease lasts; after that, or when the
// runner stops, the item is left to be taken over.
func (it *item) finish(ctx context.Context, result error) {
	what, after := it.judge(ctx, result)
	it.tell(ctx, what, after, result)
	clean := context.WithoutCancel(ctx)
	giveUp := time.NewTimer(it.r.o.Lease)
	defer giveUp.Stop()
	for pause := 50 * time.Millisecond; ; pause *= 2 {
		err := it.record(clean, what, after, result)
		if err == nil {
			return
		}
		it.r.o.Logger.ErrorContext(ctx, "the outcome of work could not be written", "kind", it.id.kind, "key", it.id.key, "error", err)
		if errors.Is(context.Cause(ctx), work.ErrStopping) {
			return
		}
		select {
		case <-giveUp.C:
			return
		case <-time.After(pause):
		}
	}
}

func (it *item) record(ctx context.Context, what outcome, after time.Duration, result error) error {
	ctx, cancel := context.WithTimeout(ctx, it.r.o.Lease)
	defer cancel()
	return it.r.db.InTx(ctx, func(ctx context.Context) error { return it.write(ctx, what, after, result) })
}

func (it *item) write(ctx context.Context, what outcome, after time.Duration, result error) error {
	if what == dead {
		if err := it.mourn(ctx, result); err != nil {
			return err
		}
	}
	again, err := it.lock(ctx)
	if errors.Is(err, work.ErrLost) {
		it.r.o.Logger.WarnContext(ctx, "the outcome of work came too late", "kind", it.id.kind, "key", it.id.key, "node", it.r.o.Node)
		return nil
	}
	if err != nil {
		return err
	}
	later := sqldb.Micros(it.r.o.Now().Add(after))
	code := privacyd.CodeOf(result)
	switch what {
	case release:
		return it.putBack(ctx, 0, it.attempt-1, code)
	case wait:
		return it.putBack(ctx, later, it.attempt-1, code)
	case retry:
		return it.putBack(ctx, later, it.attempt, code)
	default:
		return it.conclude(ctx, what, again, code)
	}
}

// mourn tells the owner of an item whose attempts are used up. It comes before
// the row is locked, since a cancellation touches the owner's job first, too:
// in the other order the two could wait for each other.
func (it *item) mourn(ctx context.Context, result error) error {
	if it.r.o.OnDead == nil {
		return nil
	}
	if err := it.Check(ctx); errors.Is(err, work.ErrLost) {
		return nil
	} else if err != nil {
		return err
	}
	if err := it.r.o.OnDead(ctx, it.id.kind, it.id.key, result); err != nil {
		return fmt.Errorf("tell that %s %s is dead: %w", it.id.kind, it.id.key, err)
	}
	return nil
}

// lock holds the row until the transaction ends and tells for when the item was
// enqueued again.
func (it *item) lock(ctx context.Context) (again sql.NullInt64, err error) {
	query := `SELECT again_at FROM work_items WHERE kind = $1 AND key = $2 AND token = $3` + it.r.db.Dialect.ForUpdate()
	err = it.r.db.QueryRow(ctx, query, it.id.kind, it.id.key, it.token).Scan(&again)
	if errors.Is(err, sql.ErrNoRows) {
		err = work.ErrLost
	}
	return again, err
}

// putBack has the item wait. What was enqueued while it ran is served by the
// run to come.
func (it *item) putBack(ctx context.Context, due int64, attempt int, code string) error {
	_, err := it.r.db.Exec(ctx, `UPDATE work_items SET state = 'waiting', token = NULL, again_at = NULL,
		due_at = $3, attempt = $4, error_code = $5 WHERE kind = $1 AND key = $2`, it.id.kind, it.id.key, due, attempt, code)
	return err
}

// conclude ends an item that is done or dead: it runs again if it was enqueued
// meanwhile or is a daily one.
func (it *item) conclude(ctx context.Context, what outcome, again sql.NullInt64, code string) error {
	next, daily := it.r.nextDay(it.id, it.place)
	switch {
	case again.Valid && daily: // it is still today's run
		return it.renew(ctx, again.Int64, it.place, code)
	case again.Valid:
		return it.renew(ctx, again.Int64, it.r.o.Now(), code)
	case daily:
		return it.renew(ctx, sqldb.Micros(next), next, code)
	}
	query := `DELETE FROM work_items WHERE kind = $1 AND key = $2`
	args := []any{it.id.kind, it.id.key}
	if what == dead {
		query = `UPDATE work_items SET state = 'dead', token = NULL, error_code = $3 WHERE kind = $1 AND key = $2`
		args = append(args, code)
	}
	_, err := it.r.db.Exec(ctx, query, args...)
	return err
}

func (it *item) renew(ctx context.Context, due int64, place time.Time, code string) error {
	_, err := it.r.db.Exec(ctx, `UPDATE work_items SET state = 'waiting', token = NULL, again_at = NULL, due_at = $3, place = $4,
		attempt = 0, begun = 0, cancelled = 0, error_code = $5 WHERE kind = $1 AND key = $2`,
		it.id.kind, it.id.key, due, sqldb.Micros(place), code)
	return err
}

// tell logs what came of an item, unless it is simply done.
func (it *item) tell(ctx context.Context, what outcome, after time.Duration, result error) {
	attributes := []any{"kind", it.id.kind, "key", it.id.key, "attempt", it.attempt, "error", result}
	switch what {
	case done:
		it.r.o.Logger.DebugContext(ctx, "work is done", attributes...)
	case release:
		it.r.o.Logger.InfoContext(ctx, "work is given back", attributes...)
	case wait:
		it.r.o.Logger.DebugContext(ctx, "work waits", append(attributes, "after", after)...)
	case retry:
		it.r.o.Logger.WarnContext(ctx, "work is tried again later", append(attributes, "after", after)...)
	case dead:
		it.r.o.Logger.ErrorContext(ctx, "work failed for good", attributes...)
	}
}
