package rest_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd/engine/enginetest"
)

// updating is the variable with which this test writes the committed
// description anew.
const updating = "PRIVACYD_TEST_UPDATE"

// TestDescription holds the committed description to what the server serves:
// PRIVACYD_TEST_UPDATE=1 go test ./rest -run TestDescription
func TestDescription(t *testing.T) {
	s := newServer(t, enginetest.NewSQLite(t))
	_, body, _ := s.call(http.MethodGet, s.public.URL+"/openapi.json", "")
	var served bytes.Buffer
	s.Must(json.Indent(&served, []byte(body), "", "  "))
	served.WriteByte('\n')
	file := filepath.Join("..", "docs", "openapi.json")
	if os.Getenv(updating) != "" {
		s.Must(os.WriteFile(file, served.Bytes(), 0o600))
	}
	committed, err := os.ReadFile(file)
	s.Must(err)
	if diff := cmp.Diff(string(committed), served.String()); diff != "" {
		t.Errorf("docs/openapi.json is not what is served; %s=1 writes it anew:\n%.2000s", updating, diff)
	}
}

// TestPage wants all routes on the page, and nothing from elsewhere.
func TestPage(t *testing.T) {
	s := newServer(t, enginetest.NewSQLite(t))
	status, page, h := s.call(http.MethodGet, s.public.URL+"/docs", "")
	if status != http.StatusOK || !strings.HasPrefix(h.Get("Content-Security-Policy"), "default-src 'none'; style-src 'self'") {
		t.Fatalf("%d %v", status, h)
	}
	for _, elsewhere := range []string{"<script", "http://", "https://", "style=", "onclick"} {
		if strings.Contains(page, elsewhere) {
			t.Errorf("the page has %s", elsewhere)
		}
	}
	for _, r := range s.routes() {
		if !strings.Contains(page, `<article id="`+r.ID+`">`) {
			t.Errorf("the page does not have %s", r.ID)
		}
	}
	if strings.Contains(page, "not found") || strings.Contains(page, "&lt;nil&gt;") {
		t.Error("the page has holes")
	}
	if status, css, h := s.call(http.MethodGet, s.public.URL+"/docs/style.css", ""); status != http.StatusOK || css == "" || !strings.HasPrefix(h.Get("Content-Type"), "text/css") {
		t.Errorf("%d %v", status, h)
	}
}

// TestUnknownRoutes asks for what there is not.
func TestUnknownRoutes(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		auth := "Bearer " + s.token(s.NewWorkspace("acme")).Token
		for _, try := range []struct {
			method, path, code string
			status             int
		}{
			{"GET", "/v1/no-such-thing", "route_unknown", 404},
			{"GET", "/v2/me", "route_unknown", 404},
			{"PATCH", "/v1/me", "method_unknown", 405},
			{"GET", "/v1/workspaces/acme/gdpr-jobs/x/cancel", "method_unknown", 405},
		} {
			status, body, h := s.call(try.method, s.public.URL+try.path, "", "Authorization", auth)
			if status != try.status || !strings.Contains(body, `"code":"`+try.code+`"`) || h.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s %s: %d %s", try.method, try.path, status, body)
			}
			if status == http.StatusMethodNotAllowed && h.Get("Allow") == "" {
				t.Errorf("%s %s does not say what is allowed", try.method, try.path)
			}
		}
	})
}
