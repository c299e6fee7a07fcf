package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/cli"
	"github.com/privacyd/privacyd/client"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/mcp"
	"github.com/privacyd/privacyd/rest"
	"github.com/privacyd/privacyd/web"
)

// TestParity asks for every operation at every door that offers it, as each
// role and as a stranger: each door has a workspace of its own, so that all are
// in the same state all the time.
func TestParity(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		p := newParity(t, b)
		how := asked()
		for _, op := range privacyd.Operations() {
			a, known := how[op.Name]
			if !known {
				t.Errorf("nobody knows how to ask for %s", op.Name)
				continue
			}
			for _, role := range []string{"admin", "agent", "auditor", "stranger"} {
				p.compare(op, a, role)
			}
		}
	})
}

// TestEveryToolIsInTheTable looks for tools that nobody compares with anything.
func TestEveryToolIsInTheTable(t *testing.T) {
	p := newParity(t, enginetest.NewSQLite(t))
	inTable := map[string]bool{}
	for _, op := range privacyd.Operations() {
		inTable[op.MCP] = true
	}
	list, err := p.agent("admin@mcp.example.com").ListTools(t.Context(), nil)
	p.Must(err)
	for _, tool := range list.Tools {
		if !inTable[tool.Name] {
			t.Errorf("%s is not in the table of operations", tool.Name)
		}
	}
}

// parity is one engine behind all doors.
type parity struct {
	*enginetest.Bench
	t           *testing.T
	public, own *httptest.Server
	workspaces  map[string]privacyd.Workspace
	secrets     map[string]string // of sessions, by e-mail
	agents      map[string]*sdk.ClientSession
	seen        map[string]string // the newest entry of each log
}

func newParity(t *testing.T, b *enginetest.Bench) *parity {
	t.Helper()
	p := &parity{Bench: b, t: t, workspaces: map[string]privacyd.Workspace{}, secrets: map[string]string{}, agents: map[string]*sdk.ClientSession{}, seen: map[string]string{}}
	mux := http.NewServeMux()
	agents := mcp.New(b.Engine, mcp.Options{Version: "test", BaseURL: "https://privacy.example.com"})
	t.Cleanup(agents.Close)
	api := rest.New(b.Engine, rest.Options{Version: "test"})
	mux.Handle("/v1/", api)
	mux.Handle(mcp.Path, agents)
	mux.Handle("/", web.New(b.Engine, web.Options{Version: "test"}))
	p.public, p.own = httptest.NewServer(mux), httptest.NewUnstartedServer(api)
	p.own.Config.BaseContext = func(net.Listener) context.Context { return rest.WithOperator(context.Background(), "root") }
	p.own.Start()
	t.Cleanup(p.public.Close)
	t.Cleanup(p.own.Close)
	for _, door := range []string{"rest", "cli", "mcp", "page"} {
		p.workspaces[door] = b.NewWorkspace(door)
		_, err := b.CreateAccount(t.Context(), enginetest.Operator, engine.NewAccount{Email: "stranger@" + door + ".example.com", Name: "A stranger"})
		b.Must(err)
	}
	b.Pass(10 * privacyd.Day)
	for door := range p.workspaces {
		for _, role := range []string{"admin", "agent", "auditor", "stranger"} {
			p.signIn(role + "@" + door + ".example.com")
		}
		p.news(door)
	}
	p.news("")
	return p
}

func (p *parity) signIn(email string) {
	p.t.Helper()
	link, err := p.CreateSignInLink(p.t.Context(), enginetest.Operator, email)
	p.Must(err)
	in, err := p.RedeemSignInLink(p.t.Context(), privacyd.Caller{Door: privacyd.DoorWeb}, link)
	p.Must(err)
	p.secrets[email] = in.Secret
}

// outcome is what came of asking: a refusal's code or nothing, what was
// answered, and what the audit log says of it.
type outcome struct {
	Code    string
	Answer  map[string]any
	Entries []string
}

func (p *parity) compare(op privacyd.Operation, a asking, role string) {
	p.t.Helper()
	want := p.ask("rest", op, a, role)
	allowed := op.Action == "" && role != "stranger" || privacyd.Role(role).May(op.Action)
	if refused := want.Code == "role_missing" || want.Code == "workspace_not_found"; refused == allowed {
		p.t.Errorf("%s as %s: %+v", op.Name, role, want)
	}
	if want.Code == "" && op.Entry != "" && !strings.Contains(strings.Join(want.Entries, "\n")+"\n", op.Entry+" done") && role == "admin" {
		p.t.Errorf("%s as %s left %v, not %s", op.Name, role, want.Entries, op.Entry)
	}
	for door, offered := range map[string]string{"cli": op.CLI, "mcp": op.MCP, "page": op.Page} {
		if offered == "" {
			p.equalise(door, op, a, role)
			continue
		}
		got := p.ask(door, op, a, role)
		if door == "page" {
			p.comparePage(op, role, want, got)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			p.t.Errorf("%s as %s: REST (-) and %s (+) differ:\n%s", op.Name, role, door, diff)
		}
	}
}

// comparePage compares a refusal, and the entry that a form leaves: what a page
// has to read to be shown is its own affair.
func (p *parity) comparePage(op privacyd.Operation, role string, want, got outcome) {
	p.t.Helper()
	left := func(o outcome) bool {
		return op.Entry != "" && strings.Contains(strings.Join(o.Entries, "\n"), op.Entry+" done")
	}
	if want.Code != got.Code || left(want) != left(got) {
		p.t.Errorf("%s as %s: REST %+v, the page %+v", op.Name, role, want, got)
	}
}

// equalise keeps the workspace of a door that does not offer an operation in
// the same state.
func (p *parity) equalise(door string, op privacyd.Operation, a asking, role string) {
	p.t.Helper()
	p.askREST(door, op, a, role)
	p.news(door)
	p.news("")
}

func (p *parity) ask(door string, op privacyd.Operation, a asking, role string) outcome {
	p.t.Helper()
	o := map[string]func(string, privacyd.Operation, asking, string) outcome{
		"rest": p.askREST, "cli": p.askCLI, "mcp": p.askMCP, "page": p.askPage,
	}[door](door, op, a, role)
	o.Entries = append(p.news(door), p.news("")...)
	return o
}

// fill puts a door's own values in, after making the job that has to be there.
func (p *parity) fill(door, role string, a asking) *strings.Replacer {
	p.t.Helper()
	w, id := p.workspaces[door], ""
	ask := engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport}
	if a.deletion {
		ask.Type, ask.Subject = privacyd.JobSubjectDeletion, &privacyd.Subject{Kind: "contact", ID: "c-006"}
	}
	if a.export || a.deletion {
		job, _, err := p.CreateJob(p.t.Context(), enginetest.Operator, ask)
		p.Must(err)
		id = job.ID
		p.news(door)
	}
	return strings.NewReplacer("{ws}", w.Slug, "{job}", id, "{me}", role+"@"+door+".example.com", "{workspace}", w.Slug)
}

func (p *parity) request(method, url, body, kind string) *http.Request {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, url, strings.NewReader(body))
	p.Must(err)
	if body != "" || method == http.MethodPost {
		req.Header.Set("Content-Type", kind)
	}
	return req
}

func (p *parity) send(req *http.Request) (int, []byte) {
	p.t.Helper()
	res, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(req)
	p.Must(err)
	defer res.Body.Close() //nolint:errcheck // it was only read
	raw, err := io.ReadAll(res.Body)
	p.Must(err)
	return res.StatusCode, raw
}

func (p *parity) askREST(door string, op privacyd.Operation, a asking, role string) outcome {
	p.t.Helper()
	parts := strings.SplitN(p.fill(door, role, a).Replace(a.rest), " ", 3)
	body := ""
	if len(parts) == 3 {
		body = parts[2]
	}
	req := p.request(parts[0], p.public.URL+"/v1/workspaces/"+door+parts[1], body, "application/json")
	req.Header.Set("Authorization", "Bearer "+p.secrets[role+"@"+door+".example.com"])
	status, raw := p.send(req)
	return p.read(op, raw, status >= http.StatusBadRequest)
}

func (p *parity) askMCP(door string, op privacyd.Operation, a asking, role string) outcome {
	p.t.Helper()
	fill := p.fill(door, role, a)
	raw, err := json.Marshal(a.mcp)
	p.Must(err)
	arguments := map[string]any{}
	p.Must(json.Unmarshal([]byte(fill.Replace(string(raw))), &arguments))
	arguments["workspace_id"] = door
	r, err := p.agent(role+"@"+door+".example.com").CallTool(p.t.Context(), &sdk.CallToolParams{Name: op.MCP, Arguments: arguments})
	p.Must(err)
	return p.read(op, []byte(r.Content[0].(*sdk.TextContent).Text), r.IsError)
}

// bearer sends a secret with each request.
type bearer string

// RoundTrip implements http.RoundTripper.
func (s bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(s))
	return http.DefaultTransport.RoundTrip(r)
}

func (p *parity) agent(email string) *sdk.ClientSession {
	p.t.Helper()
	if s := p.agents[email]; s != nil {
		return s
	}
	s, err := sdk.NewClient(&sdk.Implementation{Name: "parity", Version: "1"}, nil).Connect(p.t.Context(), &sdk.StreamableClientTransport{
		Endpoint: p.public.URL + mcp.Path, HTTPClient: &http.Client{Transport: bearer(p.secrets[email])}, DisableStandaloneSSE: true, MaxRetries: -1,
	}, nil)
	p.Must(err)
	p.t.Cleanup(func() { _ = s.Close() })
	p.agents[email] = s
	return s
}

// parityHost connects commands to the engine that all doors share.
type parityHost struct {
	cli.Host
	base string
}

// Connect implements cli.Host.
func (h parityHost) Connect(_ context.Context, o cli.Folder) (cli.Connection, error) {
	return cli.Connection{Client: &client.Client{Base: h.base, As: o.As}, Close: func(context.Context) error { return nil }}, nil
}

var codeAtEnd = regexp.MustCompile(`\(([a-z_]+)\)\n$`)

func (p *parity) askCLI(door string, op privacyd.Operation, a asking, role string) outcome {
	p.t.Helper()
	args := strings.Fields(p.fill(door, role, a).Replace(a.cli))
	if !strings.Contains(a.cli, "--slug") {
		args = append(args, "--workspace", door)
	}
	args = append(args, "--as", role+"@"+door+".example.com", "--data", p.Folder)
	if !strings.HasPrefix(strings.Join(args, " "), op.CLI+" ") {
		p.t.Errorf("%s is not asked for by privacyd %s", op.Name, op.CLI)
	}
	var out, said bytes.Buffer
	app := cli.App{Host: parityHost{base: p.own.URL}, Version: "test", Stdin: strings.NewReader(""), Stdout: &out, Stderr: &said}
	if status := app.Run(p.t.Context(), args); status != cli.ExitDone {
		m := codeAtEnd.FindStringSubmatch(said.String())
		if m == nil {
			p.t.Errorf("privacyd %s: status %d: %s", args, status, said.String())
			return outcome{}
		}
		return outcome{Code: m[1]}
	}
	return p.read(op, out.Bytes(), false)
}

var codeOnPage = regexp.MustCompile(`Code: <code>([a-z_]+)</code>`)

func (p *parity) askPage(door string, op privacyd.Operation, a asking, role string) outcome {
	p.t.Helper()
	method, route, _ := strings.Cut(op.Page, " ")
	if strings.HasSuffix(op.Name, "unknown-job") {
		route = strings.ReplaceAll(route, "{job}", "no-such-job")
	}
	body := a.page.Encode()
	if method == http.MethodGet {
		route, body = route+"?"+body, ""
	}
	req := p.request(method, p.public.URL+p.fill(door, role, a).Replace(route), body, "application/x-www-form-urlencoded")
	req.AddCookie(&http.Cookie{Name: rest.SessionCookie, Value: p.secrets[role+"@"+door+".example.com"]})
	status, raw := p.send(req)
	if status < http.StatusBadRequest {
		return outcome{}
	}
	m := codeOnPage.FindSubmatch(raw)
	if m == nil {
		p.t.Errorf("%s as %s: the page says %d and no code", op.Name, role, status)
		return outcome{}
	}
	return outcome{Code: string(m[1])}
}

// read takes of an answer what every door must say alike.
func (p *parity) read(op privacyd.Operation, raw []byte, refused bool) outcome {
	p.t.Helper()
	said := map[string]any{}
	if err := json.Unmarshal(raw, &said); err != nil {
		p.t.Errorf("%s: %s: %v", op.Name, raw, err)
	}
	if refused {
		return outcome{Code: fmt.Sprint(said["code"])}
	}
	o := outcome{Answer: map[string]any{}}
	for _, field := range []string{"type", "state", "waiting_on", "format", "totals", "days", "due", "ok", "time_zone", "ground", "collections"} {
		if v, ok := said[field]; ok {
			o.Answer[field] = v
		}
	}
	if items, ok := said["items"].([]any); ok {
		o.Answer["items"] = len(items)
	}
	if policy, ok := said["policy"].(map[string]any); ok {
		o.Answer["policy"] = policy["days"]
	}
	return o
}

// news are the entries that a log has had since it was last looked at, without
// what must differ: who, at which door, and ids.
func (p *parity) news(log string) []string {
	p.t.Helper()
	list, err := p.ListAudit(p.t.Context(), enginetest.Operator, p.workspaces[log].ID, privacyd.AuditFilter{Limit: 1000})
	p.Must(err)
	var all []string
	newest := ""
	for e, err := range list {
		p.Must(err)
		if e.ID == p.seen[log] {
			break
		}
		if newest == "" {
			newest = e.ID
		}
		if e.ActorKind == privacyd.CallerSystem { // what follows by itself, when it is time
			continue
		}
		role, _, _ := strings.Cut(e.ActorEmail, "@")
		all = append([]string{strings.Join([]string{role, string(e.ActorRole), e.Action, string(e.Outcome), e.Code, e.TargetType}, " ")}, all...)
	}
	if newest != "" {
		p.seen[log] = newest
	}
	return all
}
