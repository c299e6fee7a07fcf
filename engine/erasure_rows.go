package engine

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
)

// rowsAtOnce is how many rows with a clock go with all that belongs to them in
// one round: cancelling and holds are seen between two.
const rowsAtOnce = 500

// chooser tells which rows an operation takes: a bulk deletion by date, a
// retention run by its policy.
type chooser struct {
	before   time.Time // only rows whose last activity is earlier are looked at
	take     func(ClockRow) privacyd.Decision
	skipKept bool
}

func (e *Engine) chooser(ctx context.Context, job *privacyd.Job, w privacyd.Workspace) (chooser, error) {
	now := e.Now()
	if job.Type == privacyd.JobBulkDeletion {
		before := *job.Before
		return chooser{before: before, take: func(r ClockRow) privacyd.Decision {
			last := r.Last()
			return privacyd.Decision{Due: !last.IsZero() && last.Before(before), At: last}
		}}, nil
	}
	versions, err := e.Retention.Policies(ctx, w.ID)
	if err != nil {
		return chooser{}, err
	}
	return policyChooser(versions, now), nil
}

func policyChooser(versions []privacyd.Policy, now time.Time) chooser {
	return chooser{before: now, skipKept: true, take: func(r ClockRow) privacyd.Decision {
		return privacyd.Due(privacyd.Clocked{Resolved: r.Resolved, ResolvedAt: r.ResolvedAt, LastActivity: r.LastActivity}, versions, now)
	}}
}

// clockPart is a collection with a clock in one dataset.
type clockPart struct {
	*erasurePart
	collection *datamap.Collection
	rows       datamap.Selection
}

// clockParts gives the collections with a clock of a workspace. None is an
// error. Code clock_missing.
func (x *erasure) clockParts(ctx context.Context) ([]clockPart, error) {
	var parts []clockPart
	for _, d := range x.e.Datasets {
		key, err := datasetKey(d, x.workspace)
		if err != nil {
			return nil, err
		}
		clocks := d.Graph.ClockCollections()
		if key == "" || len(clocks) == 0 {
			continue
		}
		p, err := x.rowsPart(ctx, d, key)
		if err != nil {
			return nil, err
		}
		for _, c := range clocks {
			sel, err := d.Graph.Clocked(key, c.Name)
			if err != nil {
				return nil, err
			}
			parts = append(parts, clockPart{p, c, sel})
		}
	}
	if len(parts) == 0 {
		return nil, privacyd.Errorf(privacyd.ClassInvalid, "clock_missing",
			"No data map of this workspace gives a collection a clock. Declare one: when its rows are resolved, and when they were last active.")
	}
	return parts, nil
}

func (x *erasure) rowsPart(ctx context.Context, d Dataset, key string) (*erasurePart, error) {
	if err := x.e.guard(ctx, d); err != nil {
		return nil, err
	}
	eraser, err := d.Source.Eraser()
	if err != nil {
		return nil, err
	}
	p := &erasurePart{dataset: d, eraser: eraser, scope: datamap.EraseScope{Scope: datamap.Scope{Workspace: key}}}
	if p.catalog, err = d.Source.Catalog(ctx); err != nil {
		return nil, err
	}
	p.scope.Catalog = &p.catalog
	return p, x.hold(ctx, p)
}

// of is the erasure of some rows and all that belongs to them.
func (p clockPart) of(keys [][]string, held bool) (datamap.Erasure, error) {
	scope := p.scope
	scope.Rows = &datamap.RowScope{Collection: p.collection.Name, Keys: keys}
	if !held {
		scope = scope.Unheld()
	}
	return p.dataset.Graph.Erasure(scope)
}

// newRows prepares an operation on rows.
func (e *Engine) newRows(ctx context.Context, job *privacyd.Job, w privacyd.Workspace) (*erasure, []clockPart, error) {
	x := &erasure{e: e, job: job, workspace: w}
	var err error
	if x.placed, err = e.Holds.HoldsPlaced(ctx, w.ID); err != nil {
		return nil, nil, err
	}
	if err := x.readHolds(ctx); err != nil {
		return nil, nil, err
	}
	parts, err := x.clockParts(ctx)
	return x, parts, err
}

// chosen gives the keys of the rows that are taken, some at a time. They are
// all read before the first is given: what is done with them must not hold a
// view of the database open.
func (x *erasure) chosen(ctx context.Context, p clockPart, c chooser, each func(keys [][]string) error) error {
	spool, err := x.e.Spool()
	if err != nil {
		return err
	}
	defer spool.Close() //nolint:errcheck // it is temporary
	if err := x.choose(ctx, p, c, spool); err != nil {
		return err
	}
	back, err := spool.Rewind()
	if err != nil {
		return err
	}
	in := bufio.NewReaderSize(back, 1<<16)
	for {
		var keys [][]string
		err := readFrame(in, &keys)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if keys, err = x.withoutKept(ctx, p, c, keys); err != nil {
			return err
		}
		if len(keys) == 0 {
			continue
		}
		if err := each(keys); err != nil {
			return err
		}
	}
}

func (x *erasure) choose(ctx context.Context, p clockPart, c chooser, spool io.Writer) error {
	out := bufio.NewWriterSize(spool, 1<<16)
	var keys [][]string
	err := p.eraser.ClockRows(ctx, p.rows, c.before, func(r ClockRow) error {
		if !c.take(r).Due {
			return nil
		}
		if keys = append(keys, slices.Clone(r.Key)); len(keys) < rowsAtOnce {
			return nil
		}
		err := writeFrame(out, keys)
		keys = keys[:0]
		return err
	})
	if err == nil && len(keys) > 0 {
		err = writeFrame(out, keys)
	}
	if err != nil {
		return err
	}
	return out.Flush()
}

// withoutKept leaves out what somebody chose to keep from retention runs.
func (x *erasure) withoutKept(ctx context.Context, p clockPart, c chooser, keys [][]string) ([][]string, error) {
	if !c.skipKept {
		return keys, nil
	}
	refs := make([]string, len(keys))
	for i, key := range keys {
		refs[i] = x.e.rowRef(x.workspace.ID, p.dataset.Name, p.collection.Name, key)
	}
	kept, err := x.e.Retention.KeptAmong(ctx, x.workspace.ID, refs)
	if err != nil {
		return nil, err
	}
	var left [][]string
	for i, key := range keys {
		if !kept[refs[i]] {
			left = append(left, key)
		}
	}
	return left, nil
}

// rowRef is a keyed hash of a row.
func (e *Engine) rowRef(workspaceID, dataset, collection string, key []string) string {
	return e.targetRef(workspaceID, privacyd.HoldTarget{Dataset: dataset, Collection: collection, Key: key})
}

// planRows is the plan of a bulk deletion or retention run.
func (e *Engine) planRows(ctx context.Context, job *privacyd.Job, w privacyd.Workspace) (*privacyd.Plan, error) {
	c, err := e.chooser(ctx, job, w)
	if err != nil {
		return nil, err
	}
	return e.planChosen(ctx, job, w, c)
}

func (e *Engine) planChosen(ctx context.Context, job *privacyd.Job, w privacyd.Workspace, c chooser) (*privacyd.Plan, error) {
	x, parts, err := e.newRows(ctx, job, w)
	if err != nil {
		return nil, err
	}
	plan := x.emptyPlan()
	basis := privacyd.PlanBasis{Type: job.Type, WorkspaceID: w.ID, Before: job.Before}
	for _, p := range parts {
		if err := x.planPart(ctx, plan, &basis, p, c); err != nil {
			return nil, fmt.Errorf("plan an erasure in dataset %s: %w", p.dataset.Name, err)
		}
	}
	plan.Hash = basis.Hash()
	return plan, x.finish(ctx, plan)
}

func (x *erasure) planPart(ctx context.Context, plan *privacyd.Plan, basis *privacyd.PlanBasis, p clockPart, c chooser) error {
	any, err := p.of([][]string{make([]string, len(p.collection.Key))}, false)
	if err != nil {
		return err
	}
	plan.Maps = append(plan.Maps, privacyd.PlanMap{Dataset: p.dataset.Name, Hash: p.dataset.Graph.Map.Hash})
	basis.Datasets = append(basis.Datasets, p.dataset.basis(p.dataset.Name+"."+p.collection.Name, any))
	rounds := int64(0)
	err = x.chosen(ctx, p, c, func(keys [][]string) error {
		rounds++
		counted, err := x.countRows(ctx, p, keys)
		for _, n := range counted {
			plan.Collections = addHeld(plan.Collections, n)
		}
		return err
	})
	if err != nil {
		return err
	}
	return p.describeObstacles(ctx, plan, any, rounds)
}

func (x *erasure) countRows(ctx context.Context, p clockPart, keys [][]string) ([]privacyd.PlannedCollection, error) {
	some, err := p.of(keys, true)
	if err != nil {
		return nil, err
	}
	counted, err := x.count(ctx, p.erasurePart, some)
	if err != nil || !p.scope.Holding() {
		return counted, err
	}
	all, err := p.of(keys, false)
	if err != nil {
		return nil, err
	}
	unheld, err := x.count(ctx, p.erasurePart, all)
	return withHeld(counted, unheld), err
}

func addHeld(list []privacyd.PlannedCollection, c privacyd.PlannedCollection) []privacyd.PlannedCollection {
	list = addPlanned(list, c)
	for i := range list {
		if sameFate(list[i], c) && list[i].Held != c.Held {
			list[i].Held += c.Held
		}
	}
	return list
}

// eraseRows runs a bulk deletion or retention run, some rows at a time.
func (r *erasureRun) eraseRows(ctx context.Context) error {
	var c chooser
	var err error
	if r.state.Again == nil {
		if c, err = r.e.chooser(ctx, r.job, r.workspace); err != nil {
			return err
		}
	}
	x, parts, err := r.e.newRows(ctx, r.job, r.workspace)
	if err != nil {
		return err
	}
	if err := r.markHolds(ctx, x); err != nil {
		return err
	}
	if x.wholly {
		return workspaceHeld()
	}
	for _, p := range parts {
		if again := r.state.Again; again != nil {
			if again.Dataset == p.dataset.Name && again.Collection == p.collection.Name {
				err = r.eraseKeys(ctx, x, p, again.Keys, nil)
			}
		} else {
			err = r.eraseChosen(ctx, x, p, c)
		}
		if err != nil {
			return fmt.Errorf("erase %s of dataset %s: %w", p.collection.Name, p.dataset.Name, err)
		}
	}
	return nil
}

func (r *erasureRun) eraseKeys(ctx context.Context, x *erasure, p clockPart, keys [][]string, still *datamap.ClockCheck) error {
	some, err := p.of(keys, true)
	if err != nil {
		return err
	}
	if keys, err = p.free(ctx, some, keys); err != nil || len(keys) == 0 {
		return err
	}
	if err := r.markRows(ctx, x, p, keys); err != nil {
		return err
	}
	batch := r.batch(x, p.erasurePart)
	batch.Still = still
	_, err = p.eraser.RunAll(ctx, some.Steps, batch)
	return err
}

// lookAtRows counts what would still go.
func (r *erasureRun) lookAtRows(ctx context.Context) error {
	plan, err := r.e.planRows(ctx, r.job, r.workspace)
	if err != nil {
		return err
	}
	r.state.After, r.state.Residue = plan.Collections, 0
	for _, c := range plan.Collections {
		if c.Fate != privacyd.FateKeep && !c.Mentions {
			r.state.Residue += c.Rows
		}
	}
	return nil
}

// verifyRows looks again: nothing that was to go may be left, but for what is
// held.
func (r *erasureRun) verifyRows(ctx context.Context) error {
	if r.state.Again != nil {
		r.state.Verified = r.e.Now()
		return r.save(ctx, phaseForget)
	}
	if err := r.lookAtRows(ctx); err != nil {
		return err
	}
	if again, err := r.onceMore(ctx); again || err != nil {
		return err
	}
	r.state.Verified = r.e.Now()
	return r.save(ctx, phaseForget)
}
