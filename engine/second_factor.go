package engine

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/pquerna/otp/hotp"

	"github.com/privacyd/privacyd"
)

const (
	codeStep      = 30 * time.Second // RFC 6238, and what every app supports
	codeSkew      = 1                // steps that a clock may be off
	factorBytes   = 20               // of the shared secret: RFC 4226 asks for 160 bits
	recoveryCodes = 10
	recoveryBytes = 10 // 80 bits

	actionSecondFactor privacyd.Action = "account.second_factor"
)

// Enrolment is what an app needs to make codes. It is shown until it is
// confirmed, and never again.
type Enrolment struct {
	Secret string `json:"secret" doc:"Base32, to be typed."`
	URL    string `json:"url" doc:"otpauth://…, to be shown as a QR code."`
}

// MySecondFactor tells how the caller's second factor stands. Any account.
func (e *Engine) MySecondFactor(ctx context.Context, c privacyd.Caller) (privacyd.SecondFactor, error) {
	if c.Kind != privacyd.CallerAccount {
		return privacyd.SecondFactor{}, errNotSignedIn()
	}
	f, _, err := e.People.SecondFactor(ctx, c.AccountID)
	if !f.On {
		f = privacyd.SecondFactor{}
	}
	return f, err
}

// BeginSecondFactor makes a shared secret for the caller's own account. It
// changes nothing until a code confirms it. Codes: password_wrong,
// sign_in_again, second_factor_on. Audit: account.second_factor.begin.
func (e *Engine) BeginSecondFactor(ctx context.Context, c privacyd.Caller, password string) (Enrolment, error) {
	if err := e.reauthenticate(ctx, c, password); err != nil {
		return Enrolment{}, err
	}
	raw := make([]byte, factorBytes)
	if _, err := rand.Read(raw); err != nil {
		return Enrolment{}, fmt.Errorf("make a second factor: %w", err)
	}
	sealed, _, err := e.Secrets.SealFor(ctx, e.personKey(c.AccountID), factorAAD(c.AccountID), raw)
	if err != nil {
		return Enrolment{}, err
	}
	err = e.Tx.InTx(ctx, func(ctx context.Context) error {
		auditID, err := e.recordFactor(ctx, c, "begin", nil)
		if err != nil {
			return err
		}
		begun, err := e.People.BeginSecondFactor(ctx, c.AccountID, sealed, e.Now(), auditID)
		if err == nil && !begun {
			err = errFactorOn()
		}
		return err
	})
	return enrolment(c, raw), err
}

// PendingSecondFactor gives again what BeginSecondFactor gave, for as long as it
// was not confirmed. Any account. Code second_factor_not_begun.
func (e *Engine) PendingSecondFactor(ctx context.Context, c privacyd.Caller) (Enrolment, error) {
	if c.Kind != privacyd.CallerAccount || c.SessionID == "" {
		return Enrolment{}, errNotSignedIn()
	}
	f, sealed, err := e.People.SecondFactor(ctx, c.AccountID)
	if err != nil {
		return Enrolment{}, err
	}
	if sealed == nil || f.On || e.Now().Sub(f.Since) > freshFor {
		return Enrolment{}, errNotBegun()
	}
	raw, _, err := e.Secrets.OpenFor(ctx, e.personKey(c.AccountID), factorAAD(c.AccountID), sealed)
	return enrolment(c, raw), err
}

func enrolment(c privacyd.Caller, raw []byte) Enrolment {
	secret := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(raw)
	u := url.URL{
		Scheme: "otpauth", Host: "totp", Path: "/privacyd:" + c.Email,
		RawQuery: "secret=" + secret + "&issuer=privacyd", // the rest is what apps assume: the smaller the QR code
	}
	return Enrolment{Secret: secret, URL: u.String()}
}

func factorAAD(accountID string) []byte { return []byte("privacyd second factor\x00" + accountID) }

// ConfirmSecondFactor turns the second factor on with a first code, and gives
// the recovery codes, which are not kept. Codes: second_factor_not_begun,
// second_factor_on, code_wrong, too_many_attempts. Audit:
// account.second_factor.on.
func (e *Engine) ConfirmSecondFactor(ctx context.Context, c privacyd.Caller, code string) ([]string, error) {
	if _, err := e.PendingSecondFactor(ctx, c); err != nil {
		return nil, err
	}
	var codes []string
	err := e.withCode(ctx, c, c.AccountID, code, func(ctx context.Context, used codeUse) error {
		auditID, err := e.recordFactor(ctx, c, privacyd.SecondFactorOn, nil)
		if err != nil {
			return err
		}
		on, err := e.People.ConfirmSecondFactor(ctx, c.AccountID, e.Now(), auditID)
		if err != nil {
			return err
		}
		if !on {
			return errFactorOn()
		}
		if codes, err = e.newRecoveryCodes(ctx, c.AccountID); err != nil {
			return err
		}
		return e.tellFactor(ctx, c.AccountID, c.Email, privacyd.SecondFactorOn)
	})
	return codes, err
}

// EndSecondFactor turns the caller's own second factor off. Codes:
// password_wrong, sign_in_again, second_factor_off, code_wrong,
// too_many_attempts. Audit: account.second_factor.off.
func (e *Engine) EndSecondFactor(ctx context.Context, c privacyd.Caller, password, code string) error {
	if err := e.factorOn(ctx, c); err != nil {
		return err
	}
	if err := e.reauthenticate(ctx, c, password); err != nil {
		return err
	}
	return e.withCode(ctx, c, c.AccountID, code, func(ctx context.Context, _ codeUse) error {
		return e.endFactor(ctx, c, privacyd.Account{ID: c.AccountID, Email: c.Email})
	})
}

// RemoveSecondFactor turns an account's second factor off for somebody who has
// lost it. The operator only. Codes: account_not_found, second_factor_off.
// Audit: account.second_factor.off.
func (e *Engine) RemoveSecondFactor(ctx context.Context, c privacyd.Caller, email string) error {
	if err := e.operatorOnly(ctx, c, actionSecondFactor); err != nil {
		return err
	}
	normal, err := privacyd.NormalEmail(email)
	if err != nil {
		return err
	}
	return e.Tx.InTx(ctx, func(ctx context.Context) error {
		a, _, err := e.Accounts.AccountByEmail(ctx, normal)
		if err != nil {
			return err
		}
		return e.endFactor(ctx, c, a)
	})
}

func (e *Engine) endFactor(ctx context.Context, c privacyd.Caller, a privacyd.Account) error {
	ended, err := e.People.DeleteSecondFactor(ctx, a.ID)
	if err != nil {
		return err
	}
	if !ended {
		return errFactorOff()
	}
	if _, err := e.recordFactor(ctx, c, privacyd.SecondFactorOff, &a); err != nil {
		return err
	}
	return e.tellFactor(ctx, a.ID, a.Email, privacyd.SecondFactorOff)
}

// NewRecoveryCodes makes recovery codes in place of the old ones. Codes:
// second_factor_off, code_wrong, too_many_attempts. Audit:
// account.second_factor.codes.
func (e *Engine) NewRecoveryCodes(ctx context.Context, c privacyd.Caller, code string) (codes []string, err error) {
	if err := e.factorOn(ctx, c); err != nil {
		return nil, err
	}
	err = e.withCode(ctx, c, c.AccountID, code, func(ctx context.Context, _ codeUse) error {
		if _, err := e.recordFactor(ctx, c, privacyd.SecondFactorCodes, nil); err != nil {
			return err
		}
		if codes, err = e.newRecoveryCodes(ctx, c.AccountID); err != nil {
			return err
		}
		return e.tellFactor(ctx, c.AccountID, c.Email, privacyd.SecondFactorCodes)
	})
	return codes, err
}

func (e *Engine) factorOn(ctx context.Context, c privacyd.Caller) error {
	if c.Kind != privacyd.CallerAccount || c.SessionID == "" {
		return errNotSignedIn()
	}
	f, _, err := e.People.SecondFactor(ctx, c.AccountID)
	if err == nil && !f.On {
		err = errFactorOff()
	}
	return err
}

// ConfirmSignIn ends a sign-in that waits for a code: one of the app's, or a
// recovery code. Anybody with the secret that SignIn gave. Codes: link_used,
// code_wrong, too_many_attempts. Audit: session.create, and
// account.second_factor.used for a recovery code.
func (e *Engine) ConfirmSignIn(ctx context.Context, c privacyd.Caller, secret, code string) (in SignedIn, err error) {
	id, err := e.People.Link(ctx, linkCode, hashSecret(secret), e.Now())
	if err != nil {
		return in, e.deny(ctx, c, grant{}, privacyd.ActionSignIn, err)
	}
	a, err := e.Accounts.Account(ctx, id)
	if err != nil {
		return in, err
	}
	err = e.withCode(ctx, asItself(c, a), id, code, func(ctx context.Context, used codeUse) error {
		if _, err := e.People.TakeLink(ctx, linkCode, hashSecret(secret), e.Now()); err != nil {
			return err
		}
		if used == usedRecovery {
			if _, err := e.recordFactor(ctx, asItself(c, a), privacyd.SecondFactorUsed, &a); err != nil {
				return err
			}
			if err := e.tellFactor(ctx, a.ID, a.Email, privacyd.SecondFactorUsed); err != nil {
				return err
			}
		}
		in, err = e.beginSession(ctx, c, a)
		return err
	})
	return in, err
}

// codeUse says what a code was.
type codeUse int

const (
	usedNothing codeUse = iota
	usedCode
	usedRecovery
)

// withCode runs then in the transaction that uses a code up, if it is right.
// A wrong one is audited.
func (e *Engine) withCode(ctx context.Context, c privacyd.Caller, accountID, code string, then func(ctx context.Context, used codeUse) error) error {
	t := e.trial(tryCode, accountID)
	whom := privacyd.Target{Type: "account", ID: accountID, Subject: &privacyd.Subject{Kind: accountKind, ID: accountID}}
	if err := e.take(ctx, c, actionSecondFactor, whom, t); err != nil {
		return err
	}
	used := usedNothing
	err := e.Tx.InTx(ctx, func(ctx context.Context) (err error) {
		if used, err = e.useCode(ctx, accountID, code); err != nil || used == usedNothing {
			return err
		}
		if err := e.giveBack(ctx, t); err != nil {
			return err
		}
		return then(ctx, used)
	})
	if err != nil || used != usedNothing {
		return err
	}
	return e.deny(ctx, c, grant{}, actionSecondFactor, privacyd.Errorf(privacyd.ClassForbidden, "code_wrong",
		"That code is wrong, too old, or was used already. Take the next one that the app shows; check the clock of its device."))
}

func (e *Engine) useCode(ctx context.Context, accountID, code string) (codeUse, error) {
	_, sealed, err := e.People.SecondFactor(ctx, accountID)
	if err != nil || sealed == nil {
		return usedNothing, err
	}
	code = strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(code))
	if len(code) != 6 {
		ok, err := e.People.TakeRecoveryCode(ctx, accountID, e.recoveryHash(accountID, code))
		if ok {
			return usedRecovery, err
		}
		return usedNothing, err
	}
	raw, _, err := e.Secrets.OpenFor(ctx, e.personKey(accountID), factorAAD(accountID), sealed)
	if err != nil {
		return usedNothing, err
	}
	step, err := matchingStep(raw, code, e.Now())
	if err != nil || step == 0 {
		return usedNothing, err
	}
	fresh, err := e.People.UseStep(ctx, accountID, step)
	if err != nil || !fresh {
		return usedNothing, err
	}
	return usedCode, nil
}

// matchingStep finds the step of time that a code belongs to, near now; 0 when
// there is none. It looks at all of them, whichever is right.
func matchingStep(secret []byte, code string, now time.Time) (int64, error) {
	encoded, current, found := base32.StdEncoding.EncodeToString(secret), now.Unix()/int64(codeStep/time.Second), int64(0)
	for step := current - codeSkew; step <= current+codeSkew; step++ {
		want, err := hotp.GenerateCode(encoded, uint64(step))
		if err != nil {
			return 0, fmt.Errorf("make a code: %w", err)
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			found = step
		}
	}
	return found, nil
}

// newRecoveryCodes makes codes and keeps their keyed hashes: a plain hash of
// one could be guessed back by whoever has the database.
func (e *Engine) newRecoveryCodes(ctx context.Context, accountID string) ([]string, error) {
	codes, hashes := make([]string, recoveryCodes), make([][]byte, recoveryCodes)
	for i := range codes {
		raw := make([]byte, recoveryBytes)
		if _, err := rand.Read(raw); err != nil {
			return nil, fmt.Errorf("make recovery codes: %w", err)
		}
		code := base32.StdEncoding.EncodeToString(raw)
		codes[i] = strings.Join([]string{code[:4], code[4:8], code[8:12], code[12:]}, "-")
		hashes[i] = e.recoveryHash(accountID, code)
	}
	return codes, e.People.PutRecoveryCodes(ctx, accountID, hashes)
}

func (e *Engine) recoveryHash(accountID, code string) []byte {
	return e.Signer.Sign([]byte("privacyd recovery code\n" + accountID + "\n" + code))
}

func (e *Engine) recordFactor(ctx context.Context, c privacyd.Caller, change string, a *privacyd.Account) (string, error) {
	if a == nil {
		a = &privacyd.Account{ID: c.AccountID, Name: c.Name}
	}
	return e.record(ctx, privacyd.AuditEvent{
		Caller: c, Action: string(actionSecondFactor) + "." + change, Outcome: privacyd.OutcomeDone, Target: accountTarget(*a),
	})
}

func (e *Engine) tellFactor(ctx context.Context, accountID, email, change string) error {
	now := e.Now()
	return e.tell(ctx, privacyd.Mail{
		Kind: privacyd.MailSecondFactorChanged, To: privacyd.Addressee{AccountID: accountID, Email: email}, Change: change, At: &now, Path: securityPath,
	})
}

func errFactorOn() error {
	return privacyd.Errorf(privacyd.ClassConflict, "second_factor_on", "The second factor is on already. Turn it off first to set up another app.")
}

func errFactorOff() error {
	return privacyd.Errorf(privacyd.ClassConflict, "second_factor_off", "There is no second factor to be turned off or used.")
}

func errNotBegun() error {
	return privacyd.Errorf(privacyd.ClassConflict, "second_factor_not_begun", "Begin with setting up the second factor, and confirm it within an hour.")
}
