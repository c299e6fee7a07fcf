// Package auditlogtest says what a place for audit entries must do, as tests
// that any implementation can run, and has a small one of its own for tests
// and examples that need no database. It must not be imported by anything
// else. Open run.go.
package auditlogtest

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/privacyd/privacyd/auditlog"
)

// Memory keeps entries in memory.
type Memory struct {
	mu      sync.Mutex
	entries []auditlog.Stored // ascending by id
}

// Insert implements auditlog.Entries.
func (m *Memory) Insert(_ context.Context, e auditlog.Entry, d []auditlog.SealedDisclosure) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, taken := slices.BinarySearchFunc(m.entries, e.ID, func(s auditlog.Stored, id string) int { return strings.Compare(s.ID, id) })
	if taken {
		return errors.New("there is an entry with this id")
	}
	m.entries = slices.Insert(m.entries, at, auditlog.Stored{Entry: e, Disclosures: slices.Clone(d)})
	return nil
}

// Newest implements auditlog.Entries.
func (m *Memory) Newest(_ context.Context, below string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, _ := slices.BinarySearchFunc(m.entries, below, func(s auditlog.Stored, id string) int { return strings.Compare(s.ID, id) })
	if at == 0 {
		return "", nil
	}
	return m.entries[at-1].ID, nil
}

// Nth implements auditlog.Entries.
func (m *Memory) Nth(ctx context.Context, q auditlog.Query, n int) (string, error) {
	for s, err := range m.List(ctx, auditlog.Query{Log: q.Log, Action: q.Action, Before: q.Before}) {
		if n--; n == 0 || err != nil {
			return s.ID, err
		}
	}
	return "", nil
}

// Late implements auditlog.Entries.
func (m *Memory) Late(_ context.Context, log, before, from string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	last := ""
	for _, s := range m.entries {
		if s.Log == log && s.ID < before && s.ID >= from && auditlog.MadeAt(s.ID).Sub(s.At) > auditlog.LateAfter {
			last = s.ID + "g"
		}
	}
	return last, nil
}

// Pages implements auditlog.Entries.
func (m *Memory) Pages(context.Context, auditlog.Query, int, int64) ([]int64, bool, error) {
	return nil, false, nil
}

// List implements auditlog.Entries.
func (m *Memory) List(ctx context.Context, q auditlog.Query) iter.Seq2[auditlog.Stored, error] {
	m.mu.Lock()
	found := slices.DeleteFunc(slices.Clone(m.entries), func(s auditlog.Stored) bool { return !matches(q, s.Entry) })
	m.mu.Unlock()
	slices.Reverse(found)
	if q.Limit > 0 && len(found) > q.Limit {
		found = found[:q.Limit]
	}
	return func(yield func(auditlog.Stored, error) bool) {
		for _, s := range found {
			if !yield(s, ctx.Err()) {
				return
			}
		}
	}
}

func matches(q auditlog.Query, e auditlog.Entry) bool {
	return q.Log == e.Log &&
		(q.From.IsZero() || !e.At.Before(q.From)) &&
		(q.Until.IsZero() || e.At.Before(q.Until)) &&
		(q.Action == "" || q.Action == e.Action) &&
		(q.TargetType == "" || q.TargetType == e.TargetType) &&
		(q.Before == "" || e.ID < q.Before) && e.ID >= q.NotBefore
}

// Change lets a test tamper with what is stored.
func (m *Memory) Change(change func(s *auditlog.Stored)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.entries {
		change(&m.entries[i])
	}
}
