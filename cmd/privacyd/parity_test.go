package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/privacyd/privacyd"
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
			for _, role := range a.roles() {
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
	made        map[string]round  // what was there for an admin, by operation and door
}

func newParity(t *testing.T, b *enginetest.Bench) *parity {
	t.Helper()
	p := &parity{Bench: b, t: t, workspaces: map[string]privacyd.Workspace{}, secrets: map[string]string{}, agents: map[string]*sdk.ClientSession{}, seen: map[string]string{}, made: map[string]round{}}
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
	Left    any // what is there afterwards
}

func (p *parity) compare(op privacyd.Operation, a asking, role string) {
	p.t.Helper()
	want := p.ask("rest", op, a, role)
	if refused := slices.Contains([]string{"role_missing", "workspace_not_found", "operator_only"}, want.Code); refused == allowed(op, a, role) {
		p.t.Errorf("%s as %s: %+v", op.Name, role, want)
	}
	if want.Code == "" && op.Entry != "" && !slices.ContainsFunc(want.Entries, did(op)) && (role == "admin" || role == "operator") {
		p.t.Errorf("%s as %s left %v, not %s", op.Name, role, want.Entries, op.Entry)
	}
	for _, door := range []string{"cli", "mcp", "page"} {
		offered := map[string]string{"cli": op.CLI, "mcp": op.MCP, "page": op.Page}[door]
		if offered == "" || role == "operator" && door != "cli" {
			if a.ready == nil { // else nothing is left that others see
				p.askREST(p.round("rest", door, op, a, role))
				p.settle(door)
			}
			continue
		}
		got := p.ask(door, op, a, role)
		if door == "page" {
			p.comparePage(op, role, want, got)
			continue
		}
		if got.Answer == nil && got.Code == "" {
			got.Answer = want.Answer // it says it in words
		}
		if diff := cmp.Diff(want, got); diff != "" {
			p.t.Errorf("%s as %s: REST (-) and %s (+) differ:\n%s", op.Name, role, door, diff)
		}
	}
}

// allowed tells who is not refused for who they are.
func allowed(op privacyd.Operation, a asking, role string) bool {
	return role == "operator" || a.own || op.Action == "" && role != "stranger" || privacyd.Role(role).May(op.Action)
}

// did tells whether an entry is the one that an operation leaves.
func did(op privacyd.Operation) func(entry string) bool {
	return func(entry string) bool { return strings.Contains(entry, " "+op.Entry+" done ") }
}

// comparePage compares a refusal, what a form has done and the entries that it
// leaves. What a page has to read to be shown is its own affair.
func (p *parity) comparePage(op privacyd.Operation, role string, want, got outcome) {
	p.t.Helper()
	alike := want.Code == got.Code && cmp.Equal(want.Left, got.Left)
	if strings.HasPrefix(op.Page, "POST ") && want.Code == "" {
		alike = alike && slices.Equal(want.Entries, got.Entries)
	} else {
		left := func(o outcome) bool { return op.Entry != "" && slices.ContainsFunc(o.Entries, did(op)) }
		alike = alike && left(want) == left(got)
	}
	if !alike {
		p.t.Errorf("%s as %s: REST %+v, the page %+v\n%s", op.Name, role, want, got, cmp.Diff(want.Left, got.Left))
	}
}

// ask asks at a door and looks at what is there then.
func (p *parity) ask(door string, op privacyd.Operation, a asking, role string) outcome {
	p.t.Helper()
	r := p.round(door, door, op, a, role)
	o := map[string]func(round) outcome{"rest": p.askREST, "cli": p.askCLI, "mcp": p.askMCP, "page": p.askPage}[door](r)
	if a.ends && r.allowed {
		delete(o.Answer, "state") // it depends on how long somebody waited
		p.Run()
	}
	o.Entries = append(p.news(door), p.news("")...)
	if !strings.HasPrefix(op.Name, "preview-") { // some look at plans and receipts on the way, some have done so before
		o.Entries = slices.DeleteFunc(o.Entries, func(e string) bool {
			return strings.Contains(e, ".preview done ") || strings.Contains(e, "receipts.read done ")
		})
	}
	if a.looks && (o.Code == "workspace_not_found" || o.Code == "role_missing") {
		o.Entries = nil
	}
	switch {
	case a.left != nil:
		o.Left = a.left(p, r)
	case a.ends:
		o.Left = p.newestJob(door, op)
	}
	p.settle(door)
	return o
}

// settle forgets what was written.
func (p *parity) settle(door string) {
	p.t.Helper()
	p.news(door)
	p.news("")
}

// newestJob is what must be alike of the job that was asked for last.
func (p *parity) newestJob(door string, op privacyd.Operation) any {
	p.t.Helper()
	kind := privacyd.JobSubjectDeletion
	if name, _, _ := strings.Cut(op.Entry, "."); slices.Contains(privacyd.JobTypes(), privacyd.JobType(name)) {
		kind = privacyd.JobType(name)
	}
	list, err := p.FindJobs(p.t.Context(), enginetest.Operator, p.workspaces[door].ID, privacyd.JobFilter{Types: []privacyd.JobType{kind}, Limit: 1})
	if p.Must(err); len(list) == 0 {
		return nil
	}
	job := list[0]
	left := map[string]any{
		"type": job.Type, "state": job.State, "waiting_on": job.WaitingOn, "format": job.Format, "error": job.ErrorCode,
		"confirmed": job.ConfirmedBy != "", "approved": job.ApprovedBy != "", "cancelled": job.CancelledBy != "", "runs": job.Runs,
	}
	if r := job.Result; r != nil {
		left["records"], left["changed"], left["kept"], left["held"], left["residue"], left["review"] = r.Records, r.Changed, r.Kept, r.Held, r.Residue, r.Review
	}
	return left
}

// read takes of an answer what every door must say alike.
func (p *parity) read(op privacyd.Operation, raw []byte, refused bool) outcome {
	p.t.Helper()
	said := map[string]any{}
	if len(raw) == 0 { // there is nothing to say
		return outcome{Answer: said}
	}
	if err := json.Unmarshal(raw, &said); err != nil {
		p.t.Errorf("%s: %s: %v", op.Name, raw, err)
	}
	if refused {
		return outcome{Code: fmt.Sprint(said["code"])}
	}
	o := outcome{Answer: map[string]any{}}
	for _, field := range []string{"type", "state", "waiting_on", "format", "totals", "days", "due", "ok", "time_zone", "ground", "collections", "role", "label", "scopes"} {
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
	list, err := p.ListAudit(p.t.Context(), enginetest.Operator, p.workspaces[log].ID, privacyd.AuditFilter{Limit: 50})
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
