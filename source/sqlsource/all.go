package sqlsource

import (
	"context"
	"slices"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/store/sqldb"
)

// mostPasses is how often the steps of an erasure are gone through when a row
// stands in the way that may have been added behind them.
const mostPasses = 20

// RunAll is Run for the steps of an erasure, in their order, and again where a
// row was added behind them. Where it can it takes rows of several steps in one
// transaction: a small erasure is one. Batch.Along is told of all rows, and
// Batch.Done of how many they were.
//
// Error codes: those of Run.
func (e *Eraser) RunAll(ctx context.Context, steps []*datamap.Step, batch Batch) (rows int64, err error) {
	for pass := 1; ; pass++ {
		n, err := e.runAll(ctx, steps, batch)
		rows += n
		if privacyd.CodeOf(err) != "rows_refer" || pass > 1 && n == 0 || pass == mostPasses {
			return rows, err
		}
	}
}

func (e *Eraser) runAll(ctx context.Context, steps []*datamap.Step, batch Batch) (rows int64, err error) {
	var active []*datamap.Step
	for _, step := range steps {
		if step.Action == datamap.Delete || len(step.Set) > 0 {
			active = append(active, step)
		}
	}
	if e.source.dialect == sqldb.Postgres && len(active) > 0 {
		var done int
		if done, rows, err = e.portions(ctx, active, batch); done > 0 {
			active = nil
		}
	}
	for len(active) > 0 && err == nil {
		var done int
		var n int64
		several := e.group
		if e.source.dialect == sqldb.SQLite {
			several = e.sweep
		}
		done, n, err = several(ctx, active, batch)
		rows += n
		if done == 0 && err == nil {
			n, err = e.runBefore(ctx, active[0], active[1:], counting(batch, active[0]))
			rows, done = rows+n, 1
		}
		active = active[done:]
	}
	return rows, err
}

// runBefore is Run for a step that others come after.
func (e *Eraser) runBefore(ctx context.Context, step *datamap.Step, later []*datamap.Step, batch Batch) (int64, error) {
	r := e.newRun(step, batch)
	defer r.close()
	r.guarded = e.source.dialect == sqldb.Postgres && e.guarded(step, later)
	if err := r.rounds(ctx); err != nil {
		return r.rows, explainRun(ctx, err, step)
	}
	return r.rows, nil
}

// guarded tells whether the database lets no row of a later step go while a row
// of this one is there that belongs to it: then it is known at the latest when
// those go, whether rows were added meanwhile.
func (e *Eraser) guarded(step *datamap.Step, later []*datamap.Step) bool {
	if step.Action != datamap.Delete || len(step.All) != 1 || len(step.All[0].Any) != 1 || len(step.All[0].Any[0].Hops) == 0 {
		return false
	}
	p := step.All[0].Any[0]
	hop := p.Hops[0]
	return !hop.Recursive && !hop.Reverse && e.facts.guarded(hop.To.Table, step.Collection.Table, hop.Link.On) &&
		slices.ContainsFunc(later, func(s *datamap.Step) bool { return s.Action == datamap.Delete && leads(p, s) })
}

// counting has the rows of a step told like those of any other.
func counting(batch Batch, step *datamap.Step) Batch {
	done := batch.Done
	batch.Done = func(ctx context.Context, rows int64) error {
		if batch.Along != nil && rows > 0 {
			batch.Along(step, rows)
		}
		if done == nil {
			return nil
		}
		return done(ctx, rows)
	}
	return batch
}

// plain tells whether the rows of a step may go in any order, and nothing else
// goes with them.
func (e *Eraser) plain(step *datamap.Step) bool {
	if step.Action != datamap.Delete || len(step.Orphans) > 0 {
		return false
	}
	keys := e.facts.referrers(step.Collection.Table)
	for _, k := range keys {
		if k.cascades {
			return false
		}
	}
	return len(selfLinks(step, keys)) == 0
}
