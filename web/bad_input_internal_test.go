package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

// everyPath gives the address of each route, the parts filled in.
func everyPath(parts map[string]string) []string {
	var paths []string
	for _, routes := range (&door{}).allRoutes() {
		for pattern := range routes {
			for name, value := range parts {
				pattern = strings.ReplaceAll(pattern, "{"+name+"}", value)
			}
			pattern = strings.ReplaceAll(pattern, "{rest...}", "rest")
			if strings.Contains(pattern, " ") {
				paths = append(paths, strings.TrimSuffix(pattern, "{$}"))
			}
		}
	}
	slices.Sort(paths)
	return paths
}

type asked struct {
	pages  http.Handler
	cookie *http.Cookie
}

func (a asked) do(t *testing.T, method, path string, form url.Values) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if a.cookie != nil {
		r.AddCookie(a.cookie)
	}
	w := httptest.NewRecorder()
	a.pages.ServeHTTP(w, r.WithContext(t.Context()))
	return w
}

func signedInAs(t *testing.T, b *enginetest.Bench, email string) asked {
	t.Helper()
	secret, err := b.CreateSignInLink(t.Context(), enginetest.Operator, email)
	b.Must(err)
	a := asked{pages: New(b.Engine, Options{})}
	for _, c := range a.do(t, http.MethodPost, "/sign-in/"+secret, nil).Result().Cookies() {
		if c.Name == sessionCookie {
			a.cookie = c
		}
	}
	if a.cookie == nil {
		t.Fatal("nobody is signed in")
	}
	return a
}

// TestNobodyElsesWorkspace asks, as an admin of one workspace, for every page
// and every button of another one: there is no such workspace.
func TestNobodyElsesWorkspace(t *testing.T) {
	b := enginetest.NewSQLite(t)
	mine, theirs := b.NewWorkspace("mine"), b.NewWorkspace("theirs")
	job := b.Export(enginetest.Operator, engine.NewJob{Workspace: theirs.ID, Type: privacyd.JobDataExport})
	me := signedInAs(t, b, "admin@mine.example.com")
	before := b.Audited(theirs.ID)
	for _, workspace := range []string{theirs.ID, theirs.Slug} {
		for _, route := range everyPath(map[string]string{"workspace": workspace, "job": job.ID}) {
			if !strings.Contains(route, "/w/") {
				continue
			}
			method, path, _ := strings.Cut(route, " ")
			if strings.HasSuffix(path, "/audit/verify") && method == http.MethodGet {
				continue // it leads to the log's page, whatever there is
			}
			if w := me.do(t, method, path, url.Values{"confirm": {"x"}}); w.Code != http.StatusNotFound {
				t.Errorf("%s: status %d", route, w.Code)
			}
		}
	}
	if after := b.Audited(theirs.ID); len(after) != len(before) {
		t.Errorf("the other workspace's log has %q more", after[len(before):])
	}
	for _, route := range everyPath(map[string]string{"workspace": mine.Slug, "job": job.ID}) {
		method, path, _ := strings.Cut(route, " ")
		if !strings.Contains(path, job.ID) || strings.HasSuffix(path, "/archive") || strings.HasSuffix(path, "/rest") { // which lead to the REST door
			continue
		}
		if w := me.do(t, method, path, nil); w.Code != http.StatusNotFound {
			t.Errorf("another workspace's job, %s: status %d", route, w.Code)
		}
	}
}

// TestOddPartsOfAddresses has no page fail over what stands in its address.
func TestOddPartsOfAddresses(t *testing.T) {
	b := enginetest.NewSQLite(t)
	b.NewWorkspace("mine")
	me := signedInAs(t, b, "admin@mine.example.com")
	parts := []string{"%00", "%ff%fe", "..%2f..", "x%0d%0aA:%20b", "%27%20OR%201=1--", strings.Repeat("x", 5000), "%e2%80%ae", "-1", "NaN"}
	queries := url.Values{}
	for _, name := range []string{"before", "after", "from", "to", "q", "days", "page", "sort", "state", "type", "action", "actor", "id", "kind", "plan", "cursor", "email", "n"} {
		queries.Set(name, "\x00'\"<script>\xff9999999999999999999")
	}
	for _, odd := range parts {
		all := map[string]string{}
		for _, name := range []string{"job", "account", "invitation", "session", "secret", "key", "hold", "entry", "contact", "id", "receipt", "name", "collection"} {
			all[name] = odd
		}
		all["workspace"] = "mine"
		for _, route := range everyPath(all) {
			method, path, _ := strings.Cut(route, " ")
			if strings.HasSuffix(path, "/events") || path == "/sign-out" || strings.Contains(path, "{") {
				continue
			}
			if w := me.do(t, method, path+"?"+queries.Encode(), queries); w.Code >= 500 {
				t.Errorf("%.80s: status %d", route, w.Code)
			}
		}
	}
}
