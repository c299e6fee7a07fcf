package web

import (
	"net/url"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
)

// auditFilter is the filter of the audit log as it was typed. It lives in the
// address, so that what one looks at can be sent to somebody else.
type auditFilter struct {
	From, Until   string // days in UTC, both included
	Actor, Target string
	Action        string
}

func newAuditFilter(q url.Values) auditFilter {
	get := func(name string) string { return strings.TrimSpace(q.Get(name)) }
	return auditFilter{From: get("from"), Until: get("until"), Actor: get("actor"), Target: get("target"), Action: get("action")}
}

// active tells whether anything is filtered.
func (f auditFilter) active() bool { return f != auditFilter{} }

// filter is what the engine is asked for, or what is wrong. Codes
// from_invalid, until_invalid.
func (f auditFilter) filter() (privacyd.AuditFilter, problem) {
	out := privacyd.AuditFilter{Actor: f.Actor, Target: f.Target, Action: f.Action}
	var wrong problem
	if out.From, wrong = day(f.From, "from"); wrong.Code != "" {
		return out, wrong
	}
	if out.Until, wrong = day(f.Until, "until"); wrong.Code != "" {
		return out, wrong
	}
	if !out.Until.IsZero() {
		out.Until = out.Until.AddDate(0, 0, 1)
	}
	if !out.Until.IsZero() && !out.From.Before(out.Until) {
		return out, problem{Message: "The last day is before the first one. Exchange them.", Code: "until_invalid", Field: "until"}
	}
	return out, problem{}
}

// day reads a day, its beginning in UTC; empty is the zero time.
func day(text, field string) (time.Time, problem) {
	if text == "" {
		return time.Time{}, problem{}
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil || t.Year() < 1970 {
		return time.Time{}, problem{Message: "That is not a day. Write it as year, month and day, such as 2026-03-31.", Code: field + "_invalid", Field: field}
	}
	return t, problem{}
}

func (f auditFilter) values() url.Values {
	q := url.Values{}
	for name, value := range map[string]string{"from": f.From, "until": f.Until, "actor": f.Actor, "target": f.Target, "action": f.Action} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q
}

// query is the filter as the end of an address, at a cursor.
func (f auditFilter) query(before string) string {
	q := f.values()
	if before != "" {
		q.Set("before", before)
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

// only filters by one more thing.
func (f auditFilter) only(name, value string) string {
	q := f.values()
	q.Set(name, value)
	return "?" + q.Encode()
}

// exportQuery asks the REST door for the same.
func exportQuery(f privacyd.AuditFilter) url.Values {
	q := url.Values{}
	for name, t := range map[string]time.Time{"from": f.From, "until": f.Until} {
		if !t.IsZero() {
			q.Set(name, machine(t))
		}
	}
	for name, value := range map[string]string{"actor": f.Actor, "target": f.Target, "action": f.Action} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q
}

// knownAction tells whether the filter's list offers an action.
func knownAction(code string) bool {
	for _, g := range auditGroups() {
		for _, a := range g.Actions {
			if a.Code == code {
				return true
			}
		}
	}
	return false
}

// actorFilter is by what an entry's actor is looked for; empty when nobody can be.
func actorFilter(a privacyd.AuditEntry) string {
	if a.ActorEmail != "" {
		return a.ActorEmail
	}
	if a.Erased && a.Actor == "" {
		return ""
	}
	if a.Actor != "" {
		return a.Actor
	}
	return string(a.ActorKind)
}

// targetFilter is by what an entry's target is looked for.
func targetFilter(a privacyd.AuditEntry) string {
	for _, s := range []string{a.Subject, a.TargetID, a.TargetType} {
		if s != "" {
			return s
		}
	}
	return ""
}

// doorWords says by which door a caller came in.
func doorWords(d privacyd.Door) string {
	switch d {
	case privacyd.DoorWeb:
		return "In the browser"
	case privacyd.DoorREST:
		return "By the REST interface"
	case privacyd.DoorMCP:
		return "By an agent (MCP)"
	case privacyd.DoorCLI:
		return "By a command"
	default:
		return ""
	}
}
