package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

func TestPagesByRole(t *testing.T) {
	p := newProduct(t)
	for _, c := range []struct {
		role, path string
		status     int
		has, lacks string
	}{
		{"admin", "/w/acme/data-privacy", 200, "Export workspace → CSV", ""},
		{"admin", "/w/acme/data-privacy", 200, "Nothing has been exported yet", "<b>"},
		{"admin", "/w/acme/audit", 200, "Added a member", ""},
		{"agent", "/w/acme/data-privacy", 200, "Export contact JSON", "Export workspace → JSON"},
		{"agent", "/w/acme/audit", 403, "needs admin or auditor", "Added a member"},
		{"auditor", "/w/acme/audit", 200, "audit-entries/export?format=csv", "Data &amp; privacy"},
		{"auditor", "/w/acme/data-privacy", 403, "needs admin or agent", "Export contact JSON"},
		{"stranger", "/w/acme/data-privacy", 404, "workspace_not_found", "Acme"},
		{"stranger", "/w/acme/audit", 404, "workspace_not_found", "Acme"},
		{"stranger", "/workspaces", 200, "You are in no workspace yet", ""},
		{"admin", "/w/nowhere/audit", 404, "workspace_not_found", ""},
		{"admin", "/w/acme/jobs/unknown", 404, "job_not_found", ""},
		{"admin", "/no/such/page", 404, "page_not_found", ""},
	} {
		t.Run(c.role+c.path, func(t *testing.T) {
			w := p.as(t, c.role).get(c.path)
			if w.Code != c.status {
				t.Fatalf("status %d", w.Code)
			}
			expect(t, w, c.has)
			if c.lacks != "" && strings.Contains(w.Body.String(), c.lacks) {
				t.Errorf("the page has %q", c.lacks)
			}
		})
	}
}

func TestStartLeadsWhereTheRoleMayGo(t *testing.T) {
	p := newProduct(t)
	for role, to := range map[string]string{"admin": "/w/acme/data-privacy", "agent": "/w/acme/data-privacy", "auditor": "/w/acme/audit"} {
		b := p.as(t, role)
		if w := b.get("/"); w.Header().Get("Location") != "/w/acme" {
			t.Errorf("%s is led to %q", role, w.Header().Get("Location"))
		}
		if w := b.get("/w/acme"); w.Header().Get("Location") != to {
			t.Errorf("%s is led to %q", role, w.Header().Get("Location"))
		}
	}
}

func TestExportFromAskingToDownload(t *testing.T) {
	p := newProduct(t)
	b := p.as(t, "admin")
	page := b.post("/w/acme/data-privacy", url.Values{"type": {"data_export"}, "format": {"json"}}).Header().Get("Location")
	w := b.get(page)
	expect(t, w, "Waiting", `hx-trigger="refresh"`, "<noscript>", "Cancel export")
	if again := b.post("/w/acme/data-privacy", url.Values{"type": {"data_export"}, "format": {"json"}}).Header().Get("Location"); again != page+"?known" {
		t.Errorf("asking twice leads to %q, not to %q", again, page)
	}
	must(t, p.runner.RunUntilIdle(t.Context()))

	w = b.get(page)
	expect(t, w, "Ready", "Download archive", "Contacts", "SHA-256")
	if strings.Contains(w.Body.String(), "hx-trigger") {
		t.Error("the page of a finished export still asks for its progress")
	}
	expect(t, b.get("/w/acme/data-privacy"), "Ready", "in 7 days", "by you")
	expect(t, b.get("/w/acme/audit"), "Finished a workspace export", "Asked for a workspace export", page,
		"Export JSON", "checkpoint covers", "newer ones wait for theirs", "privacyd audit verify", ".tlog-proof", "Not signed yet")
	checkDownload(t, p, b.get(page+"/download").Header().Get("Location"))
}

// checkDownload follows the link that a page gave as the REST door does.
func checkDownload(t *testing.T, p *product, location string) {
	t.Helper()
	u, err := url.Parse(location)
	must(t, err)
	parts := strings.Split(u.Path, "/")
	if len(parts) != 7 || !strings.HasPrefix(u.Path, "/v1/workspaces/acme/gdpr-jobs/") || parts[6] != "archive" {
		t.Fatalf("the download leads to %q", location)
	}
	seconds, err := strconv.ParseInt(u.Query().Get("expires"), 10, 64)
	must(t, err)
	open, err := p.engine.OpenDownload(t.Context(), privacyd.Caller{Kind: privacyd.CallerOperator}, "acme",
		engine.Link{JobID: parts[5], Expires: time.Unix(seconds, 0), Signature: u.Query().Get("signature")})
	must(t, err)
	closing(t, open.Blob)
	if open.Blob.Size() != open.File.Size || open.File.Size == 0 {
		t.Errorf("the archive has %d bytes, its file says %d", open.Blob.Size(), open.File.Size)
	}
}

func TestCancelledExportSaysSo(t *testing.T) {
	p := newProduct(t)
	b := p.as(t, "admin")
	page := b.post("/w/acme/data-privacy", url.Values{"type": {"data_export"}, "format": {"csv"}}).Header().Get("Location")
	if w := b.post(page+"/cancel", nil); w.Header().Get("Location") != page {
		t.Fatalf("cancelling: status %d", w.Code)
	}
	expect(t, b.get(page), "Cancelled", "Export again")
	if w := b.get(page + "/download"); w.Code != http.StatusNotFound {
		t.Errorf("downloading a cancelled export: status %d", w.Code)
	}
	expect(t, b.get(page+"/download"), "export_not_found")
}

func TestAgentExportsOneContact(t *testing.T) {
	p := newProduct(t)
	b := p.as(t, "agent")
	ask := url.Values{"type": {"subject_export"}, "format": {"json"}, "kind": {"contact"}, "id": {" c-1 "}}
	page := b.post("/w/acme/data-privacy", ask).Header().Get("Location")
	must(t, p.runner.RunUntilIdle(t.Context()))
	expect(t, b.get(page), "Contact export", "c-1", "Download archive")
	checkDownload(t, p, b.get(page+"/download").Header().Get("Location"))

	w := b.post("/w/acme/data-privacy", url.Values{"type": {"data_export"}, "format": {"json"}})
	if w.Code != http.StatusForbidden {
		t.Errorf("an agent exports the workspace: status %d", w.Code)
	}
	expect(t, w, "role_missing", "needs admin")
}

func TestContactFormTellsWhatIsWrong(t *testing.T) {
	p := newProduct(t)
	b := p.as(t, "admin")
	for name, c := range map[string]struct{ id, says string }{
		"nothing": {"  ", "Type the id"},
		"unknown": {`<img src=x onerror=alert(1)>`, "No contact of this workspace has this id"},
	} {
		t.Run(name, func(t *testing.T) {
			w := b.post("/w/acme/data-privacy", url.Values{"type": {"subject_export"}, "format": {"json"}, "kind": {"contact"}, "id": {c.id}})
			if w.Code != http.StatusUnprocessableEntity {
				t.Errorf("status %d", w.Code)
			}
			expect(t, w, c.says, `aria-invalid="true"`, `role="alert"`)
			if strings.Contains(w.Body.String(), "<img") {
				t.Error("the page holds what was typed as markup")
			}
		})
	}
	for name, form := range map[string]url.Values{
		"unknown type": {"type": {"nonsense"}},
		"no type":      {},
		"bad format":   {"type": {"data_export"}, "format": {"xml"}},
		"too large":    {"type": {strings.Repeat("x", 1<<17)}},
	} {
		t.Run(name, func(t *testing.T) {
			if w := b.post("/w/acme/data-privacy", form); w.Code != http.StatusUnprocessableEntity {
				t.Errorf("status %d", w.Code)
			}
		})
	}
}

func TestAuditLogPages(t *testing.T) {
	p := newProduct(t)
	b := p.as(t, "admin")
	for range 30 {
		page := b.post("/w/acme/data-privacy", url.Values{"type": {"data_export"}, "format": {"csv"}}).Header().Get("Location")
		b.post(page+"/cancel", nil)
	}
	w := b.get("/w/acme/audit")
	older := regexp.MustCompile(`/w/acme/audit\?before=[0-9a-f-]+`).FindString(w.Body.String())
	if older == "" {
		t.Fatal("the first page has no link to older entries")
	}
	w = b.get(older)
	expect(t, w, "Created the workspace", "Newest entries")
	if strings.Contains(w.Body.String(), "Older entries") {
		t.Error("the last page has a link to older entries")
	}
	expect(t, b.get("/w/acme/data-privacy"), "Older exports")
}

var inline = regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|<script(?:>|[^>]*[^r]>[^<])|javascript:|https?://`)

func TestPagesRunNothingInlineAndLoadNothingFromElsewhere(t *testing.T) {
	p := newProduct(t)
	b := p.as(t, "admin")
	page := b.post("/w/acme/data-privacy", url.Values{"type": {"data_export"}}).Header().Get("Location")
	for _, path := range []string{"/workspaces", "/w/acme/data-privacy", "/w/acme/audit", page, "/sign-in/x", "/none"} {
		w := b.get(path)
		for name, value := range map[string]string{
			"Content-Security-Policy": "default-src 'none'", "X-Frame-Options": "DENY", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
		} {
			if !strings.Contains(w.Header().Get(name), value) {
				t.Errorf("%s: %s is %q", path, name, w.Header().Get(name))
			}
		}
		if found := inline.FindString(w.Body.String()); found != "" {
			t.Errorf("%s has %q", path, found)
		}
	}
}

func TestAssetsAreKeptForEverUnderTheirOwnNames(t *testing.T) {
	p := newProduct(t)
	b := p.as(t, "admin")
	paths := regexp.MustCompile(`/assets/[a-z0-9.]+`).FindAllString(b.get("/workspaces").Body.String(), -1)
	if len(paths) != 4 {
		t.Fatalf("the page names %v", paths)
	}
	for _, path := range paths {
		w := b.get(path)
		if w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") || w.Header().Get("Content-Type") == "" {
			t.Errorf("%s: status %d, headers %v", path, w.Code, w.Header())
		}
	}
	if w := b.get("/assets/app.css"); w.Code != http.StatusNotFound {
		t.Errorf("an unhashed name: status %d", w.Code)
	}
}
