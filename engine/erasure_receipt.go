package engine

import (
	"context"
	"slices"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/work"
)

// WorkReceipt is the kind of work that issues a receipt anew when the files of
// its erasure are gone, or should be, and when its entry in the audit log can be
// proven that could not before; the key is the job's id.
const WorkReceipt = "receipt"

const (
	receiptPause = 15 * time.Minute // between looks at files that nobody tells of
	provePause   = time.Minute      // between looks for the checkpoint over an entry
	fileAttempts = 1_000_000        // until files are gone, nobody gives up
)

// issueReceipt makes and signs a receipt: issue 1 at the end of the run, later
// ones when the files are gone.
func (e *Engine) issueReceipt(ctx context.Context, r *erasureRun, issue int) (privacyd.Receipt, []byte, error) {
	files, err := r.files(ctx)
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
		EndedAt: r.state.Ended, IssuedAt: now, Collections: r.collections(), Files: files, Exports: r.state.Exports, ExpiredJobs: r.state.Expired,
		Abandoned: r.state.Abandoned, LogsNotCut: r.state.Logs,
		Recipients: r.recipients(), Audit: privacyd.ReceiptAudit{Entry: r.state.Entry},
		Verification: privacyd.ReceiptVerification{
			At: r.state.Verified, Result: privacyd.VerificationClean, Workspaces: max(1, r.state.Workspaces), Collections: r.state.Searched,
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

// files is where the files of the job stand.
func (r *erasureRun) files(ctx context.Context) (privacyd.ReceiptFiles, error) {
	n, err := r.e.Purges.CountPurges(ctx, r.job.ID)
	if err != nil {
		return privacyd.ReceiptFiles{}, err
	}
	files := privacyd.ReceiptFiles{Queued: n.Queued, Deleted: n.Deleted, Shared: n.Shared}
	files.State = privacyd.FilesStateAt(n.Queued, n.Gone(), n.Deadline, n.LastAt, r.e.Now())
	if !n.Deadline.IsZero() {
		files.Deadline = &n.Deadline
	}
	if !n.LastAt.IsZero() {
		files.LastAt = &n.LastAt
	}
	return r.withUnswept(files), nil
}

// withUnswept counts what is left in the part of our buckets that was a
// workspace's as files that are still to go.
func (r *erasureRun) withUnswept(files privacyd.ReceiptFiles) privacyd.ReceiptFiles {
	by, now := r.state.SweepBy, r.e.Now()
	if by == nil {
		return files
	}
	if files.Deadline == nil || files.Deadline.Before(*by) {
		files.Deadline = by
	}
	switch at := r.state.SweptAt; {
	case at == nil && now.After(*by) || files.State == privacyd.FilesOverdue:
		files.State = privacyd.FilesOverdue
	case at == nil || files.State == privacyd.FilesPending:
		files.State = privacyd.FilesPending
	default:
		if files.LastAt == nil || files.LastAt.Before(*at) {
			files.LastAt = at
		}
		if files.State = privacyd.FilesMet; files.LastAt.After(*files.Deadline) {
			files.State = privacyd.FilesLate
		}
	}
	return files
}

// waits tells whether files are still to go.
func waits(s privacyd.FilesState) bool {
	return s == privacyd.FilesPending || s == privacyd.FilesOverdue
}

// nextLook plans the next look at what a receipt lacks: at its proof soon, at
// its files later, or when they are overdue. RunFiles asks for one as soon as it
// has deleted some.
func (r *erasureRun) nextLook(ctx context.Context, files privacyd.ReceiptFiles) error {
	at := r.e.Now().Add(receiptPause)
	if late := files.Deadline; late != nil && files.State == privacyd.FilesPending && late.Before(at) {
		at = late.Add(time.Second)
	}
	if soon := r.e.Now().Add(provePause); r.state.Unproven && soon.Before(at) {
		at = soon
	}
	return r.e.Queue.Enqueue(ctx, work.Item{Kind: WorkReceipt, Key: r.job.ID, At: at, MaxAttempts: fileAttempts})
}

// RunReceipt is the handler of WorkReceipt: it issues the receipt of an erasure
// anew once its files are gone, and before that when they should be and are
// not; and once a checkpoint covers its entry, so that it has the proof. Audit:
// TYPE.receipt.
func (e *Engine) RunReceipt(ctx context.Context, jobID string, lease work.Lease) error {
	job, err := e.Jobs.Job(ctx, jobID)
	if job, err = e.withSubject(ctx, job, err); err != nil {
		return err
	}
	r := &erasureRun{e: e, job: job, lease: lease}
	if err := r.load(ctx); err != nil {
		return err
	}
	if !r.state.issued() {
		return nil // the first is not issued yet, or the last is, or the next when it is verified again
	}
	if err := r.sweep(ctx); err != nil {
		return err
	}
	files, err := r.files(ctx)
	if err != nil {
		return err
	}
	again := func(ctx context.Context) error { return r.nextLook(ctx, files) }
	same := files.State == r.state.FilesTold
	if same && !r.state.Unproven {
		if !waits(files.State) {
			return nil
		}
		return r.guarded(ctx, again)
	}
	receipt, text, err := e.issueReceipt(ctx, r, r.state.Issue+1)
	if err != nil {
		return err
	}
	if same && receipt.Audit.Proof == "" {
		return r.guarded(ctx, again)
	}
	return e.underLease(ctx, jobID, lease, func(ctx context.Context, job *privacyd.Job) error {
		now, err := e.runState(ctx, jobID)
		if err != nil || !now.issued() || now.Issue != r.state.Issue {
			return err // it is verified again since it was looked at
		}
		return r.reissue(ctx, job, receipt, text)
	})
}

// issued tells whether a receipt was issued that may have to be issued anew.
func (s *erasureState) issued() bool { return s.Issue > 0 && s.Phase == phaseFinish && s.Entry != "" }

// reissue keeps another issue of a receipt.
func (r *erasureRun) reissue(ctx context.Context, job *privacyd.Job, receipt privacyd.Receipt, text []byte) error {
	if job.Result != nil {
		job.Result.Files, job.Result.FilesState, job.Result.FilesDeadline = receipt.Files.Queued, receipt.Files.State, receipt.Files.Deadline
		job.Result.AuditPending = receipt.Audit.Proof == ""
	}
	auditID, err := r.recordIssue(ctx, job, "receipt", text)
	if err != nil {
		return err
	}
	if err := r.e.Jobs.UpdateJob(ctx, job, auditID); err != nil {
		return err
	}
	return r.keepReceipt(ctx, receipt, text, auditID)
}

// keepReceipt keeps an issue of a receipt and, while files are still to go or its
// entry is not proven, what another will be made of.
func (r *erasureRun) keepReceipt(ctx context.Context, receipt privacyd.Receipt, text []byte, auditID string) error {
	err := r.e.Receipts.InsertReceipt(ctx, privacyd.StoredReceipt{
		ID: receipt.ID, Issue: receipt.Issue, JobID: r.job.ID, WorkspaceID: r.job.WorkspaceID,
		Operation: receipt.Operation, Deleted: receipt.Deleted(), File: text, IssuedAt: receipt.IssuedAt,
	}, auditID)
	if err != nil {
		return err
	}
	r.state.Issue, r.state.FilesTold, r.state.Unproven = receipt.Issue, receipt.Files.State, receipt.Audit.Proof == ""
	done := !waits(receipt.Files.State) && !r.state.Unproven
	if done && !r.state.leftBehind() {
		return r.e.Runs.DeleteErasureRun(ctx, r.job.ID)
	}
	if err := r.keepState(ctx); err != nil || done {
		return err
	}
	return r.nextLook(ctx, receipt.Files)
}
