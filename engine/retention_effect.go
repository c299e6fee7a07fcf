package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
)

// RetentionEffect is what a policy does to the rows that are there now.
type RetentionEffect struct {
	Policy  privacyd.Policy                    `json:"policy"`
	Total   int64                              `json:"total"` // rows with a clock
	Reasons map[privacyd.RetentionReason]int64 `json:"reasons"`
	Due     int64                              `json:"due"`    // at the next run
	Braked  bool                               `json:"braked"` // the next run would stop and ask
	Days    [90]int64                          `json:"days"`   // of the next 90 days: how many fall due on each
	Next    []RetentionRow                     `json:"next"`   // the first to go, or those after a cursor

	NextCursor string `json:"next_cursor,omitempty" doc:"Where the rows go on that fall due after these; missing: there are none."`

	from nextCursor
}

// RetentionRow is a row that goes, or would.
type RetentionRow struct {
	Dataset    string            `json:"dataset"`
	Collection string            `json:"collection"`
	Key        []string          `json:"key"`
	ID         string            `json:"id"` // the key without the workspace
	Kept       bool              `json:"kept"`
	Decision   privacyd.Decision `json:"decision"`
}

const mostNext = 50

func (e *Engine) retentionEffect(ctx context.Context, g grant, versions []privacyd.Policy, now time.Time) (*RetentionEffect, error) {
	return e.retentionEffectFrom(ctx, g, versions, now, nextCursor{})
}

// retentionEffectFrom lists the rows that go after a cursor.
func (e *Engine) retentionEffectFrom(ctx context.Context, g grant, versions []privacyd.Policy, now time.Time, from nextCursor) (*RetentionEffect, error) {
	settings, err := e.States.Settings(ctx, g.Workspace.ID)
	if err != nil {
		return nil, err
	}
	x, parts, err := e.newRows(ctx, &privacyd.Job{Type: privacyd.JobRetentionRun, WorkspaceID: g.Workspace.ID}, g.Workspace)
	if err != nil {
		return nil, err
	}
	effect := &RetentionEffect{Policy: privacyd.InForce(versions, now), Reasons: map[privacyd.RetentionReason]int64{}, Next: []RetentionRow{}, from: from}
	for _, p := range parts {
		if err := p.effect(ctx, effect, versions, now); err != nil {
			return nil, fmt.Errorf("look what is due in dataset %s: %w", p.dataset.Name, err)
		}
	}
	effect.Braked = privacyd.Braked(effect.Due, effect.Total, settings.RetentionBrake)
	effect.endPage()
	return effect, x.markKept(ctx, effect)
}

// clockCounter is an Eraser that can have its database count clocks, and find
// those that fall due first. It tells whether the database can tell; what the
// functions were given is to be forgotten where it cannot.
type clockCounter interface {
	Clocks(ctx context.Context, sel datamap.Selection, ask datamap.ClockAsk, group func(r ClockRow, n int64) error, first func(ClockRow) error) (ok bool, err error)
}

// effect adds what the versions do to a collection: as its database counts it,
// or row by row where that cannot tell the times.
func (p clockPart) effect(ctx context.Context, f *RetentionEffect, versions []privacyd.Policy, now time.Time) error {
	c := policyChooser(versions, now)
	if counter, ok := p.eraser.(clockCounter); ok {
		counted := RetentionEffect{Reasons: map[privacyd.RetentionReason]int64{}, from: f.from}
		known, err := p.countedEffect(ctx, counter, &counted, versions, now)
		if err != nil {
			return err
		}
		if known {
			f.join(counted)
			return nil
		}
	}
	return p.eraser.ClockRows(ctx, p.rows, time.Time{}, func(r ClockRow) error {
		d := c.take(r)
		f.count(d, 1, now)
		f.next(p, r, d)
		return nil
	})
}

func (p clockPart) countedEffect(ctx context.Context, counter clockCounter, f *RetentionEffect, versions []privacyd.Policy, now time.Time) (bool, error) {
	c, spans := policyChooser(versions, now), beginnings(versions)
	ask := datamap.ClockAsk{Now: now, Spans: spans, Periods: periods(versions, spans, now), Most: mostNext + 1}
	ask.From, ask.After = f.from.in(p.dataset.Name, p.collection.Name)
	if ask.After != nil && len(ask.After) != len(p.collection.Key) {
		return false, errCursor()
	}
	return counter.Clocks(ctx, p.rows, ask, func(r ClockRow, n int64) error {
		f.count(c.take(r), n, now)
		return nil
	}, func(r ClockRow) error {
		f.next(p, r, c.take(r))
		return nil
	})
}

// beginnings are the moments from which versions were in force, ascending.
func beginnings(versions []privacyd.Policy) []time.Time {
	var list []time.Time
	for _, v := range versions {
		list = append(list, v.From)
	}
	slices.SortFunc(list, time.Time.Compare)
	return slices.CompactFunc(list, time.Time.Equal)
}

// periods are how long a row is kept by when it was resolved: before the first
// of the spans, and in each. 0: it has no date.
func periods(versions []privacyd.Policy, spans []time.Time, now time.Time) []time.Duration {
	list := make([]time.Duration, 1, len(spans)+1) // before all versions it is forever
	today := privacyd.InForce(versions, now)
	for _, from := range spans {
		then := privacyd.InForce(versions, from)
		period := time.Duration(max(then.Days, today.Days)) * privacyd.Day
		if then.Forever() || today.Forever() {
			period = 0
		}
		list = append(list, period)
	}
	return list
}

// count adds rows of which the same is decided.
func (f *RetentionEffect) count(d privacyd.Decision, n int64, now time.Time) {
	f.Total += n
	f.Reasons[d.Reason] += n
	if d.At.IsZero() {
		return
	}
	if d.Due {
		f.Due += n
	}
	if in := max(0, int(d.At.Sub(now)/privacyd.Day)); in < len(f.Days) {
		f.Days[in] += n
	}
}

// next takes a row among the first to go, if it is.
func (f *RetentionEffect) next(p clockPart, r ClockRow, d privacyd.Decision) {
	if d.At.IsZero() {
		return
	}
	row := RetentionRow{Dataset: p.dataset.Name, Collection: p.collection.Name, Key: slices.Clone(r.Key), ID: r.Key[len(r.Key)-1], Decision: d}
	if f.from.Key == nil || cursorOf(row).compare(f.from) > 0 {
		f.insert(row)
	}
}

// insert keeps one row more than are listed, which says that there are more.
func (f *RetentionEffect) insert(row RetentionRow) {
	at, _ := slices.BinarySearchFunc(f.Next, row, func(a, b RetentionRow) int { return cursorOf(a).compare(cursorOf(b)) })
	if at <= mostNext {
		f.Next = slices.Insert(f.Next, at, row)
		f.Next = f.Next[:min(len(f.Next), mostNext+1)]
	}
}

// join adds what was counted of another collection.
func (f *RetentionEffect) join(other RetentionEffect) {
	f.Total, f.Due = f.Total+other.Total, f.Due+other.Due
	for reason, n := range other.Reasons {
		f.Reasons[reason] += n
	}
	for i, n := range other.Days {
		f.Days[i] += n
	}
	for _, row := range other.Next {
		f.insert(row)
	}
}

func (x *erasure) markKept(ctx context.Context, f *RetentionEffect) error {
	refs := make([]string, len(f.Next))
	for i, r := range f.Next {
		refs[i] = x.e.rowRef(x.workspace.ID, r.Dataset, r.Collection, r.Key)
	}
	kept, err := x.e.Retention.KeptAmong(ctx, x.workspace.ID, refs)
	for i := range f.Next {
		f.Next[i].Kept = kept[refs[i]]
	}
	return err
}
