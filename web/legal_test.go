package web_test

import (
	"encoding/csv"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine/enginetest"
)

const legalMark = `"><script>x</script>`

func stranger(t *testing.T, p *product) *browser { return &browser{t: t, pages: p.pages} }

// What everybody may read is the same for everybody, and may be kept.
func TestLegalPagesForEverybody(t *testing.T) {
	p := newProduct(t)
	ctx := t.Context()
	p.engine.Legal.Operator = privacyd.Party{Contact: privacyd.Contact{Name: "Keeper " + legalMark, Email: "privacy@example.com", Address: "One\nTwo"}}
	doc, err := p.engine.AddDocument(ctx, enginetest.Operator, privacyd.Document{Title: "Plan " + legalMark}, "plan.txt", strings.NewReader("<script>"))
	must(t, err)
	_, err = p.engine.AddDocument(ctx, enginetest.Operator, privacyd.Document{Title: "Link", Link: "https://example.com/x"}, "", nil)
	must(t, err)
	b := stranger(t, p)
	expect(t, b.get("/legal"), "privacy@example.com", "Two</span>", "No version is published", "/legal/documents/"+doc.ID, "https://example.com/x", "SHA-256")
	for _, path := range []string{"/legal/agreement", "/legal/agreement/draft"} {
		w := b.get(path)
		expect(t, w, "This is a draft", "Keeper", "have it checked by counsel")
		if strings.Contains(w.Body.String(), "bcrypt") {
			t.Errorf("%s tells strangers of measures", path)
		}
	}
	a, err := p.engine.PublishAgreement(ctx, enginetest.Operator, "# Ours\n\nWe **agree**.\n\n- "+legalMark)
	must(t, err)
	expect(t, b.get("/legal/agreement/1"), "<strong>agree</strong>", a.SHA256, "Version 1, published")
	for _, path := range []string{"/legal", "/legal/agreement", "/legal/agreement/1", "/legal/sub-processors", "/legal/subprocessors"} {
		w := b.get(path)
		if w.Header().Get("Cache-Control") != "public, max-age=300" || strings.Contains(w.Body.String(), "<script>x") || w.Header().Get("Set-Cookie") != "" {
			t.Errorf("%s: %v", path, w.Header())
		}
		if signedIn := p.as(t, "admin").get(path); signedIn.Body.String() != w.Body.String() {
			t.Errorf("%s is another page for who has signed in", path)
		}
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("If-None-Match", w.Header().Get("ETag"))
		if again := b.do(r); again.Code != http.StatusNotModified || again.Body.Len() > 0 {
			t.Errorf("%s again: %d", path, again.Code)
		}
	}
	if w := b.get("/legal/agreement/1/text"); w.Body.String() != a.Text || !strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment") {
		t.Errorf("downloaded %v", w.Header())
	}
	w := b.get("/legal/documents/" + doc.ID)
	if w.Body.String() != "<script>" || !strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment") || w.Header().Get("Content-Security-Policy") != "sandbox" {
		t.Errorf("the document: %v", w.Header())
	}
	for _, path := range []string{"/legal/agreement/2", "/legal/agreement/x", "/legal/agreement/-1", "/legal/agreement/0/text", "/legal/agreement/draft", "/legal/agreement/draft/text", "/legal/documents/none", "/legal/w/acme", "/legal/w/none", "/legal/nothing"} {
		if w := b.get(path); w.Code != http.StatusNotFound || strings.Contains(w.Header().Get("Cache-Control"), "public") {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
	}
}

func TestLegalPageOfAWorkspace(t *testing.T) {
	p := newProduct(t)
	b := p.as(t, "admin")
	expect(t, b.get("/w/acme/legal"), "has published none", "Show it to everybody")
	typed := url.Values{"name": {"Acme " + legalMark}, "address": {"A street"}, "email": {"nobody"}, "published": {"yes"}}
	w := b.post("/w/acme/legal", typed)
	if w.Code != http.StatusUnprocessableEntity {
		t.Errorf("a wrong address: %d", w.Code)
	}
	expect(t, w, "legal_contact_invalid", `value="nobody"`, "A street")
	typed.Set("email", "dpo@acme.example.com")
	if w = b.post("/w/acme/legal", typed); w.Header().Get("Location") != "/w/acme/legal?done=saved" {
		t.Errorf("saved: %d %v", w.Code, w.Header())
	}
	expect(t, stranger(t, p).get("/legal/w/acme"), "Privacy contact of Acme", "dpo@acme.example.com", "Controller")
	if w := p.as(t, "agent").post("/w/acme/legal", typed); w.Code != http.StatusForbidden {
		t.Errorf("an agent: %d", w.Code)
	}
	expect(t, p.as(t, "auditor").get("/w/acme/legal"), "dpo@acme.example.com")
	if w := p.as(t, "stranger").get("/w/acme/legal"); w.Code != http.StatusNotFound {
		t.Errorf("a stranger: %d", w.Code)
	}
}

func TestAcceptingOnThePage(t *testing.T) {
	p := newProduct(t)
	a, err := p.engine.PublishAgreement(t.Context(), enginetest.Operator, "The agreement.")
	must(t, err)
	b := p.as(t, "admin")
	expect(t, b.get("/w/acme/data-privacy"), "waits for an admin to accept it")
	expect(t, b.get("/w/acme/legal"), "Accept version 1", "Read version 1", a.SHA256)
	expect(t, p.as(t, "agent").get("/w/acme/legal"), "An admin can accept it")
	form := url.Values{"version": {"1"}, "sha256": {a.SHA256}}
	if w := p.as(t, "agent").post("/w/acme/legal/accept", form); w.Code != http.StatusForbidden {
		t.Errorf("an agent: %d", w.Code)
	}
	if w := b.post("/w/acme/legal/accept", url.Values{"version": {"one"}}); w.Code != http.StatusNotFound {
		t.Errorf("no version: %d", w.Code)
	}
	w := b.post("/w/acme/legal/accept", form)
	if w.Header().Get("Location") != "/w/acme/legal?done=accepted#agreement" {
		t.Fatalf("accepted: %d %v", w.Code, w.Header())
	}
	expect(t, b.get("/w/acme/legal?done=accepted"), "in force and accepted", "An admin", "The agreement is accepted")
	expect(t, b.get("/w/acme/legal/agreements/1"), "The agreement.\n\n---\n", "- By: An admin", "- For: Acme <b>")
	expect(t, b.get("/w/acme/audit"), "Accepted the data processing agreement")
}

func TestProcessingPage(t *testing.T) {
	p := newProduct(t)
	b := p.as(t, "auditor")
	expect(t, b.get("/w/acme/legal/processing"), "Answering customers", "Legitimate interests, Art. 6(1)(f)", "What it lacks", "Contact: email", "bcrypt")
	rows, err := csv.NewReader(b.get("/w/acme/legal/processing/export?format=csv").Body).ReadAll()
	must(t, err)
	if len(rows) < 5 || rows[1][0] != "Art. 30(1) GDPR" {
		t.Errorf("the table has %d rows: %q", len(rows), rows[0])
	}
	expect(t, b.get("/w/acme/legal/processing/export?format=json"), `"article":"Art. 30(1) GDPR"`)
	if w := p.as(t, "stranger").get("/w/acme/legal/processing"); w.Code != http.StatusNotFound {
		t.Errorf("a stranger: %d", w.Code)
	}
}

// The operator's own record names every controller: only who has a link reads
// it, and nothing keeps it.
func TestLinkedProcessingPage(t *testing.T) {
	p := newProduct(t)
	_, err := p.engine.SetLegalNotice(t.Context(), enginetest.Operator, "acme", privacyd.LegalNotice{Party: privacyd.Party{Contact: privacyd.Contact{Name: "Acme " + legalMark, Email: "dpo@acme.example"}}})
	must(t, err)
	link, _, err := p.engine.CreateProcessingLink(t.Context(), enginetest.Operator)
	must(t, err)
	b := stranger(t, p)
	w := b.get("/legal/processing/" + link)
	expect(t, w, "Art. 30(2) GDPR", "On whose behalf", "Acme &lt;b&gt;", "dpo@acme.example", "Answering customers", link+"/export?format=json")
	if w.Header().Get("Cache-Control") != "no-store" || strings.Contains(w.Body.String(), "<script>x") {
		t.Errorf("%v", w.Header())
	}
	if w := b.get("/legal/processing/" + link + "/export?format=csv"); !strings.Contains(w.Body.String(), "dpo@acme.example") || !strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment") {
		t.Errorf("CSV: %v", w.Header())
	}
	if w := b.get("/legal/processing/" + link + "/export?format=json"); !strings.HasPrefix(w.Body.String(), `{"article":"Art. 30(2) GDPR"`) {
		t.Errorf("JSON: %.80s", w.Body)
	}
	for _, path := range []string{"", "/export"} {
		if w := p.as(t, "admin").get("/legal/processing/1-00" + path); w.Code != http.StatusForbidden || strings.Contains(w.Body.String(), "dpo@acme.example") {
			t.Errorf("with a forged link: %d", w.Code)
		}
	}
}
