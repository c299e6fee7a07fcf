package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

func TestApprovalIsSwitchedOffByTwoAdmins(t *testing.T) {
	p := newProduct(t)
	first := p.as(t, "admin")
	expect(t, first.get("/w/acme/data-privacy"), "Approval by a second admin", "There is one admin", "Switch approval on", "before you switch it on")
	p.addAdmin(t, "second@example.com", "Bea")
	second := p.as(t, "second")
	switchTo := func(b *browser, value, done string) {
		t.Helper()
		w := b.post("/w/acme/approval", url.Values{"approval": {value}})
		if to := w.Header().Get("Location"); to != "/w/acme/data-privacy?done="+done+"#approval" {
			t.Fatalf("%s: status %d to %q", value, w.Code, to)
		}
	}
	switchTo(first, "on", "approval-on")
	w := first.get("/w/acme/data-privacy?done=approval-on")
	expect(t, w, "From now on a second admin approves", "Ask to switch it off", "It takes two admins")
	if strings.Contains(w.Body.String(), "There is one admin") {
		t.Error("it is said that there is one admin")
	}
	switchTo(first, "off", "approval-asked")
	switchTo(first, "off", "approval-asked") // twice by one is not two
	w = first.get("/w/acme/data-privacy?done=approval-asked")
	expect(t, w, "You asked to switch it off. It stays on", "Keep it on")
	if strings.Contains(w.Body.String(), "Agree: switch it off") {
		t.Error("who asks may agree with themselves")
	}
	expect(t, second.get("/w/acme/data-privacy"), "An admin asked to switch it off", "Agree: switch it off", "Keep it on")
	if w = second.post("/w/acme/retention/settings", url.Values{"retention_hour": {"4"}, "time_zone": {"UTC"}, "retention_brake": {"50"}}); w.Code != http.StatusSeeOther {
		t.Fatalf("setting the daily run: status %d", w.Code)
	}
	expect(t, second.get("/w/acme/data-privacy"), "An admin asked to switch it off")
	switchTo(second, "on", "approval-on")
	switchTo(second, "off", "approval-asked")
	switchTo(first, "off", "approval-off")
	expect(t, first.get("/w/acme/data-privacy?done=approval-off"), "two admins asked for it", "Switch approval on")
	for role, status := range map[string]int{"agent": http.StatusForbidden, "auditor": http.StatusForbidden, "stranger": http.StatusNotFound} {
		if w := p.as(t, role).post("/w/acme/approval", url.Values{"approval": {"off"}}); w.Code != status {
			t.Errorf("%s: status %d", role, w.Code)
		}
	}
	expect(t, p.as(t, "agent").get("/w/acme/data-privacy"), "Approval by a second admin", "Changing it needs the role admin")
	if w := first.post("/w/acme/approval", url.Values{"approval": {"maybe"}}); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("neither on nor off: status %d", w.Code)
	}
}

func (p *product) addAdmin(t *testing.T, email, name string) {
	t.Helper()
	_, err := p.engine.CreateAccount(t.Context(), enginetest.Operator, engine.NewAccount{Email: email, Name: name})
	must(t, err)
	_, err = p.engine.AddMember(t.Context(), enginetest.Operator, "acme", email, privacyd.RoleAdmin)
	must(t, err)
}
