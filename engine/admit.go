package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
)

const (
	browserPrefix = "pdb_"
	codePrefix    = "pdc_"
	codePatience  = 10 * time.Minute // between password and code
	seenEvery     = 10 * time.Minute

	linkCode = "code" // a sign-in that waits for a code
)

// securityPath is where the holder of an account sees how it is kept safe.
const securityPath = "/account/security"

// admit lets somebody in who has shown a password or a link: to a session, or
// to the question for a code.
func (e *Engine) admit(ctx context.Context, c privacyd.Caller, a privacyd.Account) (SignedIn, error) {
	factor, _, err := e.People.SecondFactor(ctx, a.ID)
	if err != nil {
		return SignedIn{}, err
	}
	if !factor.On {
		return e.beginSession(ctx, c, a)
	}
	secret, err := newSecret(codePrefix)
	if err != nil {
		return SignedIn{}, err
	}
	c.Kind, c.AccountID, c.Email, c.Name = privacyd.CallerAccount, a.ID, a.Email, a.Name
	auditID, err := e.record(ctx, privacyd.AuditEvent{
		Caller: c, Action: "session.password", Outcome: privacyd.OutcomeDone, Target: accountTarget(a),
	})
	if err != nil {
		return SignedIn{}, err
	}
	err = e.People.InsertLink(ctx, linkCode, hashSecret(secret), a.ID, e.Now().Add(codePatience), auditID)
	return SignedIn{Account: a, Secret: secret, NeedsCode: true}, err
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
	s := privacyd.Session{ID: id, AccountID: a.ID, CreatedAt: now, SeenAt: now, ExpiresAt: now.Add(sessionLife), IP: c.IP, Browser: c.Browser.Name}
	c.Kind, c.AccountID, c.Email, c.Name = privacyd.CallerAccount, a.ID, a.Email, a.Name
	auditID, err := e.record(ctx, privacyd.AuditEvent{
		Caller: c, Action: string(privacyd.ActionSignIn), Outcome: privacyd.OutcomeDone, Target: accountTarget(a),
	})
	if err != nil {
		return SignedIn{}, err
	}
	about, err := e.sealAbout(ctx, s)
	if err != nil {
		return SignedIn{}, err
	}
	if err := e.Sessions.DeleteExpiredSessions(ctx, now); err != nil {
		return SignedIn{}, err
	}
	if err := e.Sessions.InsertSession(ctx, s, hashSecret(secret), about, auditID); err != nil {
		return SignedIn{}, err
	}
	browser, err := e.meetBrowser(ctx, c, a)
	return SignedIn{Session: s, Account: a, Secret: secret, Browser: browser}, err
}

// aboutSession is what is sealed of a session.
type aboutSession struct {
	IP      string `json:"ip,omitempty"`
	Browser string `json:"browser,omitempty"`
}

func (e *Engine) sealAbout(ctx context.Context, s privacyd.Session) ([]byte, error) {
	raw, err := json.Marshal(aboutSession{IP: s.IP, Browser: s.Browser})
	if err != nil {
		return nil, fmt.Errorf("describe a session: %w", err)
	}
	sealed, _, err := e.Secrets.SealFor(ctx, e.personKey(s.AccountID), sessionAAD(s.ID), raw)
	return sealed, err
}

func sessionAAD(id string) []byte { return []byte("privacyd session\x00" + id) }

// meetBrowser remembers the browser and tells the account's holder of one that
// is new. It gives the secret of a cookie to a browser without one.
func (e *Engine) meetBrowser(ctx context.Context, c privacyd.Caller, a privacyd.Account) (secret string, err error) {
	if c.Door != privacyd.DoorWeb {
		return "", nil
	}
	known := browserSecret(c)
	if known == "" {
		if secret, err = newSecret(browserPrefix); err != nil {
			return "", err
		}
		known = secret
	}
	seen, others, err := e.People.SawBrowser(ctx, a.ID, hashSecret(known), e.Now())
	if err != nil || seen || !others {
		return secret, err
	}
	now := e.Now()
	return secret, e.tell(ctx, privacyd.Mail{
		Kind: privacyd.MailNewSignIn, To: privacyd.Addressee{AccountID: a.ID, Email: a.Email}, Browser: c.Browser.Name, At: &now, Path: securityPath,
	})
}

// browserSecret is the caller's, if it is one that we have made: others could
// be guessed.
func browserSecret(c privacyd.Caller) string {
	own, ok := strings.CutPrefix(c.Browser.Secret, browserPrefix)
	if raw, err := decodeSecret(own); !ok || err != nil || len(raw) != secretSize {
		return ""
	}
	return c.Browser.Secret
}

// touch keeps when a session was used, now and then. That it cannot be written
// is no reason to keep anybody out.
func (e *Engine) touch(ctx context.Context, s privacyd.Session) {
	if e.Now().Sub(s.SeenAt) < seenEvery {
		return
	}
	if err := e.People.TouchSession(ctx, s.ID, e.Now()); err != nil {
		e.Log.WarnContext(ctx, "the use of a session could not be kept", "session", s.ID, "error", err)
	}
}

// ListSessions lists the caller's own sessions, the one last used first. Any
// account.
func (e *Engine) ListSessions(ctx context.Context, c privacyd.Caller) ([]privacyd.Session, error) {
	if c.Kind != privacyd.CallerAccount {
		return nil, errNotSignedIn()
	}
	list, about, err := e.People.SessionsOf(ctx, c.AccountID, e.Now())
	if err != nil {
		return nil, err
	}
	for i := range list {
		list[i].Current = list[i].ID == c.SessionID
		if about[i] == nil {
			continue
		}
		raw, _, err := e.Secrets.OpenFor(ctx, e.personKey(c.AccountID), sessionAAD(list[i].ID), about[i])
		if err != nil {
			return nil, fmt.Errorf("read a session: %w", err)
		}
		var known aboutSession
		if err := json.Unmarshal(raw, &known); err != nil {
			return nil, fmt.Errorf("read a session: %w", err)
		}
		list[i].IP, list[i].Browser = known.IP, known.Browser
	}
	return list, nil
}

// EndSession ends one of the caller's own sessions. Any account. Code
// session_not_found. Audit: session.end.
func (e *Engine) EndSession(ctx context.Context, c privacyd.Caller, id string) error {
	if c.Kind != privacyd.CallerAccount {
		return errNotSignedIn()
	}
	return e.Tx.InTx(ctx, func(ctx context.Context) error {
		ended, err := e.People.DeleteOwnSession(ctx, c.AccountID, id)
		if err != nil {
			return err
		}
		if !ended {
			return privacyd.Errorf(privacyd.ClassNotFound, "session_not_found", "There is no such session any more.")
		}
		_, err = e.record(ctx, privacyd.AuditEvent{
			Caller: c, Action: "session.end", Outcome: privacyd.OutcomeDone,
			Target: privacyd.Target{Type: "session", ID: id, Subject: &privacyd.Subject{Kind: accountKind, ID: c.AccountID}},
		})
		return err
	})
}

// EndOtherSessions ends all of the caller's sessions but the one that asks, and
// says how many. Any account. Audit: session.end.
func (e *Engine) EndOtherSessions(ctx context.Context, c privacyd.Caller) (ended int64, err error) {
	if c.Kind != privacyd.CallerAccount {
		return 0, errNotSignedIn()
	}
	err = e.Tx.InTx(ctx, func(ctx context.Context) error {
		if ended, err = e.People.DeleteSessionsOf(ctx, c.AccountID, c.SessionID); err != nil || ended == 0 {
			return err
		}
		_, err = e.record(ctx, privacyd.AuditEvent{
			Caller: c, Action: "session.end", Outcome: privacyd.OutcomeDone, Facts: map[string]int64{"sessions": ended},
			Target: privacyd.Target{Type: "session", Subject: &privacyd.Subject{Kind: accountKind, ID: c.AccountID}},
		})
		return err
	})
	return ended, err
}

// Security is how an account is kept safe.
type Security struct {
	HasPassword  bool
	SecondFactor privacyd.SecondFactor
	Sessions     []privacyd.Session
}

// MySecurity tells how the caller's own account is kept safe. Any account.
func (e *Engine) MySecurity(ctx context.Context, c privacyd.Caller) (Security, error) {
	factor, err := e.MySecondFactor(ctx, c)
	if err != nil {
		return Security{}, err
	}
	hash, err := e.People.Password(ctx, c.AccountID)
	if err != nil {
		return Security{}, err
	}
	sessions, err := e.ListSessions(ctx, c)
	return Security{HasPassword: hash != "", SecondFactor: factor, Sessions: sessions}, err
}
