package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
)

// batch is what is called around each batch of rows. How many rows went is
// kept in the transaction in which they go or, for those of a product's
// database, right after it: so that it is right after whichever run ends the
// job.
func (r *erasureRun) batch(x *erasure, p *erasurePart) Batch {
	committed := false // the rows are gone already
	return Batch{
		Guard: func(ctx context.Context) error {
			committed, r.state.Done = false, slices.Clone(r.counted)
			return r.e.Tx.InTx(ctx, func(ctx context.Context) error { return r.mayGoOn(ctx, x) })
		},
		Files: func(ctx context.Context, files []datamap.File) error {
			return r.e.queueFiles(ctx, r.job.ID, p.dataset.Name, files)
		},
		Along: func(along *datamap.Step, rows int64) { r.count(p, along, rows) },
		Done: func(ctx context.Context, rows int64) error {
			if !committed {
				return r.keepCounts(ctx, rows)
			}
			r.counted = r.state.Done
			return r.guarded(ctx, func(ctx context.Context) error { return r.keepCounts(ctx, rows) })
		},
		Timed: func(int64, time.Duration) { committed, r.counted = true, r.state.Done },
	}
}

// count adds rows to what went. Those whose reference is blanked because they
// go later are not told.
func (r *erasureRun) count(p *erasurePart, step *datamap.Step, rows int64) {
	if rows > 0 && !step.Breaks {
		c := p.planned(step, datamap.Tally{Rows: rows})
		c.Fields = nil
		r.state.Done = addPlanned(r.state.Done, c)
	}
}

func (r *erasureRun) keepCounts(ctx context.Context, rows int64) error {
	if rows == 0 {
		return nil
	}
	if err := r.keepState(ctx); err != nil {
		return err
	}
	now := r.e.Now()
	if passed := now.Sub(r.told); passed >= 0 && passed < time.Second {
		return nil
	}
	r.told = now
	return r.e.Jobs.UpdateJobProgress(ctx, r.job.ID, r.progress())
}

// keepState keeps what another process must know to go on, in a transaction.
func (r *erasureRun) keepState(ctx context.Context) error {
	sealed, err := r.e.sealJSON(ctx, scopeOwner(""), "erasure run", r.state)
	if err != nil {
		return err
	}
	return r.e.Runs.PutErasureRun(ctx, r.job.ID, sealed)
}

func (r *erasureRun) progress() privacyd.Progress {
	done := changedRows(r.state.Done)
	return privacyd.Progress{Done: done, Total: max(done, changedRows(r.state.Before)), Unit: "records"}
}

// changedRows are those that went or were changed.
func changedRows(list []privacyd.PlannedCollection) (n int64) {
	for _, c := range list {
		if c.Fate != privacyd.FateKeep {
			n += c.Rows
		}
	}
	return n
}

// recount finds what went of a product's rows in batches of which the count was
// lost with the process, by what is left of what there was.
func (r *erasureRun) recount(ctx context.Context) error {
	left, err := r.leftOfProducts(ctx)
	if err != nil || left == nil {
		return err
	}
	was, then := r.state.Found, r.state.FoundDone
	if was == nil {
		was = r.state.Before
	}
	for _, lost := range was {
		d, err := r.e.dataset(lost.Dataset)
		if err != nil || d.Own || lost.Fate == privacyd.FateKeep || lost.Quotes {
			continue
		}
		now, _ := sameOf(left, lost) // of rows with a clock those are not told of which there are none
		done, _ := sameOf(r.state.Done, lost)
		before, _ := sameOf(then, lost)
		lost.Rows, lost.Held, lost.Files, lost.Bytes, lost.Fields = lost.Rows+lost.Held-(done.Rows-before.Rows)-now.Rows, 0, 0, 0, nil
		if lost.Rows > 0 {
			r.state.Done = addPlanned(r.state.Done, lost)
		}
	}
	r.state.Found, r.state.FoundDone = left, slices.Clone(r.state.Done)
	r.counted = r.state.Done
	return r.guarded(ctx, r.keepState)
}

// leftOfProducts is what the steps would still find in products' databases,
// held or not; nil: there are none.
func (r *erasureRun) leftOfProducts(ctx context.Context) ([]privacyd.PlannedCollection, error) {
	if !slices.ContainsFunc(r.e.Datasets, func(d Dataset) bool { return !d.Own }) || r.state.Again != nil {
		return nil, nil
	}
	left := []privacyd.PlannedCollection{}
	if r.ofRows() {
		plan, err := r.e.planRows(ctx, r.job, r.workspace)
		if err != nil {
			return nil, err
		}
		for _, c := range plan.Collections {
			if d, err := r.e.dataset(c.Dataset); err == nil && !d.Own {
				c.Rows, c.Held = c.Rows+c.Held, 0
				left = append(left, c)
			}
		}
		return left, nil
	}
	x, err := r.compiled(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range x.parts {
		if p.dataset.Own {
			continue
		}
		if left, err = leftOf(ctx, p, left); err != nil {
			return nil, err
		}
	}
	return left, nil
}

// leftOf adds what the steps of a part would still find if nothing were held.
func leftOf(ctx context.Context, p *erasurePart, left []privacyd.PlannedCollection) ([]privacyd.PlannedCollection, error) {
	plan, err := p.unheld()
	if err != nil {
		return nil, err
	}
	for _, step := range plan.Steps {
		if step.Breaks {
			continue
		}
		rows, err := p.eraser.Left(ctx, step)
		if err != nil {
			return nil, fmt.Errorf("count what is left of %s: %w", step.Collection.Name, err)
		}
		left = addPlanned(left, p.planned(step, datamap.Tally{Rows: rows}))
	}
	return left, nil
}

func sameOf(list []privacyd.PlannedCollection, c privacyd.PlannedCollection) (privacyd.PlannedCollection, bool) {
	for _, other := range list {
		if sameFate(other, c) {
			return other, true
		}
	}
	return privacyd.PlannedCollection{}, false
}

// lookHeld finds out what stayed under holds, which may have been placed or
// released since the run began.
func (r *erasureRun) lookHeld(ctx context.Context) error {
	if r.ofRows() {
		for _, c := range r.state.After {
			if c.Held > 0 {
				r.state.Held = append(r.state.Held, c)
			}
		}
		return nil
	}
	x, err := r.compiled(ctx)
	if err != nil {
		return err
	}
	r.state.Held = nil
	for _, p := range x.parts {
		if !p.scope.Holding() {
			continue
		}
		all, err := leftOf(ctx, p, nil)
		if err != nil {
			return err
		}
		for _, c := range all {
			left, _ := sameOf(r.state.After, c)
			if c.Held, c.Rows = max(0, c.Rows-left.Rows), 0; c.Held > 0 {
				r.state.Held = append(r.state.Held, c)
			}
		}
	}
	r.state.Holds = x.planHolds(len(r.state.Held) > 0)
	return nil
}

// collections tells of each collection what became of it.
func (r *erasureRun) collections() []privacyd.ReceiptCollection {
	var list []privacyd.ReceiptCollection
	for _, b := range r.state.Before {
		list = append(list, r.collection(b))
	}
	for _, d := range r.state.Done {
		if _, planned := sameOf(r.state.Before, d); !planned {
			d.Rows = 0 // there were none when it began
			list = append(list, r.collection(d))
		}
	}
	return list
}

func (r *erasureRun) collection(b privacyd.PlannedCollection) privacyd.ReceiptCollection {
	c := privacyd.ReceiptCollection{
		Dataset: b.Dataset, Collection: b.Collection, Fate: b.Fate, Mentions: b.Mentions, Quotes: b.Quotes, Before: b.Rows + b.Held,
		Files: b.Files, Ground: b.Ground, Until: b.Until,
	}
	held, _ := sameOf(r.state.Held, b)
	c.Held = held.Held
	if b.Fate == privacyd.FateKeep {
		kept, again := sameOf(r.state.Kept, b)
		if c.After, c.Recounted = b.Rows, again; again {
			c.After = kept.Rows
		}
		return c
	}
	done, _ := sameOf(r.state.Done, b)
	after, _ := sameOf(r.state.After, b)
	c.Done, c.After = done.Rows, after.Rows+c.Held
	return c
}

// sumUp puts into a job that ends early what had gone by then.
func (e *Engine) sumUp(ctx context.Context, job *privacyd.Job) error {
	r := &erasureRun{e: e, job: job}
	if err := r.load(ctx); err != nil || len(r.state.Done) == 0 && r.state.Exports == 0 {
		return err
	}
	files, err := r.files(ctx)
	if err != nil {
		return err
	}
	r.state.Residue = 0 // nobody has looked
	job.Result, job.Progress = r.outcome(files), r.progress()
	return nil
}

// planHolds are the holds that a plan goes round.
func (x *erasure) planHolds(any bool) (list []privacyd.PlanHold) {
	for _, h := range x.holds {
		if (any || x.wholly) && x.concerns(h) {
			list = append(list, privacyd.PlanHold{ID: h.ID, Type: h.Target.Type, Ground: h.Ground, ReviewAt: h.ReviewAt})
		}
	}
	return list
}

// outcome is the result of a job as far as it is.
func (r *erasureRun) outcome(files privacyd.ReceiptFiles) *privacyd.JobResult {
	result := &privacyd.JobResult{
		Records: map[string]int64{}, Changed: map[string]int64{}, Kept: map[string]int64{},
		Files: files.Queued, FilesDeadline: files.Deadline, FilesState: files.State,
		Residue: r.state.Residue, Review: r.state.Review, ExportsExpired: r.state.Exports, ExpiredExports: r.state.Expired,
	}
	if r.state.Listed < r.state.Review {
		result.ReviewListed = r.state.Listed
	}
	for _, c := range r.collections() {
		switch c.Fate {
		case privacyd.FateDelete:
			result.Records[c.Collection] += c.Done
		case privacyd.FateKeep:
			result.Kept[c.Collection] += c.After
		default:
			result.Changed[c.Collection] += c.Done
		}
		result.Held += c.Held
	}
	for _, c := range r.state.Before {
		if c.Fate == privacyd.FateDelete {
			result.Bytes += c.Bytes
		}
	}
	return result
}
