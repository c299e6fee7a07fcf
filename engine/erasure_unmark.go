package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
)

// markedRows are rows with a clock of one collection that the suppression ledger
// has as erased by a job.
type markedRows struct {
	of    privacyd.EraseAgain // dataset and collection
	keys  [][]string
	until time.Time // as long as they are kept
}

// unmarkRows takes back that rows were erased which turned out to have to stay.
func (r *erasureRun) unmarkRows(ctx context.Context, p clockPart, keys [][]string) error {
	if len(keys) == 0 {
		return nil
	}
	of := privacyd.EraseAgain{Dataset: p.dataset.Name, Collection: p.collection.Name}
	m, err := r.e.takeBack(ctx, r.job, r.job.ID, markedRows{of: of, keys: keys})
	if err != nil {
		return err
	}
	r.noteMark(m)
	r.state.Sequence, r.state.Until = m.Sequence, m.Expires
	return r.recordMark(ctx)
}

// withdrawRows takes back in the suppression ledger, in the transaction that ends
// a job before its time, that the rows with a clock were erased which are still
// there: they were marked before they were to go, some at a time. Of a replay
// these are all that it was to erase again.
func (e *Engine) withdrawRows(ctx context.Context, job *privacyd.Job) error {
	r := &erasureRun{e: e, job: job}
	if !r.ofRows() {
		return nil
	}
	if err := r.load(ctx); err != nil || r.state.Recheck || r.state.ReplayOf != "" && job.State != privacyd.JobCancelled {
		return err
	}
	id, marked, err := r.markedRows(ctx)
	if err != nil || len(marked) == 0 {
		return err
	}
	w, err := e.Workspaces.Workspace(ctx, job.WorkspaceID)
	if err != nil {
		return err
	}
	_, parts, err := e.newRows(ctx, job, w)
	if err != nil {
		return fmt.Errorf("look for rows that were marked: %w", err)
	}
	for _, p := range parts {
		for _, m := range marked {
			if p.dataset.Name != m.of.Dataset || p.collection.Name != m.of.Collection {
				continue
			}
			if err := e.withdrawLiving(ctx, job, id, p, m); err != nil {
				return err
			}
		}
	}
	switch {
	case job.State != privacyd.JobCancelled:
		return nil
	case r.state.ReplayOf != "":
		if err := e.Runs.EndReplay(ctx, job.ID); err != nil { // what is not there stays erased
			return err
		}
		return e.cancelReplayed(ctx, r.state.ReplayOf)
	}
	return e.withdraw(ctx, job, job.ID, time.Time{}) // a restored database must not go on with it
}

// markedRows are those that the job, or the one that it is the replay of, has
// marked.
func (r *erasureRun) markedRows(ctx context.Context) (id string, list []*markedRows, err error) {
	if again := r.state.Again; again != nil {
		return r.state.ReplayOf, []*markedRows{{of: *again, keys: again.Keys}}, nil
	}
	var all []privacyd.Erased
	var withdrawn privacyd.Withdrawals
	for m, err := range r.e.Suppression.Since(ctx, r.state.Ledger) {
		if err != nil {
			return "", nil, fmt.Errorf("read the suppression ledger: %w", err)
		}
		if m.JobID == r.job.ID {
			all = append(all, m)
			withdrawn.Note(m)
		}
	}
	for _, m := range all {
		if m.Again.Withdrawn || len(m.Again.Keys) == 0 {
			continue
		}
		i := slices.IndexFunc(list, func(l *markedRows) bool {
			return l.of.Dataset == m.Again.Dataset && l.of.Collection == m.Again.Collection
		})
		if i < 0 {
			i, list = len(list), append(list, &markedRows{of: m.Again})
		}
		list[i].keys = append(list[i].keys, keysAt(m.Again.Keys, withdrawn.Standing(m))...)
		if m.Expires.After(list[i].until) {
			list[i].until = m.Expires
		}
	}
	return r.job.ID, list, nil
}

// withdrawLiving takes back those of the rows that are there.
func (e *Engine) withdrawLiving(ctx context.Context, job *privacyd.Job, id string, p clockPart, marked *markedRows) error {
	for some := range slices.Chunk(marked.keys, rowsAtOnce) {
		living, err := p.living(ctx, some)
		if err != nil {
			return fmt.Errorf("look for rows that were marked: %w", err)
		}
		if len(living) == 0 {
			continue
		}
		m, err := e.takeBack(ctx, job, id, markedRows{of: marked.of, keys: living, until: marked.until})
		if err != nil {
			return err
		}
		if err := e.Runs.RecordErasure(ctx, m.Sequence, id, m.At); err != nil {
			return err
		}
	}
	return nil
}

// living are those of some rows that are there, held or not.
func (p clockPart) living(ctx context.Context, keys [][]string) (living [][]string, err error) {
	rows := p.rows
	rows.All = append(slices.Clone(rows.All), datamap.Condition{Any: []datamap.Path{
		{Keys: &datamap.KeySet{Columns: p.collection.Key, Values: keys}},
	}})
	err = p.eraser.Keys(ctx, rows, func(key []string) error {
		living = append(living, slices.Clone(key))
		return nil
	})
	return living, err
}

// takeBack adds an entry to the suppression ledger that says of rows that the job
// with an id did not erase them.
func (e *Engine) takeBack(ctx context.Context, job *privacyd.Job, id string, rows markedRows) (privacyd.Erased, error) {
	holds, err := e.standingHolds(ctx, job.WorkspaceID)
	if err != nil {
		return privacyd.Erased{}, err
	}
	now := e.Now()
	m := privacyd.Erased{JobID: id, At: now, Expires: now.Add(e.backupLife()), Again: privacyd.EraseAgain{
		Type: job.Type, WorkspaceID: job.WorkspaceID, Dataset: rows.of.Dataset, Collection: rows.of.Collection, Keys: rows.keys,
		Holds: stood(holds), Withdrawn: true,
	}}
	if m.Expires.Before(rows.until) {
		m.Expires = rows.until
	}
	if m.Sequence, err = e.Suppression.Append(ctx, m, nil); err != nil {
		return m, fmt.Errorf("take rows back in the suppression ledger: %w", err)
	}
	return m, nil
}
