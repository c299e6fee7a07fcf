package engine

import (
	"context"
	"crypto/sha256"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
)

const (
	sessionLife    = 30 * 24 * time.Hour
	signInLinkLife = time.Hour
	sessionPrefix  = "pds_"
	linkPrefix     = "pdl_"
	tokenPrefix    = "pdt_"
)

// SignedIn is a new session, or half of one.
type SignedIn struct {
	Session privacyd.Session
	Account privacyd.Account
	Secret  string // stands for the session; not kept anywhere
	Browser string // by which the browser is known again; empty: it has that already

	// NeedsCode says that nobody is signed in yet: ConfirmSignIn wants the
	// secret and a code of the account's second factor.
	NeedsCode bool
}

// SignIn begins a session with e-mail and password. Anybody may call it. Code
// sign_in_failed says nothing about which of the two was wrong, and whether
// there is such an account changes neither the answer nor what is done for it;
// too_many_attempts. Audit: session.create; session.password where a code is
// still asked for; attempts.lock.
func (e *Engine) SignIn(ctx context.Context, c privacyd.Caller, email, password string) (SignedIn, error) {
	normal, err := privacyd.NormalEmail(email)
	if err != nil {
		return SignedIn{}, err
	}
	account, hash, err := e.Accounts.AccountByEmail(ctx, normal)
	if err != nil && privacyd.CodeOf(err) != "account_not_found" {
		return SignedIn{}, err
	}
	trials, err := e.signInTrials(ctx, c, account, normal)
	if err != nil {
		return SignedIn{}, err
	}
	if err := e.take(ctx, c, privacyd.ActionSignIn, signInTarget(account), trials...); err != nil {
		return SignedIn{}, err
	}
	ok, err := e.passwordMatches(hash, password)
	if err != nil {
		return SignedIn{}, err
	}
	if !ok {
		return SignedIn{}, e.refuseSignIn(ctx, c, account)
	}
	var in SignedIn
	err = e.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := e.giveBack(ctx, trials...); err != nil {
			return err
		}
		in, err = e.admit(ctx, c, account)
		return err
	})
	return in, err
}

// signInTrials are what a wrong password counts for. A browser that the account
// was used in has a count of its own: somebody else's guesses do not lock the
// account's holder out.
func (e *Engine) signInTrials(ctx context.Context, c privacyd.Caller, a privacyd.Account, email string) ([]trial, error) {
	trials := e.fromAddress(tryAddress, c)
	secret := browserSecret(c)
	known, err := e.People.KnownBrowser(ctx, a.ID, hashSecret(secret))
	if err != nil {
		return nil, err
	}
	if known && secret != "" {
		return append(trials, e.trial(tryBrowser, a.ID+" "+secret)), nil
	}
	return append(trials, e.trial(tryPassword, email)), nil
}

// signInTarget is the account that somebody tried. One that there is not gets
// the same place in the log as one that there is.
func signInTarget(a privacyd.Account) privacyd.Target {
	if a.ID == "" {
		a.ID, a.Name = nobodyID, "no such account"
	}
	return accountTarget(a)
}

// refuseSignIn audits a wrong password with the account that it was tried on.
func (e *Engine) refuseSignIn(ctx context.Context, c privacyd.Caller, a privacyd.Account) error {
	refusal := privacyd.Errorf(privacyd.ClassUnauthenticated, "sign_in_failed", "The e-mail address or the password is wrong.")
	err := e.recordAlone(ctx, privacyd.AuditEvent{
		Caller: c, Action: string(privacyd.ActionSignIn), Outcome: privacyd.OutcomeDenied, Code: refusal.Code, Target: signInTarget(a),
	})
	if err != nil {
		return err
	}
	return refusal
}

// CreateSignInLink makes a one-time link's secret for an account; it works for
// an hour. The operator only. Audit: session.link.
func (e *Engine) CreateSignInLink(ctx context.Context, c privacyd.Caller, email string) (secret string, err error) {
	if err := e.operatorOnly(ctx, c, privacyd.ActionSignIn); err != nil {
		return "", err
	}
	normal, err := privacyd.NormalEmail(email)
	if err != nil {
		return "", err
	}
	if secret, err = newSecret(linkPrefix); err != nil {
		return "", err
	}
	return secret, e.Tx.InTx(ctx, func(ctx context.Context) error {
		account, _, err := e.Accounts.AccountByEmail(ctx, normal)
		if err != nil {
			return err
		}
		if !account.Invited {
			return errNotInvited()
		}
		auditID, err := e.record(ctx, privacyd.AuditEvent{
			Caller: c, Action: "session.link", Outcome: privacyd.OutcomeDone, Target: accountTarget(account),
		})
		if err != nil {
			return err
		}
		return e.Sessions.InsertSignInLink(ctx, hashSecret(secret), account.ID, e.Now().Add(signInLinkLife), auditID)
	})
}

// RedeemSignInLink begins a session with a one-time link in place of a
// password. Anybody may call it. Code sign_in_link_invalid. Audit:
// session.create; session.password where a code is still asked for.
func (e *Engine) RedeemSignInLink(ctx context.Context, c privacyd.Caller, secret string) (in SignedIn, err error) {
	err = e.Tx.InTx(ctx, func(ctx context.Context) error {
		id, err := e.Sessions.TakeSignInLink(ctx, hashSecret(secret), e.Now())
		if err != nil {
			return err
		}
		account, err := e.Accounts.Account(ctx, id)
		if err != nil {
			return err
		}
		in, err = e.admit(ctx, c, account)
		return err
	})
	if privacyd.CodeOf(err) == "sign_in_link_invalid" {
		err = e.deny(ctx, c, grant{}, privacyd.ActionSignIn, err)
	}
	return in, err
}

// SignOut ends the caller's session. Audit: session.delete.
func (e *Engine) SignOut(ctx context.Context, c privacyd.Caller) error {
	if c.SessionID == "" {
		return errNotSignedIn()
	}
	return e.Tx.InTx(ctx, func(ctx context.Context) error {
		ended, err := e.People.DeleteOwnSession(ctx, c.AccountID, c.SessionID)
		if err != nil || !ended { // asked twice at once
			return err
		}
		_, err = e.record(ctx, privacyd.AuditEvent{Caller: c, Action: string(privacyd.ActionSignOut), Outcome: privacyd.OutcomeDone})
		return err
	})
}

// Authenticate tells who holds a secret: a session's or an API token's. The
// door adds address and door to the caller it gets. Codes session_unknown,
// token_unknown.
func (e *Engine) Authenticate(ctx context.Context, secret string) (privacyd.Caller, error) {
	if strings.HasPrefix(secret, tokenPrefix) {
		t, err := e.Sessions.Token(ctx, hashSecret(secret))
		if err != nil {
			return privacyd.Caller{}, err
		}
		e.touchToken(ctx, t)
		return privacyd.Caller{Kind: privacyd.CallerToken, Token: &t, Name: t.Label}, nil
	}
	s, err := e.Sessions.Session(ctx, hashSecret(secret), e.Now())
	if err != nil {
		return privacyd.Caller{}, err
	}
	a, err := e.Accounts.Account(ctx, s.AccountID)
	if err != nil {
		return privacyd.Caller{}, err
	}
	e.touch(ctx, s)
	c := callerFor(a)
	c.SessionID = s.ID
	return c, nil
}

// As makes the operator act as an account, for commands with --as. Code
// account_not_found.
func (e *Engine) As(ctx context.Context, c privacyd.Caller, email string) (privacyd.Caller, error) {
	if err := e.operatorOnly(ctx, c, privacyd.ActionSignIn); err != nil {
		return privacyd.Caller{}, err
	}
	normal, err := privacyd.NormalEmail(email)
	if err != nil {
		return privacyd.Caller{}, err
	}
	a, _, err := e.Accounts.AccountByEmail(ctx, normal)
	if err != nil {
		return privacyd.Caller{}, err
	}
	as := callerFor(a)
	as.Door, as.IP, as.Operator = c.Door, c.IP, c.Name
	return as, nil
}

func callerFor(a privacyd.Account) privacyd.Caller {
	return privacyd.Caller{Kind: privacyd.CallerAccount, AccountID: a.ID, Email: a.Email, Name: a.Name}
}

// hashSecret is what is kept of a secret. It has 256 random bits, so a plain
// hash cannot be guessed back.
func hashSecret(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}
