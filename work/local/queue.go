package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/work"
)

const (
	stateWaiting = "waiting"
	stateRunning = "running"
	stateDead    = "dead"
)

// A row that waits is locked all the same, so that no run can begin before the
// caller's transaction has ended.
const enqueue = `
INSERT INTO work_items (kind, key, state, due_at, place, max_attempts)
VALUES ($1, $2, 'waiting', $3, $4, $5)
ON CONFLICT (kind, key) DO UPDATE SET
    state        = CASE work_items.state WHEN 'dead' THEN 'waiting' ELSE work_items.state END,
    due_at       = CASE WHEN work_items.state = 'dead' OR ` + sooner + ` THEN excluded.due_at ELSE work_items.due_at END,
    place        = CASE WHEN work_items.state = 'dead' OR ` + sooner + ` THEN excluded.place ELSE work_items.place END,
    max_attempts = CASE work_items.state WHEN 'dead' THEN excluded.max_attempts ELSE work_items.max_attempts END,
    begun        = CASE work_items.state WHEN 'dead' THEN 0 ELSE work_items.begun END,
    attempt      = CASE work_items.state WHEN 'dead' THEN 0 ELSE work_items.attempt END,
    cancelled    = CASE work_items.state WHEN 'dead' THEN 0 ELSE work_items.cancelled END,
    error_code   = CASE work_items.state WHEN 'dead' THEN '' ELSE work_items.error_code END,
    again_at     = CASE WHEN work_items.state <> 'running' THEN NULL
                        WHEN work_items.again_at < excluded.due_at THEN work_items.again_at
                        ELSE excluded.due_at END`

// sooner is true of an item that no handler has begun and that is to run
// earlier than it was to.
const sooner = `work_items.state = 'waiting' AND work_items.begun = 0 AND excluded.due_at < work_items.due_at`

// Enqueue implements work.Queue.
func (r *Runner) Enqueue(ctx context.Context, it work.Item) error {
	if it.Kind == "" || it.Key == "" {
		return fmt.Errorf("enqueue %q %q: kind and key are needed", it.Kind, it.Key)
	}
	now := r.o.Now()
	due, place := int64(0), sqldb.Micros(now)
	if !it.At.IsZero() {
		due, place = sqldb.Micros(it.At), max(place, sqldb.Micros(it.At))
	}
	if it.MaxAttempts <= 0 {
		it.MaxAttempts = work.DefaultAttempts
	}
	if _, err := r.db.Exec(ctx, enqueue, it.Kind, it.Key, due, place, it.MaxAttempts); err != nil {
		return fmt.Errorf("enqueue %s %s: %w", it.Kind, it.Key, err)
	}
	r.db.AfterCommit(ctx, r.wake)
	return nil
}

// Cancel implements work.Queue. Of a daily item that waits it skips the next
// run.
func (r *Runner) Cancel(ctx context.Context, kind, key string) error {
	err := r.db.InTx(ctx, func(ctx context.Context) error { return r.cancel(ctx, itemID{kind, key}) })
	if err != nil {
		return fmt.Errorf("cancel %s %s: %w", kind, key, err)
	}
	return nil
}

func (r *Runner) cancel(ctx context.Context, id itemID) error {
	// The flag comes first, whatever the state: it locks the row, so that the
	// state cannot change any more.
	var state string
	var place int64
	var begun bool
	err := r.db.QueryRow(ctx, `UPDATE work_items SET cancelled = 1, again_at = NULL
		WHERE kind = $1 AND key = $2 RETURNING state, place, begun = 1`, id.kind, id.key).Scan(&state, &place, &begun)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return err
	case state == stateRunning:
		r.db.AfterCommit(ctx, func() { r.interrupt(id) })
		return nil
	case state == stateWaiting && begun:
		r.db.AfterCommit(ctx, r.wake)
		_, err = r.db.Exec(ctx, `UPDATE work_items SET due_at = 0 WHERE kind = $1 AND key = $2`, id.kind, id.key)
		return err
	}
	return r.remove(ctx, id, sqldb.Time(place))
}

// remove takes out an item that no handler knows of.
func (r *Runner) remove(ctx context.Context, id itemID, place time.Time) (err error) {
	if next, ok := r.nextDay(id, place); ok {
		_, err = r.db.Exec(ctx, `UPDATE work_items SET state = 'waiting', due_at = $3, place = $3, attempt = 0, begun = 0,
			cancelled = 0 WHERE kind = $1 AND key = $2`, id.kind, id.key, sqldb.Micros(next))
		return err
	}
	_, err = r.db.Exec(ctx, `DELETE FROM work_items WHERE kind = $1 AND key = $2`, id.kind, id.key)
	return err
}

// interrupt cancels the item if it runs in this process; elsewhere it is seen
// at the next poll.
func (r *Runner) interrupt(id itemID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, it := range r.active {
		if it.id == id {
			it.cancel(work.ErrCancelled)
		}
	}
}

// Daily declares a daily item, as every process does at its start. An item that
// is overdue stays so and runs once; a changed hour moves the next run.
func (r *Runner) Daily(ctx context.Context, d work.Daily) error {
	if err := d.Valid(); err != nil {
		return err
	}
	r.mu.Lock()
	r.dailies[itemID{d.Kind, d.Key}] = d
	r.mu.Unlock()
	if err := r.db.InTx(ctx, func(ctx context.Context) error { return r.declare(ctx, d) }); err != nil {
		return fmt.Errorf("declare the daily item %s %s: %w", d.Kind, d.Key, err)
	}
	r.db.AfterCommit(ctx, r.wake)
	return nil
}

func (r *Runner) declare(ctx context.Context, d work.Daily) error {
	now := r.o.Now()
	next := sqldb.Micros(d.Next(now))
	n, err := r.db.Exec(ctx, `INSERT INTO work_items (kind, key, state, due_at, place, max_attempts)
		VALUES ($1, $2, 'waiting', $3, $3, $4) ON CONFLICT (kind, key) DO NOTHING`,
		d.Kind, d.Key, next, work.DefaultAttempts)
	if err != nil || n == 1 {
		return err
	}
	var due int64
	err = r.db.QueryRow(ctx, `SELECT due_at FROM work_items WHERE kind = $1 AND key = $2
		AND state = 'waiting' AND begun = 0 AND due_at > $3`, d.Kind, d.Key, sqldb.Micros(now)).Scan(&due)
	// A date that fits is left alone: another node's clock may be ahead of
	// ours, and it may have run today's already.
	if errors.Is(err, sql.ErrNoRows) || err == nil && d.Due(sqldb.Time(due)) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = r.db.Exec(ctx, `UPDATE work_items SET due_at = $3, place = $3
		WHERE kind = $1 AND key = $2 AND state = 'waiting' AND begun = 0 AND due_at = $4`, d.Kind, d.Key, next, due)
	return err
}

// nextDay is when a daily item is due again that was due at the given time. It
// counts from that time at least: a clock that is put back must not bring the
// same day's run again.
func (r *Runner) nextDay(id itemID, due time.Time) (time.Time, bool) {
	r.mu.Lock()
	d, ok := r.dailies[id]
	r.mu.Unlock()
	if !ok {
		return time.Time{}, false
	}
	if now := r.o.Now(); now.After(due) {
		due = now
	}
	return d.Next(due), true
}
