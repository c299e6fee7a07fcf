package engine

import (
	"context"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
)

const (
	firstPrefix = "pdf_"
	firstLife   = 7 * 24 * time.Hour

	linkFirst = "first"
)

// FirstStart is what the first person says of themselves and their workspace.
type FirstStart struct {
	Email, Name, Password string

	Workspace string // its name; empty: none is made, as beside a product
	Slug      string // empty: made of the name
}

// CreateFirstLink makes the link by which the first person gets in, in place of
// older ones. The operator only. Code first_start_over. Audit: session.first.
func (e *Engine) CreateFirstLink(ctx context.Context, c privacyd.Caller) (secret string, err error) {
	if err := e.operatorOnly(ctx, c, privacyd.ActionCreateAccount); err != nil {
		return "", err
	}
	if secret, err = newSecret(firstPrefix); err != nil {
		return "", err
	}
	return secret, e.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := e.nobodyYet(ctx); err != nil {
			return err
		}
		auditID, err := e.record(ctx, privacyd.AuditEvent{Caller: c, Action: "session.first", Outcome: privacyd.OutcomeDone})
		if err != nil {
			return err
		}
		return e.People.InsertLink(ctx, linkFirst, hashSecret(secret), "", e.Now().Add(firstLife), auditID)
	})
}

// FirstPath is where the link to the first start leads.
func FirstPath(secret string) string { return "/sign-in/first/" + secret }

func (e *Engine) nobodyYet(ctx context.Context) error {
	known, err := e.People.AnyAccount(ctx)
	if err == nil && known {
		err = privacyd.Errorf(privacyd.ClassConflict, "first_start_over",
			"Somebody has begun here already. Sign in, or ask an admin for an invitation.")
	}
	return err
}

// CheckFirstLink tells whether the link to the first start still works, and
// leaves it as it is. Codes: link_used, first_start_over.
func (e *Engine) CheckFirstLink(ctx context.Context, secret string) error {
	if _, err := e.People.Link(ctx, linkFirst, hashSecret(secret), e.Now()); err != nil {
		return err
	}
	return e.nobodyYet(ctx)
}

// Begin makes the first account, its workspace and its session, once. Anybody
// with the link. Codes: link_used, first_start_over, email_invalid,
// name_invalid, password_invalid, workspace_name_invalid, slug_invalid,
// workspace_exists. Audit: account.create, workspace.create, member.add,
// session.create.
func (e *Engine) Begin(ctx context.Context, c privacyd.Caller, secret string, r FirstStart) (in SignedIn, err error) {
	if err := e.CheckFirstLink(ctx, secret); err != nil { // before the work of hashing
		return in, e.deny(ctx, c, grant{}, privacyd.ActionCreateAccount, err)
	}
	if r.Password == "" {
		return in, errPassword()
	}
	account, hash, err := e.prepareAccount(NewAccount{Email: r.Email, Name: r.Name, Password: r.Password})
	if err != nil {
		return in, err
	}
	w, err := e.firstWorkspace(r)
	if err != nil {
		return in, err
	}
	err = e.Tx.InTx(ctx, func(ctx context.Context) error {
		if _, err := e.People.TakeLink(ctx, linkFirst, hashSecret(secret), e.Now()); err != nil {
			return err
		}
		if err := e.beFirst(ctx); err != nil {
			return err
		}
		if account, err = e.makeAccount(ctx, c, account, hash); err != nil {
			return err
		}
		if err := e.ownWorkspace(ctx, asItself(c, account), w, account); err != nil {
			return err
		}
		in, err = e.beginSession(ctx, c, account)
		return err
	})
	return in, err
}

// beFirst lets one through, of however many with links of their own.
func (e *Engine) beFirst(ctx context.Context) error {
	if err := e.People.LockFirst(ctx); err != nil {
		return err
	}
	if err := e.nobodyYet(ctx); err != nil {
		return err
	}
	return e.People.DeleteLinks(ctx, linkFirst, "")
}

func (e *Engine) firstWorkspace(r FirstStart) (*privacyd.Workspace, error) {
	if r.Workspace == "" && e.Records == nil {
		return nil, nil // a product has its own, which the operator adopts
	}
	if r.Slug == "" {
		r.Slug = slugOf(r.Workspace)
	}
	if _, err := displayName(r.Workspace); err != nil {
		return nil, privacyd.Errorf(privacyd.ClassInvalid, "workspace_name_invalid", "Give the workspace a name of 1 to 200 characters on one line.")
	}
	w, err := e.prepareWorkspace(NewWorkspace{Slug: r.Slug, Name: r.Workspace})
	return &w, err
}

// slugOf makes a slug of a name; one without letters that a slug may have gets
// a plain word.
func slugOf(name string) string {
	const longest = 50
	slug := strings.Join(strings.FieldsFunc(slugLetters(name), func(r rune) bool { return r == '-' }), "-")
	slug = strings.Trim(slug[:min(len(slug), longest)], "-")
	if slug == "" {
		return "workspace"
	}
	return slug
}

func (e *Engine) ownWorkspace(ctx context.Context, c privacyd.Caller, w *privacyd.Workspace, a privacyd.Account) error {
	if w == nil {
		return nil
	}
	if _, err := e.insertWorkspace(ctx, c, *w); err != nil {
		return err
	}
	_, _, err := e.addMember(ctx, c, *w, a.Email, privacyd.RoleAdmin)
	return err
}
