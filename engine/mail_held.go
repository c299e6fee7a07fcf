package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/work"
)

// mailUse is the mail server's place in the configuration.
const mailUse = "mail.smtp"

const (
	heldShown    = 1000
	heldReleased = 10_000 // at once; the others are looked at within the hour
	heldLife     = 30 * privacyd.Day
)

// mailRefusal says for which workspace a mail may not go by the mail server now;
// none when it may.
func (e *Engine) mailRefusal(ctx context.Context, m privacyd.Mail) (heldFor string, err error) {
	relay := e.placeOf(mailUse)
	if !relay.Declared() {
		return "", nil
	}
	about, err := e.mailAbout(ctx, m)
	if err != nil {
		return "", err
	}
	for _, id := range about {
		s, err := e.States.Settings(ctx, id)
		if err != nil {
			return "", err
		}
		if len(s.AllowedCountries) > 0 && !s.AllowedCountries.Permit(relay.Country) {
			return id, nil
		}
	}
	return "", nil
}

// mailAbout are the ids of the workspaces that a mail is about. What says why an
// account, or a workspace, cannot be deleted is about each that the account is a
// member of, since it may name them.
func (e *Engine) mailAbout(ctx context.Context, m privacyd.Mail) (ids []string, err error) {
	account := m.Account
	switch {
	case m.WorkspaceID != "":
		return []string{m.WorkspaceID}, nil
	case m.Kind == privacyd.MailAccountDeletionBlocked:
		account = m.To.AccountID
	}
	if account == "" {
		return nil, nil
	}
	list, err := e.Workspaces.Workspaces(ctx, account)
	for _, w := range list {
		ids = append(ids, w.ID)
	}
	return ids, err
}

// holdMail keeps back a mail that may not go by the mail server. It is looked at
// again every hour, and at once when the workspace's settings change. What has
// run out meanwhile, or is held for 30 days, is not sent. Audit: mail.hold,
// mail.drop.
func (e *Engine) holdMail(ctx context.Context, q *privacyd.QueuedMail, m privacyd.Mail, lease work.Lease) (held bool, err error) {
	heldFor, err := e.mailRefusal(ctx, m)
	switch {
	case err != nil || heldFor == "" && q.HeldFor == "":
		return false, err
	case q.HeldFor != "" && (m.Until != nil && !e.Now().Before(*m.Until) || !e.Now().Before(q.HeldAt.Add(heldLife))):
		return true, e.endMail(ctx, *q, &m, lease, errNotSo)
	case heldFor == "":
		q.HeldFor, q.HeldAt = "", e.Now()
		return false, e.Tx.InTx(ctx, func(ctx context.Context) error {
			return errors.Join(lease.Check(ctx), e.People.HoldMail(ctx, q.ID, "", q.HeldAt))
		})
	}
	return true, e.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := lease.Check(ctx); err != nil {
			return err
		}
		since := q.HeldAt
		if q.HeldFor == "" {
			since = e.Now()
			event, err := e.mailEvent(ctx, *q, m, errHeld)
			if err != nil {
				return err
			}
			if _, err := e.record(ctx, event); err != nil {
				return err
			}
		}
		if q.HeldFor != heldFor {
			if err := e.People.HoldMail(ctx, q.ID, heldFor, since); err != nil {
				return err
			}
		}
		return e.enqueueMail(ctx, q.ID, e.Now().Add(longestWait))
	})
}

// errHeld is why a mail is not sent yet.
var errHeld = errors.New("the mail server is where the mail may not go")

// LookAtHeldMails has mails that are held looked at now: those of a workspace,
// or all when its id is empty.
func (e *Engine) LookAtHeldMails(ctx context.Context, workspaceID string) error {
	return e.Tx.InTx(ctx, func(ctx context.Context) error {
		ids, err := e.People.HeldMails(ctx, workspaceID, heldReleased)
		for _, id := range ids {
			err = errors.Join(err, e.enqueueMail(ctx, id, e.Now()))
		}
		return err
	})
}

// examineHeld says whether mails are held.
func (e *Engine) examineHeld(ctx context.Context) ([]privacyd.Check, error) {
	const name = "mail.held"
	ids, err := e.People.HeldMails(ctx, "", heldShown)
	switch {
	case err != nil:
		return nil, err
	case len(ids) > 0:
		return []privacyd.Check{privacyd.Warning(name, fmt.Sprintf("%d mails are held: the mail server is in a country in which the data of their workspaces may not be.", len(ids)),
			"Use a mail server where it may be, or have the workspaces' admins allow its country (privacyd workspace settings --countries).")}, nil
	}
	return []privacyd.Check{privacyd.OK(name, "No mail is held.")}, nil
}
