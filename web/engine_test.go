package web_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/web"
	"github.com/privacyd/privacyd/work/local"
)

const password = "correct horse battery"

// product is a whole privacyd on an embedded store, behind the page door.
type product struct {
	*enginetest.Bench
	engine    *engine.Engine
	runner    *local.Runner
	workspace privacyd.Workspace
	pages     http.Handler
}

// newProduct has a workspace "acme" with an admin, an agent and an auditor,
// and one contact.
func newProduct(t *testing.T) *product {
	t.Helper()
	p := openProduct(t)
	ctx, operator := t.Context(), privacyd.Caller{Kind: privacyd.CallerOperator, Name: "root"}
	for _, role := range []string{"admin", "agent", "auditor", "stranger"} {
		account := engine.NewAccount{Email: role + "@example.com", Name: "An " + role}
		if role == "admin" {
			account.Password = password
		}
		_, err := p.engine.CreateAccount(ctx, operator, account)
		must(t, err)
	}
	var err error
	p.workspace, err = p.engine.CreateWorkspace(ctx, operator, engine.NewWorkspace{Slug: "acme", Name: "Acme <b>", AdminEmail: "admin@example.com"})
	must(t, err)
	_, err = p.engine.AddMember(ctx, operator, "acme", "agent@example.com", privacyd.RoleAgent)
	must(t, err)
	_, err = p.engine.AddMember(ctx, operator, "acme", "auditor@example.com", privacyd.RoleAuditor)
	must(t, err)
	_, err = p.engine.PutRecord(ctx, operator, p.workspace.ID, "contacts", "c-1", []byte(`{"id":"c-1","name":"Ann","email":"ann@example.net"}`))
	must(t, err)
	return p
}

func openProduct(t *testing.T) *product {
	t.Helper()
	b := enginetest.NewSQLite(t)
	b.Version, b.ExportLife = "1.2.3", 7*24*time.Hour
	return &product{Bench: b, engine: b.Engine, runner: b.Runner, pages: web.New(b.Engine, web.Options{Version: "1.2.3", Log: b.Log})}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func closing(t *testing.T, c io.Closer) { t.Cleanup(func() { must(t, c.Close()) }) }

// browser asks for pages as one browser does.
type browser struct {
	t      *testing.T
	pages  http.Handler
	cookie *http.Cookie // of the session
	others map[string]*http.Cookie
}

func (p *product) as(t *testing.T, role string) *browser {
	t.Helper()
	b := &browser{t: t, pages: p.pages}
	secret, err := p.engine.CreateSignInLink(t.Context(), privacyd.Caller{Kind: privacyd.CallerOperator}, role+"@example.com")
	must(t, err)
	r := b.post("/sign-in/"+secret, nil)
	if r.Code != http.StatusSeeOther || b.cookie == nil {
		t.Fatalf("sign in as %s: status %d", role, r.Code)
	}
	return b
}

func (b *browser) get(path string) *httptest.ResponseRecorder {
	return b.do(httptest.NewRequest(http.MethodGet, path, nil))
}

func (b *browser) post(path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.do(r)
}

// crossSite posts as a page of another site would.
func (b *browser) crossSite(path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader("type=data_export"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	return b.do(r)
}

func (b *browser) do(r *http.Request) *httptest.ResponseRecorder {
	b.t.Helper()
	if b.cookie != nil {
		r.AddCookie(b.cookie)
	}
	for _, c := range b.others {
		if strings.HasPrefix(r.URL.Path, c.Path) {
			r.AddCookie(c)
		}
	}
	w := httptest.NewRecorder()
	b.pages.ServeHTTP(w, r.WithContext(b.t.Context()))
	for _, c := range w.Result().Cookies() {
		b.keep(c)
	}
	return w
}

func (b *browser) keep(c *http.Cookie) {
	switch {
	case c.Name == "privacyd_session":
		b.cookie = c
	case c.MaxAge < 0:
		delete(b.others, c.Name)
	default:
		if b.others == nil {
			b.others = map[string]*http.Cookie{}
		}
		b.others[c.Name] = c
	}
}
