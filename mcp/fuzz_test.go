package mcp_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/mcp"
)

// FuzzMessages sends whatever there is as an admin's token: the door answers
// everything, breaks at nothing, and nothing that erases gets beyond waiting.
func FuzzMessages(f *testing.F) {
	for _, seed := range []string{
		``, `{`, `[]`, `null`, `7`, `{"jsonrpc":"2.0"}`, strings.Repeat("[", 10_000),
		`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`,
		`{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"create_gdpr_job","arguments":{"type":"workspace_deletion"}}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"create_gdpr_job","arguments":{"type":"subject_deletion","subject":{"kind":"contact","id":"c-001"}},"requestState":"x","inputResponses":{"confirm":{"action":"accept"}}}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"find_subject","arguments":{"query":"\u0000\ud800"}}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search_audit_trail","arguments":{"limit":1e3,"from":"2026-02-30","cursor":"'"}}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"preview_gdpr_job","arguments":{"job_id":"x"}}}`,
		`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"1","capabilities":{"elicitation":{"url":{}}}}}`,
		`[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","id":1,"method":"ping"}]`,
		`{"jsonrpc":"2.0","id":1,"result":{}}`, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`,
	} {
		f.Add([]byte(seed))
	}
	b := enginetest.NewSQLite(f)
	w := b.NewWorkspace("acme")
	_, secret, err := b.CreateToken(f.Context(), enginetest.Operator, w.ID, "agent", privacyd.WorkspaceActions())
	b.Must(err)
	door := mcp.New(b.Engine, mcp.Options{Version: "test", BaseURL: "https://privacy.example.com"})
	f.Fuzz(func(t *testing.T, body []byte) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, mcp.Path, strings.NewReader(string(body)))
		r.Header.Set("Authorization", "Bearer "+secret)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", "application/json, text/event-stream")
		answer := httptest.NewRecorder()
		door.ServeHTTP(answer, r)
		if answer.Code >= http.StatusInternalServerError || strings.Contains(answer.Body.String(), "goroutine ") {
			t.Errorf("%d %s", answer.Code, answer.Body)
		}
		if strings.Contains(answer.Header().Get("Content-Type"), "json") && answer.Body.Len() > 0 && !json.Valid(answer.Body.Bytes()) {
			t.Errorf("no JSON: %s", answer.Body)
		}
		jobs, err := b.ListJobs(t.Context(), enginetest.Operator, w.ID, "", 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range jobs {
			if j.Type.Erases() && j.State != privacyd.JobPendingApproval && j.State != privacyd.JobCancelled {
				t.Fatalf("%s is %s", j.Type, j.State)
			}
		}
	})
}
