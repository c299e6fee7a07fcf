package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/privacyd/privacyd"
)

// holdStoodReason stands for the reason of a hold that a restored database did
// not know: the ledger does not keep that.
const holdStoodReason = "It stood when an erasure went round it, and was placed again after a restore. The backup did not have its reason."

// stood are the holds as the suppression ledger keeps them.
func stood(holds []*privacyd.Hold) []privacyd.StoodHold {
	var list []privacyd.StoodHold
	for _, h := range holds {
		list = append(list, privacyd.StoodHold{
			ID: h.ID, WorkspaceID: h.WorkspaceID, Target: h.Target, Ground: h.Ground, PlacedBy: h.PlacedBy, PlacedAt: h.PlacedAt, ReviewAt: h.ReviewAt,
		})
	}
	return list
}

// sameHolds tells whether two lists have the same holds.
func sameHolds(a, b []privacyd.StoodHold) bool {
	lacks := func(in []privacyd.StoodHold) func(privacyd.StoodHold) bool {
		return func(h privacyd.StoodHold) bool {
			return !slices.ContainsFunc(in, func(other privacyd.StoodHold) bool { return other.ID == h.ID })
		}
	}
	return !slices.ContainsFunc(a, lacks(b)) && !slices.ContainsFunc(b, lacks(a))
}

// markHolds tells the suppression ledger of the holds that stand now, when one
// was placed or released after the erasure or rows of it were marked: what it
// covers stays, or goes with the rest.
func (r *erasureRun) markHolds(ctx context.Context, x *erasure) error {
	if err := r.readMarks(ctx); err != nil {
		return fmt.Errorf("read the suppression ledger: %w", err)
	}
	holds := stood(x.holds)
	if len(r.marks) == 0 || sameHolds(holds, r.newest.Again.Holds) {
		return nil
	}
	now := r.e.Now()
	m := privacyd.Erased{JobID: r.job.ID, At: now, Expires: now.Add(r.e.backupLife()), Again: privacyd.EraseAgain{
		Type: r.job.Type, WorkspaceID: r.job.WorkspaceID, Holds: holds, AllHolds: r.job.WorkspaceID == "", OnlyHolds: true,
	}}
	var err error
	if m.Sequence, err = r.e.Suppression.Append(ctx, m, nil); err != nil {
		return fmt.Errorf("mark a legal hold in the suppression ledger: %w", err)
	}
	r.noteMark(m)
	r.state.Sequence, r.state.Until = m.Sequence, m.Expires
	return r.recordMark(ctx)
}

// holdAgain places the holds again that stood when the newest of the erasures
// was marked and that the restored database does not know: those that are run
// again must go round them, and what comes later as well. One that was released
// in between is not among them; where the backup has it standing, it is released
// again, or it would keep what was erased.
func (e *Engine) holdAgain(ctx context.Context, c privacyd.Caller, missing []privacyd.Erased) error {
	stands, err := e.Holds.StandingHolds(ctx, "")
	if err != nil {
		return err
	}
	for id, newest := range newestHolds(missing, stands) {
		w, err := e.Workspaces.Workspace(ctx, id)
		if privacyd.ClassOf(err) == privacyd.ClassNotFound {
			continue
		}
		if err != nil {
			return err
		}
		for _, h := range newest.holds {
			if err := e.placeAgain(ctx, c, w, h); err != nil {
				return fmt.Errorf("place a legal hold again: %w", err)
			}
		}
		if err := e.releaseAgain(ctx, c, w, newest); err != nil {
			return fmt.Errorf("release a legal hold again: %w", err)
		}
	}
	return nil
}

// releasedReason stands for the reason of a release that a restored database
// did not know.
const releasedReason = "It was released before the newest erasure, and again after a restore. The backup did not have its reason."

func (e *Engine) releaseAgain(ctx context.Context, c privacyd.Caller, w privacyd.Workspace, newest stoodHolds) error {
	return e.Tx.InTx(ctx, func(ctx context.Context) error {
		standing, err := e.standingHolds(ctx, w.ID)
		if err != nil {
			return err
		}
		for _, h := range standing {
			stood := func(s privacyd.StoodHold) bool { return s.ID == h.ID }
			if slices.ContainsFunc(newest.holds, stood) || h.PlacedAt.After(newest.at) {
				continue
			}
			if err := e.release(ctx, c, grant{Workspace: w}, h, releasedReason); err != nil {
				return err
			}
		}
		return nil
	})
}

func (e *Engine) placeAgain(ctx context.Context, c privacyd.Caller, w privacyd.Workspace, s privacyd.StoodHold) error {
	_, err := e.Holds.Hold(ctx, w.ID, s.ID)
	if privacyd.CodeOf(err) != "hold_not_found" {
		return err
	}
	h := &privacyd.Hold{
		ID: s.ID, WorkspaceID: w.ID, Target: s.Target, Ground: s.Ground, Reason: holdStoodReason, ReviewAt: s.ReviewAt, PlacedBy: s.PlacedBy, PlacedAt: s.PlacedAt,
	}
	err = e.sealHold(ctx, h)
	if privacyd.CodeOf(err) == "erased" {
		return nil // the workspace is
	}
	if err != nil {
		return err
	}
	return e.Tx.InTx(ctx, func(ctx context.Context) error {
		auditID, err := e.record(ctx, holdEvent(c, grant{Workspace: w}, h, "hold.place"))
		if err != nil {
			return err
		}
		if err := e.Holds.InsertHold(ctx, h, auditID); err != nil {
			return err
		}
		return e.scheduleReview(ctx, h)
	})
}

// stoodHolds are the holds of a workspace as an erasure's mark tells of them.
type stoodHolds struct {
	at    time.Time
	holds []privacyd.StoodHold
}

// newestHolds are the holds that stood in each workspace when the newest of the
// erasures was marked that tells of it. An account's tells of all workspaces:
// where it has no hold, none of those stood that the restored database has.
func newestHolds(missing []privacyd.Erased, stands []*privacyd.Hold) map[string]stoodHolds {
	newest := map[string]stoodHolds{}
	for _, erased := range missing {
		again := erased.Again
		if again.WorkspaceID != "" {
			newest[again.WorkspaceID] = stoodHolds{erased.At, again.Holds}
			continue
		}
		if !again.AllHolds && len(again.Holds) == 0 {
			continue // it does not say what stood
		}
		clear(newest)
		for _, h := range stands {
			newest[h.WorkspaceID] = stoodHolds{at: erased.At}
		}
		for _, h := range again.Holds {
			newest[h.WorkspaceID] = stoodHolds{erased.At, append(newest[h.WorkspaceID].holds, h)}
		}
	}
	return newest
}
