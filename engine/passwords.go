package engine

import (
	"context"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/work"
)

// WorkReset is the kind of work that looks up for whom a new password was
// asked; its key is the request's id.
const WorkReset = "reset"

const (
	resetPrefix = "pdr_"
	resetLife   = time.Hour
	freshFor    = time.Hour // how long a session without a password counts as one that has just proven who it is

	linkReset = "reset"
)

// ChangePassword changes the caller's own password and ends all other
// sessions. An account without a password sets its first one in the hour after
// it signed in by link. Codes: password_wrong, sign_in_again,
// password_invalid, too_many_attempts. Audit: account.password.
func (e *Engine) ChangePassword(ctx context.Context, c privacyd.Caller, old, password string) error {
	if c.Kind != privacyd.CallerAccount {
		return errNotSignedIn()
	}
	was, err := e.People.Password(ctx, c.AccountID)
	if err != nil {
		return err
	}
	if err := e.reauthenticate(ctx, c, old); err != nil {
		return err
	}
	hash, err := e.newPassword(password)
	if err != nil {
		return err
	}
	return e.Tx.InTx(ctx, func(ctx context.Context) error {
		still, err := e.People.LockPassword(ctx, c.AccountID, was)
		if err != nil {
			return err
		}
		if !still { // asked twice at once
			return errPasswordWrong()
		}
		return e.setPassword(ctx, c, c.AccountID, c.SessionID, hash)
	})
}

func errPasswordWrong() error {
	return privacyd.Errorf(privacyd.ClassForbidden, "password_wrong", "That is not your password.")
}

// newPassword is hashPassword for one that must not be empty.
func (e *Engine) newPassword(password string) (string, error) {
	hash, err := e.hashPassword(password)
	if err == nil && hash == "" {
		err = errPassword()
	}
	return hash, err
}

// setPassword changes a password and ends what the old one has begun: all
// sessions but one, links, and the trust in browsers.
func (e *Engine) setPassword(ctx context.Context, c privacyd.Caller, accountID, but, hash string) error {
	a, err := e.Accounts.Account(ctx, accountID)
	if err != nil {
		return err
	}
	ended, err := e.People.DeleteSessionsOf(ctx, a.ID, but)
	if err != nil {
		return err
	}
	auditID, err := e.record(ctx, privacyd.AuditEvent{
		Caller: c, Action: "account.password", Outcome: privacyd.OutcomeDone, Target: accountTarget(a),
		Facts: map[string]int64{"sessions": ended},
	})
	if err != nil {
		return err
	}
	if err := e.People.SetPassword(ctx, a.ID, hash, auditID); err != nil {
		return err
	}
	for _, purpose := range []string{linkReset, linkCode} {
		if err := e.People.DeleteLinks(ctx, purpose, a.ID); err != nil {
			return err
		}
	}
	now := e.Now()
	return e.tell(ctx, privacyd.Mail{
		Kind: privacyd.MailPasswordChanged, To: privacyd.Addressee{AccountID: a.ID, Email: a.Email}, At: &now, Path: securityPath,
	})
}

// HasPassword tells whether the caller's account has a password, or signs in by
// link alone.
func (e *Engine) HasPassword(ctx context.Context, c privacyd.Caller) (bool, error) {
	if c.Kind != privacyd.CallerAccount {
		return false, errNotSignedIn()
	}
	hash, err := e.People.Password(ctx, c.AccountID)
	return hash != "", err
}

// reauthenticate asks a signed-in person for the password once more, before
// something that a session left open must not be enough for.
func (e *Engine) reauthenticate(ctx context.Context, c privacyd.Caller, password string) error {
	if c.Kind != privacyd.CallerAccount {
		return errNotSignedIn()
	}
	hash, err := e.People.Password(ctx, c.AccountID)
	if err != nil {
		return err
	}
	if hash == "" {
		return e.freshSession(ctx, c)
	}
	t := e.trial(tryPassword, c.Email)
	whom := privacyd.Target{Type: "account", ID: c.AccountID, Subject: &privacyd.Subject{Kind: accountKind, ID: c.AccountID}}
	if err := e.take(ctx, c, "account.password", whom, t); err != nil {
		return err
	}
	ok, err := e.passwordMatches(hash, password)
	if err != nil {
		return err
	}
	if ok {
		return e.Tx.InTx(ctx, func(ctx context.Context) error { return e.giveBack(ctx, t) })
	}
	return e.deny(ctx, c, grant{}, "account.password", errPasswordWrong())
}

// freshSession lets the holder of an account without a password through who
// has just signed in by link.
func (e *Engine) freshSession(ctx context.Context, c privacyd.Caller) error {
	list, _, err := e.People.SessionsOf(ctx, c.AccountID, e.Now())
	if err != nil {
		return err
	}
	for _, s := range list {
		if s.ID == c.SessionID && e.Now().Sub(s.CreatedAt) < freshFor {
			return nil
		}
	}
	return privacyd.Errorf(privacyd.ClassForbidden, "sign_in_again",
		"Your account has no password, and you signed in a while ago. Sign in once more by a new link, and do it then.")
}

// AskPasswordReset has a link to set a new password sent to an address, if an
// account has it. Anybody may ask; the answer is always the same, and what is
// done before it too. Codes: email_invalid, mail_missing, too_many_attempts
// (by the caller's address). Audit: account.reset, when the link is made.
func (e *Engine) AskPasswordReset(ctx context.Context, c privacyd.Caller, email string) error {
	if err := e.needMail(); err != nil {
		return err
	}
	normal, err := privacyd.NormalEmail(email)
	if err != nil {
		return err
	}
	if err := e.take(ctx, c, "account.reset", privacyd.Target{}, e.fromAddress(tryResetAddres, c)...); err != nil {
		return err
	}
	id, err := newID()
	if err != nil {
		return err
	}
	sealed, _, err := e.Secrets.SealFor(ctx, e.personKey(""), resetAAD(id), []byte(normal))
	if err != nil {
		return err
	}
	return e.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := e.People.InsertResetRequest(ctx, id, sealed, e.Now()); err != nil {
			return err
		}
		return e.Queue.Enqueue(ctx, work.Item{Kind: WorkReset, Key: id, At: e.Now()})
	})
}

func resetAAD(id string) []byte { return []byte("privacyd password request\x00" + id) }

// RunReset is the handler of WorkReset. For an address that no account has, or
// that was sent too many mails, it does nothing.
func (e *Engine) RunReset(ctx context.Context, id string, lease work.Lease) error {
	return e.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := lease.Check(ctx); err != nil {
			return err
		}
		sealed, err := e.People.TakeResetRequest(ctx, id)
		if err != nil || sealed == nil {
			return err
		}
		email, _, err := e.Secrets.OpenFor(ctx, e.personKey(""), resetAAD(id), sealed)
		if err != nil {
			return err
		}
		wait, _, err := e.count(ctx, []trial{e.trial(tryReset, string(email))})
		if err != nil || wait > 0 {
			return err
		}
		a, _, err := e.Accounts.AccountByEmail(ctx, string(email))
		if privacyd.CodeOf(err) == "account_not_found" || (err == nil && !a.Invited) {
			return nil
		}
		if err != nil {
			return err
		}
		return e.sendReset(ctx, a)
	})
}

func (e *Engine) sendReset(ctx context.Context, a privacyd.Account) error {
	secret, until, err := e.makeReset(ctx, privacyd.System("password reset"), a)
	if err != nil {
		return err
	}
	return e.tell(ctx, privacyd.Mail{
		Kind: privacyd.MailPasswordReset, To: privacyd.Addressee{AccountID: a.ID, Email: a.Email}, Path: ResetPath(secret), Until: &until,
	})
}

// ResetPath is where a link to set a new password leads.
func ResetPath(secret string) string { return "/sign-in/reset/" + secret }

func (e *Engine) makeReset(ctx context.Context, c privacyd.Caller, a privacyd.Account) (secret string, until time.Time, err error) {
	if secret, err = newSecret(resetPrefix); err != nil {
		return "", until, err
	}
	auditID, err := e.record(ctx, privacyd.AuditEvent{Caller: c, Action: "account.reset", Outcome: privacyd.OutcomeDone, Target: accountTarget(a)})
	if err != nil {
		return "", until, err
	}
	if err := e.People.DeleteLinks(ctx, linkReset, a.ID); err != nil {
		return "", until, err
	}
	until = e.Now().Add(resetLife)
	return secret, until, e.People.InsertLink(ctx, linkReset, hashSecret(secret), a.ID, until, auditID)
}

// CreatePasswordLink makes a link to set a new password and gives its secret;
// it works once, for an hour. The operator only. Codes: account_not_found,
// account_not_invited. Audit: account.reset.
func (e *Engine) CreatePasswordLink(ctx context.Context, c privacyd.Caller, email string) (secret string, err error) {
	if err := e.operatorOnly(ctx, c, privacyd.ActionCreateAccount); err != nil {
		return "", err
	}
	normal, err := privacyd.NormalEmail(email)
	if err != nil {
		return "", err
	}
	err = e.Tx.InTx(ctx, func(ctx context.Context) error {
		a, _, err := e.Accounts.AccountByEmail(ctx, normal)
		if err != nil {
			return err
		}
		if !a.Invited {
			return errNotInvited()
		}
		secret, _, err = e.makeReset(ctx, c, a)
		return err
	})
	return secret, err
}

// CheckPasswordLink tells whether a link to set a new password still works, and
// leaves it as it is. Code link_used.
func (e *Engine) CheckPasswordLink(ctx context.Context, secret string) error {
	_, err := e.People.Link(ctx, linkReset, hashSecret(secret), e.Now())
	return err
}

// ResetPassword sets a new password by a link and ends every session. It
// signs nobody in: where there is a second factor, it is still asked for.
// Anybody with a link. Codes: link_used, password_invalid. Audit:
// account.password.
func (e *Engine) ResetPassword(ctx context.Context, c privacyd.Caller, secret, password string) error {
	err := e.CheckPasswordLink(ctx, secret) // before the work of hashing
	if err != nil {
		return e.deny(ctx, c, grant{}, "account.password", err)
	}
	hash, err := e.newPassword(password)
	if err != nil {
		return err
	}
	return e.Tx.InTx(ctx, func(ctx context.Context) error {
		id, err := e.People.TakeLink(ctx, linkReset, hashSecret(secret), e.Now())
		if err != nil {
			return err
		}
		a, err := e.Accounts.Account(ctx, id)
		if err != nil {
			return err
		}
		if err := e.giveBack(ctx, e.trial(tryPassword, a.Email)); err != nil {
			return err
		}
		if err := e.People.ForgetBrowsers(ctx, id); err != nil {
			return err
		}
		return e.setPassword(ctx, asItself(c, a), id, "", hash)
	})
}
