package engine

import (
	"context"
	"slices"
	"strings"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
)

// spare takes out of the erasure what has to outlast the holds that stand.
func (x *erasure) spare(ctx context.Context) error {
	x.sparesWorkspace()
	stays, err := x.accountStays(ctx)
	if err != nil || !stays {
		return err
	}
	x.spared = true
	p := x.accountPart()
	p.plan.Steps = slices.DeleteFunc(p.plan.Steps, func(s *datamap.Step) bool { return !p.dataset.Graph.InWorkspaces(s.Collection) })
	return nil
}

// accountPart is what privacyd's own tables know of an account; nil when they
// know nothing.
func (x *erasure) accountPart() *erasurePart {
	own := func(p *erasurePart) bool { return p.dataset.state() }
	if i := slices.IndexFunc(x.parts, own); i >= 0 && x.job.Type == privacyd.JobAccountDeletion {
		return x.parts[i]
	}
	return nil
}

// accountStays tells whether holds keep a row of the account's own, as where a
// held workspace has it as a member or an author: then it stays until the
// release, with all by which its holder signs in, sees why, and may cancel. What
// else workspaces know of it goes.
func (x *erasure) accountStays(ctx context.Context) (bool, error) {
	if x.accountPart() == nil {
		return false, nil
	}
	for _, p := range x.parts {
		if stay, err := p.rootsStay(ctx); stay || err != nil {
			return stay, err
		}
	}
	return false, nil
}

// rootsStay tells whether holds keep some of the rows that lead to the others.
func (p *erasurePart) rootsStay(ctx context.Context) (bool, error) {
	if !p.scope.Holding() {
		return false, nil
	}
	going := map[string]bool{}
	for _, step := range p.plan.Steps {
		if step.Collection.Name != p.dataset.Graph.SubjectKind(p.scope.SubjectKind).Collection || step.Link != nil || step.Breaks {
			continue
		}
		rows := step.Rows
		sel := datamap.Selection{Collection: step.Collection, Table: step.Table, All: []datamap.Condition{{Any: []datamap.Path{{Rows: &rows}}}}}
		err := p.eraser.Keys(ctx, sel, func(key []string) error { going[strings.Join(key, "\x00")] = true; return nil })
		if err != nil {
			return false, err
		}
	}
	return slices.ContainsFunc(p.roots, func(row datamap.RowRef) bool { return !going[strings.Join(row.Key, "\x00")] }), nil
}

// accountHeldNote is a plan's.
const accountHeldNote = "As long as a legal hold covers what a workspace has of this account, that and the account itself stay. " +
	"They are deleted when the hold is released; the rest does not wait."

// waitForWorkspaces has an account's deletion wait, when all is gone that may
// go, for the release of the workspaces that keep it.
func (r *erasureRun) waitForWorkspaces(ctx context.Context) error {
	r.x = nil
	x, err := r.compiled(ctx)
	if err != nil || !x.spared {
		return err
	}
	if err := r.eraseAgain(ctx); err != nil {
		return err
	}
	return &notConfirmed{privacyd.Errorf(privacyd.ClassRefused, "plan_held",
		"A legal hold covers what a workspace has of the account. What it does not cover is deleted; the rest goes when it is released."), privacyd.WaitHold}
}

// leavesStill keeps an account in its grace period whose deletion has to wait
// after what refers to the account went, and with that, that it is leaving: its
// holder may cancel.
func (e *Engine) leavesStill(ctx context.Context, job *privacyd.Job, auditID string) error {
	if job.Type != privacyd.JobAccountDeletion || job.Subject.ID == "" {
		return nil
	}
	state, _, err := e.States.AccountState(ctx, job.Subject.ID)
	if err != nil || state == privacyd.AccountLeaving { // who looks at it stays signed in
		return err
	}
	return e.leavesAgain(ctx, job, auditID)
}

// unheldOf leaves out the workspaces that are held.
func (r *erasureRun) unheldOf(ctx context.Context, workspaces []string) ([]string, error) {
	holds, err := r.e.Holds.StandingHolds(ctx, "")
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(workspaces), func(id string) bool {
		return slices.ContainsFunc(holds, func(h *privacyd.Hold) bool { return onWorkspace(h) && h.WorkspaceID == id })
	}), nil
}
