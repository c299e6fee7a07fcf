package web_test

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

// follow goes where a link of the page leads that has these words.
func follow(t *testing.T, b *browser, w *httptest.ResponseRecorder, words string) *httptest.ResponseRecorder {
	t.Helper()
	link := regexp.MustCompile(`<a class="[^"]*" href="([^"#]*)[^"]*"[^>]*>\s*` + regexp.QuoteMeta(words)).FindStringSubmatch(w.Body.String())
	if link == nil {
		t.Fatalf("the page has no link %q", words)
	}
	return b.get(html.UnescapeString(link[1]))
}

// inOrder fails where the page does not have these words one after the other.
func inOrder(t *testing.T, w *httptest.ResponseRecorder, words ...string) {
	t.Helper()
	rest := w.Body.String()
	for _, word := range words {
		_, after, found := strings.Cut(rest, word)
		if !found {
			t.Fatalf("the page does not have %q after what comes before it", word)
		}
		rest = after
	}
}

func TestMembersAndInvitationsArePagedAndSorted(t *testing.T) {
	p := newProduct(t)
	for i := range 60 {
		email := fmt.Sprintf("m%02d@example.net", i)
		_, err := p.engine.CreateAccount(t.Context(), enginetest.Operator, engine.NewAccount{Email: email, Name: fmt.Sprintf("Member %02d", 59-i)})
		must(t, err)
		_, err = p.engine.AddMember(t.Context(), enginetest.Operator, "acme", email, privacyd.RoleAgent)
		must(t, err)
		if i < 30 {
			_, err = p.engine.Invite(t.Context(), enginetest.Operator, "acme", engine.NewInvitation{Email: fmt.Sprintf("i%02d@example.org", i), Role: privacyd.RoleAgent})
			must(t, err)
		}
	}
	b := p.as(t, "admin")
	first := b.get("/w/acme/members")
	inOrder(t, first, "i29@example.org", "i28@example.org", "Next page of invitations", "63 members", "admin@example.com", "m00@example.net", "Next page of members")
	byName := follow(t, b, first, "name")
	inOrder(t, byName, "i29@example.org", `aria-sort="ascending"`, "An admin", "The last one", "Member 00", "Member 01")
	down := follow(t, b, byName, "name")
	inOrder(t, down, `aria-sort="descending"`, "Member 59", "Member 58")
	second := follow(t, b, follow(t, b, down, "E-mail"), "Sent")
	inOrder(t, second, `aria-sort="ascending"`, "i00@example.org", "i01@example.org", `aria-sort="descending"`, "Member 59")
	w := follow(t, b, follow(t, b, b.get("/w/acme/members?sort=-name&invited-sort=email"), "Next page of members"), "Next page of invitations")
	inOrder(t, w, "i29@example.org", "First page of invitations", `aria-sort="descending"`, "Member 00", "First page of members")
	if text := w.Body.String(); strings.Contains(text, "Member 59") || strings.Contains(text, "i00@example.org") || strings.Contains(text, "after=m") {
		t.Error("the second page repeats the first, or its address names people")
	}
	expect(t, b.get("/w/acme/members?sort=nonsense&after=nobody"), "admin@example.com", "Next page of members")
}

func TestJobsAndExportsArePagedAndSorted(t *testing.T) {
	p := newProduct(t)
	agent := p.as(t, "agent")
	var jobs []string
	for i := range 28 {
		id := fmt.Sprintf("p-%02d", i)
		_, err := p.engine.PutRecord(t.Context(), enginetest.Operator, "acme", "contacts", id, fmt.Appendf(nil, `{"id":%q,"name":"Person %02d"}`, id, i))
		must(t, err)
		jobs = append(jobs, agent.post("/w/acme/contact/export", url.Values{"id": {id}}).Header().Get("Location"))
	}
	must(t, p.runner.RunUntilIdle(t.Context()))
	first := agent.get("/w/acme/jobs?kind=exports")
	inOrder(t, first, `aria-sort="descending"`, jobs[27], jobs[26], jobs[3], "Older jobs")
	expect(t, follow(t, agent, first, "Older jobs"), jobs[2], jobs[0], "Newest jobs")
	oldest := follow(t, agent, first, "Asked")
	inOrder(t, oldest, `aria-sort="ascending"`, jobs[0], jobs[1], jobs[24], "Newer jobs")
	expect(t, oldest, `<option value="exports" selected>`, `name="sort" value="asked"`)
	ended := follow(t, agent, follow(t, agent, oldest, "Ended"), "Newer jobs")
	expect(t, ended, `aria-sort="ascending"`, jobs[27], jobs[25], "Oldest jobs", "kind=exports")
	if strings.Contains(ended.Body.String(), jobs[24]) {
		t.Error("the second page repeats the first")
	}
	kept := follow(t, agent, agent.get("/w/acme/data-privacy"), "Kept until")
	inOrder(t, kept, "Next page of exports")
	next := follow(t, agent, kept, "Next page of exports")
	inOrder(t, next, "First page of exports", "Next page of exports")
	if w := agent.get("/w/acme/jobs?sort=ended&before=nonsense"); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("a cursor that is none: status %d", w.Code)
	}
}
