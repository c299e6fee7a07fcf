package engine

import (
	"context"
	"slices"

	"github.com/privacyd/privacyd"
)

// Legal is what the legal pages are made of.
type Legal struct {
	Operator   privacyd.Party // whoever runs the server, as configured
	Address    string         // scheme and host of the public pages; empty: not known
	Measures   []string       // how this installation protects data, as far as only its wiring knows; sentences
	Contacts   LegalContacts
	Documents  Documents
	Agreements Agreements
}

// LegalContacts keeps whom people write to about a workspace's data.
type LegalContacts interface {
	PutLegalNotice(ctx context.Context, workspaceID string, n privacyd.LegalNotice, auditID string) error
	LegalNotices(ctx context.Context, workspaceID string) (map[string]privacyd.LegalNotice, error)
}

// LegalPage is what everybody may read of an installation.
type LegalPage struct {
	Operator   privacyd.Party                 `json:"operator"`
	Documents  []privacyd.Document            `json:"documents"`
	Agreements []privacyd.ProcessingAgreement `json:"agreements" doc:"Versions of the data processing agreement without their texts, the newest first."`
}

// LegalPage tells whom to write to, and lists the documents and the versions of
// the agreement. It is public: anybody may.
func (e *Engine) LegalPage(ctx context.Context) (l LegalPage, err error) {
	l.Operator = e.Legal.Operator
	if l.Documents, err = e.Legal.Documents.Documents(ctx); err != nil {
		return l, err
	}
	l.Agreements, err = e.Legal.Agreements.Agreements(ctx)
	return l, err
}

// LegalNotice gives whom people write to about a workspace's data, and whether
// strangers may read it. Members.
func (e *Engine) LegalNotice(ctx context.Context, c privacyd.Caller, workspace string) (privacyd.LegalNotice, error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionReadWorkspace)
	if err != nil {
		return privacyd.LegalNotice{}, err
	}
	return e.noticeOf(ctx, g.Workspace.ID)
}

func (e *Engine) noticeOf(ctx context.Context, workspaceID string) (privacyd.LegalNotice, error) {
	all, err := e.Legal.Contacts.LegalNotices(ctx, workspaceID)
	return all[workspaceID], err
}

// PublicNotice gives whom strangers write to about a workspace's data. It is
// public where an admin said so; of any other workspace nobody can tell whether
// it is here. Code page_not_found.
func (e *Engine) PublicNotice(ctx context.Context, slug string) (privacyd.Workspace, privacyd.LegalNotice, error) {
	none := privacyd.Errorf(privacyd.ClassNotFound, "page_not_found", "There is no such page. Check the address.")
	w, err := e.Workspaces.Workspace(ctx, slug)
	if err != nil {
		if privacyd.CodeOf(err) == "workspace_not_found" {
			err = none
		}
		return privacyd.Workspace{}, privacyd.LegalNotice{}, err
	}
	state, _, err := e.States.WorkspaceState(ctx, w.ID)
	if err != nil {
		return privacyd.Workspace{}, privacyd.LegalNotice{}, err
	}
	n, err := e.noticeOf(ctx, w.ID)
	if err != nil || !n.Published || w.Slug != slug || state == privacyd.WorkspaceDeleted {
		if err == nil {
			err = none
		}
		return privacyd.Workspace{}, privacyd.LegalNotice{}, err
	}
	return w, n, nil
}

// SetLegalNotice says whom people write to about a workspace's data, and
// whether strangers may read it. Admins. Codes: legal_contact_invalid,
// legal_contact_missing. Audit: legal.set, with what changed but not whose name
// it is.
func (e *Engine) SetLegalNotice(ctx context.Context, c privacyd.Caller, workspace string, n privacyd.LegalNotice) (privacyd.LegalNotice, error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionManageLegal)
	if err != nil {
		return n, err
	}
	if n.Party, err = n.Party.Normal(); err != nil {
		return n, err
	}
	if n.Published && n.Contact.Empty() {
		return n, privacyd.Errorf(privacyd.ClassInvalid, "legal_contact_missing", "There is nobody to show to strangers. Name the organisation and its address first.")
	}
	n.UpdatedAt = e.Now()
	return n, e.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := e.Workspaces.LockWorkspace(ctx, g.Workspace.ID); err != nil {
			return err
		}
		before, err := e.noticeOf(ctx, g.Workspace.ID)
		if err != nil {
			return err
		}
		changes := noticeChanges(before, n)
		if len(changes) == 0 {
			n = before
			return nil
		}
		auditID, err := e.record(ctx, privacyd.AuditEvent{
			WorkspaceID: g.Workspace.ID, Caller: c, Role: g.Role, Action: "legal.set", Outcome: privacyd.OutcomeDone,
			Target: privacyd.Target{Type: "legal_notice"}, Changes: changes,
		})
		if err != nil {
			return err
		}
		return e.Legal.Contacts.PutLegalNotice(ctx, g.Workspace.ID, n, auditID)
	})
}

// noticeChanges says what of a notice changes. Its names and addresses are
// somebody's, and an entry is for ever: of them it says that they changed.
func noticeChanges(before, after privacyd.LegalNotice) map[string]privacyd.Change {
	changes := map[string]privacyd.Change{}
	if before.Published != after.Published {
		changes["published"] = privacyd.Change{Before: before.Published, After: after.Published}
	}
	for name, pair := range map[string][2]privacyd.Contact{
		"contact": {before.Contact, after.Contact}, "data_protection_officer": {before.Officer, after.Officer},
	} {
		if pair[0] != pair[1] {
			changes[name] = privacyd.Change{Before: contactState(pair[0]), After: contactState(pair[1])}
		}
	}
	return changes
}

func contactState(c privacyd.Contact) string {
	if c.Empty() {
		return "none"
	}
	return "named"
}

// purposesOf lists the purposes for which data of a workspace's datasets is
// processed, sorted.
func purposesOf(sets []Dataset) []string {
	var list []string
	for _, d := range sets {
		for _, c := range d.Graph.Collections() {
			if c.Purpose != "" && !slices.Contains(list, c.Purpose) {
				list = append(list, c.Purpose)
			}
		}
	}
	slices.Sort(list)
	return list
}

// examineLegal tells whether people know whom to write to.
func (e *Engine) examineLegal(context.Context) ([]privacyd.Check, error) {
	const name = "legal"
	if e.Legal.Operator.Contact.Empty() {
		return []privacyd.Check{privacyd.Warning(name, "The page /legal names nobody to write to, and the template of the data processing agreement has a blank for its processor.",
			"Set legal.name and legal.email in the configuration (docs/legal.md).")}, nil
	}
	return []privacyd.Check{privacyd.OK(name, "The page /legal says whom to write to.")}, nil
}
