package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/privacyd/privacyd/engine/enginetest"
)

func TestAuditLogIsFiltered(t *testing.T) {
	p := newProduct(t)
	b := p.as(t, "auditor")
	for query, want := range map[string]struct{ has, lacks string }{
		"?action=member.add":                       {"Added a member", "Created an account</span>"},
		"?actor=root":                              {"Operator root", ""},
		"?actor=ROOT&action=member.add":            {"member.add", "workspace.create</code>"},
		"?target=account":                          {"Added a member", ""},
		"?actor=nobody":                            {"No entry matches", "member.add</code>"},
		"?from=2999-01-01":                         {"No entry matches", ""},
		"?action=app.own.code":                     {`<option value="app.own.code" selected>`, ""},
		"?actor=%3Cscript%3Ealert(1)%3C/script%3E": {"&lt;script&gt;", "<script>alert"},
	} {
		w := b.get("/w/acme/audit" + query)
		expect(t, w, want.has)
		if want.lacks != "" && strings.Contains(w.Body.String(), want.lacks) {
			t.Errorf("%s: the page has %q", query, want.lacks)
		}
	}
	w := b.get("/w/acme/audit?from=2026-01-01&until=2026-01-31&actor=root")
	expect(t, w, "format=csv&amp;from=2026-01-01T00%3A00%3A00Z&amp;until=2026-02-01T00%3A00%3A00Z")
}

func TestAuditFilterSaysWhatIsWrong(t *testing.T) {
	p := newProduct(t)
	b := p.as(t, "auditor")
	for query, code := range map[string]string{
		"?from=yesterday": "from_invalid", "?until=2026-13-01": "until_invalid", "?from=2026-02-02&until=2026-02-01": "until_invalid",
	} {
		w := b.get("/w/acme/audit" + query)
		if w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: status %d", query, w.Code)
		}
		expect(t, w, code, `aria-invalid="true"`, "Nothing is shown until the filter is right")
	}
}

func TestAuditLogIsVerified(t *testing.T) {
	p := newProduct(t)
	expect(t, p.as(t, "auditor").post("/w/acme/audit/verify", nil), "The log is whole and unaltered", "were checked one by one", p.workspace.ID)
	if w := p.as(t, "agent").post("/w/acme/audit/verify", nil); w.Code != http.StatusForbidden {
		t.Errorf("an agent: status %d", w.Code)
	}
	if w := p.as(t, "stranger").post("/w/acme/audit/verify", nil); w.Code != http.StatusNotFound {
		t.Errorf("a stranger: status %d", w.Code)
	}
	if w := p.as(t, "admin").get("/w/acme/audit/verify"); w.Header().Get("Location") != "/w/acme/audit" {
		t.Errorf("the result's address leads to %q", w.Header().Get("Location"))
	}
	expect(t, p.as(t, "auditor").get("/w/acme/audit?action=audit.verify"), "Verified the audit log")
}

func TestAuditShowsBeforeAndAfter(t *testing.T) {
	p := newProduct(t)
	_, err := p.engine.SetRetention(t.Context(), enginetest.Operator, "acme", 90)
	must(t, err)
	expect(t, p.as(t, "auditor").get("/w/acme/audit?"+url.Values{"action": {"retention.set"}}.Encode()),
		"Changed the retention policy", `<td class="before">for ever</td>`, `<td class="after">90 days</td>`)
}
