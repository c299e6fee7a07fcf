package mcp

import (
	"context"
	"slices"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

// subjectsTold is how many persons one search tells of: enough to tell two of
// a name apart, not to copy an address book.
const subjectsTold = 10

type subjects struct {
	Items  []engine.FoundSubject `json:"items"`
	More   bool                  `json:"more"` // there are more than these: narrow the query
	Notice string                `json:"notice"`
}

func (d *Door) findSubject(ctx context.Context, c call) (any, error) {
	var in struct {
		Query string `json:"query"`
	}
	if err := c.arguments(&in); err != nil {
		return nil, err
	}
	list, err := d.engine.FindSubjects(ctx, c.caller, c.workspace, in.Query, subjectsTold+1)
	if err != nil {
		return nil, err
	}
	return subjects{Items: list[:min(len(list), subjectsTold)], More: len(list) > subjectsTold, Notice: notice}, nil
}

// retention is a workspace's retention policy.
type retention struct {
	Policy   privacyd.Policy   `json:"policy"`
	Versions []privacyd.Policy `json:"versions"` // oldest first
	NextRun  *time.Time        `json:"next_run,omitempty"`
	Forever  bool              `json:"forever"` // nothing falls due
}

func (d *Door) retentionPolicy(ctx context.Context, c call) (any, error) {
	now, versions, err := d.engine.RetentionPolicy(ctx, c.caller, c.workspace)
	if err != nil {
		return nil, err
	}
	run, err := d.engine.NextRetentionRun(ctx, c.caller, c.workspace)
	if err != nil {
		return nil, err
	}
	return retention{Policy: now, Versions: append([]privacyd.Policy{}, versions...), NextRun: run, Forever: now.Forever()}, nil
}

// entryArguments are those of search_audit_trail.
type entryArguments struct {
	From    string   `json:"from"`
	Until   string   `json:"until"`
	Action  string   `json:"action"`
	Actor   string   `json:"actor"`
	Target  string   `json:"target"`
	Include []string `json:"include"`
	Limit   int      `json:"limit"`
	Cursor  string   `json:"cursor"`
}

func (a entryArguments) filter() (f privacyd.AuditFilter, err error) {
	f = privacyd.AuditFilter{Action: a.Action, Actor: a.Actor, Target: a.Target, Before: a.Cursor, Limit: a.Limit}
	if f.From, err = privacyd.Moment(a.From); err == nil {
		f.Until, err = privacyd.Moment(a.Until)
	}
	if err != nil {
		return f, privacyd.Errorf(privacyd.ClassInvalid, "time_invalid",
			"from and until are days such as 2025-01-31, or times such as 2025-01-31T12:00:00Z.")
	}
	return f, nil
}

func (d *Door) searchAudit(ctx context.Context, c call) (any, error) {
	in := entryArguments{Limit: entriesTold}
	if err := c.arguments(&in); err != nil {
		return nil, err
	}
	f, err := in.filter()
	if err != nil {
		return nil, err
	}
	found, err := d.engine.AuditPage(ctx, c.caller, c.workspace, f)
	if err != nil {
		return nil, err
	}
	told := page[privacyd.AuditEntry]{Items: []privacyd.AuditEntry{}, Next: found.Next, Notice: notice}
	for _, e := range found.Items {
		told.Items = append(told.Items, sparing(e, in.Include))
	}
	return told, nil
}

// sparing leaves out what is personal and was not asked for.
func sparing(e privacyd.AuditEntry, include []string) privacyd.AuditEntry {
	if !slices.Contains(include, "actor") {
		e.Actor, e.ActorEmail, e.Operator = "", "", ""
	}
	if !slices.Contains(include, "target") {
		e.TargetID, e.TargetName, e.Subject = "", "", ""
	}
	if !slices.Contains(include, "ip") {
		e.IP = ""
	}
	if !slices.Contains(include, "changes") {
		e.Changes, e.Details = nil, nil
	}
	return e
}

func (d *Door) verifyAudit(ctx context.Context, c call) (any, error) {
	return d.engine.VerifyAudit(ctx, c.caller, c.workspace)
}
