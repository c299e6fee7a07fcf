package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/client"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/rest"
)

// server is the door on a real engine: one address for everybody, one for the
// operator.
type server struct {
	*enginetest.Bench
	t      *testing.T
	public *httptest.Server
	own    *httptest.Server
}

func each(t *testing.T, fn func(t *testing.T, s *server)) {
	t.Helper()
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) { fn(t, newServer(t, b)) })
}

func newServer(t *testing.T, b *enginetest.Bench) *server {
	t.Helper()
	api := rest.New(b.Engine, rest.Options{Version: "test"})
	s := &server{Bench: b, t: t, public: httptest.NewServer(api), own: httptest.NewUnstartedServer(api)}
	s.own.Config.BaseContext = func(net.Listener) context.Context { return rest.WithOperator(context.Background(), "root") }
	s.own.Start()
	t.Cleanup(s.public.Close)
	t.Cleanup(s.own.Close)
	return s
}

func (s *server) operator() *client.Client { return &client.Client{Base: s.own.URL} }

// token is a client with an API token for all that an admin may do.
func (s *server) token(w privacyd.Workspace, scopes ...privacyd.Action) *client.Client {
	s.t.Helper()
	if len(scopes) == 0 {
		scopes = privacyd.WorkspaceActions()
	}
	_, secret, err := s.CreateToken(s.t.Context(), enginetest.Operator, w.ID, "test", scopes)
	s.Must(err)
	return &client.Client{Base: s.public.URL, Token: secret}
}

// call sends one request as it is.
func (s *server) call(method, url, body string, headers ...string) (int, string, http.Header) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, url, strings.NewReader(body))
	s.Must(err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	s.Must(err)
	defer res.Body.Close() //nolint:errcheck // a test's
	raw, err := io.ReadAll(res.Body)
	s.Must(err)
	return res.StatusCode, string(raw), res.Header
}

func TestWhoIsThereFirst(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		for _, path := range []string{"/v1/me", "/v1/workspaces/none", "/v1/no-such-thing", "/v1/accounts"} {
			status, body, _ := s.call(http.MethodGet, s.public.URL+path, "")
			if status != http.StatusUnauthorized || !strings.Contains(body, `"code":"not_signed_in"`) {
				t.Errorf("%s: %d %s", path, status, body)
			}
		}
		for path, want := range map[string]string{"/healthz": "ok", "/openapi.json": `"openapi":"3.1.0"`} {
			if status, body, _ := s.call(http.MethodGet, s.public.URL+path, ""); status != http.StatusOK || !strings.Contains(body, want) {
				t.Errorf("%s: %d %.80s", path, status, body)
			}
		}
	})
}

// TestOperatorCannotBeClaimed sends what marks an operator on its own socket
// over the public address.
func TestOperatorCannotBeClaimed(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		w := s.NewWorkspace("acme")
		admin := s.Member(privacyd.RoleAdmin, w)
		status, _, _ := s.call(http.MethodGet, s.public.URL+"/v1/me", "", rest.AsHeader, admin.Email)
		if status != http.StatusUnauthorized {
			t.Errorf("status %d", status)
		}
		c := s.token(w)
		if _, err := c.CreateAccount(t.Context(), "x@example.com", "X", ""); privacyd.CodeOf(err) != "operator_only" {
			t.Errorf("a token made an account: %v", err)
		}
		c.As = admin.Email
		if _, err := c.ImportFile(t.Context(), w.ID, "/etc/hostname"); privacyd.CodeOf(err) != "operator_only" {
			t.Errorf("a token read a file of the server: %v", err)
		}
	})
}

func TestExportOverREST(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		w := s.NewWorkspace("acme")
		c := s.token(w)
		job, created, err := c.CreateJob(t.Context(), w.Slug, client.NewJob{Type: privacyd.JobDataExport, Format: privacyd.FormatJSON})
		s.Must(err)
		_, again, err := c.CreateJob(t.Context(), w.Slug, client.NewJob{Type: privacyd.JobDataExport, Format: privacyd.FormatJSON})
		s.Must(err)
		if !created || again {
			t.Errorf("created %v, then %v", created, again)
		}
		s.Run()
		job, err = c.Job(t.Context(), w.Slug, job.ID)
		s.Must(err)
		var whole, tail bytes.Buffer
		s.Must(c.Download(t.Context(), w.Slug, job.ID, 0, &whole))
		s.Must(c.Download(t.Context(), w.Slug, job.ID, 1000, &tail))
		if int64(whole.Len()) != job.Result.Bytes || !bytes.Equal(whole.Bytes()[1000:], tail.Bytes()) {
			t.Errorf("%d bytes, then %d, of %d", whole.Len(), tail.Len(), job.Result.Bytes)
		}
		jobs, _, err := c.Jobs(t.Context(), w.Slug, "", 10)
		s.Must(err)
		if len(jobs) != 1 || jobs[0].ID != job.ID {
			t.Errorf("jobs %v", jobs)
		}
	})
}

func TestLinkAloneIsWorthNothing(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		w := s.NewWorkspace("acme")
		job := s.Export(enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport})
		link, err := s.DownloadLink(t.Context(), enginetest.Operator, w.ID, job.ID)
		s.Must(err)
		url := s.public.URL + rest.LinkPath(w.Slug, link)
		if status, _, _ := s.call(http.MethodGet, url, ""); status != http.StatusUnauthorized {
			t.Errorf("without a caller: %d", status)
		}
		weak := s.token(w, privacyd.ActionReadRecords)
		if status, _, _ := s.call(http.MethodGet, url, "", "Authorization", "Bearer "+weak.Token); status != http.StatusForbidden {
			t.Errorf("with a token that may not: %d", status)
		}
		good := s.token(w)
		status, _, h := s.call(http.MethodGet, url, "", "Authorization", "Bearer "+good.Token, "Range", "bytes=0-3")
		if status != http.StatusPartialContent || h.Get("Content-Type") != "application/zip" || !strings.Contains(h.Get("Content-Disposition"), ".zip") {
			t.Errorf("with one that may: %d %v", status, h)
		}
		if status, _, _ := s.call(http.MethodGet, url+"0", "", "Authorization", "Bearer "+good.Token); status != http.StatusForbidden {
			t.Errorf("an altered link: %d", status)
		}
	})
}

func TestRecordsOverREST(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		w := s.NewWorkspace("acme")
		c := s.token(w)
		ctx := t.Context()
		s.Must(c.PutRecord(ctx, w.Slug, "contacts", "n-1", map[string]any{"name": "Noor", "custom_fields": map[string]any{"a": 1.50}}))
		raw, err := c.Record(ctx, w.Slug, "contacts", "n-1")
		s.Must(err)
		var got struct {
			ID, Name string
		}
		s.Must(json.Unmarshal(raw, &got))
		if got.ID != "n-1" || got.Name != "Noor" {
			t.Errorf("%s", raw)
		}
		content := strings.Repeat("a file ", 1000)
		s.Must(c.PutAttachment(ctx, w.Slug, client.Attachment{
			ID: "file-1", RecordType: "contact", RecordID: "n-1", Filename: "../../etc/passwd", ContentType: "text/html",
		}, strings.NewReader(content)))
		status, body, h := s.call(http.MethodGet, s.public.URL+"/v1/workspaces/acme/attachments/file-1", "", "Authorization", "Bearer "+c.Token)
		if status != http.StatusOK || body != content || h.Get("Content-Type") != "application/octet-stream" {
			t.Errorf("%d %v", status, h)
		}
		for path, code := range map[string]string{
			"/v1/workspaces/acme/records/contacts/none": "record_not_found",
			"/v1/workspaces/acme/records/kontakts/c-1":  "collection_unknown",
			"/v1/workspaces/acme/attachments/none":      "record_not_found",
		} {
			if _, body, _ := s.call(http.MethodGet, s.public.URL+path, "", "Authorization", "Bearer "+c.Token); !strings.Contains(body, `"code":"`+code+`"`) {
				t.Errorf("%s: %s", path, body)
			}
		}
	})
}

func TestListAndSearchRecords(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		w := s.NewWorkspace("acme")
		c := s.token(w)
		seen, cursor := map[string]bool{}, ""
		for {
			url := fmt.Sprintf("%s/v1/workspaces/acme/records/contacts?limit=7&cursor=%s", s.public.URL, cursor)
			_, body, _ := s.call(http.MethodGet, url, "", "Authorization", "Bearer "+c.Token)
			var page struct {
				Items      []struct{ ID string }
				NextCursor string `json:"next_cursor"`
			}
			s.Must(json.Unmarshal([]byte(body), &page))
			for _, item := range page.Items {
				seen[item.ID] = true
			}
			if cursor = page.NextCursor; cursor == "" {
				break
			}
		}
		if len(seen) != 40 {
			t.Errorf("%d contacts on all pages", len(seen))
		}
		_, body, _ := s.call(http.MethodGet, s.public.URL+"/v1/workspaces/acme/records/contacts?search=contact007", "", "Authorization", "Bearer "+c.Token)
		if !strings.Contains(body, "c-007") || strings.Contains(body, "c-008") {
			t.Errorf("search found %s", body)
		}
		for query, want := range map[string]string{
			"begins=contact007": `"c-007"`, "begins=Nov%C3%A1k&limit=1": `Nov`, "sort=-id&limit=1": `"c-040"`, "sort=email&limit=1": `"contact001@`,
			"sort=nonsense": `"sort_unknown"`, "begins=ontact007": `"items":[]`,
		} {
			_, body, _ := s.call(http.MethodGet, s.public.URL+"/v1/workspaces/acme/records/contacts?"+query, "", "Authorization", "Bearer "+c.Token)
			if !strings.Contains(body, want) {
				t.Errorf("%s: %.200s", query, body)
			}
		}
	})
}

func TestBadRequests(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		w := s.NewWorkspace("acme")
		auth := "Bearer " + s.token(w).Token
		jobs := s.public.URL + "/v1/workspaces/acme/gdpr-jobs"
		for body, code := range map[string]string{
			`{`:                                      "request_invalid",
			`{"type":"everything"}`:                  "request_invalid",
			`{"type":"data_export","colour":"blue"}`: "request_invalid",
			`{"type":"data_export","format":"xml"}`:  "request_invalid",
			`{"type":"data_export","workspace_id":"another"}`:                "workspace_mismatch",
			`{"type":"data_export","requested_by":"stranger@example.com"}`:   "requester_invalid",
			`{"type":"subject_export"}`:                                      "subject_invalid",
			`{"type":"subject_export","subject":{"kind":"contact","id":""}}`: "subject_invalid",
		} {
			status, answer, h := s.call(http.MethodPost, jobs, body, "Authorization", auth)
			if status < 400 || status >= 500 || !strings.Contains(answer, `"code":"`+code+`"`) || h.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s: %d %s %s", body, status, h.Get("Content-Type"), answer)
			}
		}
	})
}

func TestCrossOrigin(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		w := s.NewWorkspace("acme")
		link, err := s.CreateSignInLink(t.Context(), enginetest.Operator, s.Member(privacyd.RoleAdmin, w).Email)
		s.Must(err)
		in, err := s.RedeemSignInLink(t.Context(), privacyd.Caller{}, link)
		s.Must(err)
		cookie := rest.SessionCookie + "=" + in.Secret
		status, body, _ := s.call(http.MethodPost, s.public.URL+"/v1/workspaces/acme/gdpr-jobs", `{"type":"data_export"}`,
			"Cookie", cookie, "Sec-Fetch-Site", "cross-site")
		if status != http.StatusForbidden || !strings.Contains(body, "cross_origin") {
			t.Errorf("another site's page made a job: %d %s", status, body)
		}
		if status, _, _ := s.call(http.MethodGet, s.public.URL+"/v1/me", "", "Cookie", cookie); status != http.StatusOK {
			t.Errorf("the page's own request: %d", status)
		}
	})
}

func TestImportOverREST(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		w := s.NewWorkspace("acme")
		auth := "Bearer " + s.token(w).Token
		send := func(kind, body string) (int, string) {
			status, answer, _ := s.call(http.MethodPost, s.public.URL+"/v1/workspaces/acme/import", body, "Authorization", auth, "Content-Type", kind)
			return status, answer
		}
		if status, body := send("application/x-ndjson", `{"collection":"contacts","record":{"id":"r-1","name":"R"}}`+"\n"); status != http.StatusOK {
			t.Errorf("%d %s", status, body)
		}
		status, body := send("application/x-ndjson", "{\"collection\":\"contacts\",\"record\":{\"id\":\"r-2\"}}\n{\"collection\":\"contacts\",\"record\":{\"id\":\"r-3\",\"name\":\"a\\u0000b\"}}\n")
		if status != http.StatusUnprocessableEntity || !strings.Contains(body, ":2:") {
			t.Errorf("%d %s", status, body)
		}
		if _, err := s.GetRecord(t.Context(), enginetest.Operator, w.ID, "contacts", "r-2"); privacyd.CodeOf(err) != "record_not_found" {
			t.Errorf("a refused import wrote a record: %v", err)
		}
	})
}

func TestAuditCSV(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		w := s.NewWorkspace("acme")
		var csv bytes.Buffer
		_, err := s.token(w).ExportAudit(t.Context(), w.Slug, "csv", client.AuditFilter{}, 0, &csv)
		s.Must(err)
		first, rest, _ := strings.Cut(csv.String(), "\r\n")
		if first != "Timestamp,Actor,Action,Target type,Target id,IP,Changes" || !strings.Contains(rest, "workspace.create") {
			t.Errorf("%s", csv.String())
		}
		entries, _, err := s.operator().AuditEntries(t.Context(), "", client.AuditFilter{}, "", 10)
		s.Must(err)
		if len(entries) == 0 {
			t.Error("the instance's log is empty")
		}
	})
}

// FuzzRequests sends any bytes to any route: the answer is never a 500.
func FuzzRequests(f *testing.F) {
	for _, path := range []string{"gdpr-jobs", "import", "records/contacts/c-1", "tokens", "members", "attachments/a-1?record_type=contact&record_id=c-001"} {
		f.Add("POST", path, `{"type":"data_export"}`, "application/json")
		f.Add("PUT", path, "{}", "application/x-ndjson")
	}
	s := fuzzServer(f)
	f.Fuzz(func(t *testing.T, method, path, body, kind string) {
		req, err := http.NewRequest(method, "http://x/v1/workspaces/acme/"+path, strings.NewReader(body))
		if err != nil {
			return
		}
		req.Header.Set("Content-Type", kind)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, req.WithContext(rest.WithOperator(t.Context(), "root")))
		if w.Code >= http.StatusInternalServerError && w.Code != http.StatusServiceUnavailable {
			t.Errorf("%s %s: %d %s", method, path, w.Code, w.Body)
		}
	})
}

func fuzzServer(f *testing.F) http.Handler {
	f.Helper()
	b := enginetest.NewSQLite(f)
	b.NewWorkspace("acme")
	return rest.New(b.Engine, rest.Options{Version: "test"})
}
