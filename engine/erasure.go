package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
)

// erasure is a deletion as its datasets see it: in each, what is done to which
// rows. It is made anew from the maps and the live databases for each plan,
// each run and each verification.
type erasure struct {
	e         *Engine
	job       *privacyd.Job // type, subject, before
	workspace privacyd.Workspace
	parts     []*erasurePart
	quoting   []*erasurePart   // whose rows may quote the person
	holds     []*privacyd.Hold // that stand in the workspace
	placed    int64            // holds ever placed, when it was made
	wholly    bool             // the workspace or the account is held, or it cannot be told what of it is
	untold    []string         // the datasets in which it cannot be told
	spared    bool             // what is the account's alone stays as long as a workspace is held
}

// erasurePart is what lies in one dataset.
type erasurePart struct {
	dataset Dataset
	eraser  Eraser
	catalog datamap.Catalog
	scope   datamap.EraseScope
	plan    datamap.Erasure
	roots   []datamap.RowRef
	quotes  bool // of its rows only what quotes the person is looked at
}

// compile makes the erasure that a job asks for. Merged are the ids of the
// person's rows by dataset, as an earlier run of the job found them; nil for
// the first. Codes: subject_kind_unknown, subject_not_found, map_mismatch.
func (e *Engine) compile(ctx context.Context, job *privacyd.Job, w privacyd.Workspace, merged map[string][]string) (*erasure, error) {
	x := &erasure{e: e, job: job, workspace: w}
	var err error
	if x.placed, err = e.Holds.HoldsPlaced(ctx, w.ID); err != nil {
		return nil, err
	}
	if err := x.readHolds(ctx); err != nil {
		return nil, err
	}
	known := false
	for _, d := range e.inOrder() {
		scope, ok, err := x.scopeOf(ctx, d, merged[d.Name])
		if err != nil {
			return nil, err
		}
		known = known || ok
		if !ok {
			continue
		}
		if err := x.addPart(ctx, d, scope); err != nil {
			return nil, fmt.Errorf("plan an erasure in dataset %s: %w", d.Name, err)
		}
	}
	if !known {
		return nil, privacyd.Errorf(privacyd.ClassInvalid, "subject_kind_unknown",
			"No data map of this workspace knows this kind of subject. The embedded dataset knows contact.")
	}
	if !slices.ContainsFunc(x.parts, (*erasurePart).known) {
		return nil, privacyd.Errorf(privacyd.ClassNotFound, "subject_not_found", "There is no such person in this workspace.")
	}
	x.quoting, err = x.quotingParts(ctx)
	return x, err
}

// inOrder are the datasets as an erasure goes through them: privacyd's own
// accounts and members come last, since by those the rest is found.
func (e *Engine) inOrder() []Dataset {
	var products, own []Dataset
	for _, d := range e.Datasets {
		if d.Own {
			own = append(own, d)
		} else {
			products = append(products, d)
		}
	}
	slices.Reverse(own)
	return append(products, own...)
}

// scopeOf is scope, of a run that has found the person's rows before.
func (x *erasure) scopeOf(ctx context.Context, d Dataset, merged []string) (datamap.EraseScope, bool, error) {
	if kind := subjectKind(d, "account"); len(merged) > 0 && kind != nil && x.job.Type == privacyd.JobAccountDeletion && !d.Own {
		// The account by whose e-mail address it was found may be gone.
		scope := datamap.EraseScope{Scope: datamap.Scope{SubjectKind: kind.Kind, SubjectID: merged[0]}, Merged: merged}
		return scope, true, nil
	}
	scope, ok, err := x.scope(ctx, d)
	if merged != nil {
		scope.Merged = merged
	}
	return scope, ok, err
}

// scope says what of a dataset the job is about; false for nothing.
func (x *erasure) scope(ctx context.Context, d Dataset) (datamap.EraseScope, bool, error) {
	if x.job.Type == privacyd.JobAccountDeletion {
		return x.accountScope(ctx, d)
	}
	key, err := datasetKey(d, x.workspace)
	if err != nil || key == "" {
		return datamap.EraseScope{}, false, err
	}
	scope := datamap.EraseScope{Scope: datamap.Scope{Workspace: key}}
	if s := x.job.Subject; s != nil {
		if subjectKind(d, s.Kind) == nil {
			return scope, false, nil
		}
		scope.SubjectKind, scope.SubjectID = s.Kind, s.ID
	}
	return scope, true, nil
}

// addPart plans one dataset. A person whom it does not know is no part of it.
func (x *erasure) addPart(ctx context.Context, d Dataset, scope datamap.EraseScope) error {
	if err := x.e.guard(ctx, d); err != nil {
		return err
	}
	eraser, err := d.Source.Eraser()
	if err != nil {
		return err
	}
	p := &erasurePart{dataset: d, eraser: eraser, scope: scope}
	if p.catalog, err = d.Source.Catalog(ctx); err != nil {
		return err
	}
	p.scope.Catalog = &p.catalog
	found, err := p.find(ctx)
	if err != nil || !found && !x.always(d) {
		return err
	}
	if err := x.hold(ctx, p); err != nil {
		return err
	}
	if p.plan, err = d.Graph.Erasure(p.scope); err != nil {
		return err
	}
	x.parts = append(x.parts, p)
	return nil
}

// always tells whether a dataset is part of the erasure though it does not know
// the person yet: one that names accounts by privacyd's own ids may begin to at
// any time, and its plan is the same with and without rows.
func (x *erasure) always(d Dataset) bool {
	return x.job.Type == privacyd.JobAccountDeletion && d.Own
}

// known tells whether there is, or was when the job began, whom or what the
// erasure is about.
func (p *erasurePart) known() bool {
	return len(p.roots) > 0 || p.scope.Merged != nil || p.scope.SubjectKind == ""
}

// find finds the rows that lead to all others. With Merged, the person was
// found before and may be gone meanwhile.
func (p *erasurePart) find(ctx context.Context) (bool, error) {
	first, err := p.dataset.Graph.Erasure(p.scope)
	if err != nil {
		return false, err
	}
	for _, sel := range first.Roots {
		err := p.eraser.Keys(ctx, sel, func(key []string) error {
			p.roots = append(p.roots, datamap.RowRef{Collection: sel.Collection.Name, Key: slices.Clone(key)})
			return nil
		})
		if err != nil {
			return false, err
		}
	}
	if p.scope.SubjectKind == "" || p.scope.Merged != nil {
		return true, nil
	}
	if len(p.roots) == 0 {
		return false, nil
	}
	return true, p.findMerged(ctx, first.Roots)
}

func (p *erasurePart) findMerged(ctx context.Context, roots []datamap.Selection) error {
	kind := p.dataset.Graph.SubjectKind(p.scope.SubjectKind)
	for _, sel := range roots {
		ids, err := p.eraser.Identifiers(ctx, sel, []datamap.Identity{{Kind: "id", Column: kind.Key}})
		if err != nil {
			return err
		}
		for _, id := range ids {
			if !slices.Contains(p.scope.Merged, id.Value) {
				p.scope.Merged = append(p.scope.Merged, id.Value)
			}
		}
	}
	slices.Sort(p.scope.Merged)
	return nil
}

func (x *erasure) readHolds(ctx context.Context) error {
	holds, err := x.e.standingHolds(ctx, x.workspace.ID)
	if err != nil {
		return err
	}
	x.holds = holds
	x.wholly = slices.ContainsFunc(holds, x.covered)
	return nil
}

// covered tells whether a hold keeps all of what the erasure is about: one on
// its workspace or, wherever it was placed, on the account itself.
func (x *erasure) covered(h *privacyd.Hold) bool {
	if x.workspace.ID != "" {
		return onWorkspace(h)
	}
	return h.Target.Subject != nil && x.job.Subject != nil && *h.Target.Subject == *x.job.Subject
}

// hold tells a part what of its dataset stays under holds.
func (x *erasure) hold(ctx context.Context, p *erasurePart) error {
	for _, h := range x.holds {
		more, err := x.heldRows(ctx, p, h)
		if err != nil {
			return err
		}
		p.scope.Held = append(p.scope.Held, more...)
		if !onWorkspace(h) || h.WorkspaceID == x.workspace.ID { // nothing of it may go then
			continue
		}
		key, err := x.keyOfHold(ctx, p, h)
		if err != nil {
			return err
		}
		if key != "" && !slices.Contains(p.scope.HeldWorkspaces, key) {
			p.scope.HeldWorkspaces = append(p.scope.HeldWorkspaces, key)
		}
	}
	return nil
}

func (x *erasure) heldRows(ctx context.Context, p *erasurePart, h *privacyd.Hold) ([]datamap.RowRef, error) {
	t := h.Target
	switch t.Type {
	case privacyd.HoldConversation:
		if t.Dataset != p.dataset.Name {
			return nil, nil
		}
		return []datamap.RowRef{{Collection: t.Collection, Key: t.Key}}, nil
	case privacyd.HoldSubject:
		if subjectKind(p.dataset, t.Subject.Kind) == nil {
			return nil, nil
		}
		key, err := x.keyOfHold(ctx, p, h)
		if err != nil || key == "" {
			return nil, err
		}
		return p.rowsOf(ctx, key, *t.Subject)
	default:
		return nil, nil
	}
}

// keyOfHold is the key by which a dataset knows the hold's workspace; empty: it
// has nothing of it. Where nobody has said, a hold is in the way of no account that
// the workspace does not know; one that it knows stays whole, since any row may be
// the workspace's.
func (x *erasure) keyOfHold(ctx context.Context, p *erasurePart, h *privacyd.Hold) (string, error) {
	if h.WorkspaceID == x.workspace.ID {
		return p.scope.Workspace, nil
	}
	w, err := x.e.Workspaces.Workspace(ctx, h.WorkspaceID)
	if err != nil {
		return "", err
	}
	key, err := datasetKey(p.dataset, w)
	if privacyd.CodeOf(err) != "dataset_key_missing" {
		return key, err
	}
	knowing, err := x.e.Own.WorkspacesWith(ctx, x.job.Subject.ID)
	if err != nil || !slices.Contains(knowing, w.ID) {
		return "", err
	}
	x.wholly, x.untold = true, appendNew(x.untold, p.dataset.Name)
	return "", nil
}

// untoldNotes say what a plan waits for of which datasets cannot tell what is
// held. Which workspace it is stays unsaid: who reads it need not be a member.
func (x *erasure) untoldNotes() (notes []string) {
	for _, name := range x.untold {
		notes = append(notes, fmt.Sprintf("A workspace that knows this account is under a legal hold, and nobody has said which records of dataset %s are its own. "+
			"All waits until the hold is released, or until whoever runs this installation says it with: privacyd workspace key.", name))
	}
	return notes
}

// rowsOf are a person's own rows in the dataset.
func (p *erasurePart) rowsOf(ctx context.Context, workspace string, s privacyd.Subject) ([]datamap.RowRef, error) {
	scope := datamap.EraseScope{Scope: datamap.Scope{Workspace: workspace, SubjectKind: s.Kind, SubjectID: s.ID}}
	of, err := p.dataset.Graph.Erasure(scope)
	if err != nil {
		return nil, err
	}
	var rows []datamap.RowRef
	for _, sel := range of.Roots {
		err := p.eraser.Keys(ctx, sel, func(key []string) error {
			rows = append(rows, datamap.RowRef{Collection: sel.Collection.Name, Key: slices.Clone(key)})
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// unheld is the same part as if there were no holds.
func (p *erasurePart) unheld() (datamap.Erasure, error) {
	return p.dataset.Graph.Erasure(p.scope.Unheld())
}
