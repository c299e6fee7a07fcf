package engine

import (
	"context"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/work"
)

// WorkProposed is the kind of work that tells a workspace's admins what
// programs have asked for and a person must confirm; the key is the
// workspace's id.
const WorkProposed = "proposed"

const (
	tryProposed  tryKind = "proposed"  // mails about what programs ask for
	tryEscalated tryKind = "escalated" // mails about one account
)

const (
	proposedPause  = time.Hour // between two mails about what programs ask for
	escalatedPause = 7 * privacyd.Day
)

// tellWanted tells the admins who may act that a job waits for one of them.
func (e *Engine) tellWanted(ctx context.Context, job *privacyd.Job, why string) error {
	if job.WorkspaceID == "" {
		return nil
	}
	w, err := e.Workspaces.Workspace(ctx, job.WorkspaceID)
	if err != nil {
		return err
	}
	n := notice{Role: privacyd.RoleAdmin, Mail: privacyd.Mail{
		Kind: privacyd.MailApprovalWanted, WorkspaceID: w.ID, Workspace: w.Name, Change: string(job.Type), Why: why, Count: 1,
		Job: job.ID, Path: jobPage(w, job.ID),
	}}
	if why == privacyd.WhyApproval {
		n.Except = []string{job.RequestedBy, job.ConfirmedBy}
	}
	return e.notify(ctx, n, "")
}

// tellProposed plans to tell the admins of what a program asks for. One that
// asks for a thousand deletions must not send a thousand mails.
func (e *Engine) tellProposed(ctx context.Context, job *privacyd.Job) error {
	last, err := e.People.LockAttempts(ctx, e.trial(tryProposed, job.WorkspaceID).hash)
	if err != nil {
		return err
	}
	at := e.Now()
	if last.Until.After(at) {
		at = last.Until
	}
	return e.Queue.Enqueue(ctx, work.Item{Kind: WorkProposed, Key: job.WorkspaceID, At: at})
}

// RunProposed is the handler of WorkProposed: one mail for all that waits.
func (e *Engine) RunProposed(ctx context.Context, workspaceID string, lease work.Lease) error {
	return e.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := lease.Check(ctx); err != nil {
			return err
		}
		jobs, err := e.Own.UnfinishedJobs(ctx, workspaceID)
		if err != nil {
			return err
		}
		var waits []*privacyd.Job
		for _, job := range jobs {
			if job.State == privacyd.JobPendingApproval && job.WaitingOn == privacyd.WaitConfirmation {
				waits = append(waits, job)
			}
		}
		if len(waits) == 0 {
			return nil
		}
		now := e.Now()
		mark := privacyd.Attempts{N: 1, At: now, Until: now.Add(proposedPause)}
		if err := e.People.PutAttempts(ctx, e.trial(tryProposed, workspaceID).hash, mark); err != nil {
			return err
		}
		return e.tellWaiting(ctx, waits)
	})
}

func (e *Engine) tellWaiting(ctx context.Context, waits []*privacyd.Job) error {
	if len(waits) == 1 {
		return e.tellWanted(ctx, waits[0], privacyd.WhyProposed)
	}
	w, err := e.Workspaces.Workspace(ctx, waits[0].WorkspaceID)
	if err != nil {
		return err
	}
	return e.notify(ctx, notice{Role: privacyd.RoleAdmin, Mail: privacyd.Mail{
		Kind: privacyd.MailApprovalWanted, WorkspaceID: w.ID, Workspace: w.Name, Change: string(waits[0].Type), Why: privacyd.WhyProposed,
		Count: int64(len(waits)), Path: workspacePage(w) + "/jobs",
	}}, "")
}

// tellBraked tells that a retention run stopped and asks. A person who began it
// has the answer before them.
func (e *Engine) tellBraked(ctx context.Context, c privacyd.Caller, job *privacyd.Job) error {
	if mayConfirm(c) {
		return nil
	}
	return e.tellWanted(ctx, job, privacyd.WhyBrake)
}

// tellSuspended tells who has to act when a run could not go on.
func (e *Engine) tellSuspended(ctx context.Context, job *privacyd.Job) error {
	if job.Type == privacyd.JobAccountDeletion {
		return e.tellBlocked(ctx, job)
	}
	switch job.WaitingOn {
	case privacyd.WaitConfirmation:
		if job.ErrorCode == codeBraked {
			return e.tellWanted(ctx, job, privacyd.WhyBrake)
		}
		return e.tellWanted(ctx, job, privacyd.WhyChanged)
	case privacyd.WaitBlocker:
		return e.tellWanted(ctx, job, privacyd.WhyBlocked)
	default:
		return nil // it was asked to wait for the hold
	}
}

// tellBlocked tells a person why their account is not deleted yet (Art. 12(4)
// GDPR), and whoever runs the server, who has to see to it.
func (e *Engine) tellBlocked(ctx context.Context, job *privacyd.Job) error {
	a, err := e.Accounts.Account(ctx, job.Subject.ID)
	if err != nil {
		return err
	}
	err = e.tell(ctx, privacyd.Mail{
		Kind: privacyd.MailAccountDeletionBlocked, To: privacyd.Addressee{AccountID: a.ID, Email: a.Email}, Reason: job.ErrorMessage, Path: accountPage,
	})
	if err != nil {
		return err
	}
	return e.escalate(ctx, a.ID, job.ErrorMessage, job.CreatedAt)
}

// escalate tells whoever runs the server that an account's deletion is blocked,
// once a week at most. A person has a right to an answer within a month (Art.
// 12(3) GDPR).
func (e *Engine) escalate(ctx context.Context, accountID, reason string, asked time.Time) error {
	now := e.Now()
	mark := e.trial(tryEscalated, accountID).hash
	last, err := e.People.LockAttempts(ctx, mark)
	if err != nil || last.Until.After(now) {
		return err
	}
	if err := e.People.PutAttempts(ctx, mark, privacyd.Attempts{N: 1, At: now, Until: now.Add(escalatedPause)}); err != nil {
		return err
	}
	e.Log.WarnContext(ctx, "the deletion of an account is blocked and has to be answered; mail.operator is told whose")
	return e.tellOperator(ctx, privacyd.Mail{Kind: privacyd.MailDeletionEscalated, Account: accountID, Reason: reason, At: &asked})
}

// escalateLastAdmin has a person who may not leave because they are the last
// admin somewhere not go unheard.
func (e *Engine) escalateLastAdmin(ctx context.Context, c privacyd.Caller, refused error) error {
	if privacyd.CodeOf(refused) != "last_admin" {
		return nil
	}
	return e.Tx.InTx(ctx, func(ctx context.Context) error {
		return e.escalate(ctx, c.AccountID, privacyd.MessageOf(refused), e.Now())
	})
}

func (e *Engine) tellOperator(ctx context.Context, m privacyd.Mail) error {
	if e.Mailing.Operator == "" {
		return nil
	}
	m.To = privacyd.Addressee{Email: e.Mailing.Operator}
	return e.tell(ctx, m)
}

// tellFailed tells of a job that failed: the admins of its workspace; of an
// export whoever asked for it, where that is a person; of a deletion that has
// no admins, or has none any more, whoever runs the server.
func (e *Engine) tellFailed(ctx context.Context, job *privacyd.Job) error {
	if job.Type == privacyd.JobAccountDeletion || job.Type == privacyd.JobWorkspaceDeletion {
		m := privacyd.Mail{
			Kind: privacyd.MailDeletionFailed, WorkspaceID: job.WorkspaceID, Change: string(job.Type), Job: job.ID, Reason: job.ErrorMessage,
		}
		if job.WorkspaceID == "" {
			m.Account = job.Subject.ID
		}
		err := e.tellOperator(ctx, m)
		if err != nil {
			return err
		}
	}
	if ofAccount(job) {
		return e.tellOwnExportFailed(ctx, job)
	}
	if job.WorkspaceID == "" {
		return nil
	}
	w, err := e.Workspaces.Workspace(ctx, job.WorkspaceID)
	if err != nil || w.Name == "" { // it was deleted
		return err
	}
	m := privacyd.Mail{
		Kind: privacyd.MailJobFailed, WorkspaceID: w.ID, Workspace: w.Name, Change: string(job.Type), Reason: job.ErrorMessage, Path: jobPage(w, job.ID),
	}
	if !job.Type.Export() {
		return e.notify(ctx, notice{Mail: m, Role: privacyd.RoleAdmin}, "")
	}
	a, err := e.Accounts.Account(ctx, job.RequestedBy)
	if privacyd.CodeOf(err) == "account_not_found" {
		return nil // the operator, or a token, whose program asks for the job
	}
	if err != nil {
		return err
	}
	_, err = e.Workspaces.MemberRole(ctx, w.ID, a.ID)
	if privacyd.ClassOf(err) == privacyd.ClassNotFound {
		return nil // a member no more
	}
	if err != nil {
		return err
	}
	m.To = privacyd.Addressee{AccountID: a.ID, Email: a.Email}
	return e.tell(ctx, m)
}

func (e *Engine) tellOwnExportFailed(ctx context.Context, job *privacyd.Job) error {
	a, err := e.Accounts.Account(ctx, job.RequestedBy)
	if privacyd.CodeOf(err) == "account_not_found" {
		return nil // it was deleted meanwhile
	}
	if err != nil {
		return err
	}
	return e.tell(ctx, privacyd.Mail{
		Kind: privacyd.MailAccountExportFailed, To: privacyd.Addressee{AccountID: a.ID, Email: a.Email}, Reason: job.ErrorMessage, Path: accountPage,
	})
}
