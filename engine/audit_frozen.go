package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
)

// unfrozen puts an event about a deleted workspace's log into the instance's:
// the workspace's own is frozen, and has no keys any more that could seal who
// it was.
func (e *Engine) unfrozen(ctx context.Context, ev privacyd.AuditEvent) (privacyd.AuditEvent, error) {
	if ev.WorkspaceID == "" {
		return ev, nil
	}
	state, _, err := e.States.WorkspaceState(ctx, ev.WorkspaceID)
	if err != nil || state != privacyd.WorkspaceDeleted {
		return ev, err
	}
	ev.Marks = map[string]string{auditlog.PublicLog: ev.WorkspaceID}
	ev.WorkspaceID = ""
	return ev, nil
}

// recordIssue records that an erasure has ended, or what became of its files and
// proof. Of a workspace's the instance's log tells: which receipt there is, and
// how large the workspace's log is for ever, by its last checkpoint.
func (r *erasureRun) recordIssue(ctx context.Context, job *privacyd.Job, verb string, receipt []byte) (auditID string, err error) {
	event := r.e.jobEvent(privacyd.System("erasure"), "", job, verb)
	if job.Type != privacyd.JobWorkspaceDeletion {
		return r.e.record(ctx, event)
	}
	sum := sha256.Sum256(receipt)
	event.WorkspaceID = ""
	event.Marks = map[string]string{auditlog.PublicLog: job.WorkspaceID, "receipt_sha256": hex.EncodeToString(sum[:])}
	view, err := r.e.Audit.View(ctx, job.WorkspaceID)
	if err != nil {
		return "", err
	}
	if epochs := view.Epochs(); len(epochs) > 0 {
		last := epochs[len(epochs)-1]
		event.Marks[auditlog.PublicRoot] = hex.EncodeToString(last.Root[:])
		if event.Facts == nil {
			event.Facts = map[string]int64{}
		}
		event.Facts[auditlog.PublicEpoch], event.Facts[auditlog.PublicSize] = int64(last.Epoch), last.Size
	}
	return r.e.record(ctx, event)
}
