package engine

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/auditlog/auditlogtest"
)

// reaching are entries that remember how far a list of them was to reach.
type reaching struct {
	*auditlogtest.Memory
	most int
}

// Nth implements auditlog.Entries.
func (r *reaching) Nth(ctx context.Context, q auditlog.Query, n int) (string, error) {
	r.most = max(r.most, n)
	return r.Memory.Nth(ctx, q, n)
}

// TestPageGoesThroughSoMany asks for pages by what entries are not found by:
// 10,000 of them are gone through at most, or fewer where that is asked for.
func TestPageGoesThroughSoMany(t *testing.T) {
	for look, want := range map[int]int{0: 10_000, 5: 5, 10_000: 10_000, 1 << 30: 10_000} {
		entries := &reaching{Memory: &auditlogtest.Memory{}}
		e := &Engine{Audit: &auditlog.Log{Entries: entries}}
		if _, err := e.pageQuery(t.Context(), "", privacyd.AuditFilter{Actor: "nobody", Limit: 50, Look: look}); err != nil {
			t.Fatal(err)
		}
		if entries.most != want {
			t.Errorf("asked to look through %d: goes through %d, want %d", look, entries.most, want)
		}
	}
}

// TestPageBeginsAtItsTime asks for a page of what happened before a time: it
// begins with the ids that were made by then, or a day later.
func TestPageBeginsAtItsTime(t *testing.T) {
	until := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	e := &Engine{Audit: &auditlog.Log{Entries: &auditlogtest.Memory{}}}
	q, err := e.pageQuery(t.Context(), "", privacyd.AuditFilter{Until: until, Limit: 50})
	if want := auditlog.IDAt(until.Add(auditlog.LateAfter)); err != nil || q.Before != want {
		t.Errorf("it begins below %q, want %q: %v", q.Before, want, err)
	}
}

// TestPageEndsWithTheLog looks through as many entries as there are: there is
// nothing to go on from.
func TestPageEndsWithTheLog(t *testing.T) {
	e := &Engine{Audit: &auditlog.Log{Entries: &auditlogtest.Memory{}}}
	for range 10 {
		if _, err := e.Audit.Append(t.Context(), auditlog.Record{Action: "test.done", Outcome: "done"}); err != nil {
			t.Fatal(err)
		}
	}
	for look, more := range map[int]bool{9: true, 10: false, 11: false} {
		q, err := e.pageQuery(t.Context(), "", privacyd.AuditFilter{Actor: "nobody", Limit: 50, Look: look})
		if err != nil || (q.NotBefore != "") != more {
			t.Errorf("looking through %d of 10 ends at %q: %v", look, q.NotBefore, err)
		}
	}
}

// TestRecordedAt tells of each entry when it was written, also of one that
// cannot be read and of one that says that it happened long before.
func TestRecordedAt(t *testing.T) {
	written := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	o := auditlog.Opened{ID: auditlog.IDAt(written) + "-7000-8000-00000000000a", At: written.AddDate(-50, 0, 0)}
	e := &Engine{Log: slog.New(slog.DiscardHandler)}
	for _, failed := range []error{nil, auditlog.ErrLeaf} {
		entry, err := e.readableOr(t.Context(), o, failed)
		if err != nil || !entry.RecordedAt.Equal(written) || entry.Unreadable != (failed != nil) {
			t.Errorf("%+v, %v", entry, err)
		}
	}
}
