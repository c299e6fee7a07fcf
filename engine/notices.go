package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/work"
)

// WorkNotice is the kind of work that queues a mail to many for each of them;
// the key is the notice's id.
const WorkNotice = "notice"

// noticeBatch is how many mails one transaction queues: it must not hold others
// up.
const noticeBatch = 250

// notice is a mail to many and to whom.
type notice struct {
	Mail   privacyd.Mail `json:"mail"` // without an addressee
	Role   privacyd.Role `json:"role,omitempty"`
	Except []string      `json:"except,omitempty"` // account ids
}

// notify tells many, in the transaction of ctx: that they are told commits
// together with what they are told, however many they are. job is the one whose
// readers were put aside; empty: the workspace's members.
func (e *Engine) notify(ctx context.Context, n notice, job string) error {
	if e.MailState() == MailOff {
		return nil
	}
	id, err := newID()
	if err != nil {
		return err
	}
	raw, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("queue a notice: %w", err)
	}
	sealed, _, err := e.Secrets.SealFor(ctx, e.personKey(""), noticeAAD(id), raw)
	if err != nil {
		return fmt.Errorf("queue a notice: %w", err)
	}
	err = e.Notices.InsertNotice(ctx, privacyd.Notice{
		ID: id, WorkspaceID: n.Mail.WorkspaceID, JobID: job, Sealed: sealed, CreatedAt: e.Now(),
	})
	if err != nil {
		return err
	}
	return e.Queue.Enqueue(ctx, work.Item{Kind: WorkNotice, Key: id, At: e.Now()})
}

func noticeAAD(id string) []byte { return []byte("privacyd notice\x00" + id) }

// RunNotice is the handler of WorkNotice. Nobody is told twice: mails and who
// was told last commit together.
func (e *Engine) RunNotice(ctx context.Context, id string, lease work.Lease) error {
	for {
		kept, err := e.Notices.Notice(ctx, id)
		if privacyd.CodeOf(err) == "notice_not_found" {
			return nil
		}
		if err != nil {
			return err
		}
		if err := e.noticeSome(ctx, kept, lease); err != nil {
			return err
		}
	}
}

// noticeSome queues a batch; after the last one the notice is gone. Sealing
// comes before the transaction: it may have to make keys.
func (e *Engine) noticeSome(ctx context.Context, kept privacyd.Notice, lease work.Lease) error {
	var n notice
	raw, _, err := e.Secrets.OpenFor(ctx, e.personKey(""), noticeAAD(kept.ID), kept.Sealed)
	if err == nil {
		err = json.Unmarshal(raw, &n)
	}
	if err != nil {
		return fmt.Errorf("read a notice: %w", err)
	}
	readers, err := e.Notices.NoticeReaders(ctx, kept, n.Role, noticeBatch)
	if err != nil {
		return err
	}
	sealed, err := e.sealAll(ctx, n, readers)
	if err != nil {
		return err
	}
	return e.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := lease.Check(ctx); err != nil {
			return err
		}
		timely, err := e.timely(ctx, &n.Mail)
		if err != nil {
			return err
		}
		if !timely || len(readers) == 0 {
			return e.Notices.DeleteNotice(ctx, kept)
		}
		for _, q := range sealed {
			if err := e.queueMail(ctx, q); err != nil {
				return err
			}
		}
		return e.Notices.AdvanceNotice(ctx, kept, readers[len(readers)-1].AccountID)
	})
}

func (e *Engine) sealAll(ctx context.Context, n notice, readers []privacyd.Addressee) ([]privacyd.QueuedMail, error) {
	var sealed []privacyd.QueuedMail
	for _, to := range readers {
		if slices.Contains(n.Except, to.AccountID) {
			continue
		}
		n.Mail.To = to
		q, erased, err := e.sealMail(ctx, n.Mail)
		if err != nil {
			return nil, err
		}
		if !erased {
			sealed = append(sealed, q)
		}
	}
	return sealed, nil
}

// timely tells whether what a mail says is still so, and brings it up to date.
func (e *Engine) timely(ctx context.Context, m *privacyd.Mail) (bool, error) {
	if m.LinkEnded(e.Now()) {
		return false, nil
	}
	switch m.Kind {
	case privacyd.MailExportReady:
		return e.mayHave(ctx, m.WorkspaceID, m.To.AccountID, privacyd.JobType(m.Change))
	case privacyd.MailInvitation:
		return e.stillInvited(ctx, *m)
	}
	if m.Job == "" {
		return true, nil
	}
	job, err := e.Jobs.Job(ctx, m.Job)
	if err != nil && privacyd.CodeOf(err) != "job_not_found" {
		return false, err
	}
	now, ok := m.Timely(job, e.Now())
	*m = now
	return ok, nil
}

// stillInvited tells whether the invitation that a mail brings waits: it was not
// withdrawn, accepted or replaced by another.
func (e *Engine) stillInvited(ctx context.Context, m privacyd.Mail) (bool, error) {
	v, err := e.People.InvitationTo(ctx, m.WorkspaceID, m.To.Email)
	if privacyd.ClassOf(err) == privacyd.ClassNotFound {
		return false, nil
	}
	return err == nil && v.ExpiresAt.Equal(m.Until.Truncate(time.Microsecond)), err
}
