package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/work"
)

// settle waits until a signed checkpoint covers an entry, so that what the
// caller is told has happened cannot be taken back unseen; after SettleFor it
// says that this is still to come. What it is about has committed: settle must
// never be called in a transaction, and its own errors change nothing.
func (e *Engine) settle(ctx context.Context, auditID string) *privacyd.Audited {
	audited := &privacyd.Audited{Entry: auditID, Checkpoint: privacyd.CheckpointPending}
	ctx, cancel := context.WithTimeout(ctx, e.SettleFor)
	defer cancel()
	err := e.Sequencer.Wait(ctx, auditID)
	switch {
	case err == nil:
		audited.Checkpoint = privacyd.CheckpointSigned
	case !errors.Is(err, auditlog.ErrPending) && ctx.Err() == nil:
		e.Log.WarnContext(ctx, "it is not known whether a checkpoint covers an audit entry", "entry", auditID, "error", err)
	}
	return audited
}

// RunReconcile is the daily handler of WorkReconcile: it looks for entries that
// are in no tree although they should be, which would be a defect, and mends
// that.
func (e *Engine) RunReconcile(ctx context.Context, _ string, _ work.Lease) error {
	found, err := e.Sequencer.Reconcile(ctx)
	if err != nil {
		return fmt.Errorf("reconcile the audit log: %w", err)
	}
	if found > 0 {
		e.Log.ErrorContext(ctx, "audit entries had been passed over; they are in their trees now", "entries", found)
	}
	return nil
}
