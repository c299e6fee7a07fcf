package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd/engine/enginetest"
)

func TestTokensAreMadeShownOnceAndRevoked(t *testing.T) {
	p := newProduct(t)
	b := p.as(t, "admin")
	expect(t, b.get("/w/acme/tokens"), "No program has access yet", "Make a token", `value="records.read"`)
	for _, wrong := range []struct {
		form      url.Values
		code, has string
	}{
		{url.Values{"label": {"nightly <b>"}}, "scope_unknown", "nightly &lt;b&gt;"},
		{url.Values{"label": {"nightly"}, "scope": {"everything"}}, "scope_unknown", "Choose at least one"},
		{url.Values{"label": {" "}, "scope": {"records.read"}}, "label_invalid", `value="records.read" checked`},
	} {
		w := b.post("/w/acme/tokens", wrong.form)
		if w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%v: status %d", wrong.form, w.Code)
		}
		expect(t, w, wrong.code, wrong.has)
	}
	w := b.post("/w/acme/tokens", url.Values{"label": {"nightly <b>"}, "scope": {"records.read", "jobs.read"}})
	expect(t, w, "It is shown this once", "nightly &lt;b&gt;", "Read records")
	secret := regexp.MustCompile(`id="token-secret">([^<]+)<`).FindStringSubmatch(w.Body.String())
	if secret == nil || w.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("there is no secret, or it may be kept: %v", w.Header())
	}
	list := b.get("/w/acme/tokens")
	expect(t, list, "1 token", "nightly &lt;b&gt;", "by you", "Never")
	if strings.Contains(list.Body.String(), secret[1]) {
		t.Error("the secret is shown again")
	}
	p.Pass(time.Minute)
	_, err := p.engine.Authenticate(t.Context(), secret[1])
	must(t, err)
	expect(t, b.get("/w/acme/tokens?sort=-used"), `aria-sort="descending"`, "just now")
	revoke := regexp.MustCompile(`/w/acme/tokens/[^/"]+/revoke`).FindString(list.Body.String())
	for role, status := range map[string]int{"agent": http.StatusForbidden, "auditor": http.StatusForbidden, "stranger": http.StatusNotFound} {
		other := p.as(t, role)
		for _, w := range []int{other.get("/w/acme/tokens").Code, other.post("/w/acme/tokens", nil).Code, other.post(revoke, nil).Code} {
			if w != status {
				t.Errorf("%s: status %d", role, w)
			}
		}
	}
	if w = b.post(revoke, nil); !strings.HasPrefix(w.Header().Get("Location"), "/w/acme/tokens?done=revoked") {
		t.Fatalf("revoking: status %d to %q", w.Code, w.Header().Get("Location"))
	}
	expect(t, b.get("/w/acme/tokens?done=revoked"), "The token is revoked", "No program has access yet")
	if w = b.post(revoke, nil); w.Code != http.StatusNotFound {
		t.Errorf("revoking it again: status %d", w.Code)
	}
	expect(t, w, "It is not there any more")
	if _, err := p.engine.Authenticate(t.Context(), secret[1]); err == nil {
		t.Error("a revoked token is let in")
	}
	expect(t, b.get("/w/acme/audit?action=token.revoke"), "Revoked an API token", "nightly &lt;b&gt;")
	_, err = p.engine.RevokeToken(t.Context(), enginetest.Operator, "acme", "none")
	if err == nil {
		t.Error("what there is not is revoked")
	}
}
