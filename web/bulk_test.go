package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/privacyd/privacyd"
)

func TestBulkDeletionFromDateToJob(t *testing.T) {
	p := newProduct(t)
	p.talk(t, "old", 40*privacyd.Day)
	p.talk(t, "new", privacyd.Day)
	b := p.as(t, "admin")
	expect(t, b.get("/w/acme/data-privacy"), "Bulk delete by date", "See the plan")
	before := p.engine.Now().AddDate(0, 0, -10).Format("2006-01-02")
	page := b.get("/w/acme/bulk?before=" + before)
	expect(t, page, "Delete what had its last message before", "The plan", `name="before" value="`+before)
	typed := regexp.MustCompile(`id="to-type">(\d+)<`).FindStringSubmatch(page.Body.String())
	if typed == nil {
		t.Fatal("the page does not say what to type")
	}
	form := url.Values{"before": {before}, "plan_hash": {shownHash(t, page)}, "count": {"99999"}}
	expect(t, b.post("/w/acme/bulk", form), "confirm_count_wrong", `value="99999"`, `aria-invalid="true"`)
	form.Set("count", typed[1])
	to := b.post("/w/acme/bulk", form).Header().Get("Location")
	if !strings.HasPrefix(to, "/w/acme/jobs/") {
		t.Fatalf("confirming leads to %q", to)
	}
	if again := b.post("/w/acme/bulk", form).Header().Get("Location"); again != to+"?known" {
		t.Errorf("a second click leads to %q", again)
	}
	must(t, p.runner.RunUntilIdle(t.Context()))
	if again := b.post("/w/acme/bulk", form).Header().Get("Location"); again != to+"?known" {
		t.Errorf("a click after the end leads to %q", again)
	}
	page = b.get("/w/acme/bulk?before=" + before)
	expect(t, page, "There is nothing to delete")
	if planHash.MatchString(page.Body.String()) {
		t.Error("nothing is to be confirmed")
	}
}

func TestBulkDeletionSaysWhatIsWrong(t *testing.T) {
	p := newProduct(t)
	b := p.as(t, "admin")
	for _, before := range []string{"yesterday", "2999-01-01", "%3Cscript%3E"} {
		w := b.get("/w/acme/bulk?before=" + before)
		if w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: status %d", before, w.Code)
		}
		expect(t, w, "before_invalid", `aria-invalid="true"`)
		if strings.Contains(w.Body.String(), "<script>") {
			t.Error("the page holds what was typed as markup")
		}
	}
	if w := b.post("/w/acme/bulk", url.Values{"count": {"1"}}); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("no day: status %d", w.Code)
	}
	for role, status := range map[string]int{"agent": 403, "auditor": 403, "stranger": 404} {
		b := p.as(t, role)
		for _, w := range []int{b.get("/w/acme/bulk").Code, b.get("/w/acme/bulk?before=2026-01-01").Code, b.post("/w/acme/bulk", url.Values{"before": {"2026-01-01"}}).Code} {
			if w != status {
				t.Errorf("%s: status %d", role, w)
			}
		}
	}
}
