package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
)

// markBefore marks the erasure of a person or a workspace before it is looked
// whether anything is left: an import that writes asks the ledger in each of
// its transactions. Those that asked before the mark have committed when the
// lock is had, and what they wrote is found. Rows with a clock were marked
// before they went.
func (r *erasureRun) markBefore(ctx context.Context) error {
	if err := r.mark(ctx); err != nil {
		return fmt.Errorf("mark an erasure in the suppression ledger: %w", err)
	}
	r.marked = true
	return r.guarded(ctx, func(ctx context.Context) error {
		if err := r.lockImports(ctx); err != nil {
			return err
		}
		if err := r.e.Runs.RecordErasure(ctx, r.state.Sequence, r.job.ID, r.e.Now()); err != nil {
			return err
		}
		return r.keepState(ctx)
	})
}

// lockImports waits for the transactions of imports into the workspace; an
// account may be named in any.
func (r *erasureRun) lockImports(ctx context.Context) error {
	if r.workspace.ID == "" {
		return r.e.Workspaces.LockWorkspaces(ctx)
	}
	return r.e.Workspaces.LockWorkspace(ctx, r.workspace.ID)
}

// mark adds the erasure to the suppression ledger.
func (r *erasureRun) mark(ctx context.Context) error {
	x, err := r.compiled(ctx)
	if err != nil {
		return err
	}
	again := privacyd.EraseAgain{
		Type: r.job.Type, WorkspaceID: r.job.WorkspaceID, Subject: r.job.Subject, DatasetKeys: r.workspace.DatasetKeys,
		Holds: stood(x.holds), AllHolds: r.job.WorkspaceID == "",
	}
	var roots []privacyd.Root
	for _, name := range slices.Sorted(maps.Keys(r.state.Merged)) {
		d, err := r.e.dataset(name)
		if err != nil {
			return err
		}
		key, err := r.key(d)
		if err != nil {
			return err
		}
		for _, id := range r.state.Merged[name] {
			roots = append(roots, privacyd.Root{Dataset: name, Kind: r.job.Subject.Kind, Workspace: key, ID: id})
		}
	}
	return r.append(ctx, again, roots)
}

// append adds a mark once: the ledger is asked first for one that a process
// added which died before it could say so. Of rows those are left out that have
// a mark.
func (r *erasureRun) append(ctx context.Context, again privacyd.EraseAgain, roots []privacyd.Root) error {
	if err := r.readMarks(ctx); err != nil {
		return err
	}
	var marked *privacyd.Erased
	if again.Keys, roots, marked = r.unmarked(again, roots); marked != nil {
		r.state.Sequence, r.state.Until = marked.Sequence, marked.Expires
		return nil
	}
	now := r.e.Now()
	m := privacyd.Erased{JobID: r.job.ID, At: now, Expires: now.Add(r.e.backupLife()), Again: again}
	var err error
	if m.Sequence, err = r.e.Suppression.Append(ctx, m, roots); err != nil {
		return err
	}
	r.noteMark(m)
	r.state.Sequence, r.state.Until = m.Sequence, m.Expires
	return nil
}

// unmarked gives the rows that have no mark yet, or a mark where nothing is left
// to be marked.
func (r *erasureRun) unmarked(again privacyd.EraseAgain, roots []privacyd.Root) (keys [][]string, left []privacyd.Root, marked *privacyd.Erased) {
	if again.Keys == nil {
		m, there := r.marks[""]
		if !there {
			return nil, roots, nil
		}
		return nil, nil, &m
	}
	for i, key := range again.Keys {
		if m, there := r.marks[markOf(again, key)]; there {
			marked = &m
			continue
		}
		keys, left = append(keys, key), append(left, roots[i])
	}
	if len(keys) > 0 {
		marked = nil
	}
	return keys, left, marked
}

func markOf(again privacyd.EraseAgain, key []string) string {
	return strings.Join(append([]string{again.Dataset, again.Collection}, key...), "\x00")
}

func (r *erasureRun) noteMark(m privacyd.Erased) {
	r.newest = m
	switch {
	case m.Again.Withdrawn && m.Again.Keys == nil:
		delete(r.marks, "")
	case m.Again.Withdrawn:
		for _, key := range m.Again.Keys {
			delete(r.marks, markOf(m.Again, key))
		}
		return
	case m.Again.Keys == nil && !m.Again.OnlyHolds:
		r.marks[""] = m
	}
	for _, key := range m.Again.Keys {
		r.marks[markOf(m.Again, key)] = m
	}
}

func (e *Engine) backupLife() time.Duration {
	if e.BackupLife == 0 {
		return DefaultBackupLife
	}
	return e.BackupLife
}

// readMarks reads once which marks earlier runs have left.
func (r *erasureRun) readMarks(ctx context.Context) error {
	if r.marks != nil {
		return nil
	}
	r.marks = map[string]privacyd.Erased{}
	if r.job.Runs < 2 {
		return nil
	}
	return r.lookForMarks(ctx)
}

func (r *erasureRun) lookForMarks(ctx context.Context) error {
	r.marks = map[string]privacyd.Erased{}
	for m, err := range r.e.Suppression.Since(ctx, r.state.Ledger) {
		if err != nil {
			r.marks = nil
			return err
		}
		if m.JobID == r.job.ID {
			r.noteMark(m)
		}
	}
	return nil
}

// markRows adds rows to the suppression ledger before they go, and their number
// to the database: a restored one is behind it.
func (r *erasureRun) markRows(ctx context.Context, x *erasure, p clockPart, keys [][]string) error {
	roots := make([]privacyd.Root, len(keys))
	for i, key := range keys {
		roots[i] = privacyd.Root{Dataset: p.dataset.Name, Kind: p.collection.Name, Workspace: p.scope.Workspace, ID: key[len(key)-1]}
	}
	again := privacyd.EraseAgain{
		Type: r.job.Type, WorkspaceID: r.job.WorkspaceID, DatasetKeys: r.workspace.DatasetKeys,
		Dataset: p.dataset.Name, Collection: p.collection.Name, Keys: keys, Holds: stood(x.holds),
	}
	if err := r.append(ctx, again, roots); err != nil {
		return fmt.Errorf("mark an erasure in the suppression ledger: %w", err)
	}
	return r.recordMark(ctx)
}

// recordMark has the database know of the newest mark.
func (r *erasureRun) recordMark(ctx context.Context) error {
	return r.guarded(ctx, func(ctx context.Context) error {
		if err := r.e.Runs.RecordErasure(ctx, r.state.Sequence, r.job.ID, r.e.Now()); err != nil {
			return err
		}
		return r.keepState(ctx)
	})
}

// free leaves out the rows that stay under a hold: a restored database must
// keep them, too.
func (p clockPart) free(ctx context.Context, some datamap.Erasure, keys [][]string) ([][]string, error) {
	if !p.scope.Holding() {
		return keys, nil
	}
	var free [][]string
	for _, step := range some.Steps {
		if step.Collection.Name != p.collection.Name || step.Link != nil || step.Breaks {
			continue
		}
		rows := step.Rows
		sel := datamap.Selection{
			Collection: step.Collection, Table: step.Table, All: []datamap.Condition{{Any: []datamap.Path{{Rows: &rows}}}},
		}
		err := p.eraser.Keys(ctx, sel, func(key []string) error {
			free = append(free, slices.Clone(key))
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return free, nil
}
