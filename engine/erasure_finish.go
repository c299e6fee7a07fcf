package engine

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/privacyd/privacyd"
)

// DefaultBackupLife is how old a backup may be that is restored: as long an
// erasure is kept in the suppression ledger.
const DefaultBackupLife = 90 * 24 * time.Hour

// Suppression is the ledger that keeps a restored backup from bringing anyone
// back.
type Suppression interface {
	Append(ctx context.Context, e privacyd.Erased, roots []privacyd.Root) (sequence int64, err error)
	Newest(ctx context.Context) (int64, error)
	Since(ctx context.Context, sequence int64) iter.Seq2[privacyd.Erased, error]
	Suppressed
}

// forget has the audit logs and privacyd's own tables forget the person.
func (r *erasureRun) forget(ctx context.Context) error {
	if again, err := r.waitForHolds(ctx); again || err != nil {
		return err
	}
	if !r.state.HeldSeen { // before the person's id is gone
		if err := r.lookHeld(ctx); err != nil {
			return err
		}
		r.state.HeldSeen = true
		if err := r.save(ctx, phaseForget); err != nil {
			return err
		}
	}
	var err error
	switch {
	case r.job.Type == privacyd.JobWorkspaceDeletion:
		if err = r.forgetWorkspace(ctx); errors.Is(err, errHoldsChanged) {
			return r.eraseAgain(ctx)
		}
	case r.job.Subject != nil:
		err = r.forgetSubject(ctx)
	}
	if err == nil {
		err = r.forgetRows(ctx)
	}
	if err == nil && r.ofRows() { // others have done so when the audit log forgot
		err = r.e.truncateLog(ctx)
	}
	if err != nil {
		return err
	}
	return r.save(ctx, phaseFinish)
}

// forgetSubject goes by references, which the job keeps until the end: its
// subject cannot be read any more once the key is destroyed.
func (r *erasureRun) forgetSubject(ctx context.Context) error {
	var refs []string
	if r.job.SubjectRef != "" { // it is gone when an earlier run came to here
		refs = append(refs, r.job.SubjectRef)
	}
	subjects, err := r.subjects(ctx)
	if err != nil {
		return err
	}
	for _, s := range subjects {
		refs = appendNew(refs, r.e.reference(ownerOf(r.job.WorkspaceID, s)))
	}
	owners, err := r.appOwners(ctx, subjects)
	if err != nil {
		return err
	}
	if len(refs)+len(owners) == 0 {
		return nil // an earlier run has forgotten already who it was
	}
	err = r.e.forget(ctx, forgetting{
		Caller: privacyd.System("erasure"), Workspace: r.job.WorkspaceID, Owners: slices.Concat(refs, owners), Guard: r.mayForget(),
	})
	if err != nil {
		return err
	}
	return r.guarded(ctx, func(ctx context.Context) error {
		if err := r.e.Own.ForgetSubject(ctx, r.job.WorkspaceID, refs); err != nil {
			return err
		}
		return r.e.Disclosed.ForgetKnown(ctx, owners)
	})
}

// mayForget asks at first whether the workspace is held, too: once the keys are
// destroyed, nobody can hold what is left.
func (r *erasureRun) mayForget() func(ctx context.Context) error {
	begun := false
	return func(ctx context.Context) error {
		if !begun {
			if err := r.unlessHeld(ctx); err != nil {
				return err
			}
			begun = true
		}
		return r.lease.Check(ctx)
	}
}

// finish writes the entry that says that it is done, and the receipt over it.
func (r *erasureRun) finish(ctx context.Context) error {
	if r.state.Entry == "" {
		if err := r.truncateProducts(ctx); err != nil {
			return err
		}
		if err := r.recordErased(ctx); err != nil {
			return err
		}
	}
	if err := r.expireExports(ctx); err != nil { // those that were under way
		return err
	}
	receipt, file, err := r.e.issueReceipt(ctx, r, r.state.Issue+1)
	if err != nil {
		return err
	}
	return outcome(ctx, func(ctx context.Context) error {
		return r.e.underLease(ctx, r.job.ID, r.lease, func(ctx context.Context, job *privacyd.Job) error {
			return r.complete(ctx, job, receipt, file)
		})
	})
}

func (r *erasureRun) recordErased(ctx context.Context) error {
	return r.guarded(ctx, func(ctx context.Context) error {
		event := r.e.jobEvent(privacyd.System("erasure"), "", r.job, "erased")
		event.Target.Subject, event.Facts = nil, r.facts()
		id, err := r.e.record(ctx, event)
		if err != nil {
			return err
		}
		if r.state.Sequence > 0 {
			if err := r.e.Runs.RecordErasure(ctx, r.state.Sequence, r.job.ID, r.e.Now()); err != nil {
				return err
			}
		}
		r.state.Entry, r.state.Ended, r.state.Phase = id, r.e.Now(), phaseFinish
		return r.keepState(ctx)
	})
}

func (r *erasureRun) facts() map[string]int64 {
	facts := map[string]int64{"residue": r.state.Residue, "review": r.state.Review, "exports": r.state.Exports}
	for _, c := range r.collections() {
		if facts["held"] += c.Held; c.Fate == privacyd.FateKeep {
			facts[string(c.Fate)] += c.After
		} else {
			facts[string(c.Fate)] += c.Done
		}
	}
	return facts
}

// complete ends the job: failed when verification found something.
func (r *erasureRun) complete(ctx context.Context, job *privacyd.Job, receipt privacyd.Receipt, file []byte) error {
	if job.State.Ended() {
		return nil
	}
	job.Result = r.outcome(receipt.Files)
	job.Result.ReceiptID, job.Result.AuditPending = receipt.ID, receipt.Audit.Proof == ""
	done := changedRows(r.state.Done)
	job.Progress = privacyd.Progress{Done: done, Total: done + r.state.Residue, Unit: "records"}
	verb, state := "complete", privacyd.JobCompleted
	if r.state.Residue > 0 {
		verb, state = "fail", privacyd.JobFailed
		job.ErrorCode, job.ErrorMessage = "residue_found", r.residueMessage()
	}
	r.e.end(job, state)
	r.state.Recheck = false
	auditID, err := r.recordIssue(ctx, job, verb, file)
	if err != nil {
		return err
	}
	if err := r.e.Runs.EndReplay(ctx, job.ID); err != nil {
		return err
	}
	if err := r.e.Plans.DeletePlan(ctx, planScope(job), job.PlanHash); err != nil {
		return err
	}
	if err := r.e.Jobs.UpdateJob(ctx, job, auditID); err != nil {
		return err
	}
	if err := r.tellDone(ctx, job); err != nil {
		return err
	}
	return r.keepReceipt(ctx, receipt, file, auditID)
}

func (r *erasureRun) residueMessage() string {
	text := "Verification still found what should be gone"
	for _, c := range r.state.After {
		if c.Fate != privacyd.FateKeep && c.Rows > 0 {
			text += fmt.Sprintf("; %s: %d", c.Collection, c.Rows)
		}
	}
	for _, at := range slices.Sorted(maps.Keys(r.state.Where)) {
		text += fmt.Sprintf("; %s: %d", at, r.state.Where[at])
	}
	return text + ". Remove that, and verify the job again."
}
