package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/privacyd/privacyd/datamap"
)

// eraseChosen erases rows with a clock, some at a time. Each is looked at again
// before it goes: somebody may have reopened or answered it since it was
// chosen. Those that others have locked are waited for in the end.
func (r *erasureRun) eraseChosen(ctx context.Context, x *erasure, p clockPart, c chooser) error {
	var locked [][]string
	err := x.chosen(ctx, p, c, func(keys [][]string) error {
		busy, err := r.eraseDue(ctx, x, p, keys, false)
		locked = append(locked, busy...)
		return err
	})
	for some := range slices.Chunk(locked, rowsAtOnce) {
		if err == nil {
			_, err = r.eraseDue(ctx, x, p, some, true)
		}
	}
	return err
}

// eraseDue erases those of some rows that are due by now, under the policy that
// is in force by now, and tells which others have locked, if it is not to wait
// for those.
func (r *erasureRun) eraseDue(ctx context.Context, x *erasure, p clockPart, keys [][]string, wait bool) (locked [][]string, err error) {
	c, err := r.e.chooser(ctx, r.job, r.workspace)
	if err != nil {
		return nil, err
	}
	if keys, err = p.stillDue(ctx, c, keys); err != nil {
		return nil, err
	}
	for len(keys) > 0 {
		check := &datamap.ClockCheck{
			Collection: p.collection, Keys: keys, Wait: wait, Due: func(row ClockRow) bool { return c.take(row).Due },
		}
		err := r.eraseKeys(ctx, x, p, keys, check)
		var not *datamap.NotDue
		if !errors.As(err, &not) {
			return locked, err
		}
		before := len(keys)
		if keys = without(keys, slices.Concat(not.Changed, not.Locked)); len(keys) == before {
			return locked, fmt.Errorf("erase rows that are due: those that are not are none of them: %w", err)
		}
		locked = append(locked, not.Locked...)
		if err := r.unmarkRows(ctx, p, not.Changed); err != nil {
			return locked, err
		}
	}
	return locked, nil
}

// stillDue leaves out rows that are not due any more, before they are marked as
// erased.
func (p clockPart) stillDue(ctx context.Context, c chooser, keys [][]string) ([][]string, error) {
	rows := p.rows
	rows.All = append(slices.Clone(rows.All), datamap.Condition{Any: []datamap.Path{
		{Keys: &datamap.KeySet{Columns: p.collection.Key, Values: keys}},
	}})
	var due [][]string
	err := p.eraser.ClockRows(ctx, rows, time.Time{}, func(row ClockRow) error {
		if c.take(row).Due {
			due = append(due, slices.Clone(row.Key))
		}
		return nil
	})
	return due, err
}

// without leaves rows out by their keys.
func without(keys, out [][]string) [][]string {
	gone := map[string]bool{}
	for _, key := range out {
		gone[strings.Join(key, "\x00")] = true
	}
	return slices.DeleteFunc(slices.Clone(keys), func(key []string) bool { return gone[strings.Join(key, "\x00")] })
}
