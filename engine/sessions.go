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

// SignedIn is a new session and the secret that stands for it, which is not
// kept anywhere.
type SignedIn struct {
	Session privacyd.Session
	Account privacyd.Account
	Secret  string
}

// SignIn begins a session with e-mail and password. Anybody may call it. Code
// sign_in_failed says nothing about which of the two was wrong. Audit:
// session.create.
func (e *Engine) SignIn(ctx context.Context, c privacyd.Caller, email, password string) (SignedIn, error) {
	normal, err := privacyd.NormalEmail(email)
	if err != nil {
		return SignedIn{}, err
	}
	account, hash, err := e.Accounts.AccountByEmail(ctx, normal)
	if err != nil && privacyd.CodeOf(err) != "account_not_found" {
		return SignedIn{}, err
	}
	e.hashing.Lock() // a crowd of guesses must not take all processors
	ok, err := passwordMatches(hash, password)
	e.hashing.Unlock()
	if err != nil {
		return SignedIn{}, err
	}
	if !ok {
		return SignedIn{}, e.refuseSignIn(ctx, c, account)
	}
	var in SignedIn
	err = e.Tx.InTx(ctx, func(ctx context.Context) error {
		in, err = e.beginSession(ctx, c, account)
		return err
	})
	return in, err
}

// refuseSignIn audits a wrong password with the account that it was tried on.
func (e *Engine) refuseSignIn(ctx context.Context, c privacyd.Caller, a privacyd.Account) error {
	refusal := privacyd.Errorf(privacyd.ClassUnauthenticated, "sign_in_failed", "The e-mail address or the password is wrong.")
	event := privacyd.AuditEvent{
		Caller: c, Action: string(privacyd.ActionSignIn), Outcome: privacyd.OutcomeDenied, Code: refusal.Code,
	}
	if a.ID != "" {
		event.Target = accountTarget(a)
	}
	if err := e.recordAlone(ctx, event); err != nil {
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

// RedeemSignInLink begins a session with a one-time link. Anybody may call it.
// Code sign_in_link_invalid. Audit: session.create.
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
		in, err = e.beginSession(ctx, c, account)
		return err
	})
	if privacyd.CodeOf(err) == "sign_in_link_invalid" {
		err = e.deny(ctx, c, grant{}, privacyd.ActionSignIn, err)
	}
	return in, err
}

func (e *Engine) beginSession(ctx context.Context, c privacyd.Caller, a privacyd.Account) (SignedIn, error) {
	secret, err := newSecret(sessionPrefix)
	if err != nil {
		return SignedIn{}, err
	}
	id, err := newID()
	if err != nil {
		return SignedIn{}, err
	}
	now := e.Now()
	s := privacyd.Session{ID: id, AccountID: a.ID, CreatedAt: now, ExpiresAt: now.Add(sessionLife)}
	c.Kind, c.AccountID, c.Email, c.Name = privacyd.CallerAccount, a.ID, a.Email, a.Name
	auditID, err := e.record(ctx, privacyd.AuditEvent{
		Caller: c, Action: string(privacyd.ActionSignIn), Outcome: privacyd.OutcomeDone, Target: accountTarget(a),
	})
	if err != nil {
		return SignedIn{}, err
	}
	if err := e.Sessions.DeleteExpiredSessions(ctx, now); err != nil {
		return SignedIn{}, err
	}
	return SignedIn{Session: s, Account: a, Secret: secret}, e.Sessions.InsertSession(ctx, s, hashSecret(secret), auditID)
}

// SignOut ends the caller's session. Audit: session.delete.
func (e *Engine) SignOut(ctx context.Context, c privacyd.Caller) error {
	if c.SessionID == "" {
		return errNotSignedIn()
	}
	return e.Tx.InTx(ctx, func(ctx context.Context) error {
		_, err := e.record(ctx, privacyd.AuditEvent{Caller: c, Action: string(privacyd.ActionSignOut), Outcome: privacyd.OutcomeDone})
		if err != nil {
			return err
		}
		return e.Sessions.DeleteSession(ctx, c.SessionID)
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
