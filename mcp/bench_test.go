package mcp_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/mcp"
)

// bench is the door on a real engine.
type bench struct {
	*enginetest.Bench
	t      *testing.T
	door   *mcp.Door
	server *httptest.Server
}

func each(t *testing.T, fn func(t *testing.T, b *bench)) {
	t.Helper()
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) { fn(t, newBench(t, b)) })
}

type operatorKey struct{}

func newBench(t *testing.T, e *enginetest.Bench) *bench {
	t.Helper()
	b := &bench{Bench: e, t: t}
	b.door = mcp.New(e.Engine, mcp.Options{Version: "test", BaseURL: "https://privacy.example.com", Operator: func(ctx context.Context) (string, bool) {
		user, ok := ctx.Value(operatorKey{}).(string)
		return user, ok
	}})
	t.Cleanup(b.door.Close)
	b.server = httptest.NewServer(b.door)
	t.Cleanup(b.server.Close)
	return b
}

// bearer sends a token with each request.
type bearer string

func (t bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(t))
	return http.DefaultTransport.RoundTrip(r)
}

func (b *bench) token(w privacyd.Workspace, scopes ...privacyd.Action) string {
	b.t.Helper()
	if len(scopes) == 0 {
		scopes = privacyd.WorkspaceActions()
	}
	_, secret, err := b.CreateToken(b.t.Context(), enginetest.Operator, w.ID, "agent", scopes)
	b.Must(err)
	return secret
}

// session is the secret of a signed-in account.
func (b *bench) session(email string) string {
	b.t.Helper()
	secret, err := b.CreateSignInLink(b.t.Context(), enginetest.Operator, email)
	b.Must(err)
	in, err := b.RedeemSignInLink(b.t.Context(), privacyd.Caller{Door: privacyd.DoorWeb}, secret)
	b.Must(err)
	return in.Secret
}

// agent is a session of the official client.
type agent struct {
	*sdk.ClientSession
	t *testing.T
}

func (b *bench) agent(secret string) *agent { return b.agentWith(secret, nil) }

func (b *bench) agentWith(secret string, o *sdk.ClientOptions) *agent {
	b.t.Helper()
	return b.connect(&sdk.StreamableClientTransport{
		Endpoint: b.server.URL + mcp.Path, HTTPClient: &http.Client{Transport: bearer(secret)}, DisableStandaloneSSE: true, MaxRetries: -1,
	}, o)
}

func (b *bench) connect(transport sdk.Transport, o *sdk.ClientOptions) *agent {
	b.t.Helper()
	s, err := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, o).Connect(b.t.Context(), transport, nil)
	b.Must(err)
	b.t.Cleanup(func() { _ = s.Close() })
	return &agent{s, b.t}
}

// use calls a tool and gives its answer: the text and the structure must be the
// same.
func (a *agent) use(tool string, arguments map[string]any) (answer map[string]any, failed bool) {
	a.t.Helper()
	r, err := a.CallTool(a.t.Context(), &sdk.CallToolParams{Name: tool, Arguments: arguments})
	if err != nil {
		a.t.Fatalf("%s: %v", tool, err)
	}
	var said map[string]any
	text := r.Content[0].(*sdk.TextContent).Text
	if err := json.Unmarshal([]byte(text), &said); err != nil {
		a.t.Fatalf("%s answered %q: %v", tool, text, err)
	}
	return said, r.IsError
}

// must wants a tool to work.
func (a *agent) must(tool string, arguments map[string]any) map[string]any {
	a.t.Helper()
	answer, failed := a.use(tool, arguments)
	if failed {
		a.t.Fatalf("%s: %v", tool, answer)
	}
	a.asTold(tool, answer)
	return answer
}

// asTold wants an answer to be what the tool's output schema says.
func (a *agent) asTold(tool string, answer map[string]any) {
	a.t.Helper()
	tools, err := a.ListTools(a.t.Context(), nil)
	if err != nil {
		a.t.Fatal(err)
	}
	for _, told := range tools.Tools {
		if told.Name != tool {
			continue
		}
		raw, err := json.Marshal(told.OutputSchema)
		if err != nil {
			a.t.Fatal(err)
		}
		var s jsonschema.Schema
		if err := json.Unmarshal(raw, &s); err != nil || s.Type != "object" {
			a.t.Fatalf("%s has no output schema: %s %v", tool, raw, err)
		}
		strict(&s)
		resolved, err := s.Resolve(nil)
		if err != nil {
			a.t.Fatal(err)
		}
		if err := resolved.Validate(answer); err != nil {
			a.t.Errorf("%s answers otherwise than its schema says: %v", tool, err)
		}
	}
}

// strict has a schema allow nothing that it does not name.
func strict(s *jsonschema.Schema) {
	if s == nil {
		return
	}
	if s.Properties != nil {
		s.AdditionalProperties = &jsonschema.Schema{Not: &jsonschema.Schema{}}
	}
	for _, p := range s.Properties {
		strict(p)
	}
	strict(s.Items)
}

// refused wants a tool to refuse with a code, and to say what to do.
func (a *agent) refused(code, tool string, arguments map[string]any) {
	a.t.Helper()
	answer, failed := a.use(tool, arguments)
	if message, _ := answer["message"].(string); !failed || answer["code"] != code || message == "" {
		a.t.Errorf("%s %v: %v, want %s", tool, arguments, answer, code)
	}
}

// contact is a person as tools take one.
func contact(id string) map[string]any { return map[string]any{"kind": "contact", "id": id} }
