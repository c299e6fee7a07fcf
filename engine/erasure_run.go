package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/work"
)

// WorkErase is the kind of work that runs an erasure; the key is its job's id.
const WorkErase = "erase"

// errHoldsChanged stops a run before its next batch: a hold was placed.
var errHoldsChanged = errors.New("a legal hold was placed meanwhile")

const (
	mostRounds      = 20 // of steps, after rows that were added meanwhile
	unknownAttempts = 50
)

// erasureRun is one run of a job.
type erasureRun struct {
	e         *Engine
	job       *privacyd.Job
	workspace privacyd.Workspace
	lease     work.Lease
	state     erasureState
	x         *erasure
	told      time.Time                    // when the progress was told last
	counted   []privacyd.PlannedCollection // state.Done, as far as it is committed
	marks     map[string]privacyd.Erased   // that the job has in the suppression ledger, by row; of others by ""
	newest    privacyd.Erased              // of these
	woken     bool                         // it waited for a person since it began
	marked    bool                         // by this run: while a job waits its mark may be taken back
}

// RunErasure is the handler of WorkErase. It may run again after any failure
// and goes on where the last run stopped: every step looks first at what is
// still there. Audit: TYPE.start, TYPE.erased, TYPE.complete, TYPE.fail.
func (e *Engine) RunErasure(ctx context.Context, jobID string, lease work.Lease) error {
	r, err := e.beginErasure(ctx, jobID, lease)
	if err == nil && r != nil {
		err = r.run(ctx)
	}
	return e.settleErasure(ctx, jobID, lease, err)
}

// beginErasure gives no run when there is nothing to do: the job was cancelled,
// or is done.
func (e *Engine) beginErasure(ctx context.Context, jobID string, lease work.Lease) (r *erasureRun, err error) {
	err = e.underLease(ctx, jobID, lease, func(ctx context.Context, job *privacyd.Job) error {
		if job.State.Ended() || job.State == privacyd.JobPendingApproval {
			return nil
		}
		if job.CancelAsked {
			return e.endErasure(ctx, job, privacyd.JobCancelled, nil)
		}
		r = &erasureRun{e: e, job: job, lease: lease, woken: job.Runs > 0 && job.State != privacyd.JobRunning}
		if job.State == privacyd.JobRunning && job.Runs > 0 {
			job.Runs++
			if err := e.armPurges(ctx, job.ID); err != nil { // the deadline runs for files whose rows are gone
				return err
			}
			return e.saveJob(ctx, privacyd.System("erasure"), "", job, "resume")
		}
		now := e.Now()
		job.State, job.WaitingOn, job.StartedAt, job.Progress = privacyd.JobRunning, "", &now, privacyd.Progress{Unit: "records"}
		job.Runs++
		return e.saveJob(ctx, privacyd.System("erasure"), "", job, "start")
	})
	if err != nil || r == nil {
		return nil, err
	}
	if r.job.WorkspaceID != "" {
		r.workspace, err = e.Workspaces.Workspace(ctx, r.job.WorkspaceID)
	}
	return r, err
}

func (r *erasureRun) run(ctx context.Context) error {
	if err := r.load(ctx); err != nil {
		return err
	}
	if r.woken && r.state.Phase == phaseErase && r.state.Again == nil {
		if err := r.planAgain(ctx); err != nil {
			return err
		}
	}
	for {
		var err error
		switch r.state.Phase {
		case "":
			err = r.prepare(ctx)
		case phaseErase:
			err = r.erase(ctx)
		case phaseFiles:
			err = r.awaitFiles(ctx)
		case phaseVerify:
			err = r.verify(ctx)
		case phaseForget:
			err = r.forget(ctx)
		case phaseFinish:
			return r.finish(ctx)
		default:
			err = fmt.Errorf("an erasure in the unknown phase %s", r.state.Phase)
		}
		if err != nil {
			return err
		}
	}
}

func (r *erasureRun) guarded(ctx context.Context, fn func(ctx context.Context) error) error {
	return r.e.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := r.lease.Check(ctx); err != nil {
			return err
		}
		return fn(ctx)
	})
}

// prepare makes the plan once more, refuses what is not what was confirmed, and
// keeps what is needed when the rows are gone: how many there were, and what
// the person was known by.
func (r *erasureRun) prepare(ctx context.Context) error {
	newest, err := r.e.Suppression.Newest(ctx)
	if err != nil {
		return fmt.Errorf("read the suppression ledger: %w", err)
	}
	if r.ofRows() {
		return r.prepareRows(ctx, newest)
	}
	x, err := r.e.compile(ctx, r.job, r.workspace, nil)
	if err != nil {
		return err
	}
	plan, err := x.describe(ctx)
	if err != nil {
		return err
	}
	if err := r.stillConfirmed(ctx, plan); err != nil {
		return err
	}
	if err := x.spare(ctx); err != nil {
		return err
	}
	r.x = x
	r.state = erasureState{
		Replays: r.state.Replays, ReplayOf: r.state.ReplayOf, Started: r.e.Now(), Merged: map[string][]string{}, Before: plan.Collections, Maps: plan.Maps, Holds: plan.Holds, Ledger: newest,
	}
	alone, err := r.e.abandoned(ctx, r.job)
	if err != nil {
		return err
	}
	for _, w := range alone {
		r.state.Abandoned = append(r.state.Abandoned, w.ID)
	}
	r.rememberWhom()
	if err := r.findExported(ctx, x); err != nil {
		return err
	}
	for _, p := range x.parts {
		if p.scope.Merged != nil {
			r.state.Merged[p.dataset.Name] = p.scope.Merged
		}
		if err := r.identify(ctx, p); err != nil {
			return err
		}
	}
	if err := r.prepareFarewell(ctx); err != nil {
		return err
	}
	return r.save(ctx, phaseErase)
}

// ofRows tells whether rows with a clock go, and no person or workspace.
func (r *erasureRun) ofRows() bool {
	return r.job.Type == privacyd.JobBulkDeletion || r.job.Type == privacyd.JobRetentionRun
}

func (r *erasureRun) prepareRows(ctx context.Context, newest int64) error {
	plan, err := r.e.planRows(ctx, r.job, r.workspace)
	if err != nil {
		return err
	}
	if err := r.stillConfirmed(ctx, plan); err != nil {
		return err
	}
	if err := r.braked(ctx, plan); err != nil {
		return err
	}
	r.state = erasureState{Replays: r.state.Replays, Started: r.e.Now(), Before: plan.Collections, Maps: plan.Maps, Holds: plan.Holds, Ledger: newest}
	r.rememberWhom()
	return r.save(ctx, phaseErase)
}

// identify reads what a person is known by before it goes.
func (r *erasureRun) identify(ctx context.Context, p *erasurePart) error {
	ids, err := p.identifiers(ctx)
	r.state.Identifiers = append(r.state.Identifiers, ids...)
	return err
}

func planScope(job *privacyd.Job) string {
	if job.WorkspaceID == "" && job.Subject != nil {
		return job.Subject.ID
	}
	return job.WorkspaceID
}

// erase runs every step of every dataset until nothing is found any more. A
// hold that is placed meanwhile stops it before the next batch; then it goes
// round that.
func (r *erasureRun) erase(ctx context.Context) error {
	if err := r.expireExports(ctx); err != nil {
		return err
	}
	if r.job.Runs > 1 {
		if err := r.recount(ctx); err != nil {
			return err
		}
	}
	for {
		err := r.eraseOnce(ctx)
		if !errors.Is(err, errHoldsChanged) {
			if err != nil {
				return err
			}
			break
		}
		r.x = nil
	}
	if err := r.e.armFiles(ctx, r.job.ID, r.guarded); err != nil {
		return err
	}
	return r.save(ctx, phaseFiles)
}

func (r *erasureRun) eraseOnce(ctx context.Context) error {
	if r.ofRows() {
		return r.eraseRows(ctx)
	}
	x, err := r.compiled(ctx)
	if err != nil {
		return err
	}
	if err := r.markHolds(ctx, x); err != nil {
		return err
	}
	if x.wholly {
		return x.whollyHeld()
	}
	for i, p := range x.parts {
		if i == len(x.parts)-1 && !x.spared {
			if err := r.forgetAccount(ctx, x); err != nil {
				return err
			}
		}
		if _, err := p.eraser.RunAll(ctx, p.plan.Steps, r.batch(x, p)); err != nil {
			return fmt.Errorf("erase from dataset %s: %w", p.dataset.Name, err)
		}
	}
	return r.eraseQuotes(ctx, x)
}

// forgetAccount deletes what refers to an account, before its own row goes with
// the last dataset.
func (r *erasureRun) forgetAccount(ctx context.Context, x *erasure) error {
	if r.job.Type != privacyd.JobAccountDeletion || r.job.Subject.ID == "" {
		return nil
	}
	return r.guarded(ctx, func(ctx context.Context) error {
		if err := r.mayGoOn(ctx, x); err != nil {
			return err
		}
		return r.e.Own.ForgetAccount(ctx, r.job.Subject.ID, somebody)
	})
}

// onceMore begins again when verification finds rows, which were added
// meanwhile.
func (r *erasureRun) onceMore(ctx context.Context) (bool, error) {
	if r.state.Residue == 0 || r.state.Rounds >= mostRounds {
		return false, nil
	}
	r.state.Rounds++
	return true, r.save(ctx, phaseErase)
}

func (r *erasureRun) compiled(ctx context.Context) (*erasure, error) {
	if r.x != nil {
		return r.x, nil
	}
	x, err := r.e.compile(ctx, r.job, r.workspace, r.state.Merged)
	if err != nil {
		return nil, err
	}
	if err := x.spare(ctx); err != nil {
		return nil, err
	}
	r.x = x
	return x, nil
}

// unlessHeld is asked in transactions that delete what no hold covers but one on
// the workspace: of those and the hold only one commits first.
func (r *erasureRun) unlessHeld(ctx context.Context) error {
	if r.workspace.ID == "" {
		return nil
	}
	if err := r.e.Workspaces.LockWorkspace(ctx, r.workspace.ID); err != nil {
		return err
	}
	holds, err := r.e.Holds.StandingHolds(ctx, r.workspace.ID)
	if err == nil && slices.ContainsFunc(holds, onWorkspace) {
		err = workspaceHeld()
	}
	return err
}

// lockHolds has only one of the transaction and a new hold commit first. A hold
// on an account, or on what a workspace has of it, may be placed in any.
func (r *erasureRun) lockHolds(ctx context.Context) error {
	if r.workspace.ID == "" {
		return r.e.Holds.LockHolds(ctx)
	}
	return r.e.Workspaces.LockWorkspace(ctx, r.workspace.ID)
}

func onWorkspace(h *privacyd.Hold) bool { return h.Target.Type == privacyd.HoldWorkspace }

func (x *erasure) whollyHeld() error {
	if x.workspace.ID != "" {
		return workspaceHeld()
	}
	return &notConfirmed{privacyd.Errorf(privacyd.ClassRefused, "plan_held", "A legal hold covers the account."), privacyd.WaitHold}
}

func workspaceHeld() error {
	return &notConfirmed{privacyd.Errorf(privacyd.ClassRefused, "plan_held", "A legal hold covers the workspace."), privacyd.WaitHold}
}

// mayGoOn is asked before each batch, in its transaction. A product's rows go in
// one of their own: a hold that is placed beside that is seen before the next.
func (r *erasureRun) mayGoOn(ctx context.Context, x *erasure) error {
	if err := r.lockHolds(ctx); err != nil {
		return err
	}
	if err := r.lease.Check(ctx); err != nil {
		return err
	}
	placed, err := r.e.Holds.HoldsPlaced(ctx, r.workspace.ID)
	if err != nil {
		return err
	}
	if placed != x.placed {
		return errHoldsChanged
	}
	return nil
}
