package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/privacyd/privacyd"
)

// findExported finds out, before anything goes, in which workspaces an export of
// everything would hold what goes: an account's are all that know of it, by its
// membership, what it wrote or has to do, and by their audit log.
func (r *erasureRun) findExported(ctx context.Context, x *erasure) (err error) {
	if r.job.WorkspaceID != "" {
		r.state.Exported = []string{r.job.WorkspaceID}
		return nil
	}
	if r.state.Exported, err = r.e.Own.WorkspacesWith(ctx, r.job.Subject.ID); err != nil {
		return err
	}
	logs, err := r.e.Own.LogsWith(ctx, r.e.reference(ownerOf("", *r.job.Subject)))
	if err != nil {
		return err
	}
	for _, log := range logs {
		if log != "" {
			r.state.Exported = appendNew(r.state.Exported, log)
		}
	}
	others, err := r.e.Own.ExportedWorkspaces(ctx)
	if err != nil {
		return err
	}
	for _, id := range others {
		known, err := x.knownIn(ctx, id)
		if err != nil {
			return fmt.Errorf("look for an account in a workspace: %w", err)
		}
		if known {
			r.state.Exported = appendNew(r.state.Exported, id)
		}
	}
	return nil
}

// knownIn tells whether a product's rows of a workspace are part of the erasure
// of an account, or name it.
func (x *erasure) knownIn(ctx context.Context, workspaceID string) (bool, error) {
	w, err := x.e.Workspaces.Workspace(ctx, workspaceID)
	if err != nil {
		return false, err
	}
	for _, p := range x.parts {
		key, err := datasetKey(p.dataset, w)
		if privacyd.CodeOf(err) == "dataset_key_missing" {
			return true, nil // nobody can tell, and an archive of it may hold them
		}
		if err != nil {
			return false, err
		}
		if key == "" || p.dataset.Own { // what those know is known already
			continue
		}
		scope := p.scope
		scope = scope.Unheld()
		scope.Workspace = key
		inside, err := p.dataset.Graph.Erasure(scope)
		if err != nil {
			return false, err
		}
		counted, err := x.count(ctx, p, inside)
		if err != nil {
			return false, err
		}
		for _, c := range counted {
			if c.Rows > 0 {
				return true, nil
			}
		}
	}
	return false, nil
}

// expireExports ends the life of archives that hold what goes: of everything in
// its workspaces, and of the person under every id that they had.
func (r *erasureRun) expireExports(ctx context.Context) error {
	refs, err := r.references(ctx)
	if err != nil {
		return err
	}
	if r.state.Exported == nil && r.job.WorkspaceID != "" { // a retention run, or one that an older version began
		r.state.Exported = []string{r.job.WorkspaceID}
	}
	for {
		err := r.expireWith(ctx, refs)
		if errors.Is(err, errHoldsChanged) {
			continue
		}
		r.state.Exports = int64(len(r.state.Expired))
		return err
	}
}

func (r *erasureRun) expireWith(ctx context.Context, refs []string) (err error) {
	workspaces := r.state.Exported
	if r.job.WorkspaceID == "" {
		if workspaces, err = r.unheldOf(ctx, workspaces); err != nil {
			return err
		}
	}
	jobs, err := r.e.Own.ExportsWith(ctx, workspaces, refs)
	if err != nil {
		return err
	}
	for _, job := range jobs {
		err := r.guarded(ctx, func(ctx context.Context) error {
			if err := r.mayExpire(ctx, job, workspaces); err != nil {
				return err
			}
			if err := r.e.Queue.Cancel(ctx, WorkExpire, job.ID); err != nil { // it is planned for the end of the export's life
				return err
			}
			return r.e.expireAt(ctx, job.ID, r.e.Now())
		})
		if err != nil {
			return err
		}
		r.state.Expired = appendNew(r.state.Expired, job.ID)
	}
	return nil
}

// mayExpire refuses what is held: of an account, the archive of a workspace that
// was not when its archives were looked for.
func (r *erasureRun) mayExpire(ctx context.Context, job *privacyd.Job, workspaces []string) error {
	if r.workspace.ID != "" || !slices.Contains(workspaces, job.WorkspaceID) {
		return r.unlessHeld(ctx)
	}
	if err := r.lockHolds(ctx); err != nil {
		return err
	}
	free, err := r.unheldOf(ctx, []string{job.WorkspaceID})
	if err == nil && len(free) == 0 {
		err = errHoldsChanged
	}
	return err
}

// references are those of the person under every id that they had.
func (r *erasureRun) references(ctx context.Context) (refs []string, err error) {
	if r.job.Subject == nil {
		return nil, nil
	}
	if r.job.SubjectRef != "" {
		refs = append(refs, r.job.SubjectRef)
	}
	subjects, err := r.subjects(ctx)
	for _, s := range subjects {
		refs = appendNew(refs, r.e.reference(ownerOf(r.job.WorkspaceID, s)))
	}
	return refs, err
}
