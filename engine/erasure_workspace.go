package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
)

// forgetWorkspace takes what is left of a workspace when its records are gone:
// every file, what privacyd's own tables know of it, what its log disclosed,
// and its keys. The log's leaves, checkpoints and proofs stay.
func (r *erasureRun) forgetWorkspace(ctx context.Context) error {
	if err := r.deleteBlobs(ctx); err != nil {
		return err
	}
	err := r.guarded(ctx, func(ctx context.Context) error {
		auditID, err := r.e.record(ctx, privacyd.AuditEvent{
			WorkspaceID: r.job.WorkspaceID, Caller: privacyd.System("erasure"), Action: "workspace.clear", Outcome: privacyd.OutcomeDone,
			Target: privacyd.Target{Type: "workspace"},
		})
		if err != nil {
			return err
		}
		return r.e.Own.ClearWorkspace(ctx, r.job.WorkspaceID, r.job.ID, auditID)
	})
	if err != nil {
		return err
	}
	f := forgetting{Caller: privacyd.System("erasure"), Workspace: r.job.WorkspaceID, Guard: r.lease.Check}
	ref := r.e.reference(scopeOwner(r.job.WorkspaceID))
	for {
		owners, err := r.e.Disclosed.DisclosedOwners(ctx, ref, forgetAtOnce)
		if err != nil {
			return err
		}
		if len(owners) == 0 {
			break
		}
		if err := r.e.eraseOwners(ctx, f, owners, false); err != nil {
			return err
		}
	}
	if err := r.e.Keys.ShredFor(ctx, ref); err != nil {
		return fmt.Errorf("destroy a workspace's keys: %w", err)
	}
	return r.e.endErasures(ctx, f, []string{ref})
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
