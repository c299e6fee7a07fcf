package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/web"
)

func (p *product) stranger(t *testing.T) *browser { return &browser{t: t, pages: p.pages} }

// mailed follows the link of the newest mail and gives its path.
func (p *product) mailed(t *testing.T) string {
	t.Helper()
	must(t, p.runner.RunUntilIdle(t.Context()))
	mails := p.Mails()
	if len(mails) == 0 {
		t.Fatal("there is no mail")
	}
	link := regexp.MustCompile(`https://privacy\.example\.com(/\S+)\n`).FindStringSubmatch(mails[len(mails)-1].Text)
	if link == nil {
		t.Fatalf("the mail has no link: %s", mails[len(mails)-1].Text)
	}
	return link[1]
}

func TestTheFirstPersonBegins(t *testing.T) {
	p := openProduct(t)
	secret, err := p.engine.CreateFirstLink(t.Context(), enginetest.Operator)
	must(t, err)
	b, path := p.stranger(t), engine.FirstPath(secret)
	expect(t, b.get(path), "Name of the workspace", `autocomplete="new-password"`)
	form := url.Values{"name": {"Ada"}, "email": {"ada@example.com"}, "password": {"short"}, "workspace": {"Acme & Sons"}}
	w := b.post(path, form)
	if w.Code != http.StatusUnprocessableEntity || strings.Contains(w.Body.String(), `value="short"`) {
		t.Errorf("status %d", w.Code)
	}
	expect(t, w, "password_invalid", `value="ada@example.com"`, `value="Acme &amp; Sons"`, `aria-describedby="problem password-hint"`)
	form.Set("password", password)
	if w = b.post(path, form); w.Code != http.StatusSeeOther || b.cookie == nil {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	expect(t, b.get("/w/acme-sons/members"), "Acme &amp; Sons", "ada@example.com", "The last one")
	expect(t, p.stranger(t).get(path), "This link does not work")
	if w = p.stranger(t).post(path, form); w.Code != http.StatusUnauthorized {
		t.Errorf("a second time: status %d", w.Code)
	}
}

func TestForgottenPassword(t *testing.T) {
	p := newProduct(t)
	b := p.stranger(t)
	for _, email := range []string{"nobody@example.com", "admin@example.com"} {
		if w := b.post("/sign-in/forgotten", url.Values{"email": {email}}); w.Header().Get("Location") != "/sign-in/forgotten?sent" {
			t.Errorf("%s: status %d to %q", email, w.Code, w.Header().Get("Location"))
		}
	}
	expect(t, b.get("/sign-in/forgotten?sent"), "If there is an account with that address")
	expect(t, b.post("/sign-in/forgotten", url.Values{"email": {"<b>"}}), "email_invalid", `value="&lt;b&gt;"`)
	path := p.mailed(t)
	expect(t, b.get(path), "Set a new password")
	expect(t, b.post(path, url.Values{"password": {"short"}}), "password_invalid")
	if w := b.post(path, url.Values{"password": {"seven wet umbrellas"}}); w.Header().Get("Location") != "/sign-in?new-password" {
		t.Fatalf("status %d", w.Code)
	}
	expect(t, b.get("/sign-in?new-password"), "Your new password is set")
	expect(t, b.get(path), "This link does not work")
	expect(t, b.post("/sign-in", url.Values{"email": {"admin@example.com"}, "password": {password}}), "sign_in_failed")
	if w := b.post("/sign-in", url.Values{"email": {"admin@example.com"}, "password": {"seven wet umbrellas"}}); w.Code != http.StatusSeeOther {
		t.Errorf("status %d", w.Code)
	}
}

func TestWithoutMailThePagesSayWhatToDo(t *testing.T) {
	p := newProduct(t)
	p.Mailing = engine.Mailing{}
	expect(t, p.stranger(t).get("/sign-in/forgotten"), "This server sends no mail", "privacyd account reset-link")
	expect(t, p.as(t, "admin").get("/w/acme/members"), "This server sends no mail", "privacyd workspace invite")
	if w := p.as(t, "admin").get("/outbox"); w.Code != http.StatusNotFound {
		t.Errorf("the outbox: status %d", w.Code)
	}
}

func TestTooManyAttempts(t *testing.T) {
	p := newProduct(t)
	b := p.stranger(t)
	for range 6 {
		expect(t, b.post("/sign-in", url.Values{"email": {"admin@example.com"}, "password": {"wrong"}}), "sign_in_failed")
	}
	w := b.post("/sign-in", url.Values{"email": {"admin@example.com"}, "password": {password}})
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "30" {
		t.Errorf("status %d, %v", w.Code, w.Header())
	}
	expect(t, w, "too_many_attempts", "Try again in 30 seconds")
}

// signInWithPassword gives a browser of the admin's.
func (p *product) signInWithPassword(t *testing.T) *browser {
	t.Helper()
	b := p.stranger(t)
	if w := b.post("/sign-in", url.Values{"email": {"admin@example.com"}, "password": {password}}); w.Code != http.StatusSeeOther {
		t.Fatalf("status %d", w.Code)
	}
	return b
}

func TestASecondFactorFromSettingUpToTurningOff(t *testing.T) {
	p := newProduct(t)
	b := p.signInWithPassword(t)
	code := func(secret string) string {
		p.Pass(time.Minute) // each code once
		c, err := totp.GenerateCode(secret, p.Clock())
		must(t, err)
		return c
	}
	expect(t, b.post("/account/second-factor", url.Values{"old": {"wrong"}}), "password_wrong", `id="begin-old"`)
	if w := b.post("/account/second-factor", url.Values{"old": {password}}); w.Header().Get("Location") != "/account/second-factor" {
		t.Fatalf("status %d", w.Code)
	}
	page := b.get("/account/second-factor")
	expect(t, page, "<svg class=\"qr\"", "otpauth://totp/privacyd:admin@example.com")
	secret := strings.ReplaceAll(regexp.MustCompile(`class="secret">([A-Z2-7 ]+)<`).FindStringSubmatch(page.Body.String())[1], " ", "")
	expect(t, b.post("/account/second-factor/confirm", url.Values{"code": {"000000"}}), "code_wrong", "<svg class=\"qr\"")
	done := b.post("/account/second-factor/confirm", url.Values{"code": {code(secret)}})
	codes := regexp.MustCompile(`<code>([A-Z2-7-]{19})</code>`).FindAllStringSubmatch(done.Body.String(), -1)
	if len(codes) != 10 {
		t.Fatalf("%d recovery codes: %s", len(codes), done.Body)
	}
	expect(t, b.get("/account/security"), "10 recovery codes are left", "Turn it off")

	other := p.stranger(t)
	w := other.post("/sign-in", url.Values{"email": {"admin@example.com"}, "password": {password}, "next": {"/w/acme/audit"}})
	if w.Header().Get("Location") != "/sign-in/code?next="+url.QueryEscape("/w/acme/audit") || other.cookie != nil {
		t.Fatalf("led to %q, cookie %v", w.Header().Get("Location"), other.cookie)
	}
	expect(t, other.get("/sign-in/code?next=/w/acme/audit"), `value="/w/acme/audit"`, `autocomplete="one-time-code"`)
	expect(t, other.post("/sign-in/code", url.Values{"code": {"123456"}}), "code_wrong")
	if w = other.post("/sign-in/code", url.Values{"code": {codes[0][1]}, "next": {"/w/acme/audit"}}); w.Header().Get("Location") != "/w/acme/audit" || other.cookie == nil {
		t.Fatalf("led to %q", w.Header().Get("Location"))
	}
	expect(t, b.post("/account/recovery-codes", url.Values{"code": {"1"}}), "code_wrong")
	expect(t, b.post("/account/recovery-codes", url.Values{"code": {code(secret)}}), "Your recovery codes")
	expect(t, b.post("/account/second-factor/off", url.Values{"old": {password}, "code": {"1"}}), "code_wrong")
	if w = b.post("/account/second-factor/off", url.Values{"old": {password}, "code": {code(secret)}}); w.Header().Get("Location") != "/account/security?done=off" {
		t.Errorf("status %d", w.Code)
	}
	p.signInWithPassword(t)
}

func TestACodeThatComesTooLate(t *testing.T) {
	p := newProduct(t)
	b := p.signInWithPassword(t)
	b.post("/account/second-factor", url.Values{"old": {password}})
	me, err := p.engine.Authenticate(t.Context(), b.cookie.Value)
	must(t, err)
	e, err := p.engine.PendingSecondFactor(t.Context(), me)
	must(t, err)
	code, err := totp.GenerateCode(e.Secret, p.Clock())
	must(t, err)
	b.post("/account/second-factor/confirm", url.Values{"code": {code}})
	other := p.stranger(t)
	other.post("/sign-in", url.Values{"email": {"admin@example.com"}, "password": {password}})
	p.Pass(11 * time.Minute)
	expect(t, other.post("/sign-in/code", url.Values{"code": {"123456"}}), "That took too long", "Forgotten your password")
	if w := other.post("/sign-in/code", url.Values{"code": {"123456"}}); w.Header().Get("Location") != "/sign-in" {
		t.Errorf("without a sign-in that waits: %d", w.Code)
	}
}

func TestOnesOwnSessions(t *testing.T) {
	p := newProduct(t)
	b, other, agent := p.as(t, "admin"), p.as(t, "admin"), p.as(t, "agent")
	page := b.get("/account/security")
	expect(t, page, "This one", "192.0.2.1", "End all other sessions")
	end := regexp.MustCompile(`/account/sessions/[0-9a-f-]{36}/end`).FindString(page.Body.String())
	if w := agent.post(end, nil); w.Code != http.StatusNotFound {
		t.Errorf("ending another's: status %d", w.Code)
	}
	if w := other.get("/account/security"); w.Code != http.StatusOK {
		t.Fatal("another's session was ended")
	}
	if w := b.twice(page, end, nil); w.Header().Get("Location") != "/account/security?done=ended" {
		t.Errorf("status %d", w.Code)
	}
	if w := b.post(end, nil); w.Code != http.StatusNotFound {
		t.Errorf("later: status %d", w.Code)
	} else {
		expect(t, w, "It is not there any more", "This one")
	}
	if w := other.get("/account/security"); w.Code != http.StatusSeeOther {
		t.Errorf("the session goes on: status %d", w.Code)
	}
	p.as(t, "admin")
	b.post("/account/sessions/others", nil)
	if text := b.get("/account/security").Body.String(); strings.Contains(text, "End all other sessions") {
		t.Error("other sessions go on")
	}
}

func TestChangingOnesPassword(t *testing.T) {
	p := newProduct(t)
	b := p.signInWithPassword(t)
	expect(t, b.post("/account/password", url.Values{"old": {"wrong"}, "password": {"seven wet umbrellas"}}), "password_wrong", `id="password-old"`)
	expect(t, b.post("/account/password", url.Values{"old": {password}, "password": {"short"}}), "password_invalid")
	if w := b.post("/account/password", url.Values{"old": {password}, "password": {"seven wet umbrellas"}}); w.Header().Get("Location") != "/account/security?done=password" {
		t.Fatalf("status %d", w.Code)
	}
	expect(t, b.get("/account/security?done=password"), "Your password is changed")
	agent := p.as(t, "agent")
	expect(t, agent.get("/account/security"), "has no password", "Set a password")
	if w := agent.post("/account/password", url.Values{"password": {"seven wet umbrellas"}}); w.Header().Get("Location") != "/account/security?done=password" {
		t.Errorf("status %d", w.Code)
	}
}

func TestSomebodyIsInvitedAndJoins(t *testing.T) {
	p := newProduct(t)
	b := p.as(t, "admin")
	expect(t, b.post("/w/acme/members", url.Values{"email": {"x"}, "role": {"agent"}}), "email_invalid", `value="x"`)
	expect(t, b.post("/w/acme/members", url.Values{"email": {"x@example.com"}, "role": {"king"}}), "role_invalid")
	if w := b.post("/w/acme/members", url.Values{"email": {"new@example.com"}, "role": {"auditor"}}); w.Header().Get("Location") != "/w/acme/members?done=invited" {
		t.Fatalf("status %d", w.Code)
	}
	expect(t, b.get("/w/acme/members?done=invited"), "on its way", "new@example.com", "Withdraw")
	path := p.mailed(t)
	somebody := p.stranger(t)
	expect(t, somebody.get(path), "You are invited to Acme &lt;b&gt;", "auditor", "new@example.com", "Choose a password")
	expect(t, somebody.post(path, url.Values{"name": {"Nia"}, "password": {"short"}}), "password_invalid", `value="Nia"`)
	expect(t, b.get(path), "You are signed in as", "admin@example.com")
	if w := b.post(path, nil); w.Code != http.StatusForbidden {
		t.Errorf("as somebody else: status %d", w.Code)
	}
	if w := somebody.post(path, url.Values{"name": {"Nia"}, "password": {password}}); w.Header().Get("Location") != "/w/acme" || somebody.cookie == nil {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	expect(t, somebody.get(path), "This link does not work")

	b.post("/w/acme/members", url.Values{"email": {"stranger@example.com"}, "role": {"agent"}})
	path = p.mailed(t)
	expect(t, p.stranger(t).get(path), "Sign in to accept", "/sign-in?next="+url.QueryEscape(path))
	stranger := p.as(t, "stranger")
	expect(t, stranger.get(path), "Accept the invitation")
	if w := stranger.post(path, nil); w.Header().Get("Location") != "/w/acme" {
		t.Errorf("status %d", w.Code)
	}
}

func TestMembersAreManaged(t *testing.T) {
	p := newProduct(t)
	b := p.as(t, "admin")
	list, err := p.engine.MembersPage(t.Context(), enginetest.Operator, "acme", privacyd.PageQuery{})
	must(t, err)
	at := func(email string) string {
		i := slices.IndexFunc(list.Items, func(m privacyd.MemberProfile) bool { return m.Email == email })
		return "/w/acme/members/" + list.Items[i].AccountID
	}
	w := b.post(at("admin@example.com")+"/role", url.Values{"role": {"agent"}})
	if w.Code != http.StatusConflict {
		t.Errorf("status %d", w.Code)
	}
	expect(t, w, "last_admin", "Make somebody else an admin first")
	if w = b.post(at("agent@example.com")+"/role", url.Values{"role": {"admin"}}); w.Header().Get("Location") != "/w/acme/members?done=role" {
		t.Errorf("status %d", w.Code)
	}
	expect(t, b.get(at("auditor@example.com")+"/remove"), "Remove An auditor?")
	remove := at("auditor@example.com") + "/remove"
	if w = b.twice(b.get(remove), remove, nil); w.Header().Get("Location") != "/w/acme/members?done=removed" {
		t.Errorf("status %d", w.Code)
	}
	if w = b.post(remove, nil); w.Code != http.StatusNotFound {
		t.Errorf("later: status %d", w.Code)
	}
	expect(t, w, "It is not there any more", "agent@example.com")
	if w = b.get(at("auditor@example.com") + "/remove"); w.Code != http.StatusNotFound {
		t.Errorf("status %d", w.Code)
	}
	b.post("/w/acme/members", url.Values{"email": {"new@example.com"}, "role": {"agent"}})
	path := p.mailed(t)
	page := b.get("/w/acme/members")
	withdraw := regexp.MustCompile(`/w/acme/members/invitations/[0-9a-f-]+/withdraw`).FindString(page.Body.String())
	if w = b.twice(page, withdraw, nil); w.Header().Get("Location") != "/w/acme/members?done=withdrawn" {
		t.Errorf("status %d", w.Code)
	}
	expect(t, p.stranger(t).get(path), "This link does not work")
}

func TestMembersAreForAdmins(t *testing.T) {
	p := newProduct(t)
	for role, status := range map[string]int{"agent": 403, "auditor": 403, "stranger": 404} {
		b := p.as(t, role)
		for _, path := range []string{"/w/acme/members", "/w/acme/members/x/remove"} {
			if w := b.get(path); w.Code != status {
				t.Errorf("%s gets %s with status %d", role, path, w.Code)
			}
		}
		for path, form := range map[string]url.Values{
			"/w/acme/members": {"email": {"x@example.com"}, "role": {"admin"}}, "/w/acme/members/x/role": {"role": {"admin"}},
			"/w/acme/members/x/remove": nil, "/w/acme/members/invitations/x/withdraw": nil,
		} {
			if w := b.post(path, form); w.Code != status {
				t.Errorf("%s posts %s with status %d", role, path, w.Code)
			}
		}
		if strings.Contains(b.get("/workspaces").Body.String(), "/members") {
			t.Errorf("%s is offered the members", role)
		}
	}
}

func TestTheMailedExportLeadsThroughSigningIn(t *testing.T) {
	p := newProduct(t)
	b := p.as(t, "admin")
	b.post("/w/acme/data-privacy", url.Values{"type": {"data_export"}, "format": {"json"}})
	path := p.mailed(t)
	if w := p.stranger(t).get(path); w.Header().Get("Location") != "/sign-in?next="+url.QueryEscape(path) {
		t.Errorf("a stranger is led to %q", w.Header().Get("Location"))
	}
	checkDownload(t, p, b.get(path).Header().Get("Location"))
	if w := b.get(strings.Replace(path, "expires=", "expires=x", 1)); w.Code != http.StatusNotFound {
		t.Errorf("a broken link: status %d", w.Code)
	}
}

func TestTheOutboxIsForItsReaders(t *testing.T) {
	p := newProduct(t)
	b := p.as(t, "admin")
	b.post("/w/acme/members", url.Values{"email": {"new@example.com"}, "role": {"agent"}})
	if w := b.get("/outbox"); strings.Contains(w.Body.String(), "new@example.com") {
		t.Error("an admin reads another's mail")
	}
	expect(t, b.get("/outbox"), "Nothing to your address yet")
	expect(t, p.stranger(t).get("/outbox/"+p.engine.OutboxKey()), "To new@example.com", "Open its link")
	for _, path := range []string{"/outbox/wrong", "/outbox/"} {
		if w := p.stranger(t).get(path); w.Code != http.StatusNotFound {
			t.Errorf("%s: status %d", path, w.Code)
		}
	}
	if w := p.stranger(t).get("/outbox"); w.Code != http.StatusSeeOther {
		t.Errorf("a stranger: status %d", w.Code)
	}
}

func TestCookiesBeforeSigningIn(t *testing.T) {
	p := newProduct(t)
	b := &browser{t: t, pages: web.New(p.engine, web.Options{Secure: true})}
	b.post("/sign-in", url.Values{"email": {"admin@example.com"}, "password": {password}})
	c := b.others["privacyd_browser"]
	if c == nil || !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode || c.Path != "/sign-in" || c.MaxAge < 300*24*3600 {
		t.Errorf("%v", c)
	}
}

// TestOtherSitesCannotUseTheFormsOfPeople posts as a page of another site would.
func TestOtherSitesCannotUseTheFormsOfPeople(t *testing.T) {
	p := newProduct(t)
	b := p.as(t, "admin")
	for _, path := range []string{
		"/sign-in/code", "/sign-in/forgotten", "/sign-in/reset/x", "/sign-in/first/x", "/sign-in/invitation/x", "/account/password",
		"/account/second-factor", "/account/second-factor/off", "/account/sessions/others", "/w/acme/members", "/w/acme/members/x/remove",
	} {
		if w := b.crossSite(path); w.Code != http.StatusForbidden {
			t.Errorf("%s: status %d", path, w.Code)
		}
	}
}

func TestTheOutboxHasPages(t *testing.T) {
	p := newProduct(t)
	for i := range 53 {
		_, err := p.engine.Invite(t.Context(), enginetest.Operator, "acme", engine.NewInvitation{Email: fmt.Sprintf("new%02d@example.com", i), Role: privacyd.RoleAgent})
		must(t, err)
	}
	path := "/outbox/" + p.engine.OutboxKey()
	w := p.stranger(t).get(path)
	older := regexp.MustCompile(`href="([^"]*before=[^"]*)"`).FindStringSubmatch(w.Body.String())
	if older == nil || strings.Count(w.Body.String(), "<article") != 50 {
		t.Fatalf("%d mails, older at %q", strings.Count(w.Body.String(), "<article"), older)
	}
	w = p.stranger(t).get(older[1])
	expect(t, w, "To new00@example.com", "To new02@example.com", "Newest mails")
	if strings.Count(w.Body.String(), "<article") != 3 || strings.Contains(w.Body.String(), "Older mails") {
		t.Errorf("%d mails", strings.Count(w.Body.String(), "<article"))
	}
	expect(t, p.stranger(t).get(path+"?before=nothing"), "There are no older mails")
}
