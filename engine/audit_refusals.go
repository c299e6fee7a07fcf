package engine

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/privacyd/privacyd"
)

const (
	refusalsKept   = 10        // of one kind by one caller in one window: each has an entry of its own
	refusalsWindow = time.Hour // after it, those beyond are one entry with their number
)

// refusals bounds what a caller can write into the log by being refused: the
// first ones are entries, the rest are counted. Each process counts its own.
type refusals struct {
	mu   sync.Mutex
	seen map[refusal]*refusalCount
}

// refusal is what makes two refusals alike. There are as many kinds as there
// are callers, actions and codes.
type refusal struct {
	log, kind, id, action, code string
}

type refusalCount struct {
	since time.Time
	n     int64
	event privacyd.AuditEvent // the last one that was only counted
}

func (r *refusalCount) beyond() int64 { return max(r.n-refusalsKept, 0) }

// over tells whether a window has ended, or the clock was put back.
func (r *refusalCount) over(now time.Time) bool {
	gone := now.Sub(r.since)
	return gone < 0 || gone >= refusalsWindow
}

// take tells whether a refusal is to be an entry, and which count has ended
// with it.
func (r *refusals) take(ev privacyd.AuditEvent, now time.Time) (entry bool, ended *refusalCount) {
	key := refusal{ev.WorkspaceID, string(ev.Caller.Kind), ev.Caller.ID(), ev.Action, ev.Code}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen == nil {
		r.seen = map[refusal]*refusalCount{}
	}
	count := r.seen[key]
	if count != nil && count.over(now) {
		ended, count = count, nil
	}
	if count == nil {
		count = &refusalCount{since: now}
		r.seen[key] = count
	}
	count.n++
	if count.beyond() > 0 {
		count.event = ev
		return false, ended
	}
	return true, ended
}

// end forgets counts whose windows have ended, or all of them, and gives those
// that are to be recorded.
func (r *refusals) end(now time.Time, all bool) []*refusalCount {
	r.mu.Lock()
	defer r.mu.Unlock()
	var ended []*refusalCount
	for key, count := range r.seen {
		if all || count.over(now) {
			delete(r.seen, key)
			ended = append(ended, count)
		}
	}
	return ended
}

// recordRefusal audits a refusal, or counts it where there were many like it.
func (e *Engine) recordRefusal(ctx context.Context, ev privacyd.AuditEvent) error {
	entry, ended := e.refused.take(ev, e.Now())
	if ended != nil {
		if err := e.recordCounts(ctx, []*refusalCount{ended}); err != nil {
			return err
		}
	}
	if !entry {
		return nil
	}
	return e.recordAlone(ctx, ev)
}

// RecordRefusals writes down refusals that were only counted: those of windows
// that have ended, or all of them when the process does.
func (e *Engine) RecordRefusals(ctx context.Context, all bool) error {
	return e.recordCounts(ctx, e.refused.end(e.Now(), all))
}

func (e *Engine) recordCounts(ctx context.Context, counts []*refusalCount) error {
	for _, count := range counts {
		if count.beyond() == 0 {
			continue
		}
		ev := count.event
		ev.Facts = map[string]int64{"refused": count.beyond()}
		if err := e.recordAlone(ctx, ev); err != nil {
			return fmt.Errorf("record %d refusals: %w", count.beyond(), err)
		}
	}
	return nil
}
