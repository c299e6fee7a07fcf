package engine

import (
	"context"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/bcrypt"

	"github.com/privacyd/privacyd"
)

const (
	minPassword = 10
	maxPassword = 1000
	bcryptCost  = 12 // about a quarter of a second
)

// NewAccount asks for an account.
type NewAccount struct {
	Email    string
	Name     string
	Password string // at least 10 characters, or empty: signs in by link only
}

// CreateAccount makes an account; one that was only known as an author of
// imported records becomes a full one. The operator only. Codes:
// email_invalid, name_invalid, password_invalid, account_exists. Audit:
// account.create.
func (e *Engine) CreateAccount(ctx context.Context, c privacyd.Caller, r NewAccount) (privacyd.Account, error) {
	if err := e.operatorOnly(ctx, c, privacyd.ActionCreateAccount); err != nil {
		return privacyd.Account{}, err
	}
	account, hash, err := e.prepareAccount(r)
	if err != nil {
		return privacyd.Account{}, err
	}
	err = e.Tx.InTx(ctx, func(ctx context.Context) error {
		account, err = e.makeAccount(ctx, c, account, hash)
		return err
	})
	return account, err
}

// makeAccount inserts an account, or makes one full that was only known as an
// author or by an invitation.
func (e *Engine) makeAccount(ctx context.Context, c privacyd.Caller, a privacyd.Account, hash string) (privacyd.Account, error) {
	known, _, err := e.Accounts.AccountByEmail(ctx, a.Email)
	if privacyd.CodeOf(err) == "account_not_found" {
		if a.ID, err = e.accountID(ctx, a); err != nil {
			return a, err
		}
		return a, e.insertAccount(ctx, asItself(c, a), a, hash)
	}
	if err != nil {
		return a, err
	}
	if known.Invited {
		return a, privacyd.Errorf(privacyd.ClassConflict, "account_exists", "An account with this e-mail address exists already.")
	}
	known.Name, known.Invited = a.Name, true
	return known, e.adoptAccount(ctx, asItself(c, known), known, hash)
}

// accountID is the id of a new account: what the audit log knows of somebody
// who was invited is sealed with the key of that id.
func (e *Engine) accountID(ctx context.Context, a privacyd.Account) (string, error) {
	invited, err := e.People.InvitedAs(ctx, a.Email)
	if err != nil || invited == "" {
		return a.ID, err
	}
	return invited, nil
}

// asItself makes whoever has no account yet, and makes it, act as that account.
func asItself(c privacyd.Caller, a privacyd.Account) privacyd.Caller {
	if c.Kind == privacyd.CallerAnonymous {
		c.Kind, c.AccountID, c.Email, c.Name = privacyd.CallerAccount, a.ID, a.Email, a.Name
	}
	return c
}

func (e *Engine) prepareAccount(r NewAccount) (privacyd.Account, string, error) {
	email, err := privacyd.NormalEmail(r.Email)
	if err != nil {
		return privacyd.Account{}, "", err
	}
	name, err := displayName(r.Name)
	if err != nil {
		return privacyd.Account{}, "", err
	}
	hash, err := e.hashPassword(r.Password)
	if err != nil {
		return privacyd.Account{}, "", err
	}
	id, err := newID()
	if err != nil {
		return privacyd.Account{}, "", err
	}
	return privacyd.Account{ID: id, Email: email, Name: name, Invited: true, CreatedAt: e.Now()}, hash, nil
}

func (e *Engine) insertAccount(ctx context.Context, c privacyd.Caller, a privacyd.Account, hash string) error {
	going, err := e.goingAccounts(ctx)
	if err != nil {
		return err
	}
	if going[a.Email] {
		return privacyd.Errorf(privacyd.ClassConflict, "account_exists",
			"The account with this e-mail address is being deleted. Wait until that has ended and try again.")
	}
	auditID, err := e.record(ctx, e.accountEvent(c, a))
	if err != nil {
		return err
	}
	return e.Accounts.InsertAccount(ctx, a, hash, auditID)
}

func (e *Engine) adoptAccount(ctx context.Context, c privacyd.Caller, a privacyd.Account, hash string) error {
	auditID, err := e.record(ctx, e.accountEvent(c, a))
	if err != nil {
		return err
	}
	return e.Accounts.AdoptAccount(ctx, a.ID, a.Name, hash, auditID)
}

func (e *Engine) accountEvent(c privacyd.Caller, a privacyd.Account) privacyd.AuditEvent {
	return privacyd.AuditEvent{
		Caller: c, Action: string(privacyd.ActionCreateAccount), Outcome: privacyd.OutcomeDone, Target: accountTarget(a),
	}
}

func accountTarget(a privacyd.Account) privacyd.Target {
	return privacyd.Target{
		Type: "account", ID: a.ID, Name: a.Name,
		Subject: &privacyd.Subject{Kind: "account", ID: a.ID},
	}
}

func displayName(s string) (string, error) {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > 200 || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' }) {
		return "", privacyd.Errorf(privacyd.ClassInvalid, "name_invalid", "A name has 1 to 200 characters on one line.")
	}
	return s, nil
}

// hashPassword is bcrypt over base64(SHA-384): bcrypt alone reads 72 bytes and
// stops at a zero byte.
func (e *Engine) hashPassword(password string) (string, error) {
	if password == "" {
		return "", nil
	}
	if len([]rune(password)) < minPassword || len(password) > maxPassword {
		return "", errPassword()
	}
	hash, err := bcrypt.GenerateFromPassword(digest(password), e.cost())
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return string(hash), nil
}

func errPassword() error {
	return privacyd.Errorf(privacyd.ClassInvalid, "password_invalid",
		"A password has at least %d characters and at most %d bytes. A few random words are easy to remember.", minPassword, maxPassword)
}

// passwordMatches takes as long for an account without a password as for one
// with a wrong password. One is looked at at a time: a crowd of guesses must
// not take all processors.
func (e *Engine) passwordMatches(hash, password string) (bool, error) {
	e.hashing.Lock()
	defer e.hashing.Unlock()
	known := hash
	if hash == "" {
		known = nobody(e.cost())
	}
	err := bcrypt.CompareHashAndPassword([]byte(known), digest(password))
	if errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) || hash == "" {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("check password: %w", err)
	}
	return true, nil
}

func (e *Engine) cost() int {
	if e.HashCost > 0 {
		return e.HashCost
	}
	return bcryptCost
}

// nobody is a hash of no password, of a given cost.
func nobody(cost int) string {
	return fmt.Sprintf("$2a$%02d$2BAtvOfphf7tLr/Q6eDZ2O/Inx12Ew.hQ16MmFHI/HOCsFe9Ob3EW", cost)
}

func digest(password string) []byte {
	sum := sha512.Sum384([]byte(password))
	return []byte(base64.RawStdEncoding.EncodeToString(sum[:]))
}

// errNotInvited keeps people out who are only known as authors of records.
func errNotInvited() error {
	return privacyd.Errorf(privacyd.ClassConflict, "account_not_invited",
		"This person is only known as the author of records. Make the account first: privacyd account create.")
}
