package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/work"
)

// WorkMail is the kind of work that sends a mail; its key is the mail's id.
const WorkMail = "mail"

const (
	mailLife    = 3 * 24 * time.Hour // how long it is tried
	mailPauses  = time.Minute        // after the first failure; it doubles
	longestWait = time.Hour
	keptShown   = 50
)

// MailState says what becomes of mails.
type MailState string

// The states.
const (
	MailOff    MailState = "off"  // there is none: what needs one is refused
	MailKept   MailState = "kept" // they are kept, to be read on a page
	MailIsSent MailState = "sent"
)

// MailState tells what becomes of mails here.
func (e *Engine) MailState() MailState {
	switch {
	case e.Mailing.Letters == nil:
		return MailOff
	case e.Mailing.Post == nil:
		return MailKept
	default:
		return MailIsSent
	}
}

// needMail refuses what makes no sense without mail.
func (e *Engine) needMail() error {
	if e.MailState() != MailOff {
		return nil
	}
	return privacyd.Errorf(privacyd.ClassConflict, "mail_missing",
		"This server sends no mail. Whoever runs it sets mail.smtp and mail.from in its configuration, or makes links by command.")
}

// tell queues a mail in the transaction of ctx, so that what it tells and the
// mail commit together. Where there is no mail, or the reader was erased, it
// does nothing. It fails when the mail is not complete.
func (e *Engine) tell(ctx context.Context, m privacyd.Mail) error {
	if e.MailState() == MailOff {
		return nil
	}
	q, erased, err := e.sealMail(ctx, m)
	if err != nil || erased {
		return err
	}
	return e.queueMail(ctx, q)
}

// sealMail makes a mail ready to be queued.
func (e *Engine) sealMail(ctx context.Context, m privacyd.Mail) (q privacyd.QueuedMail, erased bool, err error) {
	if err := m.Check(); err != nil {
		return q, false, fmt.Errorf("queue a mail: %w", err)
	}
	id, err := newID()
	if err != nil {
		return q, false, err
	}
	raw, err := json.Marshal(m)
	if err != nil {
		return q, false, fmt.Errorf("queue a mail: %w", err)
	}
	q = privacyd.QueuedMail{ID: id, Owner: e.personKey(m.To.AccountID), Kind: m.Kind, Kept: e.MailState() == MailKept, CreatedAt: e.Now()}
	q.Sealed, erased, err = e.Secrets.SealFor(ctx, q.Owner, mailAAD(id), raw)
	return q, erased, err
}

func (e *Engine) queueMail(ctx context.Context, q privacyd.QueuedMail) error {
	if err := e.People.InsertMail(ctx, q); err != nil || q.Kept {
		return err
	}
	return e.enqueueMail(ctx, q.ID, e.Now())
}

// personKey names the key of an account; empty: the instance's own.
func (e *Engine) personKey(accountID string) string {
	if accountID == "" {
		return e.Secrets.Reference("", "", "")
	}
	return e.Secrets.Reference("", accountKind, accountID)
}

func mailAAD(id string) []byte { return []byte("privacyd mail\x00" + id) }

func (e *Engine) enqueueMail(ctx context.Context, id string, at time.Time) error {
	return e.Queue.Enqueue(ctx, work.Item{Kind: WorkMail, Key: id, At: at})
}

// RunMail is the handler of WorkMail. A letter that was sent and not yet
// forgotten when the process died is sent again under the same Message-ID. One
// whose deletion was cancelled meanwhile is not sent, and one that may not go by
// the mail server is held. Audit: mail.send; mail.hold;
// mail.drop when it is no more so, or was held too long; mail.fail when it is given up.
func (e *Engine) RunMail(ctx context.Context, id string, lease work.Lease) error {
	q, err := e.People.Mail(ctx, id)
	if privacyd.CodeOf(err) == "mail_not_found" || q.Kept {
		return nil
	}
	if err != nil {
		return err
	}
	m, erased, err := e.openMail(ctx, q)
	if err != nil {
		return err
	}
	if erased {
		return e.endMail(ctx, q, nil, lease, nil)
	}
	timely, err := e.timely(ctx, &m)
	if err != nil {
		return err
	}
	if !timely {
		return e.endMail(ctx, q, &m, lease, errNotSo)
	}
	if held, err := e.holdMail(ctx, &q, m, lease); err != nil || held {
		return err
	}
	letter, err := e.Mailing.Letters.Write(q.ID, q.CreatedAt, m)
	if err != nil {
		return err
	}
	if err := e.Tx.InTx(ctx, lease.Check); err != nil { // another process may be sending it
		return err
	}
	sent := e.Mailing.Post.Send(ctx, letter)
	switch {
	case sent == nil:
		return e.endMail(ctx, q, &m, lease, nil)
	case errors.Is(context.Cause(ctx), work.ErrStopping) || errors.Is(context.Cause(ctx), work.ErrLost):
		return sent
	case privacyd.ClassOf(sent) == privacyd.ClassRefused || !e.Now().Before(q.Since().Add(mailLife)):
		return e.endMail(ctx, q, &m, lease, sent)
	default:
		return e.mailLater(ctx, q, lease, sent)
	}
}

func (e *Engine) openMail(ctx context.Context, q privacyd.QueuedMail) (m privacyd.Mail, erased bool, err error) {
	raw, erased, err := e.Secrets.OpenFor(ctx, q.Owner, mailAAD(q.ID), q.Sealed)
	if err != nil || erased {
		return m, erased, err
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return m, false, fmt.Errorf("read a queued mail: %w", err)
	}
	return m, false, nil
}

// mailLater has the mail sent again after a pause that grows. The item itself
// is done: a command that ends must not wait for a mail server that is down.
func (e *Engine) mailLater(ctx context.Context, q privacyd.QueuedMail, lease work.Lease, why error) error {
	wait := min(mailPauses<<min(q.Tries, 10), longestWait)
	e.Log.WarnContext(ctx, "a mail could not be sent and will be tried again", "mail", q.ID, "kind", q.Kind, "after", wait, "error", why)
	return e.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := lease.Check(ctx); err != nil {
			return err
		}
		if err := e.People.SetTries(ctx, q.ID, q.Tries+1); err != nil {
			return err
		}
		return e.enqueueMail(ctx, q.ID, e.Now().Add(wait))
	})
}

// endMail forgets a mail and writes down what became of it. m is nil when its
// reader was erased meanwhile.
func (e *Engine) endMail(ctx context.Context, q privacyd.QueuedMail, m *privacyd.Mail, lease work.Lease, failed error) error {
	return outcome(ctx, func(ctx context.Context) error {
		return e.Tx.InTx(ctx, func(ctx context.Context) error {
			if lease != nil {
				if err := lease.Check(ctx); err != nil {
					return err
				}
			}
			if err := e.People.DeleteMail(ctx, q.ID); err != nil || m == nil {
				return err
			}
			event, err := e.mailEvent(ctx, q, *m, failed)
			if err != nil {
				return err
			}
			_, err = e.record(ctx, event)
			return err
		})
	})
}

// errNotSo is why a mail is not sent: what it says is no more so, or too old to
// be told.
var errNotSo = errors.New("what the mail says is no more so")

// mailEvent belongs into the log of the workspace that the mail is about, or
// into the instance's: that of a deleted workspace is frozen.
func (e *Engine) mailEvent(ctx context.Context, q privacyd.QueuedMail, m privacyd.Mail, failed error) (privacyd.AuditEvent, error) {
	ev := privacyd.AuditEvent{
		WorkspaceID: m.WorkspaceID, Caller: privacyd.System(string(q.Kind)), Action: "mail.send", Outcome: privacyd.OutcomeDone,
		Target: privacyd.Target{Type: "mail", ID: q.ID}, Facts: map[string]int64{"tries": int64(q.Tries) + 1},
	}
	if m.To.AccountID != "" {
		ev.Target.Subject = &privacyd.Subject{Kind: accountKind, ID: m.To.AccountID}
	}
	switch {
	case errors.Is(failed, errNotSo):
		ev.Action, ev.Facts = "mail.drop", map[string]int64{"tries": int64(q.Tries)}
	case errors.Is(failed, errHeld):
		ev.Action, ev.Outcome, ev.Code, ev.Facts = "mail.hold", privacyd.OutcomeDenied, "place_country_refused", nil
	case failed != nil:
		ev.Action, ev.Outcome, ev.Code = "mail.fail", privacyd.OutcomeFailed, privacyd.CodeOf(failed)
	}
	if m.WorkspaceID == "" {
		return ev, nil
	}
	state, _, err := e.States.WorkspaceState(ctx, m.WorkspaceID)
	if state == privacyd.WorkspaceDeleted {
		ev.WorkspaceID = ""
	}
	return ev, err
}

// giveUpMail ends a mail whose work is dead: sending it killed the process, or
// it could not be read.
func (e *Engine) giveUpMail(ctx context.Context, id string, why error) error {
	q, err := e.People.Mail(ctx, id)
	if privacyd.CodeOf(err) == "mail_not_found" {
		return nil
	}
	if err != nil {
		return err
	}
	m, _, err := e.openMail(ctx, q)
	if err != nil {
		m = privacyd.Mail{Kind: q.Kind} // whom it was for cannot be read any more
	}
	return e.endMail(ctx, q, &m, nil, why)
}

// tellExport tells whoever asked for an export that it is ready.
func (e *Engine) tellExport(ctx context.Context, job *privacyd.Job) error {
	a, err := e.Accounts.Account(ctx, job.RequestedBy)
	if privacyd.CodeOf(err) == "account_not_found" {
		return nil // the operator, or a token
	}
	if err != nil {
		return err
	}
	if job.WorkspaceID == "" {
		return e.tell(ctx, privacyd.Mail{
			Kind: privacyd.MailAccountExportReady, To: privacyd.Addressee{AccountID: a.ID, Email: a.Email},
			Format: job.Format, Bytes: job.Result.Bytes, Until: job.ExpiresAt, Path: e.archivePage(accountPage+"/exports/", job),
		})
	}
	w, err := e.Workspaces.Workspace(ctx, job.WorkspaceID)
	if err != nil {
		return err
	}
	if may, err := e.mayHave(ctx, w.ID, a.ID, job.Type); err != nil || !may {
		return err
	}
	return e.tell(ctx, privacyd.Mail{
		Kind: privacyd.MailExportReady, To: privacyd.Addressee{AccountID: a.ID, Email: a.Email}, WorkspaceID: w.ID, Workspace: w.Name,
		Change: string(job.Type), Format: job.Format, Bytes: job.Result.Bytes, Until: job.ExpiresAt, Path: e.archivePage(workspacePage(w)+"/jobs/", job),
	})
}

// mayHave tells whether somebody may have a workspace's export now.
func (e *Engine) mayHave(ctx context.Context, workspaceID, accountID string, t privacyd.JobType) (bool, error) {
	role, err := e.Workspaces.MemberRole(ctx, workspaceID, accountID)
	if privacyd.ClassOf(err) == privacyd.ClassNotFound {
		return false, nil // a member no more
	}
	return err == nil && role.May(privacyd.ActionDownload) && role.May(actionOf(t)), err
}

// archivePage is the signed link to an export, by way of a page on which one
// can sign in first.
func (e *Engine) archivePage(jobs string, job *privacyd.Job) string {
	signed := e.signLink(job.ID, *job.ExpiresAt)
	return fmt.Sprintf("%s%s/archive?expires=%d&signature=%s", jobs, url.PathEscape(job.ID), signed.Expires.Unix(), signed.Signature)
}

// KeptMails lists the newest mails that were kept because there is no mail
// server, the newest first: the caller's own, or all for the operator. Codes:
// not_signed_in, outbox_missing.
func (e *Engine) KeptMails(ctx context.Context, c privacyd.Caller) ([]privacyd.Letter, error) {
	letters, _, err := e.KeptMailsBefore(ctx, c, "")
	return letters, err
}

// KeptMailsBefore is KeptMails from a mail on, named by its id: those that came
// before it, at most 50. next names where to go on; empty: there are no more.
func (e *Engine) KeptMailsBefore(ctx context.Context, c privacyd.Caller, before string) (letters []privacyd.Letter, next string, err error) {
	if e.MailState() != MailKept {
		return nil, "", privacyd.Errorf(privacyd.ClassNotFound, "outbox_missing", "Mails are not kept here: there is no outbox.")
	}
	owner := ""
	switch c.Kind {
	case privacyd.CallerOperator:
	case privacyd.CallerAccount:
		owner = e.personKey(c.AccountID)
	default:
		return nil, "", errNotSignedIn()
	}
	queued, err := e.People.KeptMails(ctx, owner, before, keptShown+1)
	if err != nil {
		return nil, "", err
	}
	if len(queued) > keptShown {
		queued = queued[:keptShown]
		next = queued[keptShown-1].ID
	}
	letters, err = e.letters(ctx, queued)
	return letters, next, err
}

// letters writes mails, less those of whom was erased.
func (e *Engine) letters(ctx context.Context, queued []privacyd.QueuedMail) ([]privacyd.Letter, error) {
	var letters []privacyd.Letter
	for _, q := range queued {
		m, erased, err := e.openMail(ctx, q)
		if err != nil {
			return nil, err
		}
		if erased {
			continue
		}
		l, err := e.Mailing.Letters.Write(q.ID, q.CreatedAt, m)
		if err != nil {
			return nil, err
		}
		letters = append(letters, l)
	}
	return letters, nil
}

// OutboxKey is the secret with which whoever saw it printed at the start reads
// all kept mails.
func (e *Engine) OutboxKey() string {
	return encodeSecret(e.Signer.Sign([]byte("privacyd outbox\n")))
}

// Outbox gives the operator to whoever has the outbox's key. Code
// outbox_missing.
func (e *Engine) Outbox(c privacyd.Caller, key string) (privacyd.Caller, error) {
	mac, err := decodeSecret(key)
	if err != nil || e.MailState() != MailKept || !e.Signer.Verify([]byte("privacyd outbox\n"), mac) {
		return c, privacyd.Errorf(privacyd.ClassNotFound, "outbox_missing", "There is no such outbox. Take the address that the server printed at its start.")
	}
	return privacyd.Caller{Kind: privacyd.CallerOperator, Name: "outbox", Door: c.Door, IP: c.IP}, nil
}
