package engine

import (
	"context"
	"encoding/json"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/datamap"
)

// NewHold asks for a legal hold.
type NewHold struct {
	Workspace string // id or slug
	Target    privacyd.HoldTarget
	Ground    privacyd.Ground // empty: legal_claims
	Reason    string
	ReviewAt  time.Time // zero: in a year
}

// PlaceHold places a legal hold: from its commit on nothing that it covers is
// erased, whatever was confirmed before. Admins. Codes: hold_*,
// subject_not_found, record_not_found. Audit: hold.place.
func (e *Engine) PlaceHold(ctx context.Context, c privacyd.Caller, r NewHold) (*privacyd.Hold, error) {
	g, err := e.authorise(ctx, c, r.Workspace, privacyd.ActionManageHolds)
	if err != nil {
		return nil, err
	}
	id, err := newID()
	if err != nil {
		return nil, err
	}
	h := &privacyd.Hold{
		ID: id, WorkspaceID: g.Workspace.ID, Target: e.conversationOf(r.Target, g.Workspace), Ground: r.Ground, Reason: r.Reason,
		ReviewAt: r.ReviewAt, PlacedBy: c.ID(), PlacedAt: e.Now(),
	}
	if err := h.Complete(); err != nil {
		return nil, err
	}
	if err := e.findHeld(ctx, g.Workspace, h.Target); err != nil {
		return nil, err
	}
	if err := e.sealHold(ctx, h); err != nil {
		return nil, err
	}
	return h, e.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := e.Workspaces.LockWorkspace(ctx, g.Workspace.ID); err != nil {
			return err
		}
		auditID, err := e.record(ctx, holdEvent(c, g, h, "hold.place"))
		if err != nil {
			return err
		}
		if err := e.Holds.InsertHold(ctx, h, auditID); err != nil {
			return err
		}
		return e.scheduleReview(ctx, h)
	})
}

// conversationOf completes a target that names a conversation by its id alone:
// the dataset and collection are those with a clock, and where the key also
// names the workspace that is put in front.
func (e *Engine) conversationOf(t privacyd.HoldTarget, w privacyd.Workspace) privacyd.HoldTarget {
	if t.Type != privacyd.HoldConversation {
		return t
	}
	for _, d := range e.Datasets {
		key, err := datasetKey(d, w)
		if err != nil || key == "" || (t.Dataset != "" && t.Dataset != d.Name) {
			continue
		}
		for _, c := range d.Graph.ClockCollections() {
			if t.Collection != "" && t.Collection != c.Name {
				continue
			}
			t.Dataset, t.Collection = d.Name, c.Name
			if len(t.Key) == 1 && len(c.Key) == 2 && c.Key[0] == d.Graph.Map.Workspace.Column {
				t.Key = []string{key, t.Key[0]}
			}
			return t
		}
	}
	return t
}

// findHeld makes sure that what is to be held is there.
func (e *Engine) findHeld(ctx context.Context, w privacyd.Workspace, t privacyd.HoldTarget) error {
	switch t.Type {
	case privacyd.HoldSubject:
		return e.findSubject(ctx, w, *t.Subject)
	case privacyd.HoldConversation:
		return e.findRow(ctx, w, t)
	default:
		return nil
	}
}

func (e *Engine) findRow(ctx context.Context, w privacyd.Workspace, t privacyd.HoldTarget) error {
	missing := privacyd.Errorf(privacyd.ClassNotFound, "record_not_found", "There is no such conversation in this workspace.")
	d, err := e.dataset(t.Dataset)
	if err != nil {
		return missing
	}
	key, err := datasetKey(d, w)
	if err != nil {
		return err
	}
	if key == "" || d.Graph.Collection(t.Collection) == nil {
		return missing
	}
	of, err := d.Graph.Erasure(datamap.EraseScope{
		Scope: datamap.Scope{Workspace: key}, Rows: &datamap.RowScope{Collection: t.Collection, Keys: [][]string{t.Key}},
	})
	if err != nil {
		return err
	}
	eraser, err := d.Source.Eraser()
	if err != nil {
		return err
	}
	found := false
	for _, sel := range of.Roots {
		if err := eraser.Keys(ctx, sel, func([]string) error { found = true; return nil }); err != nil {
			return err
		}
	}
	if !found {
		return missing
	}
	return nil
}

// sealHold puts what names a person beside the hold: the store keeps nothing
// else of it.
func (e *Engine) sealHold(ctx context.Context, h *privacyd.Hold) (err error) {
	h.TargetRef = e.targetRef(h.WorkspaceID, h.Target)
	h.Sealed, err = e.sealJSON(ctx, scopeOwner(h.WorkspaceID), "hold", heldSecret{h.Target, h.Reason, h.ReleaseReason})
	return err
}

type heldSecret struct {
	Target        privacyd.HoldTarget `json:"target"`
	Reason        string              `json:"reason"`
	ReleaseReason string              `json:"release_reason,omitempty"`
}

func (e *Engine) openHold(ctx context.Context, h *privacyd.Hold) error {
	var s heldSecret
	if err := e.openJSON(ctx, scopeOwner(h.WorkspaceID), "hold", h.Sealed, &s); err != nil {
		return err
	}
	h.Target, h.Reason, h.ReleaseReason = s.Target, s.Reason, s.ReleaseReason
	return nil
}

// targetRef is a keyed hash of what a hold covers; a person's is the one by
// which their jobs are found.
func (e *Engine) targetRef(workspaceID string, t privacyd.HoldTarget) string {
	if t.Subject != nil {
		return e.reference(ownerOf(workspaceID, *t.Subject))
	}
	text, err := json.Marshal(t.Key)
	if err != nil {
		text = nil // strings can always be written
	}
	return e.reference(auditlog.Owner{Log: workspaceID, Kind: "row:" + t.Dataset + ":" + t.Collection, ID: "key:" + string(text)})
}

func holdEvent(c privacyd.Caller, g grant, h *privacyd.Hold, action string) privacyd.AuditEvent {
	return privacyd.AuditEvent{
		WorkspaceID: g.Workspace.ID, Caller: c, Role: g.Role, Action: action, Outcome: privacyd.OutcomeDone,
		Target: privacyd.Target{Type: "hold", ID: h.ID, Subject: h.Target.Subject},
	}
}

// ReleaseHold lifts a hold. Jobs that waited for it are planned anew; one whose
// plan is not what was confirmed waits for another confirmation. Admins.
// Codes: hold_not_found, hold_released. Audit: hold.release.
func (e *Engine) ReleaseHold(ctx context.Context, c privacyd.Caller, workspace, id, reason string) (*privacyd.Hold, error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionManageHolds)
	if err != nil {
		return nil, err
	}
	var h *privacyd.Hold
	err = e.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := e.Workspaces.LockWorkspace(ctx, g.Workspace.ID); err != nil {
			return err
		}
		if h, err = e.Holds.Hold(ctx, g.Workspace.ID, id); err != nil {
			return err
		}
		if err := e.openHold(ctx, h); err != nil {
			return err
		}
		return e.release(ctx, c, g, h, reason)
	})
	return h, err
}

func (e *Engine) release(ctx context.Context, c privacyd.Caller, g grant, h *privacyd.Hold, reason string) error {
	if err := h.Release(c.ID(), reason, e.Now()); err != nil {
		return err
	}
	if err := e.sealHold(ctx, h); err != nil {
		return err
	}
	auditID, err := e.record(ctx, holdEvent(c, g, h, "hold.release"))
	if err != nil {
		return err
	}
	if err := e.Holds.ReleaseHold(ctx, h, auditID); err != nil {
		return err
	}
	if err := e.cancelReview(ctx, h); err != nil {
		return err
	}
	return e.wakeHeld(ctx, g.Workspace.ID)
}

// wakeHeld has the jobs go on that waited for a hold: those of the workspace, and
// deletions of accounts, which are of none.
func (e *Engine) wakeHeld(ctx context.Context, workspaceID string) error {
	jobs, err := e.Own.UnfinishedJobs(ctx, "")
	if err != nil {
		return err
	}
	for _, job := range jobs {
		elsewhere := job.WorkspaceID != "" && job.WorkspaceID != workspaceID
		if elsewhere || job.State != privacyd.JobBlocked || job.WaitingOn != privacyd.WaitHold {
			continue
		}
		if job, err = e.lockJob(ctx, job.ID); err != nil {
			return err
		}
		if job.State != privacyd.JobBlocked || job.WaitingOn != privacyd.WaitHold { // it was cancelled meanwhile
			continue
		}
		job.State, job.WaitingOn, job.ErrorCode, job.ErrorMessage = privacyd.JobQueued, "", "", ""
		if err := e.saveJob(ctx, privacyd.System("hold"), "", job, "queue"); err != nil {
			return err
		}
		if err := e.enqueueErasure(ctx, job.ID, e.Now()); err != nil {
			return err
		}
	}
	return nil
}

// ReleaseHoldsOn lifts every standing hold on a target. Code hold_not_found
// when there is none. Audit: hold.release for each.
func (e *Engine) ReleaseHoldsOn(ctx context.Context, c privacyd.Caller, workspace string, t privacyd.HoldTarget, reason string) ([]*privacyd.Hold, error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionManageHolds)
	if err != nil {
		return nil, err
	}
	ref := e.targetRef(g.Workspace.ID, e.conversationOf(t, g.Workspace))
	standing, err := e.standingHolds(ctx, g.Workspace.ID)
	if err != nil {
		return nil, err
	}
	var released []*privacyd.Hold
	for _, h := range standing {
		if h.Target.Type != t.Type || h.TargetRef != ref {
			continue
		}
		if h, err = e.ReleaseHold(ctx, c, g.Workspace.ID, h.ID, reason); err != nil {
			return released, err
		}
		released = append(released, h)
	}
	if len(released) == 0 {
		return nil, privacyd.Errorf(privacyd.ClassNotFound, "hold_not_found", "There is no legal hold on that.")
	}
	return released, nil
}

// ListHolds lists a workspace's holds, newest first, at most limit (1 to 200,
// 0: 50) that are older than the one with id before. Admins.
func (e *Engine) ListHolds(ctx context.Context, c privacyd.Caller, workspace, before string, limit int) ([]*privacyd.Hold, error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionManageHolds)
	if err != nil {
		return nil, err
	}
	if limit <= 0 || limit > maxPage {
		limit = 50
	}
	holds, err := e.Holds.Holds(ctx, g.Workspace.ID, before, limit)
	if err != nil {
		return nil, err
	}
	for _, h := range holds {
		if err := e.openHold(ctx, h); err != nil {
			return nil, err
		}
	}
	return holds, nil
}

func (e *Engine) standingHolds(ctx context.Context, workspaceID string) ([]*privacyd.Hold, error) {
	holds, err := e.Holds.StandingHolds(ctx, workspaceID)
	if err != nil {
		return nil, err
	}
	for _, h := range holds {
		if err := e.openHold(ctx, h); err != nil {
			return nil, err
		}
	}
	return holds, nil
}
