package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine/enginetest"
)

// talk adds a resolved conversation of c-1, with its last message so long ago.
func (p *product) talk(t *testing.T, id string, ago time.Duration) {
	t.Helper()
	now := p.engine.Now()
	at := now.Add(-ago).Format(time.RFC3339)
	conversation := `{"id":"` + id + `","contact_id":"c-1","status":"resolved","resolved_at":"` + now.Format(time.RFC3339Nano) + `","created_at":"` + at + `"}`
	_, err := p.engine.PutRecord(t.Context(), enginetest.Operator, p.workspace.ID, "conversations", id, []byte(conversation))
	must(t, err)
	message := `{"id":"m-` + id + `","conversation_id":"` + id + `","direction":"inbound","author_id":"c-1","body":"hello","created_at":"` + at + `"}`
	_, err = p.engine.PutRecord(t.Context(), enginetest.Operator, p.workspace.ID, "messages", "m-"+id, []byte(message))
	must(t, err)
}

func TestRetentionIsLookedAtAndSaved(t *testing.T) {
	p := newProduct(t)
	b := p.as(t, "admin")
	expect(t, b.get("/w/acme/data-privacy"), "Nobody has set a policy", "See what it would do", `hx-get="/w/acme/sizes"`)
	expect(t, b.get("/w/acme/retention"), "No policy has been set yet", `hx-get="/w/acme/retention/effect"`, "<noscript>")
	w := b.get("/w/acme/retention?choice=90")
	expect(t, w, "90 days after the last message: what it would do", "Nothing has been changed yet", "Save: 90 days")
	for range 2 { // a double click
		if w = b.post("/w/acme/retention", url.Values{"choice": {"90"}, "days": {""}}); w.Header().Get("Location") != "/w/acme/retention?done=saved" {
			t.Fatalf("saving: status %d to %q", w.Code, w.Header().Get("Location"))
		}
	}
	w = b.get("/w/acme/retention?done=saved")
	expect(t, w, "The policy is saved", "In force", "by</th>", "you")
	if n := strings.Count(w.Body.String(), "In force</span>"); n != 1 {
		t.Errorf("%d versions are in force", n)
	}
	for _, q := range []string{"choice=other&days=0", "choice=other&days=x", "choice=-1", "choice=other&days=99999999"} {
		w = b.get("/w/acme/retention?" + q)
		if w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: status %d", q, w.Code)
		}
		expect(t, w, "retention_invalid")
	}
	if w = b.post("/w/acme/retention", url.Values{"choice": {"other"}, "days": {"zero"}}); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("status %d", w.Code)
	}
}

func TestWhatGoesNextIsKeptOneByOne(t *testing.T) {
	p := newProduct(t)
	b := p.as(t, "admin")
	must(t, errOf(p.engine.SetRetention(t.Context(), enginetest.Operator, "acme", 30)))
	p.Pass(time.Second)
	p.talk(t, "<i>old</i>", 40*privacyd.Day)
	p.talk(t, "soon", 25*privacyd.Day)
	w := b.get("/w/acme/retention?effect")
	expect(t, w, "&lt;i&gt;old&lt;/i&gt;", "go at the next run", "go later", "Keep this one", "2 conversations fall due within 90 days", "It will stop and wait for an admin")
	row := url.Values{"dataset": {"records"}, "collection": {"conversations"}, "key": {"<i>old</i>"}}
	for range 2 {
		if w = b.post("/w/acme/retention/keep", row); w.Code != http.StatusSeeOther {
			t.Fatalf("keeping: status %d: %s", w.Code, w.Body)
		}
	}
	expect(t, b.get("/w/acme/retention?effect&done=kept"), "Retention goes round it", "Give back", "Kept</span>")
	if w = b.post("/w/acme/retention/unkeep", row); w.Code != http.StatusSeeOther {
		t.Fatalf("giving back: status %d", w.Code)
	}
	row.Set("key", "nothing")
	if w = b.post("/w/acme/retention/keep", row); w.Code != http.StatusNotFound {
		t.Errorf("keeping nothing: status %d", w.Code)
	}
	to := b.post("/w/acme/retention/run", nil).Header().Get("Location")
	if !strings.HasPrefix(to, "/w/acme/jobs/") {
		t.Fatalf("a run leads to %q", to)
	}
	expect(t, b.get("/w/acme/retention"), "A retention run has stopped and asks", to)
}

func TestDailyRunIsSet(t *testing.T) {
	p := newProduct(t)
	b := p.as(t, "admin")
	form := url.Values{"retention_hour": {"4"}, "time_zone": {"Europe/Amsterdam"}, "retention_brake": {"50"}}
	if w := b.post("/w/acme/retention/settings", form); w.Code != http.StatusSeeOther {
		t.Fatalf("status %d", w.Code)
	}
	expect(t, b.get("/w/acme/retention"), `value="Europe/Amsterdam"`, `value="50"`)
	for name, code := range map[string]string{"retention_hour": "retention_hour_invalid", "time_zone": "time_zone_invalid", "retention_brake": "retention_brake_invalid"} {
		wrong := url.Values{"retention_hour": {"4"}, "time_zone": {"UTC"}, "retention_brake": {"50"}}
		wrong.Set(name, "<nowhere>")
		w := b.post("/w/acme/retention/settings", wrong)
		if w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: status %d", name, w.Code)
		}
		expect(t, w, code, `aria-invalid="true"`)
	}
}

func TestRetentionByRole(t *testing.T) {
	p := newProduct(t)
	agent := p.as(t, "agent")
	w := agent.get("/w/acme/retention")
	expect(t, w, "Changing it needs the role admin")
	if strings.Contains(w.Body.String(), "<form method=\"get\"") {
		t.Error("an agent is offered another policy")
	}
	for path, form := range map[string]url.Values{"": {"choice": {"30"}}, "/keep": {"key": {"c-1"}}, "/unkeep": {"key": {"c-1"}}, "/run": nil, "/settings": {"time_zone": {"UTC"}}} {
		w := agent.post("/w/acme/retention"+path, form)
		if w.Code != http.StatusForbidden {
			t.Errorf("an agent posts to %s: status %d", path, w.Code)
		}
		if w = p.as(t, "stranger").post("/w/acme/retention"+path, nil); w.Code != http.StatusNotFound {
			t.Errorf("a stranger posts to %s: status %d", path, w.Code)
		}
	}
	if w := agent.get("/w/acme/retention/effect"); w.Code != http.StatusForbidden {
		t.Errorf("an agent asks for the effect: status %d", w.Code)
	}
	expect(t, agent.get("/w/acme/sizes"), "Contacts")
	if w := p.as(t, "auditor").get("/w/acme/retention"); w.Code != http.StatusOK || strings.Contains(w.Body.String(), `href="/w/acme/data-privacy"`) {
		t.Errorf("an auditor reads the policy: status %d, and is led to what is an admin's or agent's", w.Code)
	}
	if w := p.as(t, "auditor").get("/w/acme/sizes"); w.Code != http.StatusForbidden {
		t.Errorf("an auditor asks for sizes: status %d", w.Code)
	}
}

func errOf[T any](_ T, err error) error { return err }

func TestWhatGoesNextIsPaged(t *testing.T) {
	p := newProduct(t)
	b := p.as(t, "admin")
	must(t, errOf(p.engine.SetRetention(t.Context(), enginetest.Operator, "acme", 30)))
	p.Pass(time.Second)
	for i := range 120 { // four of each moment
		p.talk(t, fmt.Sprintf("talk-%03d", i), time.Duration(25*24-i/4)*time.Hour)
	}
	seen := map[string]int{}
	w := b.get("/w/acme/retention?effect")
	for page := range 3 {
		for _, id := range regexp.MustCompile(`<code>(talk-\d+)</code>`).FindAllStringSubmatch(w.Body.String(), -1) {
			if seen[id[1]]++; id[1] != fmt.Sprintf("talk-%03d", len(seen)-1) {
				t.Fatalf("page %d: %s comes as number %d", page, id[1], len(seen))
			}
		}
		if page < 2 {
			w = follow(t, b, w, "Those after these")
		}
	}
	if len(seen) != 120 || strings.Contains(w.Body.String(), "Those after these") {
		t.Errorf("%d conversations are listed, and more are promised", len(seen))
	}
	keep := regexp.MustCompile(`action="(/w/acme/retention/keep\?after=[^"]+)"`).FindStringSubmatch(w.Body.String())
	if keep == nil {
		t.Fatal("the last page's rows cannot be kept")
	}
	to := b.post(keep[1], url.Values{"dataset": {"records"}, "collection": {"conversations"}, "key": {"talk-119"}}).Header().Get("Location")
	expect(t, b.get(strings.TrimSuffix(to, "#next")), "talk-119", "Kept</span>", "The first to go")
	for _, cursor := range []string{"x", "e30", "eyJrZXkiOlsieCIsInkiLCJ6Il0sImRhdGFzZXQiOiJyZWNvcmRzIiwiY29sbGVjdGlvbiI6ImNvbnZlcnNhdGlvbnMifQ"} {
		if w := b.get("/w/acme/retention?effect&after=" + cursor); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: status %d", cursor, w.Code)
		}
	}
}
