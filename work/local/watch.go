package local

import (
	"context"
	"fmt"
	"time"

	"github.com/privacyd/privacyd/work"
)

// Void rows are due at once, whatever the clock says. Their attempt counts: an
// item that kills its process must not do so for ever.
const (
	voidAll = `UPDATE work_items SET state = 'waiting', token = NULL, again_at = NULL, due_at = 0 WHERE state = 'running'`
	voidOne = voidAll + ` AND kind = $1 AND key = $2 AND token = $3`
)

// sighting is the heartbeat of another process's item, and since when it has
// been standing still by our own clock.
type sighting struct {
	token string
	beat  int64
	since time.Time
}

// running is a row that runs, here or elsewhere.
type running struct {
	id        itemID
	token     string
	beat      int64
	lease     time.Duration
	cancelled bool
}

// look does what a poll is for: it cancels our own items that were cancelled
// or taken over elsewhere, and takes over those of the dead.
func (l *loop) look(ctx context.Context) error {
	mine := l.r.ours()
	rows, err := l.running(ctx)
	if err != nil {
		return fmt.Errorf("look at running work: %w", err)
	}
	seen := make(map[itemID]sighting, len(rows))
	for _, row := range rows {
		if it, ok := mine[row.token]; ok {
			delete(mine, row.token)
			if row.cancelled {
				it.cancel(work.ErrCancelled)
			}
			continue
		}
		s, dead := l.sight(row)
		seen[row.id] = s
		if !dead {
			continue
		}
		if err := l.void(ctx, row); err != nil {
			return fmt.Errorf("take over %s %s: %w", row.id.kind, row.id.key, err)
		}
	}
	for _, it := range mine {
		it.cancel(work.ErrLost)
	}
	l.seen = seen
	return nil
}

// ours are the items that run in this process, by token.
func (r *Runner) ours() map[string]*item {
	r.mu.Lock()
	defer r.mu.Unlock()
	mine := make(map[string]*item, len(r.active))
	for token, it := range r.active {
		mine[token] = it
	}
	return mine
}

func (l *loop) running(ctx context.Context) ([]running, error) {
	rows, err := l.r.db.Query(ctx, `SELECT kind, key, token, beat, lease, cancelled FROM work_items WHERE state = 'running'`)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	var all []running
	for rows.Next() {
		var row running
		var lease int64
		if err := rows.Scan(&row.id.kind, &row.id.key, &row.token, &row.beat, &lease, &row.cancelled); err != nil {
			return nil, err
		}
		row.lease = time.Duration(lease) * time.Microsecond
		all = append(all, row)
	}
	return all, rows.Err()
}

// sight compares a row with how it was seen before.
func (l *loop) sight(row running) (s sighting, dead bool) {
	now := l.r.o.Now()
	s, ok := l.seen[row.id]
	if !ok || s.token != row.token || s.beat != row.beat || now.Before(s.since) {
		return sighting{row.token, row.beat, now}, false
	}
	return s, now.Sub(s.since) >= row.lease
}

// void frees an item whose heartbeat has stopped. A batch of its old process
// that is under way holds the row; then it is tried again at the next look.
func (l *loop) void(ctx context.Context, row running) error {
	return l.r.db.InTx(ctx, func(ctx context.Context) error {
		free, err := l.r.exists(ctx, `SELECT 1 FROM work_items WHERE kind = $1 AND key = $2 AND token = $3 AND beat = $4`+
			l.r.db.Dialect.ForUpdateSkipLocked(), []any{row.id.kind, row.id.key, row.token, row.beat})
		if err != nil || !free {
			return err
		}
		l.r.o.Logger.WarnContext(ctx, "work of a dead process is taken over", "kind", row.id.kind, "key", row.id.key, "node", l.r.o.Node)
		_, err = l.r.db.Exec(ctx, voidOne, row.id.kind, row.id.key, row.token)
		return err
	})
}
