package engine

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
)

// Limits of what a product writes into the log.
const (
	MaxActions     = 1000 // in one batch
	maxActionID    = 200  // bytes of an id or key
	maxActionText  = 500  // bytes of a name
	maxActionCode  = 60   // what is left of a code beside the prefix
	maxChanges     = 100  // fields of one entry
	maxChangeBytes = 32 << 10
	maxNamed       = 20              // persons whom one entry may name
	clockSkew      = 5 * time.Minute // how far ahead a product's clock may be

	productPrefix = "app." // nothing that a product writes passes for one of our own actions
)

// ProductAction is something that was done in the product: an entry that it
// writes into the log of a workspace.
type ProductAction struct {
	Key        string // the product's own name for this entry, so that sending it again is harmless; may be empty
	Action     string // a code such as "invoice.send"; it is kept as app.invoice.send
	OccurredAt time.Time
	Outcome    privacyd.Outcome // empty: done
	Actor      ProductActor
	Subject    *privacyd.Subject // whom it is about; nil: whom the target's type and id name, if it is a person
	Target     ProductTarget
	Changes    map[string]ProductChange
	Dataset    string // whose ids these are, where several datasets know accounts; else empty
}

// ProductActor is who acted in the product. A person needs an id: it names the
// key that seals what is known of them. An erasure destroys it, of whoever has
// the id or the e-mail address.
type ProductActor struct{ Kind, ID, Name, Email, IP string }

// ProductTarget is what an action was done to.
type ProductTarget struct{ Type, ID, Name string }

// ProductChange is one value before and after, any JSON.
type ProductChange struct {
	Before json.RawMessage `json:"before"`
	After  json.RawMessage `json:"after"`
}

// EntryProblem says what is wrong with one entry of a batch.
type EntryProblem struct {
	Index  int    `json:"index" doc:"Of the entry in the batch, from 0."`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// EntryProblems is the cause of an error about a batch.
type EntryProblems []EntryProblem

// Error implements error.
func (p EntryProblems) Error() string {
	return fmt.Sprintf("%d entries of a batch are not right", len(p))
}

const problemsShown = 100

// errEntries is the error of a batch with problems: nothing of it was written.
func errEntries(class privacyd.Class, code string, of int, problems EntryProblems) error {
	first := problems[0]
	message := privacyd.Errorf(class, code, "Nothing was written: of %d entries %d cannot be taken. Entry %d: %s",
		of, len(problems), first.Index, first.Detail)
	return message.Because(problems[:min(len(problems), problemsShown)])
}

// outsiders are kinds of actors who are no persons.
func outsiders() []string { return []string{"anonymous", "service", "system", "token"} }

// actionCode is what auditlog takes for a code.
var actionCode = regexp.MustCompile(`^[a-z][a-z0-9]*([._-][a-z0-9]+)*$`)

func isCode(s string) bool { return len(s) <= maxActionCode && actionCode.MatchString(s) }

// checkedAction is an entry that may be written.
type checkedAction struct {
	record  auditlog.Record
	hash    []byte // of its key; nil: it has none
	content []byte
	persons map[auditlog.Owner][]appPerson // what the owners of claims go by
	several map[auditlog.Owner]bool        // owners who stand for more than one person
	single  []auditlog.Owner               // those persons, one by one
}

// checkActions checks a whole batch before anything of it is written.
func (e *Engine) checkActions(c privacyd.Caller, workspaceID string, batch []ProductAction) ([]checkedAction, error) {
	if len(batch) == 0 || len(batch) > MaxActions {
		return nil, privacyd.Errorf(privacyd.ClassInvalid, "batch_size", "A batch has 1 to %d entries. Send more in several batches.", MaxActions)
	}
	kinds, now := e.personKinds(), e.Now()
	checked := make([]checkedAction, len(batch))
	var problems EntryProblems
	seen := map[string]bool{}
	for i, a := range batch {
		problem := a.check(kinds, now)
		if problem == nil && a.Key != "" && seen[a.Key] {
			problem = &EntryProblem{Code: "key_repeated", Detail: "Its key is that of another entry of this batch. Give each entry a key of its own."}
		}
		seen[a.Key] = true
		if problem != nil {
			problem.Index = i
			problems = append(problems, *problem)
			continue
		}
		var err error
		if checked[i], err = e.actionRecord(c, workspaceID, kinds, a, now); err != nil {
			return nil, err
		}
	}
	if len(problems) > 0 {
		return nil, errEntries(privacyd.ClassInvalid, "entries_invalid", len(batch), problems)
	}
	return checked, nil
}

// check finds the first thing that is wrong. Messages repeat nothing that was
// sent.
func (a ProductAction) check(persons map[string]personKind, now time.Time) *EntryProblem {
	kinds := slices.Sorted(maps.Keys(persons))
	outcomes := []privacyd.Outcome{"", privacyd.OutcomeDone, privacyd.OutcomeDenied, privacyd.OutcomeFailed, privacyd.OutcomeIntent}
	_, fits := a.changes()
	for _, rule := range []struct {
		ok           bool
		code, detail string
	}{
		{isCode(strings.TrimPrefix(a.Action, productPrefix)), "action_invalid", "An action is a code of at most 60 lower-case letters, digits, dots, hyphens and underscores, such as invoice.send, and nothing personal."},
		{a.OccurredAt.IsZero() || (a.OccurredAt.Year() >= 1970 && a.OccurredAt.Before(now.Add(clockSkew))), "occurred_at_invalid", "occurred_at lies ahead, or before 1970. Send when it happened as RFC 3339, or leave it out for now; check the sender's clock."},
		{slices.Contains(outcomes, a.Outcome), "outcome_invalid", "An outcome is done, denied, failed or intent."},
		{slices.Contains(kinds, a.Actor.Kind) || slices.Contains(outsiders(), a.Actor.Kind), "actor_kind_unknown", "actor.kind is one of the persons whom the data maps know (" + strings.Join(kinds, ", ") + ") or one of " + strings.Join(outsiders(), ", ") + "."},
		{a.Actor.ID != "" || !slices.Contains(kinds, a.Actor.Kind), "actor_id_missing", "actor.id is missing: what is known of a person is sealed with the key that belongs to the id, so that it can be erased."},
		{short(maxActionID, a.Key, a.Actor.ID, a.Target.ID), "id_too_long", "A key or id has more than 200 bytes."},
		{short(maxActionText, a.Actor.Name, a.Actor.Email, a.Target.Name), "text_too_long", "A name or e-mail address has more than 500 bytes."},
		{a.Actor.IP == "" || validIP(a.Actor.IP), "ip_invalid", "actor.ip is no IP address such as 192.0.2.7 or 2001:db8::7."},
		{a.Subject == nil || (slices.Contains(kinds, a.Subject.Kind) && a.Subject.ID != "" && len(a.Subject.ID) <= maxActionID), "subject_invalid", "subject needs an id of at most 200 bytes and a kind that the data maps know: " + strings.Join(kinds, ", ") + "."},
		{a.Target.Type == "" || isCode(a.Target.Type), "target_type_invalid", "target.type is a code of at most 60 lower-case letters, digits, dots, hyphens and underscores."},
		{a.Target.Type != "" || a.Target == (ProductTarget{}), "target_type_missing", "target has an id or name and no type."},
		{a.Dataset == "" || knowsDataset(persons, a.Dataset), "dataset_unknown", "dataset is not one of those that know a kind of persons. Leave it out where only one does."},
		{!a.ambiguous(persons), "dataset_missing", "Several datasets know persons of this kind, each by ids of its own. Say in dataset whose ids these are."},
		{len(a.mentioned(persons, a.about(persons))) <= maxNamed, "persons_too_many", "changes names more than 20 persons. Send an entry for each, or their ids."},
		{fits, "changes_too_large", "changes has more than 100 fields or 32 KiB. Send what matters, or its id."},
	} {
		if !rule.ok {
			return &EntryProblem{Code: rule.code, Detail: rule.detail}
		}
	}
	return nil
}

func short(limit int, texts ...string) bool {
	return !slices.ContainsFunc(texts, func(s string) bool { return len(s) > limit })
}

func validIP(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

// changes is what is kept of the changes, and whether it is small enough.
func (a ProductAction) changes() (raw []byte, fits bool) {
	if len(a.Changes) == 0 {
		return nil, true
	}
	raw, err := json.Marshal(a.Changes)
	return raw, err == nil && len(a.Changes) <= maxChanges && len(raw) <= maxChangeBytes
}

func knowsDataset(kinds map[string]personKind, name string) bool {
	for _, k := range kinds {
		if slices.Contains(k.datasets, name) {
			return true
		}
	}
	return false
}

// actionRecord makes the entry. Claims about the actor are sealed for the
// actor, others for the persons whom they tell of, and what tells of nobody for
// the workspace.
func (e *Engine) actionRecord(c privacyd.Caller, workspaceID string, kinds map[string]personKind, a ProductAction, now time.Time) (checkedAction, error) {
	checked := checkedAction{persons: map[auditlog.Owner][]appPerson{}, several: map[auditlog.Owner]bool{}}
	if a.Key != "" {
		content, err := json.Marshal(a)
		if err != nil {
			return checked, fmt.Errorf("read an entry: %w", err)
		}
		checked.hash, checked.content = e.auditKey("entry", workspaceID, a.Key), e.auditKey("content", workspaceID, string(content))
	}
	at := a.OccurredAt
	if at.IsZero() {
		at = now
	}
	r := auditlog.Record{
		Log: workspaceID, Action: productPrefix + strings.TrimPrefix(a.Action, productPrefix), Outcome: string(a.Outcome), TargetType: a.Target.Type,
		At: at, Public: map[string]any{auditlog.PublicActorKind: a.Actor.Kind},
	}
	if r.Outcome == "" {
		r.Outcome = string(privacyd.OutcomeDone)
	}
	put(r.Public, "door", string(c.Door))
	r.Private = append(checked.actorClaims(workspaceID, kinds, a), checked.targetClaims(workspaceID, kinds, a)...)
	sender := auditlog.Owner{Log: workspaceID}
	if c.Kind == privacyd.CallerAccount {
		sender = ownerOf(workspaceID, privacyd.Subject{Kind: accountKind, ID: c.AccountID})
	}
	r.Private = append(r.Private, auditlog.Claim{Name: "sent_by", Value: c.ID(), Owner: sender})
	checked.record = r
	return checked, nil
}

func claimsOf(owner auditlog.Owner, named ...string) []auditlog.Claim {
	var claims []auditlog.Claim
	for i := 0; i < len(named); i += 2 {
		if named[i+1] != "" {
			claims = append(claims, auditlog.Claim{Name: named[i], Value: named[i+1], Owner: owner})
		}
	}
	return claims
}

func (k *checkedAction) actorClaims(workspaceID string, kinds map[string]personKind, a ProductAction) []auditlog.Claim {
	known := a.actorKnownAs(kinds)
	owner := ownerOfPersons(workspaceID, known)
	if _, person := kinds[a.Actor.Kind]; person { // one, with e-mail addresses
		owner = ownerOfPersons(workspaceID, known[:1])
	}
	if len(known) > 0 {
		k.persons[owner] = known
	}
	ip := ""
	if addr, err := netip.ParseAddr(a.Actor.IP); err == nil {
		ip = addr.String()
	}
	return claimsOf(owner, auditlog.ClaimActor, a.Actor.Name, "actor_id", a.Actor.ID, auditlog.ClaimActorEmail, a.Actor.Email, auditlog.ClaimIP, ip)
}

func (k *checkedAction) targetClaims(workspaceID string, kinds map[string]personKind, a ProductAction) []auditlog.Claim {
	about := a.about(kinds)
	var claims []auditlog.Claim
	if len(about) > 0 {
		claims = claimsOf(k.ownerOf(workspaceID, about[:1]), auditlog.ClaimSubject, about[0].kind+":"+about[0].id)
	}
	target := addAddresses(addAddresses(slices.Clone(about), emailMentioned, a.Target.ID), emailMentioned, a.Target.Name)
	claims = append(claims, claimsOf(k.ownerOf(workspaceID, target), auditlog.ClaimTargetID, a.Target.ID, auditlog.ClaimTargetName, a.Target.Name)...)
	if raw, _ := a.changes(); raw != nil {
		owner := k.ownerOf(workspaceID, a.mentioned(kinds, about))
		claims = append(claims, auditlog.Claim{Name: auditlog.ClaimChanges, Value: json.RawMessage(raw), Owner: owner})
	}
	return claims
}

// ownerOf is the owner of what tells of persons, of which it keeps what they go
// by.
func (k *checkedAction) ownerOf(workspaceID string, list []appPerson) auditlog.Owner {
	owner := ownerOfPersons(workspaceID, list)
	for _, p := range list {
		k.persons[owner] = addPerson(k.persons[owner], p)
		if !strings.HasPrefix(p.kind, emailMentioned) && len(list) > 1 {
			k.several[owner] = true
			k.single = append(k.single, ownerOfPersons(workspaceID, []appPerson{p}))
		}
	}
	return owner
}
