package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
)

// forgetWorkspace takes what is left of a workspace when its records are gone:
// what privacyd's own tables know of it, what its log disclosed, its keys and
// every file. The log's leaves, checkpoints and proofs stay.
func (r *erasureRun) forgetWorkspace(ctx context.Context) error {
	if !r.state.Cleared {
		if err := r.clearWorkspace(ctx); err != nil {
			return err
		}
	}
	f := forgetting{Caller: privacyd.System("erasure"), Workspace: r.job.WorkspaceID, Guard: r.lease.Check}
	ref := r.e.reference(scopeOwner(r.job.WorkspaceID))
	find := []func(context.Context, string, int) ([]string, error){r.e.Disclosed.DisclosedOwners, r.e.Erasures.OpenErasuresOf}
	for _, owners := range find { // the second are those whom an earlier run had begun to erase
		if err := r.forgetOwners(ctx, f, func() ([]string, error) { return owners(ctx, ref, forgetAtOnce) }); err != nil {
			return err
		}
	}
	if err := r.forgetLog(ctx, f); err != nil {
		return err
	}
	if err := r.e.Keys.ShredFor(ctx, ref); err != nil {
		return fmt.Errorf("destroy a workspace's keys: %w", err)
	}
	if err := r.e.endErasures(ctx, f, []string{ref}); err != nil {
		return err
	}
	return r.beginSweep(ctx)
}

// sparesWorkspace leaves privacyd's own tables alone while a hold stands in a
// workspace that goes: until it is released the members see the workspace, and
// the hold.
func (x *erasure) sparesWorkspace() {
	if x.job.Type != privacyd.JobWorkspaceDeletion || len(x.holds) == 0 {
		return
	}
	x.parts = slices.DeleteFunc(x.parts, func(p *erasurePart) bool {
		return p.dataset.state()
	})
}

// waitForHolds has a workspace's deletion wait, when all is gone that may go,
// for the release of the holds in it; then what they kept goes, too. The
// workspace's keys, files and members stay as long.
func (r *erasureRun) waitForHolds(ctx context.Context) (again bool, err error) {
	if r.job.Type != privacyd.JobWorkspaceDeletion || r.state.Cleared {
		return false, nil
	}
	standing, err := r.e.Holds.StandingHolds(ctx, r.workspace.ID)
	if err != nil || len(standing) == 0 && !r.state.Spared {
		return false, err
	}
	if err := r.eraseAgain(ctx); err != nil || len(standing) == 0 {
		return true, err
	}
	return true, &notConfirmed{privacyd.Errorf(privacyd.ClassRefused, "plan_held",
		"A legal hold stands in the workspace. What it does not cover is deleted; the rest goes when it is released."), privacyd.WaitHold}
}

// eraseAgain has the next phase be the first, with the holds that stand then.
func (r *erasureRun) eraseAgain(ctx context.Context) error {
	r.x, r.state.HeldSeen, r.marked = nil, false, false
	return r.save(ctx, phaseErase)
}

// clearWorkspace refuses with errHoldsChanged when a hold was placed after it
// was looked for some.
func (r *erasureRun) clearWorkspace(ctx context.Context) error {
	return r.guarded(ctx, func(ctx context.Context) error {
		if err := r.e.Workspaces.LockWorkspace(ctx, r.workspace.ID); err != nil { // of this and a new hold only one commits first
			return err
		}
		standing, err := r.e.Holds.StandingHolds(ctx, r.workspace.ID)
		if err != nil {
			return err
		}
		if len(standing) > 0 {
			return errHoldsChanged
		}
		if err := r.unlessHeld(ctx); err != nil {
			return err
		}
		auditID, err := r.e.record(ctx, privacyd.AuditEvent{
			WorkspaceID: r.job.WorkspaceID, Caller: privacyd.System("erasure"), Action: "workspace.clear", Outcome: privacyd.OutcomeDone,
			Target: privacyd.Target{Type: "workspace"},
		})
		if err != nil {
			return err
		}
		r.state.Cleared = true
		if err := r.keepState(ctx); err != nil {
			return err
		}
		return r.e.Own.ClearWorkspace(ctx, r.job.WorkspaceID, r.job.ID, auditID)
	})
}

// forgetOwners erases owners from the audit log, and says so, until none is
// found.
func (r *erasureRun) forgetOwners(ctx context.Context, f forgetting, find func() ([]string, error)) error {
	for {
		owners, err := find()
		if err != nil || len(owners) == 0 {
			return err
		}
		if err := r.e.eraseOwners(ctx, f, owners, false); err != nil {
			return err
		}
		if err := r.e.endErasures(ctx, f, owners); err != nil {
			return err
		}
	}
}

// beginSweep deletes what is left in the workspace's own part of our buckets.
// Without the workspace's key nobody can read it any more; while it cannot be
// deleted it counts as a file that is still to go.
func (r *erasureRun) beginSweep(ctx context.Context) error {
	if r.state.SweepBy == nil {
		by := r.e.Now().Add(privacyd.FilesWithin)
		r.state.SweepBy = &by
	}
	if err := r.sweep(ctx); err != nil || r.state.SweptAt == nil {
		return err
	}
	r.state.SweepBy, r.state.SweptAt = nil, nil // nothing had to wait
	return nil
}

// sweep tries once more, where something is left.
func (r *erasureRun) sweep(ctx context.Context) error {
	if r.state.SweepBy == nil || r.state.SweptAt != nil {
		return nil
	}
	err := r.deleteBlobs(ctx)
	if ctx.Err() != nil {
		return err
	}
	if err != nil {
		r.e.Log.WarnContext(ctx, "files of a deleted workspace could not be deleted and will be tried again", "job", r.job.ID, "error", err)
		return nil
	}
	now := r.e.Now()
	r.state.SweptAt = &now
	return nil
}

// forgetLog deletes what the workspace's log discloses of accounts, whose keys
// are not the workspace's and stay.
func (r *erasureRun) forgetLog(ctx context.Context, f forgetting) error {
	for after := ""; ; {
		found, err := r.e.Disclosed.LogDisclosures(ctx, r.job.WorkspaceID, after, harvestAtOnce)
		if err != nil || len(found) == 0 {
			return err
		}
		last := found[len(found)-1].EntryID
		if slices.ContainsFunc(found, func(d auditlog.Disclosed) bool { return !d.Placed }) {
			if err := r.e.awaitTree(ctx, last); err != nil {
				return err
			}
			continue
		}
		if _, err := r.e.eraseDisclosures(ctx, f, found); err != nil {
			return err
		}
		after = last
	}
}

// deleteBlobs deletes every file in the workspace's own part of our buckets.
func (r *erasureRun) deleteBlobs(ctx context.Context) error {
	for key, err := range r.e.Blobs.List(ctx, r.job.WorkspaceID+"/") {
		if err != nil {
			return fmt.Errorf("list a workspace's files: %w", err)
		}
		if err := r.e.Blobs.Delete(ctx, key); err != nil {
			return fmt.Errorf("delete a workspace's file: %w", err)
		}
	}
	return nil
}

// proofOf is the inclusion proof of an entry, once a checkpoint covers it;
// empty while none does.
func (e *Engine) proofOf(ctx context.Context, log, entryID string) (string, error) {
	e.settle(ctx, entryID)
	proof, err := e.prove(ctx, log, entryID)
	if errors.Is(err, auditlog.ErrNotSequenced) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("prove an audit entry: %w", err)
	}
	return string(proof.Encode()), nil
}
