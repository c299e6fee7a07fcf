package mcp_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/mcp"
)

func TestAnAgentExports(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		w := b.NewWorkspace("acme")
		a := b.agent(b.token(w))
		job := a.must("create_gdpr_job", map[string]any{"workspace_id": w.ID, "type": "data_export", "requested_by": "admin@acme.example.com"})
		again := a.must("create_gdpr_job", map[string]any{"workspace_id": w.Slug, "type": "data_export"})
		if job["state"] != "queued" || again["id"] != job["id"] {
			t.Errorf("%v, then %v", job, again)
		}
		b.Run()
		done := a.must("get_gdpr_job", map[string]any{"workspace_id": w.ID, "job_id": job["id"]})
		if done["state"] != "completed" || !strings.HasPrefix(done["link"].(string), "https://privacy.example.com/w/") {
			t.Errorf("%v", done)
		}
		list := a.must("list_gdpr_jobs", nil)
		if items := list["items"].([]any); len(items) != 1 || items[0].(map[string]any)["id"] != job["id"] {
			t.Errorf("%v", list)
		}
		entries := a.must("search_audit_trail", map[string]any{"action": "data_export.create"})["items"].([]any)
		if len(entries) != 1 || entries[0].(map[string]any)["door"] != "mcp" {
			t.Errorf("%v", entries)
		}
	})
}

// TestAnAgentOnlyProposes has every kind of caller ask for each erasure: the
// job waits, with a link for a person, and nothing is gone.
func TestAnAgentOnlyProposes(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		w := b.NewWorkspace("acme")
		b.Pass(10 * privacyd.Day)
		for name, secret := range map[string]string{"a token": b.token(w), "an admin": b.session("admin@acme.example.com")} {
			a := b.agent(secret)
			for _, ask := range []map[string]any{
				{"type": "subject_deletion", "subject": contact("c-006")},
				{"type": "bulk_deletion", "before": "2026-03-05"},
				{"type": "workspace_deletion"},
			} {
				ask["workspace_id"] = w.ID
				plan := a.must("preview_gdpr_job", ask)
				job := a.must("create_gdpr_job", ask)
				if job["state"] != "pending_approval" || job["waiting_on"] != "confirmation" || job["plan_hash"] != plan["hash"] {
					t.Errorf("%s: %v, planned %v", name, job, plan)
				}
				if link := "https://privacy.example.com/w/" + w.ID + "/jobs/" + job["id"].(string); job["link"] != link {
					t.Errorf("%s: the link is %v", name, job["link"])
				}
				a.must("preview_gdpr_job", map[string]any{"workspace_id": w.ID, "job_id": job["id"]})
			}
			ask := map[string]any{"workspace_id": w.ID, "type": "subject_deletion", "subject": contact("c-006"), "confirm": map[string]any{"plan_hash": "x"}}
			a.refused("request_invalid", "create_gdpr_job", ask)
		}
		b.Run()
		if _, err := b.GetRecord(t.Context(), enginetest.Operator, w.ID, "contacts", "c-006"); err != nil {
			t.Errorf("the contact is gone: %v", err)
		}
	})
}

// TestConfirmedElsewhere lets a person confirm what an agent proposed.
func TestConfirmedElsewhere(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		w := b.NewWorkspace("acme")
		a := b.agent(b.token(w))
		job := a.must("create_gdpr_job", map[string]any{"type": "subject_deletion", "subject": contact("c-006")})
		id := job["id"].(string)
		person := b.Member(privacyd.RoleAdmin, w)
		person.Door = privacyd.DoorCLI
		_, err := b.ConfirmJob(t.Context(), person, w.ID, id, privacyd.Confirmation{PlanHash: job["plan_hash"].(string)})
		b.Must(err)
		b.Run()
		if done := a.must("get_gdpr_job", map[string]any{"job_id": id}); done["state"] != "completed" {
			t.Errorf("%v", done)
		}
		a.refused("job_not_cancellable", "cancel_gdpr_job", map[string]any{"job_id": id})
	})
}

// TestOnesOwnAccount has an agent of an account ask for its deletion, with the
// words of the Kera page.
func TestOnesOwnAccount(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		w := b.NewWorkspace("acme")
		a := b.agent(b.session("auditor@acme.example.com"))
		ask := map[string]any{"workspace_id": w.ID, "type": "account_deletion", "requested_by": "auditor@acme.example.com"}
		plan := a.must("preview_gdpr_job", map[string]any{"workspace_id": w.ID, "type": "account_deletion"})
		job := a.must("create_gdpr_job", ask)
		if job["state"] != "pending_approval" || job["plan_hash"] != plan["hash"] || job["link"] != "https://privacy.example.com/account/delete" {
			t.Errorf("%v, planned %v", job, plan)
		}
		if again := a.must("create_gdpr_job", ask); again["id"] != job["id"] {
			t.Errorf("%v", again)
		}
		named := map[string]any{"workspace_id": w.ID, "job_id": job["id"]}
		a.must("get_gdpr_job", named)
		b.agent(b.session("admin@acme.example.com")).refused("job_not_found", "get_gdpr_job", named)
		ask["requested_by"] = "admin@acme.example.com"
		a.refused("requester_invalid", "create_gdpr_job", ask)
		b.agent(b.token(w)).refused("own_account_only", "create_gdpr_job", ask)
		if job = a.must("cancel_gdpr_job", named); job["state"] != "cancelled" || job["waiting_on"] != nil {
			t.Errorf("%v", job)
		}
	})
}

func TestCancel(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		w := b.NewWorkspace("acme")
		a := b.agent(b.token(w))
		job := a.must("create_gdpr_job", map[string]any{"type": "workspace_deletion"})
		for range 2 {
			if job = a.must("cancel_gdpr_job", map[string]any{"job_id": job["id"]}); job["state"] != "cancelled" || job["waiting_on"] != nil {
				t.Errorf("%v", job)
			}
		}
		a.refused("job_not_found", "get_gdpr_job", map[string]any{"job_id": "none"})
	})
}

func TestLookups(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		w := b.NewWorkspace("acme")
		a := b.agent(b.token(w))
		found := a.must("find_subject", map[string]any{"query": "contact007"})
		items := found["items"].([]any)
		if len(items) != 1 || found["more"] != false {
			t.Fatalf("%v", found)
		}
		one := items[0].(map[string]any)
		if one["id"] != "c-007" || one["kind"] != "contact" || len(one) > 3 {
			t.Errorf("more than was asked for: %v", one)
		}
		if many := a.must("find_subject", map[string]any{"query": "example"}); many["more"] != true || len(many["items"].([]any)) != 10 {
			t.Errorf("%v", many)
		}
		policy := a.must("get_retention_policy", nil)
		if none := policy["policy"].(map[string]any); policy["forever"] != true || len(none) != 3 || none["workspace_id"] != w.ID {
			t.Errorf("of a policy that nobody has set an agent is told %v", policy)
		}
		_, err := b.SetRetention(t.Context(), enginetest.Operator, w.ID, 30)
		b.Must(err)
		if policy := a.must("get_retention_policy", nil); policy["policy"].(map[string]any)["days"] != 30.0 || policy["next_run"] == nil {
			t.Errorf("%v", policy)
		}
		checked := a.must("verify_audit_trail", nil)
		if checked["ok"] != true || checked["entries"].(float64) < 3 {
			t.Errorf("%v", checked)
		}
	})
}

// TestBesideAProduct finds persons in a database that privacyd reads by its map
// alone.
func TestBesideAProduct(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		w, other := b.NewWorkspace("acme"), b.NewWorkspace("globex")
		b.Records = nil
		a := b.agent(b.token(w))
		for query, want := range map[string]string{
			"c-007": "c-007", "CONTACT007@example.org": "c-007", "+31205551007": "c-007", "nov": "c-007", "nobody": "", "example.org": "", "'; --": "",
		} {
			items := a.must("find_subject", map[string]any{"query": query})["items"].([]any)
			if got := idsOf(items); !strings.Contains(got, want) || want == "" && got != "" {
				t.Errorf("%q finds %q", query, got)
			}
			if len(items) > 0 && len(items[0].(map[string]any)) > 3 {
				t.Errorf("more than was asked for: %v", items[0])
			}
		}
		a.refused("workspace_not_found", "find_subject", map[string]any{"workspace_id": other.ID, "query": "c-001"})
		a.refused("request_invalid", "find_subject", map[string]any{"query": ""})
	})
}

func idsOf(items []any) string {
	var ids []string
	for _, item := range items {
		ids = append(ids, item.(map[string]any)["id"].(string))
	}
	return strings.Join(ids, " ")
}

// TestAuditIsSparing asks for entries with and without what is personal.
func TestAuditIsSparing(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		w := b.NewWorkspace("acme")
		_, _, err := b.CreateJob(t.Context(), b.Member(privacyd.RoleAdmin, w), engine.NewJob{
			Workspace: w.ID, Type: privacyd.JobSubjectExport, Subject: &privacyd.Subject{Kind: "contact", ID: "c-007"},
		})
		b.Must(err)
		_, err = b.SetRetention(t.Context(), b.Member(privacyd.RoleAdmin, w), w.ID, 30)
		b.Must(err)
		a := b.agent(b.token(w, privacyd.ActionReadAudit))
		for include, fields := range map[string][]string{
			"": nil, "actor": {"actor", "actor_email"}, "target": {"target_id", "subject"}, "ip": {"ip"}, "changes": {"changes"},
		} {
			ask := map[string]any{"actor": "admin@acme.example.com"}
			if include != "" {
				ask["include"] = []string{include}
			}
			items := a.must("search_audit_trail", ask)["items"].([]any)
			if len(items) != 2 {
				t.Fatalf("%v", items)
			}
			for _, personal := range []string{"actor", "actor_email", "target_id", "subject", "ip", "changes"} {
				told := slices.ContainsFunc(items, func(v any) bool { s, ok := v.(map[string]any)[personal]; return ok && s != "" })
				if told != slices.Contains(fields, personal) {
					t.Errorf("include %q: %s is told: %v", include, personal, told)
				}
			}
		}
		a.refused("time_invalid", "search_audit_trail", map[string]any{"from": "yesterday"})
	})
}

// TestTools looks at what agents are told of the tools.
func TestTools(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		a := b.agent(b.token(b.NewWorkspace("acme"), privacyd.ActionReadJobs))
		list, err := a.ListTools(t.Context(), nil)
		b.Must(err)
		changing := []string{"create_gdpr_job", "cancel_gdpr_job"}
		var names []string
		for _, tool := range list.Tools {
			names = append(names, tool.Name)
			h := tool.Annotations
			changes := slices.Contains(changing, tool.Name)
			if h.ReadOnlyHint == changes || *h.DestructiveHint != changes || *h.OpenWorldHint || h.IdempotentHint != (tool.Name != "create_gdpr_job") {
				t.Errorf("%s: %+v", tool.Name, h)
			}
			if tool.Title == "" || tool.Description == "" {
				t.Errorf("%s says nothing of itself", tool.Name)
			}
			if schema := tool.InputSchema.(map[string]any); schema["additionalProperties"] != false {
				t.Errorf("%s takes whatever there is", tool.Name)
			}
			a.refused("request_invalid", tool.Name, map[string]any{"surprise": true})
		}
		want := []string{
			"cancel_gdpr_job", "create_gdpr_job", "find_subject", "get_gdpr_job", "get_retention_policy",
			"list_gdpr_jobs", "preview_gdpr_job", "search_audit_trail", "verify_audit_trail",
		}
		slices.Sort(names)
		if !slices.Equal(names, want) {
			t.Errorf("%v", names)
		}
	})
}

func TestWrongArguments(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		w := b.NewWorkspace("acme")
		a := b.agent(b.token(w))
		for _, bad := range []struct {
			tool      string
			arguments map[string]any
		}{
			{"create_gdpr_job", nil},
			{"create_gdpr_job", map[string]any{"type": "everything"}},
			{"create_gdpr_job", map[string]any{"Type": "data_export"}},
			{"create_gdpr_job", map[string]any{"type": "subject_export", "subject": map[string]any{"kind": "contact", "id": "c-001", "name": "x"}}},
			{"create_gdpr_job", map[string]any{"type": "subject_export", "subject": "c-001"}},
			{"get_gdpr_job", map[string]any{"job_id": 7}},
			{"list_gdpr_jobs", map[string]any{"limit": 1000}},
			{"list_gdpr_jobs", map[string]any{"limit": 1.5}},
			{"find_subject", map[string]any{"query": "a"}},
			{"preview_gdpr_job", map[string]any{}},
			{"preview_gdpr_job", map[string]any{"type": "workspace_deletion", "job_id": "x"}},
			{"search_audit_trail", map[string]any{"include": []string{"everything"}}},
		} {
			a.refused("request_invalid", bad.tool, bad.arguments)
		}
		a.refused("subject_invalid", "create_gdpr_job", map[string]any{"type": "subject_export"})
		a.refused("before_invalid", "create_gdpr_job", map[string]any{"type": "bulk_deletion", "before": "soon"})
		a.refused("format_invalid", "create_gdpr_job", map[string]any{"type": "subject_export", "format": "csv", "subject": contact("c-001")})
		a.refused("requester_invalid", "create_gdpr_job", map[string]any{"type": "data_export", "requested_by": "nobody@example.com"})
		a.refused("workspace_not_found", "list_gdpr_jobs", map[string]any{"workspace_id": b.NewWorkspace("other").ID})
		b.agent(b.session("admin@acme.example.com")).refused("workspace_missing", "list_gdpr_jobs", nil)
		if _, err := a.CallTool(t.Context(), &sdk.CallToolParams{Name: "confirm_gdpr_job"}); err == nil {
			t.Error("there is a tool that confirms")
		}
	})
}

// TestWhoIsThereFirst sends what others would send.
func TestWhoIsThereFirst(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		w := b.NewWorkspace("acme")
		good := "Bearer " + b.token(w)
		for _, try := range []struct {
			name    string
			status  int
			code    string
			headers []string
		}{
			{"nobody", 401, "not_signed_in", nil},
			{"nobody, from a page", 401, "not_signed_in", []string{"Origin", "https://evil.example"}},
			{"an unknown token", 401, "token_unknown", []string{"Authorization", "Bearer pdt_unknown"}},
			{"an unknown session", 401, "session_unknown", []string{"Authorization", "Bearer unknown"}},
			{"a cookie", 401, "not_signed_in", []string{"Cookie", "privacyd_session=" + b.session("admin@acme.example.com")}},
			{"as somebody", 401, "not_signed_in", []string{mcp.AsHeader, "admin@acme.example.com"}},
			{"from another site's page", 403, "cross_origin", []string{"Authorization", good, "Origin", "https://evil.example"}},
			{"from a page whose name was pointed here", 403, "cross_origin", []string{"Authorization", good, "Origin", b.server.URL}},
			{"from nowhere", 403, "cross_origin", []string{"Authorization", good, "Origin", "null"}},
			{"from our own page", 200, "", []string{"Authorization", good, "Origin", "https://privacy.example.com"}},
			{"a program", 200, "", []string{"Authorization", good}},
		} {
			status, body := b.post(`{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}`, try.headers...)
			if status != try.status || try.code != "" && !strings.Contains(body, `"code":"`+try.code+`"`) {
				t.Errorf("%s: %d %s", try.name, status, body)
			}
		}
		if status, _ := b.post(strings.Repeat("x", 2<<20), "Authorization", good); status != http.StatusRequestEntityTooLarge {
			t.Errorf("a large body: %d", status)
		}
	})
}

// post sends one message as it is.
func (b *bench) post(body string, headers ...string) (int, string) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.server.URL+mcp.Path, strings.NewReader(body))
	b.Must(err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	b.Must(err)
	defer res.Body.Close() //nolint:errcheck // a test's
	raw, err := io.ReadAll(res.Body)
	b.Must(err)
	return res.StatusCode, string(raw)
}
