package web_test

import (
	"net/url"
	"strings"
	"testing"
)

// TestAJoiningThatIsNotCoveredIsTold: wherever the role begins.
func TestAJoiningThatIsNotCoveredIsTold(t *testing.T) {
	p := newProduct(t)
	for role, first := range map[string]string{"agent": "/w/acme/data-privacy", "auditor": "/w/acme/audit"} {
		b := p.as(t, role)
		to := b.get("/w/acme?joined=pending").Header().Get("Location")
		if to != first+"?joined=pending" {
			t.Errorf("%s is led to %q", role, to)
		}
		expect(t, b.get(to), "You are a member of Acme &lt;b&gt; now.", "The signed checkpoint over its audit entry is still to come")
		if strings.Contains(b.get(first).Body.String(), "still to come") {
			t.Error("it is told of everybody")
		}
	}
}

func TestKeptMailsAreShownAsHTMLInAFrameThatMayDoNothing(t *testing.T) {
	p := newProduct(t)
	b := p.as(t, "admin")
	b.post("/w/acme/members", url.Values{"email": {"new@example.com"}, "role": {"agent"}})
	must(t, p.runner.RunUntilIdle(t.Context()))
	w := p.stranger(t).get("/outbox/" + p.engine.OutboxKey())
	expect(t, w, `<iframe class="mail mt-2" sandbox=""`, `srcdoc="&lt;!DOCTYPE html&gt;`)
	if page := w.Header().Get("Content-Security-Policy"); !strings.Contains(page, "style-src 'self' 'unsafe-inline'") || strings.Contains(page, "script-src 'self' 'unsafe") {
		t.Error(page)
	}
	if other := b.get("/w/acme/members").Header().Get("Content-Security-Policy"); strings.Contains(other, "unsafe") {
		t.Error(other)
	}
}
