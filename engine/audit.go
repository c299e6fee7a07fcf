package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
)

// record appends an entry to the audit log of the event's workspace, or of the
// instance, in the transaction of ctx. What is personal becomes a claim sealed
// with the key of the person it is about; the rest are codes and counts.
func (e *Engine) record(ctx context.Context, ev privacyd.AuditEvent) (string, error) {
	at := ev.At
	if at.IsZero() {
		at = e.Now()
	}
	public := map[string]any{auditlog.PublicActorKind: actorKind(ev.Caller)}
	put(public, "actor_role", string(ev.Role))
	put(public, "door", string(ev.Caller.Door))
	put(public, "code", ev.Code)
	for name, mark := range ev.Marks {
		put(public, name, mark)
	}
	for name, n := range ev.Facts {
		public[factPrefix+name] = n
	}
	id, err := e.Audit.Append(ctx, auditlog.Record{
		Log: ev.WorkspaceID, Action: ev.Action, Outcome: string(ev.Outcome), TargetType: ev.Target.Type, At: at, Public: public,
		Private: append(actorClaims(ev, at), targetClaims(ev, at)...),
	})
	if err != nil {
		return "", fmt.Errorf("append audit entry: %w", err)
	}
	return id, nil
}

func actorKind(c privacyd.Caller) string {
	if c.Kind == privacyd.CallerAnonymous {
		return "anonymous"
	}
	return string(c.Kind)
}

func put(public map[string]any, name, value string) {
	if value != "" {
		public[name] = value
	}
}

const accountKind = "account"

// ownerOf says whose key seals what a workspace's log knows of a person. An
// account's spans all logs, since it is deleted in all of them at once. Every
// other person has a key for each workspace, also one of a kind that spans all:
// they are erased from one workspace at a time, whose admins must not blind the
// logs of others.
func ownerOf(workspaceID string, s privacyd.Subject) auditlog.Owner {
	if s.Kind == accountKind {
		workspaceID = ""
	}
	return auditlog.Owner{Log: workspaceID, Kind: s.Kind, ID: s.ID}
}

func actorClaims(ev privacyd.AuditEvent, at time.Time) []auditlog.Claim {
	owner := auditlog.Owner{Log: ev.WorkspaceID}
	whose := ev.Target.Subject
	switch {
	case ev.Caller.Kind == privacyd.CallerAccount:
		owner = ownerOf(ev.WorkspaceID, privacyd.Subject{Kind: accountKind, ID: ev.Caller.AccountID})
	case ev.Caller.Kind == privacyd.CallerAnonymous && whose != nil && whose.Kind == accountKind && !isNobody(whose):
		owner = ownerOf(ev.WorkspaceID, *whose) // most who try an account are its holder
	case ev.Caller.Kind == privacyd.CallerAnonymous:
		owner = visitorsOf(at)
	}
	var claims []auditlog.Claim
	if ev.Caller.Operator != "" {
		own := auditlog.Owner{Log: ev.WorkspaceID}
		claims = append(claims, auditlog.Claim{Name: "operator", Value: ev.Caller.Operator, Owner: own})
	}
	for _, c := range []struct{ name, value string }{
		{auditlog.ClaimActor, ev.Caller.Name}, {"actor_id", ev.Caller.ID()}, {auditlog.ClaimActorEmail, ev.Caller.Email}, {auditlog.ClaimIP, ev.Caller.IP},
	} {
		if c.value != "" {
			claims = append(claims, auditlog.Claim{Name: c.name, Value: c.value, Owner: owner})
		}
	}
	return claims
}

func targetClaims(ev privacyd.AuditEvent, at time.Time) []auditlog.Claim {
	owner := auditlog.Owner{Log: ev.WorkspaceID}
	var claims []auditlog.Claim
	if s := ev.Target.Subject; s != nil {
		if owner = ownerOf(ev.WorkspaceID, *s); isNobody(s) { // as of an account that there is, all is one owner's
			owner = visitorsOf(at)
		}
		claims = append(claims, auditlog.Claim{Name: auditlog.ClaimSubject, Value: s.Kind + ":" + s.ID, Owner: owner})
	}
	if ev.Target.ID != "" {
		claims = append(claims, auditlog.Claim{Name: auditlog.ClaimTargetID, Value: ev.Target.ID, Owner: owner})
	}
	if ev.Target.Name != "" {
		claims = append(claims, auditlog.Claim{Name: auditlog.ClaimTargetName, Value: ev.Target.Name, Owner: owner})
	}
	if len(ev.Changes) > 0 {
		claims = append(claims, auditlog.Claim{Name: auditlog.ClaimChanges, Value: ev.Changes, Owner: owner})
	}
	return claims
}

// readable is an entry as a person reads it.
func readable(o auditlog.Opened) (privacyd.AuditEntry, error) {
	text := func(name string) string {
		s, _ := o.Public[name].(string)
		return s
	}
	a := privacyd.AuditEntry{
		ID: o.ID, WorkspaceID: o.Log, At: o.At, RecordedAt: auditlog.MadeAt(o.ID), Action: o.Action, Outcome: privacyd.Outcome(o.Outcome), TargetType: o.TargetType,
		ActorKind: privacyd.CallerKind(text(auditlog.PublicActorKind)), ActorRole: privacyd.Role(text("actor_role")),
		Door: privacyd.Door(text("door")), Code: text("code"), Facts: facts(o.Public), Details: details(o.Public), Erased: len(o.Erased) > 0,
	}
	for name, into := range map[string]any{
		auditlog.ClaimActor: &a.Actor, auditlog.ClaimActorEmail: &a.ActorEmail, auditlog.ClaimIP: &a.IP,
		auditlog.ClaimTargetID: &a.TargetID, auditlog.ClaimTargetName: &a.TargetName, auditlog.ClaimChanges: &a.Changes, auditlog.ClaimSubject: &a.Subject, "operator": &a.Operator,
	} {
		if raw, ok := o.Private[name]; ok {
			d := json.NewDecoder(bytes.NewReader(raw))
			d.UseNumber() // a product's numbers keep all their digits
			if err := d.Decode(into); err != nil {
				return a, fmt.Errorf("read audit entry %s: %s: %w", o.ID, name, err)
			}
		}
	}
	if a.Actor == "" && a.ActorKind != privacyd.CallerAccount {
		a.Actor = string(a.ActorKind)
	}
	return a, nil
}

// details is what is public and has no place of its own.
func details(public map[string]any) map[string]any {
	var rest map[string]any
	for name, v := range public {
		if slices.Contains([]string{auditlog.PublicActorKind, "actor_role", "door", "code", "signature"}, name) || strings.HasPrefix(name, factPrefix) {
			continue
		}
		if rest == nil {
			rest = map[string]any{}
		}
		rest[name] = v
	}
	return rest
}

const factPrefix = "fact_"

func facts(public map[string]any) map[string]int64 {
	var counts map[string]int64
	for name, v := range public {
		n, isNumber := v.(int64)
		if fact, ok := strings.CutPrefix(name, factPrefix); ok && isNumber {
			if counts == nil {
				counts = map[string]int64{}
			}
			counts[fact] = n
		}
	}
	return counts
}
