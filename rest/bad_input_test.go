package rest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

// plainServer is on SQLite alone: what is tried here the database has no say
// in.
func plainServer(t *testing.T) *server { return newServer(t, enginetest.NewSQLite(t)) }

// forged are what somebody makes of a secret who does not have it.
func forged(secret string) []string {
	other := map[bool]string{true: "A", false: "B"}[secret[9] != 'A']
	return []string{
		secret[:9] + other + secret[10:], secret[:len(secret)-1], secret + "A", secret[4:], secret[:4], "", "x", "null", "pdt_", "pds_",
		strings.ToUpper(secret), secret + ", " + secret, strings.Repeat("A", 8000),
	}
}

func TestForgedTokens(t *testing.T) {
	s := plainServer(t)
	w := s.NewWorkspace("acme")
	_, secret, err := s.CreateToken(t.Context(), enginetest.Operator, w.ID, "real", privacyd.WorkspaceActions())
	s.Must(err)
	link, err := s.CreateSignInLink(t.Context(), enginetest.Operator, "admin@acme.example.com")
	s.Must(err)
	for _, bad := range append(forged(secret), link) {
		for _, header := range []string{"Bearer " + bad, "Basic " + bad, "bearer" + bad, bad} {
			status, body, _ := s.call(http.MethodGet, s.public.URL+"/v1/workspaces/acme", "", "Authorization", header)
			if status != http.StatusUnauthorized || strings.Contains(body, w.ID) {
				t.Errorf("%.60q: %d %.100s", header, status, body)
			}
		}
		status, _, _ := s.call(http.MethodGet, s.public.URL+"/v1/me", "", "Cookie", "privacyd_session="+bad)
		if status != http.StatusUnauthorized {
			t.Errorf("the cookie %.60q: %d", bad, status)
		}
	}
	if status, _, _ := s.call(http.MethodGet, s.public.URL+"/v1/workspaces/acme", "", "Authorization", "Bearer "+secret); status != http.StatusOK {
		t.Errorf("the real one: %d", status)
	}
	// An API token in place of a session's secret gives nobody a session.
	if status, body, _ := s.call(http.MethodGet, s.public.URL+"/v1/me/sessions", "", "Cookie", "privacyd_session="+secret); status < 400 {
		t.Errorf("a token as a cookie: %d %s", status, body)
	}
}

func TestForgedArchiveLinks(t *testing.T) {
	s := plainServer(t)
	w, other := s.NewWorkspace("acme"), s.NewWorkspace("other")
	own := s.Export(enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport})
	job := s.Export(enginetest.Operator, engine.NewJob{Workspace: other.ID, Type: privacyd.JobDataExport})
	link, err := s.DownloadLink(t.Context(), enginetest.Operator, w.ID, own.ID)
	s.Must(err)
	theirs, err := s.DownloadLink(t.Context(), enginetest.Operator, other.ID, job.ID)
	s.Must(err)
	token := s.token(w).Token
	get := func(workspace, id string, expires int64, signature string) int {
		url := fmt.Sprintf("%s/v1/workspaces/%s/gdpr-jobs/%s/archive?expires=%d&signature=%s", s.public.URL, workspace, id, expires, signature)
		status, _, _ := s.call(http.MethodGet, url, "", "Authorization", "Bearer "+token)
		return status
	}
	ends := link.Expires.Unix()
	for name, status := range map[string]int{
		"a longer life":           get(w.ID, own.ID, ends+1, link.Signature),
		"a shorter life":          get(w.ID, own.ID, ends-1, link.Signature),
		"another's signature":     get(w.ID, own.ID, theirs.Expires.Unix(), theirs.Signature),
		"another's job, as ours":  get(w.ID, job.ID, theirs.Expires.Unix(), theirs.Signature),
		"another's workspace":     get(other.ID, job.ID, theirs.Expires.Unix(), theirs.Signature),
		"no signature":            get(w.ID, own.ID, ends, ""),
		"a negative time":         get(w.ID, own.ID, -1, link.Signature),
		"a time that never comes": get(w.ID, own.ID, 1<<62, link.Signature),
		"a changed signature":     get(w.ID, own.ID, ends, forged(link.Signature)[0]),
		"a shorter signature":     get(w.ID, own.ID, ends, link.Signature[:20]),
		"twice":                   get(w.ID, own.ID, ends, "AAAA&signature="+link.Signature),
	} {
		if status < 400 || status >= 500 {
			t.Errorf("%s: %d", name, status)
		}
	}
	if status := get(w.ID, own.ID, ends, link.Signature); status != http.StatusOK {
		t.Errorf("the real link: %d", status)
	}
	s.Pass(8 * privacyd.Day)
	if status := get(w.ID, own.ID, ends, link.Signature); status < 400 {
		t.Errorf("after its time: %d", status)
	}
}

// Whoever's role or scope was taken in the meantime cannot go on.
func TestALinkOutlivesNoRole(t *testing.T) {
	s := plainServer(t)
	w := s.NewWorkspace("acme")
	admin := s.Member(privacyd.RoleAdmin, w)
	job := s.Export(admin, engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport})
	link, err := s.DownloadLink(t.Context(), admin, w.ID, job.ID)
	s.Must(err)
	token := s.token(w, privacyd.ActionReadJobs).Token
	url := fmt.Sprintf("%s/v1/workspaces/acme/gdpr-jobs/%s/archive?expires=%d&signature=%s", s.public.URL, job.ID, link.Expires.Unix(), link.Signature)
	status, body, _ := s.call(http.MethodGet, url, "", "Authorization", "Bearer "+token)
	if status != http.StatusForbidden || !strings.Contains(body, "scope_missing") {
		t.Errorf("%d %s", status, body)
	}
}

// routesOf lists what the OpenAPI description has, as "GET /path": all, or those
// alone that take a body.
func routesOf(t *testing.T, s *server, withBody bool) []string {
	t.Helper()
	_, text, _ := s.call(http.MethodGet, s.public.URL+"/openapi.json", "")
	var doc struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	s.Must(json.Unmarshal([]byte(text), &doc))
	var routes []string
	for path, methods := range doc.Paths {
		for method, about := range methods {
			if withBody && !strings.Contains(string(about), `"requestBody"`) {
				continue
			}
			if slices.Contains([]string{"get", "put", "post", "delete", "patch"}, method) {
				routes = append(routes, strings.ToUpper(method)+" "+path)
			}
		}
	}
	slices.Sort(routes)
	return routes
}

// TestNobodyElsesWorkspace asks, with a token for everything in one workspace,
// for every route of another one.
func TestNobodyElsesWorkspace(t *testing.T) {
	s := plainServer(t)
	mine, theirs := s.NewWorkspace("mine"), s.NewWorkspace("theirs")
	job := s.Export(enginetest.Operator, engine.NewJob{Workspace: theirs.ID, Type: privacyd.JobDataExport})
	hold, err := s.PlaceHold(t.Context(), enginetest.Operator, engine.NewHold{
		Workspace: theirs.ID, Target: privacyd.HoldTarget{Type: privacyd.HoldWorkspace}, Reason: "theirs",
	})
	s.Must(err)
	token := s.token(mine).Token
	before := s.Audited(theirs.ID)
	tried := 0
	for _, route := range routesOf(t, s, false) {
		method, path, _ := strings.Cut(route, " ")
		if !strings.HasPrefix(path, "/v1/workspaces/{workspace}") {
			continue
		}
		for _, where := range []string{theirs.ID, theirs.Slug, "none"} {
			r := strings.NewReplacer("{workspace}", where, "{job}", job.ID, "{hold}", hold.ID, "{collection}", "contacts", "{id}", "c-001")
			status, body, _ := s.call(method, s.public.URL+r.Replace(path), bodyFor(method), "Authorization", "Bearer "+token)
			tried++
			if strings.Contains(body, `"code":"operator_only"`) {
				continue // whatever there is
			}
			if status != http.StatusNotFound && status != http.StatusUnprocessableEntity && status != http.StatusBadRequest || strings.Contains(body, theirs.ID) {
				t.Errorf("%s in %s: %d %.200s", route, where, status, body)
			}
			if method == http.MethodGet && status != http.StatusNotFound && !strings.Contains(path, "archive") {
				t.Errorf("%s in %s: %d %.200s", route, where, status, body)
			}
		}
		if strings.Contains(path, "{job}") || strings.Contains(path, "{hold}") {
			r := strings.NewReplacer("{workspace}", mine.ID, "{job}", job.ID, "{hold}", hold.ID, "{id}", "1")
			status, body, _ := s.call(method, s.public.URL+r.Replace(path), bodyFor(method), "Authorization", "Bearer "+token)
			if status < 400 || status >= 500 {
				t.Errorf("their job or hold, %s: %d %.200s", route, status, body)
			}
		}
	}
	if tried < 60 {
		t.Errorf("only %d requests were made", tried)
	}
	if after := s.Audited(theirs.ID); len(after) != len(before) {
		t.Errorf("the other workspace's log has %q more", after[len(before):])
	}
}

func bodyFor(method string) string {
	if method == http.MethodGet || method == http.MethodDelete {
		return ""
	}
	return "{}"
}

// TestOddBodies has no route fail over what it is sent, and none take what it
// does not know.
func TestOddBodies(t *testing.T) {
	s := plainServer(t)
	w := s.NewWorkspace("acme")
	token := s.token(w).Token
	bodies := []string{
		`{"no_such_field": 1}`, `{`, `[]`, `null`, `"x"`, `{"type": {"a": [1]}}`,
		"{\"name\":\"\\u0000\",\"email\":\"a\\r\\nBcc: b@c.d\"}", "\xff\xfe", strings.Repeat("[", 20_000),
		`{"subject":{"kind":"contact","id":"` + strings.Repeat("x", 9000) + `"}}`, `{"days": 1e400}`, `{"before": "0000-00-00"}`,
	}
	for _, route := range routesOf(t, s, true) {
		method, path, _ := strings.Cut(route, " ")
		if strings.Contains(path, "import") || strings.Contains(path, "content") {
			continue
		}
		r := strings.NewReplacer("{workspace}", w.ID, "{job}", "x", "{hold}", "x", "{collection}", "contacts", "{id}", "x", "{account}", "x")
		for _, body := range bodies {
			status, text, h := s.call(method, s.public.URL+r.Replace(path), body, "Authorization", "Bearer "+token)
			if status >= 500 || status < 400 {
				t.Errorf("%s with %.60q: %d %.200s", route, body, status, text)
			}
			if status >= 400 && !strings.HasPrefix(h.Get("Content-Type"), "application/problem+json") {
				t.Errorf("%s with %.60q: the problem is %s", route, body, h.Get("Content-Type"))
			}
		}
	}
}

func TestFieldsNamedTwice(t *testing.T) {
	s := plainServer(t)
	w := s.NewWorkspace("acme")
	token := s.token(w, privacyd.WorkspaceActions()...).Token
	for path, body := range map[string]string{
		"/gdpr-jobs":                 `{"type":"data_export","type":"workspace_deletion"}`,
		"/gdpr-jobs/preview":         `{"type":"subject_deletion","subject":{"kind":"contact","id":"c-001","ID":"c-002"}}`,
		"/audit-entries":             `{"entries":[{"action":"a.b","actor":{"kind":"system","kind":"service"}}]}`,
		"PUT /records/contacts/c-77": `{"name":"A","custom_fields":{"deep":{"x":1,"x":2}}}`,
	} {
		method, path := http.MethodPost, path
		if rest, ok := strings.CutPrefix(path, "PUT "); ok {
			method, path = http.MethodPut, rest
		}
		status, text, _ := s.call(method, s.public.URL+"/v1/workspaces/acme"+path, body, "Authorization", "Bearer "+token)
		if status != http.StatusBadRequest || !strings.Contains(text, `"field_repeated"`) || !strings.Contains(text, "twice") {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	status, text, _ := s.call(http.MethodPut, s.public.URL+"/v1/workspaces/acme/records/contacts/c-78",
		`{"name":"A","custom_fields":{"Plan":{"x":1,"X":2}}}`, "Authorization", "Bearer "+token)
	if status != http.StatusOK {
		t.Errorf("names that others chose: %d %s", status, text)
	}
}

func TestOddHeaders(t *testing.T) {
	s := plainServer(t)
	w := s.NewWorkspace("acme")
	token := s.token(w).Token
	for name, value := range map[string]string{
		"Idempotency-Key": strings.Repeat("k", 201), "Range": "bytes=9-1,-,0-" + strings.Repeat("9", 40), "If-Range": "\"\xff\"",
		"Accept": "text/\xff", "Content-Type": "application/json; charset=\"", "Accept-Encoding": strings.Repeat("gzip,", 2000),
		"X-Forwarded-For": "' OR 1=1, \xff", "Privacyd-As": "admin@acme.example.com", "Content-Encoding": "gzip",
	} {
		for _, path := range []string{"/v1/workspaces/acme/gdpr-jobs", "/v1/me", "/openapi.json", "/healthz"} {
			status, body, _ := s.call(http.MethodPost, s.public.URL+path, `{"type":"no_such_type"}`, "Authorization", "Bearer "+token, name, value)
			if status >= 500 {
				t.Errorf("%s with %s: %d %.100s", path, name, status, body)
			}
			status, body, _ = s.call(http.MethodGet, s.public.URL+path, "", "Authorization", "Bearer "+token, name, value)
			if status >= 500 {
				t.Errorf("GET %s with %s: %d %.100s", path, name, status, body)
			}
		}
	}
}

// endless is a body of 100 MB that counts what is taken of it.
type endless struct{ read atomic.Int64 }

func (e *endless) Read(p []byte) (int, error) {
	if e.read.Load() >= 100<<20 {
		return 0, io.EOF
	}
	for i := range p {
		p[i] = ' '
	}
	e.read.Add(int64(len(p)))
	return len(p), nil
}

func TestBodiesOf100MB(t *testing.T) {
	s := plainServer(t)
	w := s.NewWorkspace("acme")
	token := s.token(w).Token
	for _, path := range []string{"/gdpr-jobs", "/holds", "/audit-entries", "/retention", "/members", "/tokens"} {
		for _, method := range []string{http.MethodPost, http.MethodPut} {
			body := &endless{}
			req, err := http.NewRequestWithContext(t.Context(), method, s.public.URL+"/v1/workspaces/acme"+path, body)
			s.Must(err)
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("Authorization", "Bearer "+token)
			client := &http.Client{Timeout: time.Minute}
			res, err := client.Do(req)
			if err == nil {
				_ = res.Body.Close()
				if res.StatusCode < 400 || res.StatusCode >= 500 {
					t.Errorf("%s %s: %d", method, path, res.StatusCode)
				}
			} // a connection that is cut off is an answer too
			if read := body.read.Load(); read > 32<<20 {
				t.Errorf("%s %s took %s bytes", method, path, strconv.FormatInt(read, 10))
			}
		}
	}
}
