package engine

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/work"
)

// WorkReceipt is the kind of work that issues a receipt anew when the files of
// its erasure are gone; the key is the job's id.
const WorkReceipt = "receipt"

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
	if r.state.Sequence == 0 { // before the person's id is gone
		if err := r.mark(ctx); err != nil {
			return fmt.Errorf("mark an erasure in the suppression ledger: %w", err)
		}
		if err := r.save(ctx, phaseForget); err != nil {
			return err
		}
	}
	var err error
	switch {
	case r.job.Type == privacyd.JobWorkspaceDeletion:
		err = r.forgetWorkspace(ctx)
	case r.job.Subject != nil:
		err = r.forgetSubject(ctx)
	}
	if err != nil {
		return err
	}
	return r.save(ctx, phaseFinish)
}

// mark adds the erasure to the suppression ledger. That of rows was added
// before they went.
func (r *erasureRun) mark(ctx context.Context) error {
	if r.ofRows() {
		return nil
	}
	again := privacyd.EraseAgain{Type: r.job.Type, WorkspaceID: r.job.WorkspaceID, Subject: r.job.Subject, DatasetKeys: r.workspace.DatasetKeys}
	var roots []privacyd.Root
	for _, name := range slices.Sorted(maps.Keys(r.state.Merged)) {
		d, err := r.e.dataset(name)
		if err != nil {
			return err
		}
		key, err := r.key(d)
		if err != nil {
			return err
		}
		for _, id := range r.state.Merged[name] {
			roots = append(roots, privacyd.Root{Dataset: name, Kind: r.job.Subject.Kind, Workspace: key, ID: id})
		}
	}
	return r.append(ctx, again, roots)
}

func (r *erasureRun) append(ctx context.Context, again privacyd.EraseAgain, roots []privacyd.Root) error {
	life := r.e.BackupLife
	if life == 0 {
		life = DefaultBackupLife
	}
	now := r.e.Now()
	sequence, err := r.e.Suppression.Append(ctx, privacyd.Erased{JobID: r.job.ID, At: now, Expires: now.Add(life), Again: again}, roots)
	if err != nil {
		return err
	}
	r.state.Sequence, r.state.Until = sequence, now.Add(life)
	return nil
}

func (r *erasureRun) forgetSubject(ctx context.Context) error {
	subjects := r.subjects()
	if len(subjects) == 0 {
		return nil // an earlier run has forgotten already who it was
	}
	refs := []string{r.job.SubjectRef}
	for _, s := range subjects {
		refs = appendNew(refs, r.e.reference(ownerOf(r.job.WorkspaceID, s)))
	}
	if err := r.guarded(ctx, func(ctx context.Context) error { return r.e.Own.ForgetSubject(ctx, refs) }); err != nil {
		return err
	}
	return r.e.forget(ctx, forgetting{
		Caller: privacyd.System("erasure"), Workspace: r.job.WorkspaceID, Subjects: subjects, Guard: r.lease.Check,
	})
}

// subjects are the person under every id that they had.
func (r *erasureRun) subjects() []privacyd.Subject {
	s := r.job.Subject
	ids := []string{}
	if s.ID != "" {
		ids = append(ids, s.ID)
	}
	for _, name := range slices.Sorted(maps.Keys(r.state.Merged)) {
		for _, id := range r.state.Merged[name] {
			ids = appendNew(ids, id)
		}
	}
	subjects := make([]privacyd.Subject, len(ids))
	for i, id := range ids {
		subjects[i] = privacyd.Subject{Kind: s.Kind, ID: id}
	}
	return subjects
}

// finish writes the entry that says that it is done, and the receipt over it.
func (r *erasureRun) finish(ctx context.Context) error {
	if r.state.Entry == "" {
		if err := r.recordErased(ctx); err != nil {
			return err
		}
	}
	if err := r.expireExports(ctx); err != nil { // those that were under way
		return err
	}
	receipt, file, err := r.e.issueReceipt(ctx, r, 1)
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
		sealed, err := r.e.sealJSON(ctx, scopeOwner(""), "erasure run", r.state)
		if err != nil {
			return err
		}
		return r.e.Runs.PutErasureRun(ctx, r.job.ID, sealed)
	})
}

func (r *erasureRun) facts() map[string]int64 {
	facts := map[string]int64{"residue": r.state.Residue, "review": r.state.Review, "exports": r.state.Exports}
	for _, c := range r.state.Before {
		facts[string(c.Fate)] += c.Rows
		facts["held"] += c.Held
	}
	return facts
}

// complete ends the job: failed when verification found something.
func (r *erasureRun) complete(ctx context.Context, job *privacyd.Job, receipt privacyd.Receipt, file []byte) error {
	if job.State.Ended() {
		return nil
	}
	job.Result = r.result(receipt)
	job.Progress = privacyd.Progress{Done: max(0, r.planned()-r.state.Residue), Total: r.planned(), Unit: "records"}
	verb, state := "complete", privacyd.JobCompleted
	if r.state.Residue > 0 {
		verb, state = "fail", privacyd.JobFailed
		job.ErrorCode, job.ErrorMessage = "residue_found", r.residueMessage()
	}
	r.e.end(job, state)
	auditID, err := r.e.record(ctx, r.e.jobEvent(privacyd.System("erasure"), "", job, verb))
	if err != nil {
		return err
	}
	stored := privacyd.StoredReceipt{
		ID: receipt.ID, Issue: receipt.Issue, JobID: job.ID, WorkspaceID: job.WorkspaceID, File: file, IssuedAt: receipt.IssuedAt,
	}
	if err := r.e.Receipts.InsertReceipt(ctx, stored, auditID); err != nil {
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
	if receipt.Files.State == privacyd.FilesPending {
		return r.e.Queue.Enqueue(ctx, work.Item{Kind: WorkReceipt, Key: job.ID, At: r.e.Now().Add(receiptPause)})
	}
	return r.e.Runs.DeleteErasureRun(ctx, job.ID)
}

func (r *erasureRun) residueMessage() string {
	text := "Verification still found what should be gone"
	for _, c := range r.state.After {
		if c.Fate != privacyd.FateKeep && c.Rows > 0 {
			text += fmt.Sprintf("; %s: %d", c.Collection, c.Rows)
		}
	}
	return text + ". The receipt and the review list say where. Complete the data map and erase again."
}

func (r *erasureRun) result(receipt privacyd.Receipt) *privacyd.JobResult {
	result := &privacyd.JobResult{
		Records: map[string]int64{}, Changed: map[string]int64{}, Kept: map[string]int64{}, Files: receipt.Files.Queued,
		FilesDeadline: receipt.Files.Deadline, Residue: r.state.Residue, Review: r.state.Review, ExportsExpired: r.state.Exports, ReceiptID: receipt.ID,
	}
	for _, c := range r.state.Before {
		switch c.Fate {
		case privacyd.FateDelete:
			result.Records[c.Collection] += c.Rows
		case privacyd.FateKeep:
			result.Kept[c.Collection] += c.Rows
		default:
			result.Changed[c.Collection] += c.Rows
		}
		result.Held += c.Held
	}
	return result
}

const receiptPause = time.Minute

// issueReceipt makes and signs a receipt: issue 1 at the end of the run, later
// ones when the files are gone.
func (e *Engine) issueReceipt(ctx context.Context, r *erasureRun, issue int) (privacyd.Receipt, []byte, error) {
	files, err := e.filesOf(ctx, r.job.ID)
	if err != nil {
		return privacyd.Receipt{}, nil, err
	}
	receipt := r.receipt(issue, files)
	if receipt.Audit.Proof, err = e.proofOf(ctx, r.job.WorkspaceID, r.state.Entry); err != nil {
		return receipt, nil, err
	}
	text, err := privacyd.SignReceipt(receipt, e.ReceiptKey)
	return receipt, text, err
}

func (r *erasureRun) receipt(issue int, files privacyd.ReceiptFiles) privacyd.Receipt {
	now := r.e.Now()
	c := privacyd.Receipt{
		ID: r.job.ID, Issue: issue, WorkspaceID: r.job.WorkspaceID, JobID: r.job.ID, Operation: r.job.Type, PlanHash: r.job.PlanHash,
		Maps: r.state.Maps, RequestedAt: r.job.CreatedAt, ConfirmedAt: r.job.ConfirmedAt, StartedAt: r.state.Started,
		EndedAt: r.state.Ended, IssuedAt: now, Collections: r.collections(), Files: files, Exports: r.state.Exports,
		Abandoned:  r.state.Abandoned,
		Recipients: r.recipients(), Audit: privacyd.ReceiptAudit{Entry: r.state.Entry},
		Verification: privacyd.ReceiptVerification{
			At: r.state.Verified, Result: privacyd.VerificationClean, Workspaces: 1, Collections: r.state.Searched,
			Residue: r.state.Residue, Review: r.state.Review,
		},
	}
	if r.job.Subject != nil {
		c.SubjectKind = r.job.Subject.Kind
	}
	if r.state.Residue > 0 {
		c.Verification.Result = privacyd.VerificationResidue
	}
	for _, id := range searchable(r.state.Identifiers) {
		c.Verification.Identifiers = appendNew(c.Verification.Identifiers, id.Kind)
	}
	for _, h := range r.state.Holds {
		c.Holds = append(c.Holds, privacyd.ReceiptHold{Type: h.Type, Ground: h.Ground, ReviewAt: h.ReviewAt})
	}
	if r.state.Sequence > 0 {
		c.Restore = &privacyd.ReceiptRestore{Sequence: r.state.Sequence, Until: r.state.Until}
	}
	return c
}

func (r *erasureRun) collections() []privacyd.ReceiptCollection {
	var list []privacyd.ReceiptCollection
	for _, b := range r.state.Before {
		c := privacyd.ReceiptCollection{
			Dataset: b.Dataset, Collection: b.Collection, Fate: b.Fate, Mentions: b.Mentions, Quotes: b.Quotes, Before: b.Rows + b.Held, Held: b.Held,
			Files: b.Files, Ground: b.Ground, Until: b.Until,
		}
		for _, a := range r.state.After {
			if sameFate(a, b) {
				c.After = a.Rows
			}
		}
		if b.Fate == privacyd.FateKeep {
			c.After = b.Rows
		} else {
			c.Done = b.Rows - c.After
			c.After += b.Held
		}
		list = append(list, c)
	}
	return list
}

// recipients are the processors who hold the data and have to follow, Art. 19
// GDPR.
func (r *erasureRun) recipients() []privacyd.ReceiptRecipient {
	var list []privacyd.ReceiptRecipient
	for _, m := range r.state.Maps {
		d, err := r.e.dataset(m.Dataset)
		if err != nil {
			continue // the map has gone meanwhile
		}
		name := recipient(d).Processor
		known := slices.ContainsFunc(list, func(k privacyd.ReceiptRecipient) bool { return k.Name == name })
		if name != "" && !known {
			list = append(list, privacyd.ReceiptRecipient{Name: name})
		}
	}
	return list
}

func (e *Engine) filesOf(ctx context.Context, jobID string) (privacyd.ReceiptFiles, error) {
	n, err := e.Purges.CountPurges(ctx, jobID)
	if err != nil {
		return privacyd.ReceiptFiles{}, err
	}
	files := privacyd.ReceiptFiles{Queued: n.Queued, Deleted: n.Deleted, Shared: n.Shared}
	files.State = privacyd.FilesStateAt(n.Queued, n.Gone(), n.Deadline, n.LastAt, e.Now())
	if !n.Deadline.IsZero() {
		files.Deadline = &n.Deadline
	}
	if !n.LastAt.IsZero() {
		files.LastAt = &n.LastAt
	}
	return files, nil
}

// RunReceipt is the handler of WorkReceipt: it issues the receipt of an erasure
// anew once its files are gone, or should be.
func (e *Engine) RunReceipt(ctx context.Context, jobID string, lease work.Lease) error {
	files, err := e.filesOf(ctx, jobID)
	if err != nil {
		return err
	}
	if files.State == privacyd.FilesPending {
		return e.Tx.InTx(ctx, func(ctx context.Context) error {
			if err := lease.Check(ctx); err != nil {
				return err
			}
			return e.Queue.Enqueue(ctx, work.Item{Kind: WorkReceipt, Key: jobID, At: e.Now().Add(receiptPause)})
		})
	}
	job, err := e.Jobs.Job(ctx, jobID)
	if job, err = e.withSubject(ctx, job, err); err != nil {
		return err
	}
	r := &erasureRun{e: e, job: job, lease: lease}
	if err := r.load(ctx); err != nil {
		return err
	}
	if r.state.Entry == "" {
		return nil // it was issued already
	}
	receipt, text, err := e.issueReceipt(ctx, r, 2)
	if err != nil {
		return err
	}
	return r.guarded(ctx, func(ctx context.Context) error {
		auditID, err := e.record(ctx, e.jobEvent(privacyd.System("erasure"), "", job, "receipt"))
		if err != nil {
			return err
		}
		stored := privacyd.StoredReceipt{
			ID: receipt.ID, Issue: receipt.Issue, JobID: jobID, WorkspaceID: job.WorkspaceID, File: text, IssuedAt: receipt.IssuedAt,
		}
		if err := e.Receipts.InsertReceipt(ctx, stored, auditID); err != nil {
			return err
		}
		return e.Runs.DeleteErasureRun(ctx, jobID)
	})
}
