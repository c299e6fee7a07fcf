package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/privacyd/privacyd"
)

func TestHoldIsPlacedAndReleased(t *testing.T) {
	p := newProduct(t)
	b := p.as(t, "admin")
	expect(t, b.get("/w/acme/data-privacy"), "No hold stands")
	expect(t, b.get("/w/acme/holds"), "There is none", "Find the person whose data is held", "Hold the whole workspace")
	found := b.get("/w/acme/holds?q=ann")
	expect(t, found, "1 contact matches", "Ann", "ann@example.net")
	expect(t, follow(t, b, found, "Place a hold<span"), `<a class="text-link" href="/w/acme/contact?id=c-1">Contact Ann</a>`, `name="id" value="c-1"`, "Legal claims", "Place the hold")
	form := url.Values{"type": {"subject"}, "kind": {"contact"}, "id": {"c-1"}, "ground": {"legal_claims"}, "reason": {"<b>file 7</b>"}, "review": {"2099-01-01"}}
	w := b.post("/w/acme/holds", form)
	expect(t, w, "hold_review_invalid", `value="2099-01-01"`, "&lt;b&gt;file 7&lt;/b&gt;", `aria-invalid="true"`)
	form.Set("review", p.engine.Now().AddDate(0, 6, 0).Format("2006-01-02"))
	if w = b.post("/w/acme/holds", form); w.Header().Get("Location") != "/w/acme/holds?done=placed" {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	w = b.get("/w/acme/holds?done=placed")
	expect(t, w, "The hold is placed", "Contact Ann (c-1)", "&lt;b&gt;file 7&lt;/b&gt;", "Art. 17(3)(e) GDPR", "This person can be deleted again")
	expect(t, b.get("/w/acme/data-privacy"), "1 hold stands")
	release := regexp.MustCompile(`/w/acme/holds/[^/"]+/release`).FindString(w.Body.String())

	p.Pass(200 * privacyd.Day)
	b = p.as(t, "admin")
	expect(t, b.get("/w/acme/data-privacy"), "1 review is overdue")
	expect(t, b.get("/w/acme/holds"), "Review overdue", "Look whether it is still needed")

	expect(t, b.post(release, url.Values{"reason": {strings.Repeat("x", 2001)}}), "hold_reason_invalid")
	for range 2 { // a double click
		if w = b.post(release, url.Values{"reason": {"settled"}}); w.Header().Get("Location") != "/w/acme/holds?done=released" {
			t.Fatalf("status %d: %s", w.Code, w.Body)
		}
	}
	expect(t, b.get("/w/acme/holds?done=released"), "Deletions that waited for it go on", "settled", "Released")
}

func TestHoldFormSaysWhatIsWrong(t *testing.T) {
	p := newProduct(t)
	b := p.as(t, "admin")
	good := url.Values{"type": {"subject"}, "kind": {"contact"}, "id": {"c-1"}, "ground": {"legal_claims"}, "reason": {"file 7"}}
	for _, c := range []struct{ field, value, code string }{
		{"id", "", "hold_target_invalid"},
		{"id", "nobody", "subject_not_found"},
		{"reason", " ", "hold_reason_invalid"},
		{"ground", "because", "hold_ground_invalid"},
		{"review", "soon", "hold_review_invalid"},
		{"type", "everything", "hold_target_invalid"},
		{"type", "conversation", "record_not_found"},
	} {
		form := url.Values{}
		for k, v := range good {
			form[k] = v
		}
		form.Set(c.field, c.value)
		w := b.post("/w/acme/holds", form)
		if w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s %q: status %d", c.field, c.value, w.Code)
		}
		expect(t, w, c.code)
	}
}

func TestWhatIsHeldIsChosenWhereItIsSeen(t *testing.T) {
	p := newProduct(t)
	p.talk(t, "<i>talk</i>", privacyd.Day)
	b := p.as(t, "admin")
	for path, has := range map[string]string{
		"/w/acme/holds?type=subject&kind=contact&id=c-1":                              "Contact Ann",
		"/w/acme/holds?type=workspace":                                                "The whole workspace Acme &lt;b&gt;",
		"/w/acme/holds?type=conversation&id=" + url.QueryEscape("<i>talk</i>"):        "Conversation with Ann",
		"/w/acme/holds/matches?q=ann":                                                 "/w/acme/holds?id=c-1&amp;kind=contact&amp;type=subject#place",
		"/w/acme/contact?id=c-1":                                                      "/w/acme/holds?id=c-1&amp;kind=contact&amp;type=subject#place",
		"/w/acme/contact/conversation?conversation=" + url.QueryEscape("<i>talk</i>"): "/w/acme/holds?id=%3Ci%3Etalk%3C%2Fi%3E&amp;type=conversation#place",
	} {
		expect(t, b.get(path), has)
	}
	for path, code := range map[string]string{"type=subject&id=nobody": "subject_not_found", "type=conversation&id=none": "record_not_found"} {
		w := b.get("/w/acme/holds?" + path)
		if w.Code != http.StatusUnprocessableEntity || strings.Contains(w.Body.String(), "Place the hold<") {
			t.Errorf("%s: status %d", path, w.Code)
		}
		expect(t, w, code, "<details class=\"mt-4\" open>")
	}
	if w := b.post("/w/acme/holds", url.Values{"type": {"conversation"}, "id": {"<i>talk</i>"}, "ground": {"legal_claims"}, "reason": {"file 8"}}); w.Code != http.StatusSeeOther {
		t.Errorf("status %d", w.Code)
	}
}

func TestHoldsAreForAdmins(t *testing.T) {
	p := newProduct(t)
	for role, status := range map[string]int{"agent": 403, "auditor": 403, "stranger": 404} {
		b := p.as(t, role)
		for _, path := range []string{"/w/acme/holds", "/w/acme/holds?type=subject&id=c-1", "/w/acme/holds?type=subject&id=nobody", "/w/acme/holds?type=conversation&id=v-1"} {
			if w := b.get(path); w.Code != status {
				t.Errorf("%s reads %s: status %d", role, path, w.Code)
			}
		}
		for path, form := range map[string]url.Values{"/w/acme/holds": {"type": {"workspace"}, "reason": {"x"}}, "/w/acme/holds/unknown/release": {"reason": {"x"}}} {
			if w := b.post(path, form); w.Code != status {
				t.Errorf("%s posts to %s: status %d", role, path, w.Code)
			}
		}
	}
	if w := p.as(t, "admin").post("/w/acme/holds/unknown/release", nil); w.Code != http.StatusNotFound {
		t.Errorf("releasing what there is not: status %d", w.Code)
	}
	if w := p.as(t, "agent").get("/w/acme/data-privacy"); strings.Contains(w.Body.String(), "Legal holds") {
		t.Error("an agent sees holds")
	}
}
