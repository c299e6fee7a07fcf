package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/web"
)

func TestSignInSetsACookieThatScriptsCannotRead(t *testing.T) {
	p := newProduct(t)
	for name, secure := range map[string]bool{"loopback": false, "behind TLS": true} {
		t.Run(name, func(t *testing.T) {
			b := &browser{t: t, pages: web.New(p.engine, web.Options{Secure: secure})}
			w := b.post("/sign-in", url.Values{"email": {"Admin@example.com "}, "password": {password}, "next": {"/w/acme/audit"}})
			if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/w/acme/audit" {
				t.Fatalf("status %d, to %q", w.Code, w.Header().Get("Location"))
			}
			c := b.cookie
			if c.Name != "privacyd_session" || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Secure != secure || c.MaxAge <= 0 {
				t.Errorf("cookie is %v", c)
			}
		})
	}
}

func TestSignInRefusals(t *testing.T) {
	p := newProduct(t)
	for name, c := range map[string]struct {
		email, password string
		status          int
		code            string
	}{
		"wrong password":  {"admin@example.com", "not this one", http.StatusUnauthorized, "sign_in_failed"},
		"unknown account": {"nobody@example.com", password, http.StatusUnauthorized, "sign_in_failed"},
		"not an address":  {`"><script>x`, password, http.StatusUnprocessableEntity, "email_invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			b := &browser{t: t, pages: p.pages}
			w := b.post("/sign-in", url.Values{"email": {c.email}, "password": {c.password}})
			if w.Code != c.status || b.cookie != nil {
				t.Errorf("status %d, cookie %v", w.Code, b.cookie)
			}
			expect(t, w, c.code)
			if body := w.Body.String(); strings.Contains(body, "<script>x") || strings.Contains(body, c.password) {
				t.Error("the page repeats markup or the password")
			}
		})
	}
}

func TestSignInLinkIsUsedUpByTheButtonAlone(t *testing.T) {
	p := newProduct(t)
	secret, err := p.engine.CreateSignInLink(t.Context(), privacyd.Caller{Kind: privacyd.CallerOperator}, "admin@example.com")
	must(t, err)
	b := &browser{t: t, pages: p.pages}
	for range 2 {
		if w := b.get("/sign-in/" + secret); w.Code != http.StatusOK || b.cookie != nil {
			t.Fatalf("looking at the link: status %d, cookie %v", w.Code, b.cookie)
		}
	}
	if w := b.post("/sign-in/"+secret, nil); w.Code != http.StatusSeeOther || b.cookie == nil {
		t.Fatalf("pressing the button: status %d", w.Code)
	}
	again := &browser{t: t, pages: p.pages}
	if w := again.post("/sign-in/"+secret, nil); w.Code < 400 || again.cookie != nil {
		t.Errorf("using the link twice: status %d", w.Code)
	}
}

func TestSignOutEndsTheSession(t *testing.T) {
	p := newProduct(t)
	b := p.as(t, "admin")
	old := *b.cookie
	if w := b.post("/sign-out", nil); w.Code != http.StatusSeeOther || b.cookie.MaxAge >= 0 {
		t.Fatalf("status %d, cookie %v", w.Code, b.cookie)
	}
	b.cookie = &old
	if w := b.get("/w/acme/data-privacy"); w.Code != http.StatusSeeOther {
		t.Errorf("the old session still gets status %d", w.Code)
	}
}

func TestStrangersAreLedToSignIn(t *testing.T) {
	p := newProduct(t)
	b := &browser{t: t, pages: p.pages}
	for path, to := range map[string]string{
		"/":                              "/sign-in",
		"/w/acme/audit?before=1":         "/sign-in?next=" + url.QueryEscape("/w/acme/audit?before=1"),
		"/w/unknown/data-privacy":        "/sign-in?next=" + url.QueryEscape("/w/unknown/data-privacy"),
		"/w/acme/jobs/x/download":        "/sign-in?next=" + url.QueryEscape("/w/acme/jobs/x/download"),
		"/w/acme/data-privacy/exports":   "/sign-in?next=" + url.QueryEscape("/w/acme/data-privacy/exports"),
		"/w/acme/data-privacy?before=%2": "/sign-in?next=" + url.QueryEscape("/w/acme/data-privacy?before=%2"),
	} {
		if w := b.get(path); w.Code != http.StatusSeeOther || w.Header().Get("Location") != to {
			t.Errorf("%s: status %d, to %q", path, w.Code, w.Header().Get("Location"))
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/w/acme/data-privacy/exports", nil)
	r.Header.Set("HX-Request", "true")
	if w := b.do(r); w.Code != http.StatusUnauthorized || w.Header().Get("HX-Refresh") != "true" {
		t.Errorf("a part of a page: status %d, headers %v", w.Code, w.Header())
	}
}

func TestOtherSitesCannotPost(t *testing.T) {
	p := newProduct(t)
	b := p.as(t, "admin")
	for _, path := range []string{"/w/acme/data-privacy", "/sign-out", "/sign-in"} {
		w := b.crossSite(path)
		if w.Code != http.StatusForbidden {
			t.Errorf("%s: status %d", path, w.Code)
		}
		expect(t, w, "cross_origin")
	}
}

func expect(t *testing.T, w *httptest.ResponseRecorder, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(w.Body.String(), text) {
			t.Errorf("the page lacks %q", text)
		}
	}
}
