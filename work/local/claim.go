package local

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/privacyd/privacyd/store/sqldb"
)

// item is one that this process runs, and its work.Lease.
type item struct {
	r         *Runner
	id        itemID
	token     string
	place     time.Time
	attempt   int
	most      int // attempts
	fence     int64
	cancelled bool // before it was claimed
	cancel    context.CancelCauseFunc
}

// claim takes due items, no more than there is room for, under new tokens.
func (l *loop) claim(ctx context.Context, rooms []room) ([]*item, error) {
	if len(rooms) == 0 {
		return nil, nil
	}
	now := sqldb.Micros(l.r.o.Now())
	if due, err := l.due(ctx, rooms, now); err != nil || !due {
		return nil, err
	}
	var items []*item
	err := l.r.db.InTx(ctx, func(ctx context.Context) error {
		for _, room := range rooms {
			found, err := l.find(ctx, room.kind, min(room.free, l.r.freeWorkers()-len(items)), now)
			if err != nil {
				return err
			}
			items = append(items, found...)
		}
		for _, it := range items {
			if err := it.take(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("claim work: %w", err)
	}
	return items, nil
}

func (r *Runner) freeWorkers() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.o.Workers - len(r.active)
}

// due looks without a lock, so that an idle runner never writes.
func (l *loop) due(ctx context.Context, rooms []room, now int64) (bool, error) {
	kinds := make([]string, len(rooms))
	for i, room := range rooms {
		kinds[i] = room.kind
	}
	where := newFilter(now)
	query := `SELECT 1 FROM work_items WHERE state = 'waiting' AND due_at <= $1` +
		where.in("kind", kinds) + where.in("key", l.keys) + ` LIMIT 1`
	found, err := l.r.exists(ctx, query, where.args)
	if err != nil {
		return false, fmt.Errorf("look for work that is due: %w", err)
	}
	return found, nil
}

func (l *loop) find(ctx context.Context, kind string, limit int, now int64) ([]*item, error) {
	if limit <= 0 {
		return nil, nil
	}
	where := newFilter(now, kind, limit)
	query := `SELECT key, place, attempt, max_attempts, fence, cancelled FROM work_items
		WHERE state = 'waiting' AND due_at <= $1 AND kind = $2` + where.in("key", l.keys) +
		` ORDER BY place, key LIMIT $3` + l.r.db.Dialect.ForUpdateSkipLocked()
	rows, err := l.r.db.Query(ctx, query, where.args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	var items []*item
	for rows.Next() {
		it := &item{r: l.r, id: itemID{kind: kind}}
		var place int64
		if err := rows.Scan(&it.id.key, &place, &it.attempt, &it.most, &it.fence, &it.cancelled); err != nil {
			return nil, err
		}
		it.place = sqldb.Time(place)
		items = append(items, it)
	}
	return items, rows.Err()
}

func (it *item) take(ctx context.Context) error {
	it.attempt++
	it.fence++
	it.token = strconv.FormatInt(it.fence, 10) + "-" + rand.Text()
	_, err := it.r.db.Exec(ctx, `UPDATE work_items SET state = 'running', token = $3, fence = $4, attempt = $5, begun = 1,
		beat = 0, lease = $6, node = $7 WHERE kind = $1 AND key = $2`,
		it.id.kind, it.id.key, it.token, it.fence, it.attempt, it.r.o.Lease.Microseconds(), it.r.o.Node)
	return err
}

// idle tells whether nothing is left that RunUntilIdle waits for.
func (l *loop) idle(ctx context.Context) (bool, error) {
	where := newFilter(sqldb.Micros(l.r.o.Now()))
	l.r.mu.Lock()
	kinds := l.r.kinds
	l.r.mu.Unlock()
	query := `SELECT 1 FROM work_items WHERE (state = 'running' OR state = 'waiting' AND (due_at <= $1 OR begun = 1))` +
		where.in("kind", kinds) + where.in("key", l.keys) + ` LIMIT 1`
	found, err := l.r.exists(ctx, query, where.args)
	if err != nil {
		return false, fmt.Errorf("look for unfinished work: %w", err)
	}
	return !found || len(kinds) == 0, nil
}

func (r *Runner) exists(ctx context.Context, query string, args []any) (bool, error) {
	var one int
	err := r.db.QueryRow(ctx, query, args...).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// filter collects the arguments of a query whose conditions vary.
type filter struct{ args []any }

func newFilter(args ...any) *filter { return &filter{args} }

// in is " AND column IN (…)"; nothing when there are no values.
func (f *filter) in(column string, values []string) string {
	if len(values) == 0 {
		return ""
	}
	marks := make([]string, len(values))
	for i, v := range values {
		f.args = append(f.args, v)
		marks[i] = "$" + strconv.Itoa(len(f.args))
	}
	return " AND " + column + " IN (" + strings.Join(marks, ", ") + ")"
}
