package mcp_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/mcp"
)

// stream is the operator's stream, as the command line opens it; the answer and
// where messages go in.
func (b *bench) stream(workspace, as string) (*http.Response, io.WriteCloser) {
	b.t.Helper()
	own := httptest.NewUnstartedServer(b.door)
	own.Config.BaseContext = func(net.Listener) context.Context {
		return context.WithValue(context.Background(), operatorKey{}, "root")
	}
	own.Start()
	b.t.Cleanup(own.Close)
	r, w := io.Pipe()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, own.URL+mcp.Path+"?workspace="+workspace, r)
	b.Must(err)
	if as != "" {
		req.Header.Set(mcp.AsHeader, as)
	}
	res, err := http.DefaultClient.Do(req)
	b.Must(err)
	b.t.Cleanup(func() { _ = w.Close(); _ = res.Body.Close() })
	return res, w
}

func (b *bench) streamed(workspace, as string, o *sdk.ClientOptions) *agent {
	b.t.Helper()
	res, w := b.stream(workspace, as)
	if res.StatusCode != http.StatusOK {
		b.t.Fatalf("%s", res.Status)
	}
	return b.connect(&sdk.IOTransport{Reader: res.Body, Writer: w}, o)
}

// TestAStreamKeepsToItsWorkspace has the operator's agent, which may what an
// admin may, look elsewhere.
func TestAStreamKeepsToItsWorkspace(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		w, other := b.NewWorkspace("acme"), b.NewWorkspace("other")
		a := b.streamed("acme", "", nil)
		if said := a.InitializeResult().Instructions; !strings.Contains(said, w.ID) {
			t.Errorf("%q", said)
		}
		job := a.must("create_gdpr_job", map[string]any{"type": "subject_deletion", "subject": contact("c-006")})
		if job["state"] != "pending_approval" || job["requested_by"] != "operator" {
			t.Errorf("%v", job)
		}
		a.refused("workspace_not_found", "list_gdpr_jobs", map[string]any{"workspace_id": other.ID})
		a.refused("own_account_only", "preview_gdpr_job", map[string]any{"type": "account_deletion"})
		log := b.Audited(w.ID)
		if !slices.Contains(log, "subject_deletion.create done") {
			t.Errorf("%v", log)
		}
	})
}

func TestAStreamAsSomebody(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		w := b.NewWorkspace("acme")
		b.NewWorkspace("other")
		agent := b.streamed("acme", "agent@acme.example.com", nil)
		agent.must("create_gdpr_job", map[string]any{"type": "subject_export", "subject": contact("c-001"), "requested_by": "agent@acme.example.com"})
		agent.refused("role_missing", "create_gdpr_job", map[string]any{"type": "data_export"})
		agent.refused("role_missing", "verify_audit_trail", nil)
		admin := b.Member(privacyd.RoleAdmin, w)
		_, err := b.ChangeRole(t.Context(), enginetest.Operator, w.ID, b.Member(privacyd.RoleAgent, w).AccountID, privacyd.RoleAuditor)
		b.Must(err)
		agent.refused("role_missing", "list_gdpr_jobs", nil) // from now on, in mid-session
		agent.must("verify_audit_trail", nil)
		for as, code := range map[string]string{
			"nobody@example.com": "account_not_found", "admin@other.example.com": "workspace_not_found", "nonsense": "email_invalid",
		} {
			res, in := b.stream("acme", as)
			_ = in.Close()
			text, err := io.ReadAll(res.Body)
			b.Must(err)
			if res.StatusCode < 400 || !strings.Contains(string(text), code) {
				t.Errorf("%s: %s %s", as, res.Status, text)
			}
		}
		entries := b.streamed("acme", admin.Email, nil).must("search_audit_trail", map[string]any{"action": "subject_export.create", "include": []string{"actor"}})
		one := entries["items"].([]any)[0].(map[string]any)
		if one["operator"] != "root" || one["actor_email"] != "agent@acme.example.com" || one["door"] != "mcp" {
			t.Errorf("%v", one)
		}
	})
}

// TestAllIsAnswered closes the input right after the last question, as a
// script does.
func TestAllIsAnswered(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.NewWorkspace("acme")
		res, in := b.stream("acme", "")
		b.Must(second(io.WriteString(in, strings.Join([]string{
			`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}`,
			`{"jsonrpc":"2.0","method":"notifications/initialized"}`,
			`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"verify_audit_trail","arguments":{}}}`,
			`{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"create_gdpr_job","arguments":{"type":"data_export"}}}`,
		}, "\n")+"\n")))
		b.Must(in.Close())
		var answers int
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			if strings.Contains(lines.Text(), `"result"`) {
				answers++
			}
		}
		if answers != 3 {
			t.Errorf("%d answers", answers)
		}
	})
}

func second[T any](_ T, err error) error { return err }

// TestThePageIsShown has programs that can open an address for a person do so,
// over both transports and with both ways of asking.
func TestThePageIsShown(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		w := b.NewWorkspace("acme")
		var shown []string
		open := &sdk.ClientOptions{
			Capabilities: &sdk.ClientCapabilities{Elicitation: &sdk.ElicitationCapabilities{URL: &sdk.URLElicitationCapabilities{}}},
			ElicitationHandler: func(_ context.Context, r *sdk.ElicitRequest) (*sdk.ElicitResult, error) {
				shown = append(shown, r.Params.Mode+" "+r.Params.URL)
				return &sdk.ElicitResult{Action: "accept"}, nil
			},
		}
		form := &sdk.ClientOptions{ElicitationHandler: func(context.Context, *sdk.ElicitRequest) (*sdk.ElicitResult, error) {
			t.Error("an agent's program was asked to confirm")
			return &sdk.ElicitResult{Action: "accept"}, nil
		}}
		secret := b.token(w)
		for n, a := range []*agent{b.streamed("acme", "", open), b.agentWith(secret, open), b.streamed("acme", "", form), b.agentWith(secret, form)} {
			shown = nil
			job := a.must("create_gdpr_job", map[string]any{"type": "subject_deletion", "subject": contact("c-006")})
			if job["state"] != "pending_approval" {
				t.Errorf("%v", job)
			}
			if want := "url " + job["link"].(string); n < 2 && !slices.Equal(shown, []string{want}) {
				t.Errorf("shown %v, want %s", shown, want)
			}
		}
	})
}
