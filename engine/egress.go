package engine

import (
	"context"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
)

// CallCounts keeps how often workspaces call providers of language models:
// numbers, never what was said.
type CallCounts interface {
	CountCall(ctx context.Context, workspaceID string, c privacyd.CallCount) error
	CallCounts(ctx context.Context, workspaceID string, since string) ([]privacyd.CallCount, error)
}

// Egress says which language models may be called.
type Egress struct {
	Providers []privacyd.Provider
	Counts    CallCounts
}

// provider finds a provider by name.
func (g Egress) provider(name string) (privacyd.Provider, bool) {
	for _, p := range g.Providers {
		if p.Name == name {
			return p, true
		}
	}
	return privacyd.Provider{}, false
}

// Admission is leave to send one call to a provider.
type Admission struct {
	Provider privacyd.Provider
	Call     privacyd.Call

	workspaceID string
	day         string
}

// AdmitCall checks that the caller, a token of one workspace with the scope
// llm.call, may send a call to a provider. Codes: provider_not_found,
// call_not_known, provider_no_agreement, provider_country_refused. A refusal is
// audited as llm.call and counted.
func (e *Engine) AdmitCall(ctx context.Context, c privacyd.Caller, provider, method, path string) (Admission, error) {
	g, err := e.authorise(ctx, c, tokenWorkspace(c), privacyd.ActionCallLLM)
	if err != nil {
		return Admission{}, err
	}
	a := Admission{workspaceID: g.Workspace.ID, day: e.Now().UTC().Format(time.DateOnly)}
	if err := e.admitCall(ctx, &a, provider, method, path); err != nil {
		return a, e.refuseCall(ctx, c, g, a, err)
	}
	return a, nil
}

func (e *Engine) admitCall(ctx context.Context, a *Admission, provider, method, path string) error {
	p, known := e.Egress.provider(provider)
	if !known {
		return privacyd.Errorf(privacyd.ClassNotFound, "provider_not_found",
			"There is no such provider. The operator names them under llm in the configuration.")
	}
	a.Provider = p
	call, known := p.Call(method, path)
	if !known {
		return privacyd.Errorf(privacyd.ClassRefused, "call_not_known",
			"This call does not go through: it is not known to keep nothing at the provider. Those that do: %s.", strings.Join(p.Dialect.Calls(), ", "))
	}
	a.Call = call
	settings, err := e.States.Settings(ctx, a.workspaceID)
	if err != nil {
		return err
	}
	return p.Refusal(settings.AllowedCountries.Or(e.allowedCountries()), e.Now())
}

// refuseCall audits and counts a call that is not sent.
func (e *Engine) refuseCall(ctx context.Context, c privacyd.Caller, g grant, a Admission, refusal error) error {
	if a.Provider.Name != "" {
		if err := e.Egress.Counts.CountCall(ctx, a.workspaceID, a.count(privacyd.CallCount{Refused: 1})); err != nil {
			return err
		}
	}
	return e.deny(ctx, c, g, privacyd.ActionCallLLM, refusal)
}

// EndCall counts a call that was sent, also one whose caller has gone away.
func (e *Engine) EndCall(ctx context.Context, a Admission, sent, received int64, failed bool) error {
	n := a.count(privacyd.CallCount{Calls: 1, Sent: sent, Received: received})
	if failed {
		n.Failed = 1
	}
	return outcome(ctx, func(ctx context.Context) error { return e.Egress.Counts.CountCall(ctx, a.workspaceID, n) })
}

func (a Admission) count(n privacyd.CallCount) privacyd.CallCount {
	n.Provider, n.Day = a.Provider.Name, a.day
	return n
}

// callsKept is for how long back calls are told.
const callsKept = 90 * 24 * time.Hour

// CallCounts tells how often a workspace called which provider in the last 90
// days, the newest day first. Members.
func (e *Engine) CallCounts(ctx context.Context, c privacyd.Caller, workspace string) ([]privacyd.CallCount, error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionReadWorkspace)
	if err != nil {
		return nil, err
	}
	return e.Egress.Counts.CallCounts(ctx, g.Workspace.ID, e.Now().Add(-callsKept).UTC().Format(time.DateOnly))
}

// tokenWorkspace is the workspace that a token is of. Nobody else has one.
func tokenWorkspace(c privacyd.Caller) string {
	if c.Token == nil {
		return ""
	}
	return c.Token.WorkspaceID
}
