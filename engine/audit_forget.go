package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/work"
)

// NamedPerson is somebody whom a product's entries in the audit log name and
// whom no records know: nobody's erasure would reach them.
type NamedPerson struct {
	Workspace string // in whose log; empty: in all
	Kind      string // as the entries have it, with ID or neither
	ID        string
	Email     string
	Dataset   string // whose id it is, where several datasets know the kind
	Confirm   bool   // false: only look
}

// Forgotten is what the log disclosed of somebody.
type Forgotten struct {
	Found     int64 `json:"found" doc:"Sealed parts of entries that name the person."`
	Forgotten bool  `json:"forgotten" doc:"They are deleted and their keys destroyed."`
	Pending   bool  `json:"pending,omitempty" doc:"It is begun and goes on by itself, as soon as nobody reads an older state and the entries have their place in the log."`
}

// ForgetNamed erases from the audit log what a product's entries tell of
// somebody whom neither records nor accounts know. The entries stay, and with
// them all proofs. The operator alone. Codes: subject_invalid, subject_exists.
// Audit: audit.erase (intent and done), audit.erased.
func (e *Engine) ForgetNamed(ctx context.Context, c privacyd.Caller, p NamedPerson) (Forgotten, error) {
	if err := e.operatorOnly(ctx, c, privacyd.ActionForgetNamed); err != nil {
		return Forgotten{}, err
	}
	var w privacyd.Workspace
	if p.Workspace != "" {
		g, err := e.authorise(ctx, c, p.Workspace, privacyd.ActionReadAudit)
		if err != nil {
			return Forgotten{}, err
		}
		w = g.Workspace
	}
	if err := e.checkNamed(ctx, w, p); err != nil {
		return Forgotten{}, err
	}
	owners, err := e.appOwners(ctx, w.ID, e.namedAs(p))
	if err != nil || len(owners) == 0 {
		return Forgotten{}, err
	}
	found, err := e.Disclosed.Disclosures(ctx, owners, harvestAtOnce)
	done := Forgotten{Found: int64(len(found))}
	if err != nil || !p.Confirm {
		return done, err
	}
	err = e.forget(ctx, forgetting{Caller: c, Workspace: w.ID, Owners: owners})
	var later *work.RetryError
	if errors.As(err, &later) {
		done.Pending = true
		return done, e.Queue.Enqueue(ctx, work.Item{Kind: WorkForgotten, Key: owners[0], At: e.Now().Add(abandonedAfter)})
	}
	if err != nil {
		return done, fmt.Errorf("forget whom a product's entries name: %w", err)
	}
	done.Forgotten = true
	return done, e.Tx.InTx(ctx, func(ctx context.Context) error { return e.Disclosed.ForgetKnown(ctx, owners) })
}

// checkNamed refuses whoever is known here: they are erased where they are, and
// the log forgets them then.
func (e *Engine) checkNamed(ctx context.Context, w privacyd.Workspace, p NamedPerson) error {
	kinds := e.personKinds()
	_, known := kinds[p.Kind]
	if (p.Kind == "") != (p.ID == "") || p.ID+p.Email == "" || p.Kind != "" && !known {
		return privacyd.Errorf(privacyd.ClassInvalid, "subject_invalid",
			"Say who it is as the entries do: a kind that the data maps know (%s) with an id, an e-mail address, or both.", privacyd.Listed(sortedNames(kinds)))
	}
	exists := privacyd.Errorf(privacyd.ClassConflict, "subject_exists",
		"This person is known here. Erase the account or the person instead: with that the audit log forgets them, too.")
	if p.Email != "" {
		if _, _, err := e.Accounts.AccountByEmail(ctx, emailPerson("", p.Email).id); err == nil {
			return exists
		} else if privacyd.ClassOf(err) != privacyd.ClassNotFound {
			return err
		}
	}
	found, err := e.isKnown(ctx, w, p)
	if err == nil && found {
		err = exists
	}
	return err
}

func sortedNames(kinds map[string]personKind) []string {
	var names []string
	for name := range kinds {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// isKnown tells whether a dataset has the person, in the workspace or, of those
// who are in all, anywhere.
func (e *Engine) isKnown(ctx context.Context, w privacyd.Workspace, p NamedPerson) (bool, error) {
	for _, d := range e.Datasets {
		k := subjectKind(d, p.Kind)
		if k == nil || p.Dataset != "" && !d.Own && d.Name != p.Dataset {
			continue
		}
		scope := datamap.Scope{SubjectKind: k.Kind, SubjectID: p.ID}
		if k.Span != datamap.SpanAll {
			var err error
			if scope.Workspace, err = datasetKey(d, w); err != nil {
				return false, err
			}
			if scope.Workspace == "" {
				continue
			}
		}
		if found, err := subjectIn(ctx, d, k, scope); found || err != nil {
			return found, err
		}
	}
	return false, nil
}

// namedAs is all that the person may go by.
func (e *Engine) namedAs(p NamedPerson) []appPerson {
	var list []appPerson
	if p.ID != "" {
		k := e.personKinds()[p.Kind]
		list = addPerson(list, appPerson{k.datasetOf(p.Dataset), p.Kind, p.ID})
	}
	if p.Email != "" {
		for _, kind := range []string{emailOfAll, emailOfWorkspace, emailMentioned} {
			list = addPerson(list, emailPerson(kind, p.Email))
		}
	}
	return list
}
