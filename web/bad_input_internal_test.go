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

// theirs is what there is in a workspace that is somebody else's, by the name
// that stands in addresses.
func theirs(t *testing.T, b *enginetest.Bench, w privacyd.Workspace) map[string]string {
	t.Helper()
	job := b.Export(enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport})
	them := b.Member(privacyd.RoleAdmin, w)
	invited, err := b.Invite(t.Context(), enginetest.Operator, w.ID, engine.NewInvitation{Email: "new@example.com", Role: privacyd.RoleAgent})
	b.Must(err)
	hold, err := b.PlaceHold(t.Context(), enginetest.Operator, engine.NewHold{
		Workspace: w.ID, Reason: "a claim", Target: privacyd.HoldTarget{Type: privacyd.HoldWorkspace},
	})
	b.Must(err)
	token, _, err := b.CreateToken(t.Context(), enginetest.Operator, w.ID, "nightly", []privacyd.Action{privacyd.ActionReadRecords})
	b.Must(err)
	signedInAs(t, b, them.Email)
	sessions, err := b.MySecurity(t.Context(), them)
	b.Must(err)
	return map[string]string{
		"job": job.ID, "account": them.AccountID, "invitation": invited.ID, "hold": hold.ID, "session": sessions.Sessions[0].ID, "token": token.ID,
		"version": "1", "sub_processor": job.ID, "n": "1", "kind": "agreement", "document": "agreement",
	}
}

// TestNobodyElsesWorkspace asks, as an admin of one workspace, for every page
// and every button of another one: there is no such workspace. In one's own
// there is nothing of the other.
func TestNobodyElsesWorkspace(t *testing.T) {
	b := enginetest.NewSQLite(t)
	mine, other := b.NewWorkspace("mine"), b.NewWorkspace("theirs")
	parts := theirs(t, b, other)
	me := signedInAs(t, b, "admin@mine.example.com")
	before := b.Audited(other.ID)
	for _, workspace := range []string{other.ID, other.Slug} {
		parts["workspace"] = workspace
		for _, route := range everyPath(parts) {
			if !strings.Contains(route, "/w/") {
				continue
			}
			if strings.Contains(route, "{") {
				t.Errorf("%s: there is no id of theirs to try", route)
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
	if after := b.Audited(other.ID); len(after) != len(before) {
		t.Errorf("the other workspace's log has %q more", after[len(before):])
	}
	parts["workspace"] = mine.Slug
	made := map[string]string{"workspace": mine.Slug}
	for name := range parts {
		if made[name] == "" {
			made[name] = "0190aaaa-0000-7000-8000-000000000000"
		}
	}
	for _, ids := range []map[string]string{parts, made} {
		for _, route := range everyPath(ids) {
			method, path, _ := strings.Cut(route, " ")
			if !slices.ContainsFunc([]string{"job", "account", "invitation", "hold", "session", "token"}, func(name string) bool { return strings.Contains(path, ids[name]) }) ||
				strings.HasSuffix(path, "/archive") || strings.HasSuffix(path, "/rest") { // which lead to the REST door
				continue
			}
			form := url.Values{}
			switch {
			case strings.HasSuffix(path, "/role"):
				form.Set("role", "agent")
			case strings.HasSuffix(path, "/release"):
				form.Set("reason", "x")
			}
			if w := me.do(t, method, path, form); w.Code != http.StatusNotFound {
				t.Errorf("another workspace's, %s: status %d", route, w.Code)
			}
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
	for _, name := range []string{"before", "after", "from", "to", "q", "days", "page", "sort", "state", "type", "action", "actor", "id", "kind", "plan", "cursor", "email", "n", "invited-sort", "invited-page", "effect", "choice", "scope", "label"} {
		queries.Set(name, "\x00'\"<script>\xff9999999999999999999")
	}
	for _, odd := range parts {
		all := map[string]string{}
		for _, name := range []string{"job", "account", "invitation", "session", "token", "secret", "key", "hold", "entry", "n", "kind", "version", "document", "sub_processor", "contact", "id", "receipt", "name", "collection"} {
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
