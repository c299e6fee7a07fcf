package engine

import (
	"context"
	"fmt"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/work"
)

// CheckRestored refuses to go on with a database that is older than the
// suppression ledger: it was restored from a backup, and people are in it who
// were erased since. Code database_restored.
func (e *Engine) CheckRestored(ctx context.Context) error {
	missing, err := e.missingErasures(ctx)
	if err != nil {
		return err
	}
	if len(missing) == 0 {
		return nil
	}
	return privacyd.Errorf(privacyd.ClassUnavailable, "database_restored",
		"This database was restored from a backup that is older than %d erasures: people who were erased are in it again. "+
			"Run `privacyd restore replay` first; nothing is served before.", len(missing))
}

// missingErasures are those that the ledger knows and this database does not.
// One whose job is at work here was interrupted before it could say so, and
// goes on by itself; one whose job failed here was marked before it did.
func (e *Engine) missingErasures(ctx context.Context) ([]privacyd.Erased, error) {
	known, err := e.Runs.ErasureSequence(ctx)
	if err != nil {
		return nil, err
	}
	newest, err := e.Suppression.Newest(ctx)
	if err != nil || newest <= known {
		return nil, err
	}
	var missing []privacyd.Erased
	for erased, err := range e.Suppression.Since(ctx, known) {
		if err != nil {
			return nil, fmt.Errorf("read the suppression ledger: %w", err)
		}
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
	// One that completed has recorded all of its marks.
	return job.State == privacyd.JobRunning || job.State == privacyd.JobFailed || job.State == privacyd.JobCancelled, nil
}

// Replay makes a job for each erasure that a restored database does not know,
// and gives them; run the work then. Erasing again what is not there is fine.
// The operator. Audit: restore.replay, hold.place of each hold
// that the database does not know, and TYPE.create of each.
func (e *Engine) Replay(ctx context.Context, c privacyd.Caller) ([]*privacyd.Job, error) {
	if err := e.operatorOnly(ctx, c, "restore.replay"); err != nil {
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
// workspace is not in the restored database.
func (e *Engine) replayOne(ctx context.Context, c privacyd.Caller, erased privacyd.Erased) (*privacyd.Job, error) {
	again := erased.Again
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
		if err := e.Runs.RecordErasure(ctx, erased.Sequence, erased.JobID, e.Now()); err != nil {
			return err
		}
		if !found {
			job = nil
			return nil
		}
		return e.insertReplay(ctx, c, job, again)
	})
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

func (e *Engine) insertReplay(ctx context.Context, c privacyd.Caller, job *privacyd.Job, again privacyd.EraseAgain) error {
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
	if len(again.Keys) > 0 {
		sealed, err := e.sealJSON(ctx, scopeOwner(""), "erasure run", erasureState{Phase: phaseErase, Started: e.Now(), Again: &again})
		if err != nil {
			return err
		}
		if err := e.Runs.PutErasureRun(ctx, job.ID, sealed); err != nil {
			return err
		}
	}
	return e.Queue.Enqueue(ctx, work.Item{Kind: WorkErase, Key: job.ID, At: e.Now(), MaxAttempts: eraseAttempts})
}
