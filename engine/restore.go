package engine

import (
	"context"
	"fmt"

	"github.com/privacyd/privacyd"
)

// CheckRestored refuses to go on with a database that is older than the
// suppression ledger: it was restored from a backup, and people are in it who
// were erased since. It stays so until the replay of each is done. Codes
// database_restored; ledger_damaged when the ledger is not the one that the
// database knows.
func (e *Engine) CheckRestored(ctx context.Context) error {
	if err := e.checkLedger(ctx); err != nil {
		return err
	}
	if err := e.cancelWithdrawn(ctx); err != nil {
		return err
	}
	missing, err := e.missingErasures(ctx)
	if err != nil {
		return err
	}
	if len(missing) == 0 {
		return nil
	}
	return privacyd.Errorf(privacyd.ClassUnavailable, "database_restored",
		"This database was restored from a backup that does not know the newest erasures (%d): people who were erased are in it again. "+
			"Run `privacyd restore replay` first; nothing is served before.", len(missing))
}

// missingErasures are those that the ledger knows and this database does not.
// One whose job is at work here was interrupted before it could say so, and
// goes on by itself; one whose job failed here was marked before it did.
func (e *Engine) missingErasures(ctx context.Context) ([]privacyd.Erased, error) {
	known, _, err := e.Runs.ErasureSequence(ctx)
	if err != nil {
		return nil, err
	}
	newest, err := e.Suppression.Newest(ctx)
	if err != nil || newest <= known {
		return nil, err
	}
	var all, missing []privacyd.Erased
	var withdrawn privacyd.Withdrawals
	for erased, err := range e.Suppression.Since(ctx, known) {
		if err != nil {
			return nil, fmt.Errorf("read the suppression ledger: %w", err)
		}
		all = append(all, erased)
		withdrawn.Note(erased)
	}
	for _, erased := range all {
		if withdrawn.Of(erased) { // of it only counts what stood
			erased.Again.OnlyHolds = true
		}
		erased.Again.Keys = keysAt(erased.Again.Keys, withdrawn.Standing(erased))
		here, err := e.isHere(ctx, erased)
		if err != nil {
			return nil, err
		}
		if !here {
			missing = append(missing, erased)
		}
	}
	return missing, nil
}

func keysAt(keys [][]string, at []int) (some [][]string) {
	for _, i := range at {
		some = append(some, keys[i])
	}
	return some
}

func (e *Engine) isHere(ctx context.Context, erased privacyd.Erased) (bool, error) {
	if done, err := e.Runs.KnowsErasure(ctx, erased.Sequence); err != nil || done {
		return done, err
	}
	job, err := e.Jobs.Job(ctx, erased.JobID)
	if privacyd.CodeOf(err) == "job_not_found" {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	// One that completed has recorded all of its marks, and of one that is
	// cancelled what went has to go again.
	return job.State == privacyd.JobRunning || job.State == privacyd.JobFailed || job.State == privacyd.JobCancelled && erased.Again.OnlyHolds, nil
}

// Replay makes a job for each erasure that a restored database does not know,
// and gives them; run the work then. Erasing again what is not there is fine.
// The operator. Audit: restore.replay, hold.place of each hold
// that the database does not know, and TYPE.create of each.
func (e *Engine) Replay(ctx context.Context, c privacyd.Caller) ([]*privacyd.Job, error) {
	if err := e.operatorOnly(ctx, c, "restore.replay"); err != nil {
		return nil, err
	}
	if err := e.checkLedger(ctx); err != nil {
		return nil, err
	}
	if err := e.cancelWithdrawn(ctx); err != nil {
		return nil, err
	}
	missing, err := e.missingErasures(ctx)
	if err != nil || len(missing) == 0 {
		return nil, err
	}
	event := privacyd.AuditEvent{
		Caller: c, Action: "restore.replay", Outcome: privacyd.OutcomeIntent, Facts: map[string]int64{"erasures": int64(len(missing))},
	}
	if err := e.recordAlone(ctx, event); err != nil {
		return nil, err
	}
	if err := e.holdAgain(ctx, c, missing); err != nil {
		return nil, err
	}
	var jobs []*privacyd.Job
	for _, erased := range missing {
		job, err := e.replayOne(ctx, c, erased)
		if err != nil {
			return jobs, fmt.Errorf("replay erasure %d: %w", erased.Sequence, err)
		}
		if job != nil {
			jobs = append(jobs, job)
		}
	}
	event.Outcome = privacyd.OutcomeDone
	return jobs, e.recordAlone(ctx, event)
}

// replayOne gives no job where there is nothing to erase: the person or the
// workspace is not in the restored database. One that was asked for before and
// is not done goes on.
func (e *Engine) replayOne(ctx context.Context, c privacyd.Caller, erased privacyd.Erased) (*privacyd.Job, error) {
	again := erased.Again
	if begun, err := e.goOnReplaying(ctx, erased.Sequence); err != nil || begun != nil {
		return begun, err
	}
	w, found, err := e.restored(ctx, again)
	if err != nil {
		return nil, err
	}
	job := &privacyd.Job{
		WorkspaceID: w.ID, Type: again.Type, Subject: again.Subject, RequestedBy: c.ID(),
		Progress: privacyd.Progress{Unit: "records"}, CreatedAt: e.Now(), State: privacyd.JobQueued,
	}
	found = found && !again.OnlyHolds
	if found && len(again.Keys) == 0 {
		plan, err := e.planJob(ctx, job, w)
		if privacyd.CodeOf(err) == "subject_not_found" {
			found = false
		} else if err != nil {
			return nil, err
		} else {
			job.PlanHash = plan.Hash
		}
	}
	if job.ID, err = newID(); err != nil {
		return nil, err
	}
	return job, e.Tx.InTx(ctx, func(ctx context.Context) error {
		if !found {
			job = nil
			return e.Runs.RecordErasure(ctx, erased.Sequence, erased.JobID, e.Now())
		}
		if err := e.Runs.BeginReplay(ctx, erased.Sequence, erased.JobID, job.ID, e.Now()); err != nil {
			return err
		}
		return e.insertReplay(ctx, c, job, erased)
	})
}

// goOnReplaying has the job run at once that runs an erasure again and has not
// ended; nil when there is none.
func (e *Engine) goOnReplaying(ctx context.Context, sequence int64) (*privacyd.Job, error) {
	id, err := e.Runs.ReplayOf(ctx, sequence)
	if err != nil || id == "" {
		return nil, err
	}
	job, err := e.Jobs.Job(ctx, id)
	if privacyd.CodeOf(err) == "job_not_found" {
		return nil, nil
	}
	if err != nil || job.State.Ended() {
		return nil, err
	}
	return job, e.Tx.InTx(ctx, func(ctx context.Context) error { return e.enqueueErasure(ctx, id, e.Now()) })
}

// restored finds the workspace of an erasure in the restored database.
func (e *Engine) restored(ctx context.Context, again privacyd.EraseAgain) (privacyd.Workspace, bool, error) {
	if again.WorkspaceID == "" {
		return privacyd.Workspace{}, true, nil
	}
	w, err := e.Workspaces.Workspace(ctx, again.WorkspaceID)
	if privacyd.ClassOf(err) == privacyd.ClassNotFound {
		return w, false, nil
	}
	return w, err == nil, err
}

func (e *Engine) insertReplay(ctx context.Context, c privacyd.Caller, job *privacyd.Job, of privacyd.Erased) error {
	if err := e.sealSubject(ctx, job); err != nil && privacyd.CodeOf(err) != "erased" {
		return err
	}
	auditID, err := e.record(ctx, e.jobEvent(c, "", job, "create"))
	if err != nil {
		return err
	}
	if err := e.Jobs.InsertJob(ctx, job, auditID); err != nil {
		return err
	}
	if err := e.leavesAgain(ctx, job, auditID); err != nil {
		return err
	}
	state := erasureState{Replays: true, ReplayOf: of.JobID}
	if len(of.Again.Keys) > 0 {
		state.Phase, state.Started, state.Again = phaseErase, e.Now(), &of.Again
	}
	sealed, err := e.sealJSON(ctx, scopeOwner(""), "erasure run", state)
	if err != nil {
		return err
	}
	if err := e.Runs.PutErasureRun(ctx, job.ID, sealed); err != nil {
		return err
	}
	return e.enqueueErasure(ctx, job.ID, e.Now())
}

// leavesAgain puts an account back in the grace period of its deletion: should
// that have to wait for a hold, its holder can do no more than before.
func (e *Engine) leavesAgain(ctx context.Context, job *privacyd.Job, auditID string) error {
	if job.Type != privacyd.JobAccountDeletion {
		return nil
	}
	_, err := e.Accounts.Account(ctx, job.Subject.ID)
	if privacyd.ClassOf(err) == privacyd.ClassNotFound {
		return nil // only others know of it
	}
	if err != nil {
		return err
	}
	return e.States.LeaveAccount(ctx, job.Subject.ID, job.ID, auditID)
}
