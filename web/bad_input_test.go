package web_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

// forgeries are what somebody makes of a secret who does not have it.
func forgeries(secret string) []string {
	flip := func(i int) string {
		c := byte('A')
		if secret[i] == c {
			c = 'B'
		}
		return secret[:i] + string(c) + secret[i+1:]
	}
	return []string{
		flip(len(secret) / 2), flip(5), secret[:len(secret)-1], secret[4:], secret + "A", secret + "=", strings.ToLower(secret) + "x", secret[:4],
		"x", "pds_", "pdl_", "..", "%00", strings.Repeat("A", 4000),
	}
}

// refused tells whether an answer lets nobody in and is no failure of ours.
func refused(t *testing.T, what string, b *browser, w *httptest.ResponseRecorder) {
	t.Helper()
	if w.Code >= 500 || w.Code < 400 && w.Code != http.StatusSeeOther && w.Code != http.StatusMovedPermanently && w.Code != http.StatusTemporaryRedirect {
		t.Errorf("%s: status %d", what, w.Code)
	}
	if b.cookie != nil && b.cookie.MaxAge >= 0 {
		t.Errorf("%s begins a session", what)
	}
}

func TestForgedLinks(t *testing.T) {
	p := newProduct(t)
	signIn, err := p.engine.CreateSignInLink(t.Context(), enginetest.Operator, "admin@example.com")
	must(t, err)
	reset, err := p.engine.CreatePasswordLink(t.Context(), enginetest.Operator, "admin@example.com")
	must(t, err)
	_, err = p.engine.Invite(t.Context(), enginetest.Operator, "acme", engine.NewInvitation{Email: "new@example.com", Role: privacyd.RoleAdmin})
	must(t, err)
	invitation := p.mailed(t)[len("/sign-in/invitation/"):]
	form := url.Values{"name": {"Eve"}, "password": {password}, "email": {"eve@example.com"}, "workspace": {"Eve"}}
	for folder, others := range map[string][]string{
		"/sign-in/": {reset, invitation}, "/sign-in/reset/": {signIn, invitation},
		"/sign-in/invitation/": {signIn, reset}, "/sign-in/first/": {signIn, reset, invitation},
	} {
		for _, bad := range append(append(append(forgeries(signIn), forgeries(reset)...), forgeries(invitation)...), others...) {
			b := p.stranger(t)
			refused(t, "POST "+folder+bad[:min(len(bad), 60)], b, b.post(folder+bad, form))
			if w := b.get(folder + bad); w.Code >= 500 {
				t.Errorf("GET %s%s: status %d", folder, bad, w.Code)
			}
		}
	}
	if w := p.stranger(t).post("/sign-in/"+signIn, nil); w.Code != http.StatusSeeOther {
		t.Errorf("the real link does not work any more: status %d", w.Code)
	}
}

func TestExpiredLinksAndSessions(t *testing.T) {
	p := newProduct(t)
	links := map[string]string{}
	secret, err := p.engine.CreateSignInLink(t.Context(), enginetest.Operator, "admin@example.com")
	must(t, err)
	links["sign-in"] = "/sign-in/" + secret
	secret, err = p.engine.CreatePasswordLink(t.Context(), enginetest.Operator, "admin@example.com")
	must(t, err)
	links["reset"] = "/sign-in/reset/" + secret
	_, err = p.engine.Invite(t.Context(), enginetest.Operator, "acme", engine.NewInvitation{Email: "new@example.com", Role: privacyd.RoleAdmin})
	must(t, err)
	links["invitation"] = p.mailed(t)
	signedIn := p.as(t, "admin")
	p.Pass(31 * privacyd.Day)
	for name, path := range links {
		b := p.stranger(t)
		refused(t, name, b, b.post(path, url.Values{"name": {"Eve"}, "password": {password}}))
	}
	if w := signedIn.get("/w/acme/data-privacy"); w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), "/sign-in") {
		t.Errorf("a session of a month ago: status %d", w.Code)
	}
}

// Nothing but a session's own secret is one: no link, no API token.
func TestForgedSessions(t *testing.T) {
	p := newProduct(t)
	real := p.as(t, "admin").cookie.Value
	link, err := p.engine.CreateSignInLink(t.Context(), enginetest.Operator, "admin@example.com")
	must(t, err)
	_, token, err := p.engine.CreateToken(t.Context(), enginetest.Operator, "acme", "all", privacyd.WorkspaceActions())
	must(t, err)
	for _, bad := range append(forgeries(real), link, token, real+" ", "Bearer "+real, strings.Repeat("a", 100_000)) {
		b := p.stranger(t)
		r := httptest.NewRequest(http.MethodGet, "/w/acme/members", nil)
		r.Header.Set("Cookie", "privacyd_session="+strings.TrimSpace(bad))
		if strings.TrimSpace(bad) == real {
			continue
		}
		if w := b.do(r); w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), "/sign-in") {
			t.Errorf("the cookie %.60q: status %d", bad, w.Code)
		}
	}
}

// The page of a signed link leads to the archive of the workspace that it is
// about, and nowhere else; the REST door looks at the signature.
func TestForgedDownloads(t *testing.T) {
	p := newProduct(t)
	other := p.NewWorkspace("other")
	job := p.Export(enginetest.Operator, engine.NewJob{Workspace: "other", Type: privacyd.JobDataExport})
	b := p.as(t, "admin")
	for path, status := range map[string]int{
		"/w/acme/jobs/" + job.ID + "/archive?expires=1900000000&signature=x":          http.StatusSeeOther,
		"/w/acme/jobs/" + job.ID + "/archive?expires=1900000000&signature=x%0d%0aA:b": http.StatusSeeOther,
		"/w/acme/jobs/..%2f..%2f..%2fx/archive?expires=1900000000&signature=x":        http.StatusSeeOther,
		"/w/acme/jobs/x%0d%0aSet-Cookie:a=b/archive?expires=1&signature=x":            http.StatusSeeOther,
		"/w/acme/jobs/" + job.ID + "/archive?expires=9999999999999999999&signature=x": http.StatusNotFound,
		"/w/acme/jobs/" + job.ID + "/archive?expires=x&signature=x":                   http.StatusNotFound,
		"/w/other/jobs/" + job.ID + "/archive?expires=1900000000&signature=x":         http.StatusNotFound,
		"/w/" + other.ID + "/jobs/" + job.ID + "/archive?expires=1&signature=x":       http.StatusNotFound,
	} {
		w := b.get(path)
		to := w.Header().Get("Location")
		if w.Code != status || status == http.StatusSeeOther && !strings.HasPrefix(to, "/v1/workspaces/acme/gdpr-jobs/") {
			t.Errorf("%s: status %d, to %q", path, w.Code, to)
		}
		if strings.ContainsAny(to, "\r\n") || strings.Contains(to, "/../") {
			t.Errorf("%s leads to %q", path, to)
		}
	}
}

// Where somebody is led after signing in is on this server, and one header.
func TestWhereToAfterSigningIn(t *testing.T) {
	p := newProduct(t)
	for _, next := range []string{
		"//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil.example", "/%0d%0aSet-Cookie: a=b", "/w/acme\r\nSet-Cookie: a=b",
		"\\\\evil.example", "javascript:alert(1)", "/..//evil.example", "/./\\evil.example", " //evil.example", "///evil.example",
	} {
		b := p.stranger(t)
		w := b.post("/sign-in", url.Values{"email": {"admin@example.com"}, "password": {password}, "next": {next}})
		to := w.Header().Get("Location")
		u, err := url.Parse(to)
		if w.Code != http.StatusSeeOther || err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(to, "/") ||
			strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") {
			t.Errorf("next %q leads to %q (status %d)", next, to, w.Code)
		}
		if len(w.Result().Cookies()) == 0 || strings.Contains(w.Result().Header.Get("Set-Cookie"), "a=b") {
			t.Errorf("next %q: cookies %v", next, w.Result().Cookies())
		}
	}
}

// endless is a form that never ends, and counts what is read of it.
type endless struct{ read int64 }

func (e *endless) Read(p []byte) (int, error) {
	if e.read >= 100<<20 {
		return 0, io.EOF
	}
	for i := range p {
		p[i] = 'a'
	}
	e.read += int64(len(p))
	return len(p), nil
}

func TestFormsOf100MB(t *testing.T) {
	p := newProduct(t)
	b := p.as(t, "admin")
	for _, path := range []string{
		"/sign-in", "/sign-in/forgotten", "/sign-in/reset/x", "/sign-in/invitation/x", "/sign-in/first/x", "/w/acme/data-privacy",
		"/w/acme/members", "/w/acme/retention", "/w/acme/holds", "/account/password", "/account/second-factor",
	} {
		for _, kind := range []string{"application/x-www-form-urlencoded", "multipart/form-data; boundary=aaa", "text/plain", ""} {
			body := &endless{}
			r := httptest.NewRequest(http.MethodPost, path, body)
			r.Header.Set("Content-Type", kind)
			r.Header.Set("Sec-Fetch-Site", "same-origin")
			w := b.do(r)
			if w.Code >= 500 || w.Code < 300 {
				t.Errorf("%s as %q: status %d", path, kind, w.Code)
			}
			if body.read > 1<<20 {
				t.Errorf("%s as %q: %d bytes were read", path, kind, body.read)
			}
		}
	}
}

// Somebody whose role is taken while they look at a page cannot do any more
// what the page offers.
func TestARoleThatChangesInMidFlow(t *testing.T) {
	p := newProduct(t)
	b := p.as(t, "admin")
	second := p.as(t, "agent")
	must(t, p.become(t, "agent@example.com", privacyd.RoleAdmin))
	expect(t, second.get("/w/acme/members"), "Invite")
	job := p.Export(enginetest.Operator, engine.NewJob{Workspace: "acme", Type: privacyd.JobDataExport})
	must(t, p.become(t, "agent@example.com", privacyd.RoleAuditor))
	for path, form := range map[string]url.Values{
		"/w/acme/members":                        {"email": {"eve@example.com"}, "role": {"admin"}},
		"/w/acme/data-privacy":                   {"type": {"data_export"}, "format": {"json"}},
		"/w/acme/jobs/" + job.ID + "/cancel":     {},
		"/w/acme/jobs/" + job.ID + "/verify":     {},
		"/w/acme/retention":                      {"choice": {"30"}},
		"/w/acme/holds":                          {"type": {"workspace"}, "reason": {"mine"}},
		"/w/acme/delete-workspace":               {"name": {"Acme <b>"}, "password": {password}, "plan_hash": {"x"}},
		"/w/acme/members/x/role":                 {"role": {"admin"}},
		"/w/acme/members/invitations/x/withdraw": {},
	} {
		if w := second.post(path, form); w.Code != http.StatusForbidden && w.Code != http.StatusNotFound {
			t.Errorf("POST %s: status %d", path, w.Code)
		}
	}
	if w := second.get("/w/acme/jobs/" + job.ID + "/download"); w.Code != http.StatusForbidden {
		t.Errorf("downloading: status %d", w.Code)
	}
	must(t, p.remove(t, "agent@example.com"))
	for _, path := range []string{"/w/acme/audit", "/w/acme/jobs", "/w/acme/members", "/w/acme/data-privacy"} {
		if w := second.get(path); w.Code != http.StatusNotFound {
			t.Errorf("GET %s as no member: status %d", path, w.Code)
		}
	}
	if w := b.get("/w/acme/members"); w.Code != http.StatusOK {
		t.Errorf("the admin: status %d", w.Code)
	}
}

func (p *product) accountID(t *testing.T, email string) string {
	t.Helper()
	a, _, err := p.engine.Accounts.AccountByEmail(t.Context(), email)
	must(t, err)
	return a.ID
}

func (p *product) become(t *testing.T, email string, role privacyd.Role) error {
	t.Helper()
	_, err := p.engine.ChangeRole(t.Context(), enginetest.Operator, "acme", p.accountID(t, email), role)
	return err
}

func (p *product) remove(t *testing.T, email string) error {
	t.Helper()
	_, err := p.engine.RemoveMember(t.Context(), enginetest.Operator, "acme", p.accountID(t, email))
	return err
}
