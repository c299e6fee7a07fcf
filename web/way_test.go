package web_test

import (
	"net/http"
	"strings"
	"testing"
)

// Who is refused a page, or asks for what there is not, still sees the way round
// the workspace; a stranger sees nothing of it.
func TestAnErrorKeepsTheWayRound(t *testing.T) {
	p := newProduct(t)
	for _, c := range []struct {
		role, path string
		status     int
		way        bool
	}{
		{"auditor", "/w/acme/contacts", http.StatusForbidden, true},
		{"agent", "/w/acme/members", http.StatusForbidden, true},
		{"admin", "/w/acme/jobs/nothing", http.StatusNotFound, true},
		{"stranger", "/w/acme/contacts", http.StatusNotFound, false},
		{"stranger", "/w/acme/jobs/nothing", http.StatusNotFound, false},
	} {
		w := p.as(t, c.role).get(c.path)
		if way := strings.Contains(w.Body.String(), `href="/w/acme/legal"`); w.Code != c.status || way != c.way {
			t.Errorf("%s as %s: status %d, the way round: %v", c.path, c.role, w.Code, way)
		}
	}
}

func TestWhoHasBegunIsToldWhatComesNext(t *testing.T) {
	p := newProduct(t)
	b := p.as(t, "admin")
	to := b.get("/?begun").Header().Get("Location")
	to = b.get(to).Header().Get("Location")
	if to != "/w/acme/data-privacy?begun" {
		t.Fatalf("who has begun is led to %q", to)
	}
	expect(t, b.get(to), "is ready. What comes next", "Invite the others", "second factor")
	if strings.Contains(b.get("/w/acme/data-privacy").Body.String(), "What comes next") {
		t.Error("it is said again")
	}
}
