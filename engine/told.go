package engine

import (
	"context"
	"net/url"
	"time"

	"github.com/privacyd/privacyd"
)

// accountPage is where a person in the grace period is led after signing in.
const accountPage = "/account"

func workspacePage(w privacyd.Workspace) string { return "/w/" + url.PathEscape(w.Slug) }

func jobPage(w privacyd.Workspace, jobID string) string {
	return workspacePage(w) + "/jobs/" + url.PathEscape(jobID)
}

// tellDeletion tells those concerned by the deletion of an account or of a
// workspace what has become of it: the account's holder, or every member. m
// holds the kinds of mail for both and what they say.
func (e *Engine) tellDeletion(ctx context.Context, job *privacyd.Job, account, workspace privacyd.MailKind, m privacyd.Mail) error {
	switch job.Type {
	case privacyd.JobAccountDeletion:
		a, err := e.Accounts.Account(ctx, job.Subject.ID)
		if privacyd.ClassOf(err) == privacyd.ClassNotFound {
			return nil
		}
		if err != nil {
			return err
		}
		m.Kind, m.To, m.Path = account, privacyd.Addressee{AccountID: a.ID, Email: a.Email}, accountPage
		return e.tell(ctx, m)
	case privacyd.JobWorkspaceDeletion:
		w, err := e.Workspaces.Workspace(ctx, job.WorkspaceID)
		if err != nil {
			return err
		}
		m.Kind, m.WorkspaceID, m.Workspace, m.Path = workspace, w.ID, w.Name, workspacePage(w)
		return e.notify(ctx, notice{Mail: m}, "")
	default:
		return nil
	}
}

// tellScheduled tells that a grace period has begun, and plans the reminders.
// The caller writes the job afterwards.
func (e *Engine) tellScheduled(ctx context.Context, job *privacyd.Job) error {
	if err := e.remindOf(ctx, job); err != nil || job.State != privacyd.JobScheduled {
		return err
	}
	return e.tellDeletion(ctx, job, privacyd.MailAccountDeletionScheduled, privacyd.MailWorkspaceDeletionScheduled,
		privacyd.Mail{Until: job.ExecuteAfter, Job: job.ID})
}

func (e *Engine) tellReminder(ctx context.Context, job *privacyd.Job) error {
	return e.tellDeletion(ctx, job, privacyd.MailAccountDeletionReminder, privacyd.MailWorkspaceDeletionReminder, privacyd.Mail{
		Until: job.ExecuteAfter, Days: privacyd.DaysLeft(*job.ExecuteAfter, e.Now()), Job: job.ID,
	})
}

// tellCancelled tells those who had been told before that a deletion was
// cancelled. One that had not been confirmed nobody knows of.
func (e *Engine) tellCancelled(ctx context.Context, job *privacyd.Job) error {
	if err := e.Queue.Cancel(ctx, WorkRemind, job.ID); err != nil || job.ExecuteAfter == nil {
		return err
	}
	now := e.Now()
	return e.tellDeletion(ctx, job, privacyd.MailAccountDeletionCancelled, privacyd.MailWorkspaceDeletionCancelled,
		privacyd.Mail{At: &now, Count: job.Erased()})
}

// farewell is what an erasure must still know at its end to tell people of it.
type farewell struct {
	Email     string `json:"email,omitempty"` // the account's
	Owner     string `json:"owner,omitempty"` // the name of the account's key
	Workspace string `json:"workspace,omitempty"`
}

// prepareFarewell keeps, before anything goes, who is to be told at the end. A
// deletion that was made again after a restore was told before.
func (r *erasureRun) prepareFarewell(ctx context.Context) error {
	switch r.job.Type {
	case privacyd.JobAccountDeletion:
		r.state.Farewell.Owner = r.e.personKey(r.job.Subject.ID)
		a, err := r.e.Accounts.Account(ctx, r.job.Subject.ID)
		if err == nil && r.job.ConfirmedAt != nil {
			r.state.Farewell.Email = a.Email
		}
		if privacyd.ClassOf(err) == privacyd.ClassNotFound {
			return nil
		}
		return err
	case privacyd.JobWorkspaceDeletion:
		if r.job.ConfirmedAt == nil || r.e.MailState() == MailOff {
			return nil
		}
		r.state.Farewell.Workspace = r.workspace.Name
		return r.putReadersAside(ctx)
	default:
		return nil
	}
}

func (r *erasureRun) putReadersAside(ctx context.Context) error {
	for after := ""; ; {
		err := r.guarded(ctx, func(ctx context.Context) (err error) {
			after, err = r.e.Notices.PutReadersAside(ctx, r.job.ID, r.workspace.ID, after, noticeBatch)
			return err
		})
		if err != nil || after == "" {
			return err
		}
	}
}

// tellDone tells, in the transaction that ends the job, that it is done, and
// deletes the mails that nobody can read any more.
func (r *erasureRun) tellDone(ctx context.Context, job *privacyd.Job) error {
	if f := r.state.Farewell; f.Owner != "" {
		if err := r.e.People.DeleteMailsOf(ctx, f.Owner); err != nil {
			return err
		}
	}
	if job.State != privacyd.JobCompleted {
		return r.e.tellFailed(ctx, job)
	}
	return r.sayFarewell(ctx, job, r.state.Ended)
}

func (r *erasureRun) sayFarewell(ctx context.Context, job *privacyd.Job, at time.Time) error {
	f := r.state.Farewell
	switch {
	case job.Type == privacyd.JobAccountDeletion && f.Email != "":
		return r.e.tell(ctx, privacyd.Mail{Kind: privacyd.MailAccountDeletionDone, To: privacyd.Addressee{Email: f.Email}, At: &at})
	case job.Type == privacyd.JobWorkspaceDeletion && f.Workspace != "":
		return r.e.notify(ctx, notice{Mail: privacyd.Mail{
			Kind: privacyd.MailWorkspaceDeletionDone, WorkspaceID: job.WorkspaceID, Workspace: f.Workspace, At: &at,
		}}, job.ID)
	default:
		return nil
	}
}

// tellRetention tells a workspace's admins how long conversations are kept from
// now on.
func (e *Engine) tellRetention(ctx context.Context, w privacyd.Workspace, before int, p privacyd.Policy) error {
	return e.notify(ctx, notice{Role: privacyd.RoleAdmin, Mail: privacyd.Mail{
		Kind: privacyd.MailRetentionChanged, WorkspaceID: w.ID, Workspace: w.Name, Before: &before, After: &p.Days, At: &p.From,
		Path: workspacePage(w) + "/retention",
	}}, "")
}
