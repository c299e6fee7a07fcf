package engine

import (
	"context"

	"github.com/privacyd/privacyd"
)

// Author is a person whom imported records name.
type Author struct {
	Email string // normal form
	ID    string // the account id to use for a new account when it is free; may be empty
	Name  string // may be empty
}

// ResolveAuthors finds the accounts of authors by e-mail and makes one,
// without password and not invited, for each that has none. It is called by
// an import that was authorised, in its transaction. Audit: account.create.
func (e *Engine) ResolveAuthors(ctx context.Context, authors []Author) (map[string]string, error) {
	ids := make(map[string]string, len(authors))
	for _, author := range authors {
		known, _, err := e.Accounts.AccountByEmail(ctx, author.Email)
		if privacyd.CodeOf(err) == "account_not_found" {
			known, err = e.adoptAuthor(ctx, author)
		}
		if err != nil {
			return nil, err
		}
		ids[author.Email] = known.ID
	}
	return ids, nil
}

func (e *Engine) adoptAuthor(ctx context.Context, author Author) (privacyd.Account, error) {
	a := privacyd.Account{ID: author.ID, Email: author.Email, Name: author.Name, CreatedAt: e.Now()}
	if a.Name == "" {
		a.Name = author.Email
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
	return a, e.insertAccount(ctx, privacyd.System("import"), a, "")
}

func (e *Engine) isFree(ctx context.Context, id string) (bool, error) {
	if id == "" {
		return false, nil
	}
	_, err := e.Accounts.Account(ctx, id)
	if privacyd.CodeOf(err) == "account_not_found" {
		return true, nil
	}
	return false, err
}
