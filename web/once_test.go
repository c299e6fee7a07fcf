package web_test

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pquerna/otp/totp"

	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

var onceField = regexp.MustCompile(`name="once" value="([A-Z2-7]{26})"`)

// pressed is a form of a page as the browser sends it.
func pressed(t *testing.T, page *httptest.ResponseRecorder, form url.Values) url.Values {
	t.Helper()
	once := onceField.FindStringSubmatch(page.Body.String())
	if once == nil {
		t.Fatalf("the page has no form that can be sent twice: status %d: %s", page.Code, page.Body)
	}
	sent := url.Values{"once": {once[1]}}
	maps.Copy(sent, form)
	return sent
}

// twin has the cookies that b has now: a second click is sent before the answer
// to the first.
func (b *browser) twin() *browser {
	return &browser{t: b.t, pages: b.pages, cookie: b.cookie, others: maps.Clone(b.others)}
}

// twice presses a button two times and wants the same answer to both.
func (b *browser) twice(page *httptest.ResponseRecorder, path string, form url.Values) *httptest.ResponseRecorder {
	b.t.Helper()
	sent, second := pressed(b.t, page, form), b.twin()
	one := b.post(path, sent)
	two := second.post(path, sent)
	if one.Code >= 400 || one.Code != two.Code {
		b.t.Fatalf("POST %s: status %d, then %d: %s", path, one.Code, two.Code, two.Body)
	}
	if diff := cmp.Diff(one.Result().Header, two.Result().Header); diff != "" {
		b.t.Errorf("POST %s: headers %s", path, diff)
	}
	if diff := cmp.Diff(one.Body.String(), two.Body.String()); diff != "" {
		b.t.Errorf("POST %s: %s", path, diff)
	}
	return two
}

func TestLinksThatArePressedTwice(t *testing.T) {
	p := openProduct(t)
	secret, err := p.engine.CreateFirstLink(t.Context(), enginetest.Operator)
	must(t, err)
	b, path := p.stranger(t), engine.FirstPath(secret)
	b.twice(b.get(path), path, url.Values{"name": {"Ada"}, "email": {"ada@example.com"}, "password": {password}, "workspace": {"Acme"}})
	expect(t, b.get("/w/acme/members"), "ada@example.com")

	b.twice(b.get("/w/acme/members"), "/w/acme/members", url.Values{"email": {"nia@example.com"}, "role": {"agent"}})
	path = p.mailed(t)
	if n := strings.Count(b.get("/w/acme/members").Body.String(), "/withdraw"); n != 1 {
		t.Errorf("%d invitations", n)
	}
	nia := p.stranger(t)
	nia.twice(nia.get(path), path, url.Values{"name": {"Nia"}, "password": {password}})
	expect(t, nia.get("/w/acme/contacts"), "Contacts")

	secret, err = p.engine.CreateSignInLink(t.Context(), enginetest.Operator, "nia@example.com")
	must(t, err)
	other := p.stranger(t)
	other.twice(other.get("/sign-in/"+secret), "/sign-in/"+secret, nil)
	expect(t, other.get("/w/acme/contacts"), "Contacts")

	secret, err = p.engine.CreatePasswordLink(t.Context(), enginetest.Operator, "nia@example.com")
	must(t, err)
	path = "/sign-in/reset/" + secret
	w := nia.twice(nia.get(path), path, url.Values{"password": {"seven wet umbrellas"}})
	if to := w.Header().Get("Location"); to != "/sign-in?new-password" {
		t.Errorf("it leads to %q", to)
	}
}

var recoveryCode = regexp.MustCompile(`<code>([A-Z2-7-]{19})</code>`)

func TestCodesThatAreAskedForTwice(t *testing.T) {
	p := newProduct(t)
	b := p.signInWithPassword(t)
	b.twice(b.get("/account/security"), "/account/second-factor", url.Values{"old": {password}})
	me, err := p.engine.Authenticate(t.Context(), b.cookie.Value)
	must(t, err)
	pending, err := p.engine.PendingSecondFactor(t.Context(), me)
	must(t, err)
	code := func() url.Values {
		p.Pass(time.Minute) // each code once
		c, err := totp.GenerateCode(pending.Secret, p.Clock())
		must(t, err)
		return url.Values{"code": {c}}
	}
	w := b.twice(b.get("/account/second-factor"), "/account/second-factor/confirm", code())
	if n := len(recoveryCode.FindAllString(w.Body.String(), -1)); n != 10 {
		t.Fatalf("%d recovery codes", n)
	}
	w = b.twice(b.get("/account/security"), "/account/recovery-codes", code())
	codes := recoveryCode.FindAllStringSubmatch(w.Body.String(), -1)
	if len(codes) != 10 {
		t.Fatalf("%d recovery codes", len(codes))
	}
	other := p.stranger(t)
	other.twice(other.get("/sign-in"), "/sign-in", url.Values{"email": {"admin@example.com"}, "password": {password}})
	other.twice(other.get("/sign-in/code"), "/sign-in/code", url.Values{"code": {codes[0][1]}, "next": {"/w/acme/audit"}})
	expect(t, other.get("/account/security"), "9 recovery codes are left")
	off := code()
	off.Set("old", password)
	b.twice(b.get("/account/security"), "/account/second-factor/off", off)
	b.twice(b.get("/account/security"), "/account/password", url.Values{"old": {password}, "password": {"seven wet umbrellas"}})
}

func TestLeavingAndStayingTwice(t *testing.T) {
	p := newProduct(t)
	p.newColleague(t)
	b := p.signInWithPassword(t)
	page := b.get("/account/delete")
	b.twice(page, "/account/delete", url.Values{"plan_hash": {shownHash(t, page)}, "password": {password}})
	b = p.signedInAgain(t, "admin@example.com")
	b.twice(b.get("/account"), "/account/leaving/cancel", nil)
}

// TestAnAnswerIsForOneBrowser gives what a form was answered to nobody else, not
// for longer than a minute, and not to another form.
func TestAnAnswerIsForOneBrowser(t *testing.T) {
	p := newProduct(t)
	secret, err := p.engine.CreateSignInLink(t.Context(), enginetest.Operator, "admin@example.com")
	must(t, err)
	b, path := p.stranger(t), "/sign-in/"+secret
	form := pressed(t, b.get(path), nil)
	early := b.twin()
	if w := b.post(path, form); w.Code != http.StatusSeeOther {
		t.Fatalf("status %d", w.Code)
	}
	thief := p.stranger(t)
	thief.get(path)
	refused(t, "another browser", thief, thief.post(path, form))
	changed := maps.Clone(form)
	changed["more"] = []string{"x"}
	refused(t, "another form", early, early.twin().post(path, changed))
	p.Pass(61 * time.Second)
	refused(t, "a minute later", early, early.post(path, form))
}

// TestTheFirstClickIsDropped has a browser give the first sending up, as it does
// when a button is pressed again, and press at the same moment once more.
func TestTheFirstClickIsDropped(t *testing.T) {
	p := newProduct(t)
	secret, err := p.engine.CreateSignInLink(t.Context(), enginetest.Operator, "admin@example.com")
	must(t, err)
	b, path := p.stranger(t), "/sign-in/"+secret
	form := pressed(t, b.get(path), nil)
	dropped, cancel := context.WithCancel(t.Context())
	cancel()
	var all sync.WaitGroup
	answers := make([]*httptest.ResponseRecorder, 4)
	for i := range answers {
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		for _, c := range b.others {
			r.AddCookie(c)
		}
		answers[i] = httptest.NewRecorder()
		if i == 0 {
			p.pages.ServeHTTP(answers[i], r.WithContext(dropped))
			continue
		}
		all.Go(func() { p.pages.ServeHTTP(answers[i], r.WithContext(t.Context())) })
	}
	all.Wait()
	for i, w := range answers[1:] {
		if w.Code != http.StatusSeeOther || w.Header().Get("Set-Cookie") != answers[1].Header().Get("Set-Cookie") {
			t.Errorf("answer %d: status %d, %v", i, w.Code, w.Header())
		}
	}
}

// TestEveryFormIsSentOnce holds all forms to what keeps a second click from
// doing it twice: the mark for the script, and the name for those without it.
func TestEveryFormIsSentOnce(t *testing.T) {
	files, err := filepath.Glob("*.templ")
	must(t, err)
	forms := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(t, err)
		lines := strings.Split(string(text), "\n")
		for i, line := range lines {
			if !strings.Contains(line, "<form") || strings.Contains(line, `method="get"`) {
				continue
			}
			forms++
			if !strings.Contains(line, " data-once>") || strings.TrimSpace(lines[i+1]) != "@once()" {
				t.Errorf("%s:%d: this form can be sent twice: it needs data-once and @once()", file, i+1)
			}
		}
	}
	if forms < 40 {
		t.Errorf("only %d forms were seen", forms)
	}
}

// TestNothingIsGivenAgainAfterSigningOut has somebody sign out: whoever sends
// their form again at the same browser gets no recovery codes.
func TestNothingIsGivenAgainAfterSigningOut(t *testing.T) {
	p := newProduct(t)
	b := p.signInWithPassword(t)
	b.twice(b.get("/account/security"), "/account/second-factor", url.Values{"old": {password}})
	me, err := p.engine.Authenticate(t.Context(), b.cookie.Value)
	must(t, err)
	pending, err := p.engine.PendingSecondFactor(t.Context(), me)
	must(t, err)
	p.Pass(time.Minute)
	c, err := totp.GenerateCode(pending.Secret, p.Clock())
	must(t, err)
	form := pressed(t, b.get("/account/second-factor"), url.Values{"code": {c}})
	if w := b.post("/account/second-factor/confirm", form); len(recoveryCode.FindAllString(w.Body.String(), -1)) == 0 {
		t.Fatalf("no recovery codes: status %d", w.Code)
	}
	b.post("/sign-out", nil)
	b.cookie = nil
	if w := b.post("/account/second-factor/confirm", form); len(recoveryCode.FindAllString(w.Body.String(), -1)) > 0 {
		t.Error("the recovery codes are given again")
	}
}
