package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

// signedInAgain signs in with a password, as somebody does whose sessions ended.
func (p *product) signedInAgain(t *testing.T, email string) *browser {
	t.Helper()
	b := p.stranger(t)
	w := b.post("/sign-in", url.Values{"email": {email}, "password": {password}})
	if w.Code != http.StatusSeeOther {
		t.Fatalf("signing in: status %d: %s", w.Code, w.Body)
	}
	return b
}

// newColleague makes a second admin, with a password.
func (p *product) newColleague(t *testing.T) {
	t.Helper()
	_, err := p.engine.CreateAccount(t.Context(), enginetest.Operator, engine.NewAccount{Email: "bea@example.com", Name: "Bea", Password: password})
	must(t, err)
	_, err = p.engine.AddMember(t.Context(), enginetest.Operator, "acme", "bea@example.com", privacyd.RoleAdmin)
	must(t, err)
}

func TestTheLastAdminIsToldWhatToDo(t *testing.T) {
	p := newProduct(t)
	b := p.as(t, "admin")
	expect(t, b.get("/account"), "Export my data", "Delete my account", "Acme &lt;b&gt;", `aria-current="page"`)
	w := b.get("/account/delete")
	expect(t, w, "You are the last admin of Acme &lt;b&gt;", "Make another member an admin", "/w/acme/members", "/w/acme/delete-workspace", "cannot be confirmed yet")
	if planHash.MatchString(w.Body.String()) {
		t.Error("the page asks to confirm what is refused")
	}
}

func TestAnAccountIsDeletedAfterItsGrace(t *testing.T) {
	p := newProduct(t)
	p.newColleague(t)
	b := p.as(t, "admin")
	form := url.Values{"plan_hash": {shownHash(t, b.get("/account/delete"))}, "password": {"wrong"}}
	expect(t, b.post("/account/delete", form), "password_wrong", `aria-invalid="true"`)
	expect(t, b.post("/account/delete", url.Values{"plan_hash": {"0"}, "password": {password}}), "Look at it, and confirm again")
	form.Set("password", password)
	if w := b.post("/account/delete", form); w.Header().Get("Location") != "/sign-in?leaving" {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	expect(t, b.get("/sign-in?leaving"), "The deletion of your account is scheduled")

	b = p.signedInAgain(t, "admin@example.com")
	for _, path := range []string{"/", "/workspaces", "/w/acme/data-privacy", "/account/security", "/account/delete", "/w/acme/audit"} {
		if w := b.get(path); w.Header().Get("Location") != "/account" {
			t.Errorf("%s: status %d to %q", path, w.Code, w.Header().Get("Location"))
		}
	}
	w := b.post("/account/password", url.Values{"old": {password}, "password": {"another long one"}})
	if w.Header().Get("Location") != "/account" {
		t.Errorf("the password is changed: status %d", w.Code)
	}
	expect(t, b.get("/account"), "in 30 days", "Cancel: keep my account", "Export my data", "Delete my account now, for good")
	for _, page := range []*httptest.ResponseRecorder{b.get("/account"), b.post("/account/leaving/now", url.Values{"password": {"wrong"}})} {
		expect(t, page, "What will happen", "You are a member of Acme &lt;b&gt;", "Deleted user", "members", "accounts")
	}
	expect(t, b.post("/account/leaving/now", url.Values{"password": {"wrong"}}), "password_wrong")
	for range 2 { // a double click
		if w := b.post("/account/leaving/now", url.Values{"password": {password}}); w.Header().Get("Location") != "/account" {
			t.Fatalf("status %d: %s", w.Code, w.Body)
		}
	}
	expect(t, b.get("/account"), "Being deleted")
	must(t, p.runner.RunUntilIdle(t.Context()))
	if w := b.get("/account"); !strings.HasPrefix(w.Header().Get("Location"), "/sign-in") {
		t.Errorf("the deleted account is still signed in: status %d", w.Code)
	}
	if w := p.stranger(t).post("/sign-in", url.Values{"email": {"admin@example.com"}, "password": {password}}); w.Code == http.StatusSeeOther {
		t.Error("the deleted account can sign in")
	}
}

func TestSomebodyStays(t *testing.T) {
	p := newProduct(t)
	p.newColleague(t)
	b := p.as(t, "admin")
	hash := shownHash(t, b.get("/account/delete"))
	b.post("/account/delete", url.Values{"plan_hash": {hash}, "password": {password}})
	b = p.signedInAgain(t, "admin@example.com")
	for range 2 {
		if w := b.post("/account/leaving/cancel", nil); w.Header().Get("Location") != "/account?kept" {
			t.Fatalf("status %d: %s", w.Code, w.Body)
		}
	}
	expect(t, b.get("/account?kept"), "Your account is kept", "See what would be deleted")
	expect(t, b.get("/w/acme/data-privacy"), "Export data")
}

func TestAnAccountWithoutPasswordIsDeleted(t *testing.T) {
	p := newProduct(t)
	b := p.as(t, "agent")
	page := b.get("/account/delete")
	expect(t, page, "Your account has no password")
	if w := b.post("/account/delete", url.Values{"plan_hash": {shownHash(t, page)}}); w.Header().Get("Location") != "/sign-in?leaving" {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	b = p.as(t, "agent")
	expect(t, b.get("/account"), "Cancel: keep my account")
}

func TestOwnDataIsExported(t *testing.T) {
	p := newProduct(t)
	b := p.as(t, "auditor")
	if w := b.post("/account/exports", nil); w.Header().Get("Location") != "/account#export" {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	if w := b.post("/account/exports", nil); w.Header().Get("Location") != "/account?known#export" {
		t.Errorf("asking twice: status %d to %q", w.Code, w.Header().Get("Location"))
	}
	expect(t, b.get("/account"), "Waiting", `hx-get="/account/exports"`, "<noscript>")
	must(t, p.runner.RunUntilIdle(t.Context()))
	w := b.get("/account")
	expect(t, w, "Ready", "Download")
	if strings.Contains(w.Body.String(), `hx-get="/account/exports"`) {
		t.Error("a finished export is still asked for")
	}
	path := regexp.MustCompile(`/account/exports/[^"/]+/download`).FindString(w.Body.String())
	if to := b.get(path).Header().Get("Location"); !strings.HasPrefix(to, "/v1/me/exports/") || !strings.Contains(to, "signature=") {
		t.Errorf("the download leads to %q", to)
	}
	mailed := b.get(strings.TrimSuffix(path, "download") + "archive?expires=1900000000&signature=x").Header().Get("Location")
	if !strings.HasPrefix(mailed, "/v1/me/exports/") || !strings.HasSuffix(mailed, "archive?expires=1900000000&signature=x") {
		t.Errorf("the link of the mail leads to %q", mailed)
	}
	if w := p.as(t, "agent").get(path); w.Code != http.StatusNotFound {
		t.Errorf("somebody else's export: status %d", w.Code)
	}
}

// TestAChangedPlanIsConfirmedAgain has a deletion wait because its plan is not
// what was confirmed: the page shows the new one and takes that.
func TestAChangedPlanIsConfirmedAgain(t *testing.T) {
	p := newProduct(t)
	p.newColleague(t)
	b := p.as(t, "admin")
	b.post("/account/delete", url.Values{"plan_hash": {shownHash(t, b.get("/account/delete"))}, "password": {password}})
	_, err := p.DB.Exec(t.Context(), `UPDATE jobs SET state = 'pending_approval', waiting_on = 'confirmation', error_code = 'plan_changed', execute_after = 1`)
	must(t, err)
	b = p.signedInAgain(t, "admin@example.com")
	page := b.get("/account")
	expect(t, page, "Held up", "The plan has changed", "Delete my account as the plan says now")
	form := url.Values{"plan_hash": {shownHash(t, page)}, "password": {"wrong"}}
	expect(t, b.post("/account/leaving/now", form), "password_wrong", "The plan has changed")
	form.Set("password", password)
	if w := b.post("/account/leaving/now", form); w.Header().Get("Location") != "/account" {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	must(t, p.runner.RunUntilIdle(t.Context()))
	if w := b.get("/account"); !strings.HasPrefix(w.Header().Get("Location"), "/sign-in") {
		t.Errorf("the deleted account is still signed in: status %d", w.Code)
	}
}
