package engine

import (
	"context"

	"github.com/google/uuid"

	"github.com/privacyd/privacyd"
)

// Author is a person whom imported records name.
type Author struct {
	Email string // normal form
	ID    string // the account id to use for a new account when it is free; may be empty
	Name  string // may be empty
}

// writerKey marks a context in which records are written: for whom and where.
type writerKey struct{}

type writer struct {
	caller    privacyd.Caller
	role      privacyd.Role
	workspace string
}

func writing(ctx context.Context, c privacyd.Caller, g grant) context.Context {
	return context.WithValue(ctx, writerKey{}, writer{caller: c, role: g.Role, workspace: g.Workspace.ID})
}

// ResolveAuthors finds the accounts of authors by e-mail and makes one,
// without password and not invited, for each that has none. Authors whose
// account is being erased have an empty id: what they wrote is nobody's. It is
// called by a write of records that was authorised, in its transaction. Audit:
// account.create, in the log of the workspace that is written to.
func (e *Engine) ResolveAuthors(ctx context.Context, authors []Author) (map[string]string, error) {
	ids := make(map[string]string, len(authors))
	var going map[string]bool
	for _, author := range authors {
		known, _, err := e.Accounts.AccountByEmail(ctx, author.Email)
		if privacyd.CodeOf(err) == "account_not_found" {
			if going == nil {
				if going, err = e.goingAccounts(ctx); err != nil {
					return nil, err
				}
			}
			if going[author.Email] {
				ids[author.Email] = ""
				continue
			}
			known, err = e.adoptAuthor(ctx, author)
		}
		if privacyd.CodeOf(err) == "account_exists" { // another import was faster
			known, _, err = e.Accounts.AccountByEmail(ctx, author.Email)
		}
		if err != nil {
			return nil, err
		}
		ids[author.Email] = known.ID
	}
	return ids, nil
}

// goingAccounts are the e-mail addresses of accounts whose erasure has begun and
// not ended. Their rows may be gone already; whoever made them anew would have
// verification find what it must not.
func (e *Engine) goingAccounts(ctx context.Context) (map[string]bool, error) {
	jobs, err := e.Own.UnfinishedJobs(ctx, "")
	if err != nil {
		return nil, err
	}
	going := map[string]bool{}
	for _, job := range jobs {
		if job.Type != privacyd.JobAccountDeletion || job.Runs == 0 {
			continue
		}
		sealed, err := e.Runs.ErasureRun(ctx, job.ID)
		if err != nil {
			return nil, err
		}
		var of erasureState
		if sealed != nil {
			if err := e.openJSON(ctx, scopeOwner(""), "erasure run", sealed, &of); err != nil {
				return nil, err
			}
		}
		for _, id := range of.Identifiers {
			if email, err := privacyd.NormalEmail(id.Value); err == nil {
				going[email] = true
			}
		}
	}
	return going, nil
}

func (e *Engine) adoptAuthor(ctx context.Context, author Author) (privacyd.Account, error) {
	a := privacyd.Account{ID: author.ID, Email: author.Email, Name: author.Name, CreatedAt: e.Now()}
	if a.Name == "" {
		a.Name = author.Email
	}
	invited, err := e.People.InvitedAs(ctx, author.Email)
	if err != nil {
		return a, err
	}
	if invited != "" {
		a.ID = invited
	}
	free, err := e.isFree(ctx, a.ID)
	if err != nil {
		return a, err
	}
	if !free {
		if a.ID, err = newID(); err != nil {
			return a, err
		}
	}
	event := e.accountEvent(privacyd.System("import"), a)
	if w, ok := ctx.Value(writerKey{}).(writer); ok {
		event.Caller, event.Role, event.WorkspaceID = w.caller, w.role, w.workspace
	}
	auditID, err := e.record(ctx, event)
	if err != nil {
		return a, err
	}
	return a, e.Accounts.InsertAccount(ctx, a, "", auditID)
}

func (e *Engine) isFree(ctx context.Context, id string) (bool, error) {
	if uuid.Validate(id) != nil {
		return false, nil // ids of ours are UUIDs, and nothing else may look like one
	}
	_, err := e.Accounts.Account(ctx, id)
	if privacyd.CodeOf(err) == "account_not_found" {
		return true, nil
	}
	return false, err
}
