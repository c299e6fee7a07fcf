package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/cli"
	"github.com/privacyd/privacyd/client"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/mcp"
	"github.com/privacyd/privacyd/rest"
)

// round is one asking at one door: by whom, and what stands for the words in
// braces.
type round struct {
	op      privacyd.Operation
	a       asking
	at      string // the door that is asked
	door    string // whose workspace it is
	role    string
	allowed bool   // the role may
	me      string // e-mail address of the asker; empty: the operator
	values  map[string]string
}

// fill puts the values in.
func (r round) fill(text string) string {
	for name, value := range r.values {
		text = strings.ReplaceAll(text, "{"+name+"}", value)
	}
	return text
}

// round makes what has to be there first.
func (p *parity) round(at, door string, op privacyd.Operation, a asking, role string) round {
	p.t.Helper()
	w := p.workspaces[door]
	r := round{op: op, a: a, at: at, door: door, role: role, me: role + "@" + door + ".example.com", values: map[string]string{"ws": w.Slug, "workspace": w.Slug, "door": door, "role": role, "at": at + "-" + door}}
	if role == "operator" {
		r.me = ""
	}
	before := len(r.values)
	ask := engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport}
	if a.deletion {
		ask.Type, ask.Subject = privacyd.JobSubjectDeletion, &privacyd.Subject{Kind: "contact", ID: "c-006"}
	}
	if a.export || a.deletion {
		job, _, err := p.CreateJob(p.t.Context(), enginetest.Operator, ask)
		p.Must(err)
		r.values["job"] = job.ID
	}
	r.allowed = allowed(op, a, role)
	first, there := p.made[op.Name+"@"+door]
	switch {
	case a.ready == nil:
	case !r.allowed && there: // what it is for nobody looks at
		maps.Copy(r.values, first.values)
	default:
		a.ready(p, &r)
		p.made[op.Name+"@"+door] = r
	}
	if a.ends && r.allowed {
		p.Run()
	}
	if len(r.values) > before {
		p.news(door)
		p.news("")
	}
	r.values["me"] = r.me
	return r
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

func (p *parity) askREST(r round) outcome {
	p.t.Helper()
	parts := strings.SplitN(r.fill(r.a.rest), " ", 3)
	path, body, kind := parts[1], "", "application/json"
	if len(parts) == 3 {
		body = parts[2]
	}
	if !strings.HasPrefix(path, "/v1/") {
		path = "/v1/workspaces/" + r.door + path
	}
	if r.a.kind != "" {
		kind = r.a.kind
	}
	base := p.public.URL
	if r.me == "" {
		base = p.own.URL
	}
	req := p.request(parts[0], base+path, body, kind)
	if r.me != "" {
		req.Header.Set("Authorization", "Bearer "+p.secrets[r.me])
	}
	status, raw := p.send(req)
	return p.read(r.op, raw, status >= http.StatusBadRequest)
}

func (p *parity) askMCP(r round) outcome {
	p.t.Helper()
	raw, err := json.Marshal(r.a.mcp)
	p.Must(err)
	arguments := map[string]any{}
	p.Must(json.Unmarshal([]byte(r.fill(string(raw))), &arguments))
	arguments["workspace_id"] = r.door
	res, err := p.agent(r.me).CallTool(p.t.Context(), &sdk.CallToolParams{Name: r.op.MCP, Arguments: arguments})
	p.Must(err)
	return p.read(r.op, []byte(res.Content[0].(*sdk.TextContent).Text), res.IsError)
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

// commandPatience is how long a command may wait for what never comes.
const commandPatience = time.Minute

var codeAtEnd = regexp.MustCompile(`\(([a-z_]+)\)\n$`)

func (p *parity) askCLI(r round) outcome {
	p.t.Helper()
	args := strings.Fields(r.fill(r.a.cli))
	if !strings.Contains(r.a.cli, "--slug") && !strings.Contains(r.a.rest, " /v1/") {
		args = append(args, "--workspace", r.door)
	}
	if args = append(args, "--data", p.Folder); r.me != "" {
		args = append(args, "--as", r.me)
	}
	if !strings.HasPrefix(strings.Join(args, " "), r.op.CLI+" ") {
		p.t.Errorf("%s is not asked for by privacyd %s", r.op.Name, r.op.CLI)
	}
	if r.a.ends && r.allowed {
		defer p.working()()
	}
	var out, said bytes.Buffer
	app := cli.App{Host: parityHost{base: p.own.URL}, Version: "test", Stdin: strings.NewReader(r.fill(r.a.stdin)), Stdout: &out, Stderr: &said}
	ctx, cancel := context.WithTimeout(p.t.Context(), commandPatience)
	defer cancel()
	if status := app.Run(ctx, args); status != cli.ExitDone {
		m := codeAtEnd.FindStringSubmatch(said.String())
		if m == nil {
			p.t.Errorf("privacyd %s: status %d: %s", args, status, said.String())
			return outcome{}
		}
		return outcome{Code: m[1]}
	}
	if !strings.Contains(r.a.cli, "--json") {
		return outcome{} // which says it in words alone
	}
	return p.read(r.op, out.Bytes(), false)
}

// working has the queued work done, as a server does, until it is called.
func (p *parity) working() (stop func()) {
	ctx, cancel := context.WithCancel(p.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			_ = p.Runner.RunUntilIdle(ctx) // what fails, the command finds
			select {
			case <-ctx.Done():
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	return func() { cancel(); <-done }
}

var codeOnPage = regexp.MustCompile(`Code: <code>([a-z_]+)</code>`)

func (p *parity) askPage(r round) outcome {
	p.t.Helper()
	method, route, _ := strings.Cut(r.op.Page, " ")
	if strings.HasSuffix(r.op.Name, "unknown-job") {
		route = strings.ReplaceAll(route, "{job}", "no-such-job")
	}
	form := url.Values{}
	for name, values := range r.a.page {
		for _, v := range values {
			form.Add(name, r.fill(v))
		}
	}
	body := form.Encode()
	if method == http.MethodGet {
		route, body = route+"?"+body, ""
	}
	req := p.request(method, p.public.URL+r.fill(route), body, "application/x-www-form-urlencoded")
	req.AddCookie(&http.Cookie{Name: rest.SessionCookie, Value: p.secrets[r.me]})
	status, raw := p.send(req)
	if status < http.StatusBadRequest {
		return outcome{}
	}
	m := codeOnPage.FindSubmatch(raw)
	if m == nil {
		p.t.Errorf("%s as %s: the page says %d and no code", r.op.Name, r.role, status)
		return outcome{}
	}
	return outcome{Code: string(m[1])}
}
