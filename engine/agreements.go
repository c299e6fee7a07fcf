package engine

import (
	"context"
	"strconv"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/work"
)

// WorkAgreement is the kind of work that tells admins of a new version of the
// data processing agreement; the key is the version.
const WorkAgreement = "agreement"

// Agreements keeps versions of the data processing agreement, and who accepted
// them.
type Agreements interface {
	InsertAgreement(ctx context.Context, a privacyd.ProcessingAgreement, auditID string) error
	Agreements(ctx context.Context) ([]privacyd.ProcessingAgreement, error)
	Agreement(ctx context.Context, version int) (privacyd.ProcessingAgreement, error)
	InsertAcceptance(ctx context.Context, a privacyd.Acceptance, auditID string) (added bool, err error)
	Acceptances(ctx context.Context, workspaceID string) ([]privacyd.Acceptance, error)
	ToldOfAgreement(ctx context.Context, version, limit int) ([]privacyd.Workspace, error)
	TellOfAgreement(ctx context.Context, version int, upTo string) error
}

// Agreed is how a workspace stands to the data processing agreement.
type Agreed struct {
	Offered     int                   `json:"offered"`  // the newest version; 0: none is published
	Accepted    int                   `json:"accepted"` // the newest version that was accepted; 0: none
	Acceptances []privacyd.Acceptance `json:"acceptances"`
}

// Waiting tells whether a version waits to be accepted.
func (a Agreed) Waiting() bool { return a.Accepted < a.Offered }

// Agreement gives one version of the agreement; version 0 is the one in force
// or, before the first, a draft of our own template that nobody can accept. It
// is public: anybody may. Code agreement_not_found.
func (e *Engine) Agreement(ctx context.Context, version int) (privacyd.ProcessingAgreement, error) {
	if version != 0 {
		return e.Legal.Agreements.Agreement(ctx, version)
	}
	all, err := e.Legal.Agreements.Agreements(ctx)
	if err != nil {
		return privacyd.ProcessingAgreement{}, err
	}
	if len(all) > 0 {
		return e.Legal.Agreements.Agreement(ctx, all[0].Version)
	}
	return e.AgreementDraft(ctx)
}

// PublishAgreement makes a text the next version of the agreement, or without
// one our own template with its blanks filled in from the configuration. Every
// workspace is asked to accept it. Publishing what is in force already changes
// nothing. A text with blanks of the template is refused. The operator. Codes:
// agreement_invalid, agreement_blanks, agreement_conflict, legal_contact_missing.
// Audit: agreement.publish.
func (e *Engine) PublishAgreement(ctx context.Context, c privacyd.Caller, text string) (a privacyd.ProcessingAgreement, err error) {
	if err := e.operatorOnly(ctx, c, privacyd.ActionManageDocuments); err != nil {
		return a, err
	}
	if text != "" {
		a, err = privacyd.NewProcessingAgreement(text)
	} else if e.Legal.Operator.Contact.Empty() {
		err = privacyd.Errorf(privacyd.ClassConflict, "legal_contact_missing",
			"The template names a processor, and nobody is configured. Set legal.name and legal.email in the configuration, or publish a text of your own.")
	} else {
		a, err = e.filledTemplate(ctx)
	}
	if err == nil {
		err = refuseBlanks(a.Text)
	}
	if err != nil {
		return a, err
	}
	return a, e.Tx.InTx(ctx, func(ctx context.Context) error {
		all, err := e.Legal.Agreements.Agreements(ctx)
		if err != nil {
			return err
		}
		if len(all) > 0 && all[0].SHA256 == a.SHA256 {
			a.Version, a.PublishedAt = all[0].Version, all[0].PublishedAt
			return nil
		}
		a.Version, a.PublishedAt = 1, e.Now()
		if len(all) > 0 {
			a.Version = all[0].Version + 1
		}
		auditID, err := e.record(ctx, privacyd.AuditEvent{
			Caller: c, Action: "agreement.publish", Outcome: privacyd.OutcomeDone, Target: privacyd.Target{Type: "agreement", ID: strconv.Itoa(a.Version)},
			Changes: map[string]privacyd.Change{"sha256": {After: a.SHA256}}, Facts: map[string]int64{"version": int64(a.Version)},
		})
		if err != nil {
			return err
		}
		if err := e.Legal.Agreements.InsertAgreement(ctx, a, auditID); err != nil {
			return err
		}
		return e.Queue.Enqueue(ctx, work.Item{Kind: WorkAgreement, Key: strconv.Itoa(a.Version), At: e.Now()})
	})
}

// AgreedOf tells how a workspace stands to the agreement. Members.
func (e *Engine) AgreedOf(ctx context.Context, c privacyd.Caller, workspace string) (Agreed, error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionReadWorkspace)
	if err != nil {
		return Agreed{}, err
	}
	return e.agreed(ctx, g.Workspace.ID)
}

func (e *Engine) agreed(ctx context.Context, workspaceID string) (a Agreed, err error) {
	all, err := e.Legal.Agreements.Agreements(ctx)
	if err != nil {
		return a, err
	}
	if len(all) > 0 {
		a.Offered = all[0].Version
	}
	a.Acceptances, err = e.Legal.Agreements.Acceptances(ctx, workspaceID)
	for _, one := range a.Acceptances {
		a.Accepted = max(a.Accepted, one.Version)
	}
	return a, err
}

// AcceptAgreement accepts the version in force for a workspace: sha256 is that
// of the text which was shown. Accepting again is fine. Admins, in person: a
// program cannot bind an organisation, nor can whoever runs the server. Codes:
// agreement_not_found, agreement_changed, acceptance_needs_person. Audit:
// agreement.accept.
func (e *Engine) AcceptAgreement(ctx context.Context, c privacyd.Caller, workspace string, version int, sha256 string) (privacyd.Acceptance, error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionManageLegal)
	if err != nil {
		return privacyd.Acceptance{}, err
	}
	if c.Kind != privacyd.CallerAccount || c.Operator != "" || c.Door == privacyd.DoorMCP {
		return privacyd.Acceptance{}, e.deny(ctx, c, g, privacyd.ActionManageLegal, privacyd.Errorf(privacyd.ClassForbidden, "acceptance_needs_person",
			"An agreement is accepted by a signed-in admin, on the page Legal."))
	}
	text, err := e.acceptable(ctx, version, sha256)
	if err != nil {
		return privacyd.Acceptance{}, err
	}
	a := privacyd.Acceptance{WorkspaceID: g.Workspace.ID, Workspace: g.Workspace.Name, Version: version, SHA256: text.SHA256, At: e.Now(), By: c.AccountID, Name: c.Name}
	return a, e.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := e.Workspaces.LockWorkspace(ctx, g.Workspace.ID); err != nil {
			return err
		}
		before, err := e.agreed(ctx, g.Workspace.ID)
		if err != nil {
			return err
		}
		for _, one := range before.Acceptances {
			if one.Version == version {
				a = one
				return nil
			}
		}
		auditID, err := e.record(ctx, privacyd.AuditEvent{
			WorkspaceID: g.Workspace.ID, Caller: c, Role: g.Role, Action: "agreement.accept", Outcome: privacyd.OutcomeDone,
			Target: privacyd.Target{Type: "agreement", ID: strconv.Itoa(version)}, Changes: map[string]privacyd.Change{"sha256": {After: a.SHA256}},
			Facts: map[string]int64{"version": int64(version)},
		})
		if err != nil {
			return err
		}
		_, err = e.Legal.Agreements.InsertAcceptance(ctx, a, auditID)
		return err
	})
}

// acceptable gives the version in force, when it is the one that was shown.
func (e *Engine) acceptable(ctx context.Context, version int, sha256 string) (privacyd.ProcessingAgreement, error) {
	text, err := e.Legal.Agreements.Agreement(ctx, version)
	if err != nil {
		return text, err
	}
	all, err := e.Legal.Agreements.Agreements(ctx)
	if err != nil {
		return text, err
	}
	if text.SHA256 != sha256 || all[0].Version != version {
		return text, privacyd.Errorf(privacyd.ClassConflict, "agreement_changed", "That is not the version in force. Read the one that is, and accept that.")
	}
	return text, nil
}

// AcceptedCopy gives the text of a version that a workspace accepted, with who
// accepted it when. Members. Code agreement_not_found.
func (e *Engine) AcceptedCopy(ctx context.Context, c privacyd.Caller, workspace string, version int) (string, error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionReadWorkspace)
	if err != nil {
		return "", err
	}
	list, err := e.Legal.Agreements.Acceptances(ctx, g.Workspace.ID)
	if err != nil {
		return "", err
	}
	for _, one := range list {
		if one.Version == version {
			text, err := e.Legal.Agreements.Agreement(ctx, version)
			return text.Copy(g.Workspace.Name, one), err
		}
	}
	return "", privacyd.Errorf(privacyd.ClassNotFound, "agreement_not_found", "This workspace has not accepted that version of the agreement.")
}

// AllAcceptances lists those of every workspace. The operator.
func (e *Engine) AllAcceptances(ctx context.Context, c privacyd.Caller) ([]privacyd.Acceptance, error) {
	if err := e.operatorOnly(ctx, c, privacyd.ActionManageDocuments); err != nil {
		return nil, err
	}
	return e.Legal.Agreements.Acceptances(ctx, "")
}

// RunAgreement is the handler of WorkAgreement. Nobody is told twice: whom it
// has told commits with the mails.
func (e *Engine) RunAgreement(ctx context.Context, key string, lease work.Lease) error {
	version, err := strconv.Atoi(key)
	if err != nil {
		return err
	}
	a, err := e.Legal.Agreements.Agreement(ctx, version)
	for more := true; more && err == nil; {
		more, err = e.tellAgreement(ctx, a, lease)
	}
	return err
}

func (e *Engine) tellAgreement(ctx context.Context, a privacyd.ProcessingAgreement, lease work.Lease) (more bool, err error) {
	return more, e.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := lease.Check(ctx); err != nil {
			return err
		}
		next, err := e.Legal.Agreements.ToldOfAgreement(ctx, a.Version, announceBatch)
		if more = len(next) > 0; err != nil || !more {
			return err
		}
		for _, w := range next {
			err := e.notify(ctx, notice{Role: privacyd.RoleAdmin, Mail: privacyd.Mail{
				Kind: privacyd.MailAgreement, WorkspaceID: w.ID, Workspace: w.Name, At: &a.PublishedAt, Path: workspacePage(w) + "/legal",
			}}, "")
			if err != nil {
				return err
			}
		}
		return e.Legal.Agreements.TellOfAgreement(ctx, a.Version, next[len(next)-1].ID)
	})
}
