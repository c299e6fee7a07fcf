package main_test

import (
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine/enginetest"
)

// TestScopes has tokens of one scope each, of all and of all but that one, ask
// for every operation that agents can ask for: a tool does what REST does with
// the same token, and no more.
func TestScopes(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		p := newParity(t, b)
		how := asked()
		refused := map[string]int{}
		for _, scope := range privacyd.WorkspaceActions() {
			for _, door := range []string{"rest", "mcp"} {
				_, secret, err := b.CreateToken(t.Context(), enginetest.Operator, p.workspaces[door].ID, "agent", []privacyd.Action{scope})
				b.Must(err)
				p.secrets[string(scope)+"@"+door+".example.com"] = secret
			}
			for _, op := range privacyd.Operations() {
				if op.MCP == "" {
					continue
				}
				over, at := p.askREST(p.round("rest", "rest", op, how[op.Name], string(scope))), p.askMCP(p.round("mcp", "mcp", op, how[op.Name], string(scope)))
				if over.Code != at.Code {
					t.Errorf("%s with %s alone: REST %q, MCP %q", op.Name, scope, over.Code, at.Code)
				}
				if at.Code == "scope_missing" {
					refused[op.Name]++
				} else if at.Code == "" && op.Action != scope {
					t.Errorf("%s is done with %s alone", op.Name, scope)
				}
			}
		}
		for _, op := range privacyd.Operations() {
			if op.MCP != "" && op.Action != "" && refused[op.Name] < len(privacyd.WorkspaceActions())-1 {
				t.Errorf("%s was refused to %d scopes only", op.Name, refused[op.Name])
			}
		}
	})
}
