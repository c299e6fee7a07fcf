package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/datamap"
)

// A product's entries name people whom it knows, by its own ids: they need not
// be in any dataset, or not yet. What an entry tells of them is sealed for them
// in that one log, and it is remembered, as keyed hashes, by which ids and e-mail
// addresses they go. Whoever is erased is looked for by all of theirs.

// appPerson is somebody whom an entry of a product names.
type appPerson struct {
	dataset string // whose id it is, where ids of several are told apart
	kind    string // of the data maps, or one of the kinds below
	id      string
}

// Kinds under which e-mail addresses are remembered: those of people who act in
// all workspaces, which no workspace's admins erase; those of people of one; and
// those that are mentioned somewhere, which may be anybody's.
const (
	emailOfAll       = "@all"
	emailOfWorkspace = "@workspace"
	emailMentioned   = "@"
)

func emailPerson(kind, address string) appPerson {
	return appPerson{kind: kind, id: strings.ToLower(strings.TrimSpace(address))}
}

// knownAs is a keyed hash of what somebody is known as.
func (e *Engine) knownAs(p appPerson) string {
	return e.Keys.Reference("", "app:"+p.dataset+":"+p.kind, p.id)
}

func (e *Engine) allKnownAs(list []appPerson) []string {
	refs := make([]string, len(list))
	for i, p := range list {
		refs[i] = e.knownAs(p)
	}
	slices.Sort(refs)
	return slices.Compact(refs)
}

// ownerOfPersons is whose key seals what an entry tells of several persons at
// once: with the erasure of any of them it goes. Of nobody: the workspace's.
func ownerOfPersons(workspaceID string, list []appPerson) auditlog.Owner {
	switch {
	case len(list) == 0:
		return auditlog.Owner{Log: workspaceID}
	case len(list) == 1 && !strings.HasPrefix(list[0].kind, emailMentioned):
		return auditlog.Owner{Log: workspaceID, Kind: "app:" + list[0].dataset + ":" + list[0].kind, ID: list[0].id}
	}
	names := make([]string, len(list))
	for i, p := range list {
		names[i] = p.dataset + ":" + p.kind + ":" + p.id
	}
	slices.Sort(names)
	return auditlog.Owner{Log: workspaceID, Kind: "app:persons", ID: strings.Join(slices.Compact(names), "\n")}
}

// addressIn finds what looks like an e-mail address in a text.
var addressIn = regexp.MustCompile(`[^\s"'<>()\[\]{},;:\\|=]+@[^\s"'<>()\[\]{},;:\\|=@/?&]+\.[^\s"'<>()\[\]{},;:\\|=@/?&]+`)

// addPerson adds somebody who is not there yet.
func addPerson(list []appPerson, p appPerson) []appPerson {
	if p.id == "" || slices.Contains(list, p) {
		return list
	}
	return append(list, p)
}

// addAddresses adds everybody whose e-mail address is in a text.
func addAddresses(list []appPerson, kind, text string) []appPerson {
	for _, address := range addressIn.FindAllString(text, -1) {
		list = addPerson(list, emailPerson(kind, strings.TrimRight(address, ".!?")))
	}
	return list
}

// personKind is a kind of persons whom a product's entries may name.
type personKind struct {
	all      bool     // they are in all workspaces
	datasets []string // of a product, that know them
}

// datasetOf says whose ids persons of the kind have. Those of a workspace have
// one id in all datasets; accounts are joined by e-mail address, so that the
// same id is somebody else's in each.
func (k personKind) datasetOf(said string) string {
	switch {
	case !k.all || len(k.datasets) == 0:
		return ""
	case len(k.datasets) == 1:
		return k.datasets[0]
	}
	return said
}

func (k personKind) email() string {
	if k.all {
		return emailOfAll
	}
	return emailOfWorkspace
}

// personKinds are the kinds of persons that the data maps know. An account is
// always one.
func (e *Engine) personKinds() map[string]personKind {
	kinds := map[string]personKind{accountKind: {all: true}}
	for _, d := range e.Datasets {
		for _, k := range d.Graph.Map.Subjects {
			known := kinds[k.Kind]
			known.all = known.all || k.Span == datamap.SpanAll
			if !d.Own {
				known.datasets = append(known.datasets, d.Name)
			}
			kinds[k.Kind] = known
		}
	}
	return kinds
}

// actorKnownAs is what an entry says of who acted: the first is the person, the
// others are the e-mail addresses. A program has none but addresses.
func (a ProductAction) actorKnownAs(kinds map[string]personKind) []appPerson {
	var list []appPerson
	address := emailMentioned
	if k, person := kinds[a.Actor.Kind]; person {
		list, address = []appPerson{{k.datasetOf(a.Dataset), a.Actor.Kind, a.Actor.ID}}, k.email()
	}
	if a.Actor.Email != "" {
		list = addPerson(list, emailPerson(address, a.Actor.Email))
	}
	return addAddresses(addAddresses(list, address, a.Actor.Name), address, a.Actor.ID)
}

// about are the persons whom the entry is about: the subject, and the target if
// that is one.
func (a ProductAction) about(kinds map[string]personKind) []appPerson {
	var list []appPerson
	if s := a.Subject; s != nil {
		list = addPerson(list, appPerson{kinds[s.Kind].datasetOf(a.Dataset), s.Kind, s.ID})
	}
	if k, person := kinds[a.Target.Type]; person {
		list = addPerson(list, appPerson{k.datasetOf(a.Dataset), a.Target.Type, a.Target.ID})
	}
	return list
}

// mentioned are the persons whom the changes name: by an e-mail address
// anywhere, or by id in a field that is called as their kind is, such as
// contact or contact_id.
func (a ProductAction) mentioned(kinds map[string]personKind, list []appPerson) []appPerson {
	list = slices.Clone(list)
	for _, name := range sortedKeys(a.Changes) {
		list = addAddresses(list, emailMentioned, name)
		of := strings.TrimSuffix(strings.TrimSuffix(name, "_id"), "Id")
		k, person := kinds[of]
		for _, value := range []json.RawMessage{a.Changes[name].Before, a.Changes[name].After} {
			if person {
				list = addPerson(list, appPerson{k.datasetOf(a.Dataset), of, scalar(value)})
			}
			eachText(value, func(s string) { list = addAddresses(list, emailMentioned, s) })
		}
	}
	return list
}

func sortedKeys(m map[string]ProductChange) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// scalar is a text or number of JSON as text; empty for anything else.
func scalar(raw json.RawMessage) string {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || bytes.ContainsRune([]byte("{[tfn"), rune(raw[0])) {
		return ""
	}
	return plainValue(raw)
}

// ambiguous tells whether a person of a kind is named that several datasets
// know, each by ids of its own, and it is not said which of them.
func (a ProductAction) ambiguous(kinds map[string]personKind) bool {
	for _, name := range a.kindsNamed(kinds) {
		if k := kinds[name]; k.all && len(k.datasets) > 1 && !slices.Contains(k.datasets, a.Dataset) {
			return true
		}
	}
	return false
}

func (a ProductAction) kindsNamed(kinds map[string]personKind) []string {
	names := []string{a.Actor.Kind, a.Target.Type}
	if a.Subject != nil {
		names = append(names, a.Subject.Kind)
	}
	for _, p := range a.mentioned(kinds, nil) {
		names = append(names, p.kind)
	}
	return names
}

// known gives what the entry's owners go by, without those whose key is gone
// already, and takes what they cannot read any more out of the entry.
func (a *checkedAction) known(e *Engine, erased map[auditlog.Owner]bool) []privacyd.AuditKnown {
	gone := slices.ContainsFunc(a.single, func(o auditlog.Owner) bool { return erased[o] })
	a.record.Private = slices.DeleteFunc(slices.Clone(a.record.Private), func(c auditlog.Claim) bool { return gone && a.several[c.Owner] })
	var list []privacyd.AuditKnown
	for owner, persons := range a.persons {
		if erased[owner] || gone && a.several[owner] {
			continue
		}
		for _, as := range e.allKnownAs(persons) {
			list = append(list, privacyd.AuditKnown{As: as, Owner: e.reference(owner)})
		}
	}
	return list
}

// appOwners are the owners of what a product's entries disclose of persons, in
// one log, or for the empty log in all.
func (e *Engine) appOwners(ctx context.Context, log string, persons []appPerson) ([]string, error) {
	if len(persons) == 0 {
		return nil, nil
	}
	return e.Disclosed.OwnersKnownAs(ctx, log, e.allKnownAs(persons))
}
