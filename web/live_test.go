package web_test

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// TestEventsTellOfChanges follows a job over a real connection, until the
// server stops.
func TestEventsTellOfChanges(t *testing.T) {
	p := newProduct(t)
	b := p.as(t, "admin")
	at := leads(t, b.post("/w/acme/data-privacy", url.Values{"type": {"data_export"}, "format": {"json"}}), "/w/acme/jobs/")
	s := httptest.NewServer(p.pages)
	defer s.Close()
	ask, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/w/acme/jobs/events?job="+at[len("/w/acme/jobs/"):], http.NoBody)
	must(t, err)
	ask.AddCookie(b.cookie)
	answer, err := s.Client().Do(ask)
	must(t, err)
	defer answer.Body.Close() //nolint:errcheck // it was only read
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("status %d, %v", answer.StatusCode, answer.Header)
	}
	lines := bufio.NewScanner(answer.Body)
	until := func(line string) {
		t.Helper()
		for lines.Scan() {
			if lines.Text() == line {
				return
			}
		}
		t.Fatalf("the stream ends without %q: %v", line, lines.Err())
	}
	until("event: change") // for what happened before it was followed
	p.Run()
	until("event: change")
	expect(t, b.get(at+"/progress"), "Ready")
	must(t, s.Config.Shutdown(context.WithoutCancel(t.Context()))) // ends although the stream is open
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "event: beat") {
			t.Error("the server goes on after it was stopped")
		}
	}
}
