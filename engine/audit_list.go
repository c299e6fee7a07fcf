package engine

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
)

// mayReadAudit gives the log that a caller may read: that of the workspace, or
// the instance's own for the empty workspace, which only the operator reads.
func (e *Engine) mayReadAudit(ctx context.Context, c privacyd.Caller, workspace string) (grant, error) {
	if workspace == "" {
		return grant{}, e.operatorOnly(ctx, c, privacyd.ActionReadAudit)
	}
	return e.authorise(ctx, c, workspace, privacyd.ActionReadAudit)
}

// ListAudit lists a workspace's audit entries, newest first; the empty
// workspace is the instance's own log, which only the operator reads. Admins
// and auditors.
func (e *Engine) ListAudit(ctx context.Context, c privacyd.Caller, workspace string, f privacyd.AuditFilter) (iter.Seq2[privacyd.AuditEntry, error], error) {
	g, err := e.mayReadAudit(ctx, c, workspace)
	if err != nil {
		return nil, err
	}
	among, err := e.among(ctx, g.Workspace.ID, f)
	if err != nil {
		return nil, err
	}
	return func(yield func(privacyd.AuditEntry, error) bool) {
		for o, err := range matching(e.Audit.List(ctx, among), f) {
			entry, err := e.readableOr(ctx, o, err)
			if !yield(entry, err) {
				return
			}
		}
	}, nil
}

// AuditPage is a part of a list of audit entries, newest first.
type AuditPage struct {
	Items []privacyd.AuditEntry `json:"items"`
	Next  string                `json:"next_cursor,omitempty"` // AuditFilter.Before of the next page; empty: there is none
}

// entriesScanned is how many entries are gone through for one page at most
// where a filter is not one that they are found by: who acted and whom it is
// about is sealed, and when it was may be long before it was written. The page
// then has fewer items, and a cursor to go on from.
const entriesScanned = 10_000

// AuditPage gives up to f.Limit entries. Admins and auditors; for the empty
// workspace, which is the instance's own log, the operator.
func (e *Engine) AuditPage(ctx context.Context, c privacyd.Caller, workspace string, f privacyd.AuditFilter) (AuditPage, error) {
	page := AuditPage{Items: []privacyd.AuditEntry{}}
	g, err := e.mayReadAudit(ctx, c, workspace)
	if err != nil {
		return page, err
	}
	q, err := e.pageQuery(ctx, g.Workspace.ID, f)
	if err != nil {
		return page, err
	}
	last, full := "", false
	for o, err := range e.Audit.List(ctx, q) {
		if full = len(page.Items) == f.Limit; full {
			break
		}
		if err == nil && !matches(o, f) {
			continue
		}
		last = o.ID
		entry, err := e.readableOr(ctx, o, err)
		if err != nil {
			return page, err
		}
		page.Items = append(page.Items, entry)
	}
	switch floor := notMadeBefore(f); {
	case full:
		page.Next = last
	case q.NotBefore > floor:
		page.Next = q.NotBefore
	}
	return page, e.sayCovered(ctx, g.Workspace.ID, page.Items)
}

// pageQuery asks for the entries among which those of a page are.
func (e *Engine) pageQuery(ctx context.Context, log string, f privacyd.AuditFilter) (auditlog.Query, error) {
	q := query(log, f)
	q.NotBefore = notMadeBefore(f)
	if !narrows(f) {
		q.Limit = f.Limit + 1
		return q, nil
	}
	var err error
	if q.Before, err = e.Audit.Before(ctx, q); err != nil {
		return q, err
	}
	most := entriesScanned
	if f.Look > 0 {
		most = min(f.Look, most)
	}
	reached, err := e.Audit.Nth(ctx, q, most)
	if err != nil || reached <= q.NotBefore {
		return q, err
	}
	q.NotBefore = reached
	// Where the look ends with the log there is nothing to go on from.
	further, err := e.Audit.Nth(ctx, auditlog.Query{Log: log, Action: f.Action, Before: reached}, 1)
	if further == "" || further < notMadeBefore(f) {
		q.NotBefore = notMadeBefore(f)
	}
	return q, err
}

// narrows tells whether a filter passes over entries that are gone through.
func narrows(f privacyd.AuditFilter) bool {
	return searches(f) || f.TargetType != "" || !f.From.IsZero() || !f.Until.IsZero()
}

// notMadeBefore is what the oldest ids begin with of entries from f.From on:
// nobody writes of what lies ahead, but clocks differ.
func notMadeBefore(f privacyd.AuditFilter) string {
	const differ = 24 * time.Hour
	if f.From.IsZero() {
		return ""
	}
	return auditlog.IDAt(f.From.Add(-differ))
}

// sayCovered tells of each entry whether a signed checkpoint covers it.
func (e *Engine) sayCovered(ctx context.Context, log string, entries []privacyd.AuditEntry) error {
	_, waiting, err := e.Sequencer.Lag(ctx)
	if err != nil {
		return err
	}
	view, err := e.Audit.View(ctx, log) // after Lag: what did not wait then is in it
	if err != nil {
		return err
	}
	for i := range entries {
		entries[i].Checkpoint = privacyd.CheckpointSigned
		if waiting == 0 {
			continue
		}
		_, _, err := view.Find(ctx, entries[i].ID)
		if errors.Is(err, auditlog.ErrNotSequenced) {
			entries[i].Checkpoint = privacyd.CheckpointPending
		} else if err != nil {
			return err
		}
	}
	return nil
}

// readableOr gives an entry that is damaged as one of which nothing is known:
// the others can still be read.
func (e *Engine) readableOr(ctx context.Context, o auditlog.Opened, err error) (privacyd.AuditEntry, error) {
	switch {
	case err == nil:
		return readable(o)
	case o.ID != "":
		e.Log.ErrorContext(ctx, "an audit entry cannot be read", "entry", o.ID, "error", err)
		return privacyd.AuditEntry{ID: o.ID, WorkspaceID: o.Log, RecordedAt: auditlog.MadeAt(o.ID), Unreadable: true}, nil
	}
	return privacyd.AuditEntry{}, err
}

// listed asks for the entries among which those are that a filter lets through.
func listed(log string, f privacyd.AuditFilter) auditlog.Query {
	q := query(log, f)
	q.NotBefore = notMadeBefore(f)
	if q.Limit = f.Limit; searches(f) {
		q.Limit = 0
	}
	return q
}

func query(log string, f privacyd.AuditFilter) auditlog.Query {
	return auditlog.Query{Log: log, From: f.From, Until: f.Until, Action: f.Action, TargetType: f.TargetType, Before: f.Before}
}

// searches tells whether a filter looks for what only shows once an entry is
// opened.
func searches(f privacyd.AuditFilter) bool { return f.Actor != "" || f.Target != "" }

// matching passes the entries that a filter looks for, and those that cannot be
// read.
func matching(entries iter.Seq2[auditlog.Opened, error], f privacyd.AuditFilter) iter.Seq2[auditlog.Opened, error] {
	if !searches(f) {
		return entries
	}
	return func(yield func(auditlog.Opened, error) bool) {
		n := 0
		for o, err := range entries {
			if err == nil && !matches(o, f) {
				continue
			}
			if !yield(o, err) {
				return
			}
			if n++; n == f.Limit {
				return
			}
		}
	}
}

// matches tells whether an entry is about the actor and target that a filter
// names. What was erased matches nothing.
func matches(o auditlog.Opened, f privacyd.AuditFilter) bool {
	kind, _ := o.Public[auditlog.PublicActorKind].(string)
	actor := f.Actor == "" || strings.EqualFold(f.Actor, kind) ||
		anyClaim(o, func(s string) bool { return strings.EqualFold(s, f.Actor) }, auditlog.ClaimActor, auditlog.ClaimActorEmail, "actor_id")
	target := f.Target == "" || f.Target == o.TargetType ||
		anyClaim(o, func(s string) bool { return s == f.Target }, auditlog.ClaimTargetID, auditlog.ClaimSubject)
	return actor && target
}

func anyClaim(o auditlog.Opened, fits func(string) bool, names ...string) bool {
	for _, name := range names {
		var text string
		if json.Unmarshal(o.Private[name], &text) == nil && fits(text) {
			return true
		}
	}
	return false
}
