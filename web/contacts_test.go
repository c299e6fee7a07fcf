package web_test

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

const mark = `"><img src=x onerror=alert(1)>'{{7*7}}<script>x</script>`

// planted puts a mark into every field of a contact, a conversation, a message
// and an attachment.
func planted(t *testing.T, p *product) {
	t.Helper()
	ctx, operator := t.Context(), privacyd.Caller{Kind: privacyd.CallerOperator, Name: "root"}
	for _, r := range []struct {
		collection string
		record     map[string]any
	}{
		{"contacts", map[string]any{
			"id": "c" + mark, "name": mark, "email": mark, "phone": mark, "language": mark, "company": mark, "tags": []string{mark},
			"custom_fields": map[string]any{mark: mark, "nested": map[string]any{mark: 1}}, "identities": []map[string]any{{"kind": mark, "value": mark}},
		}},
		{"conversations", map[string]any{"id": "v" + mark, "contact_id": "c" + mark, "channel": mark, "status": "open", "resolution": mark, "priority": mark, "tags": []string{mark}}},
		{"messages", map[string]any{"id": "m" + mark, "conversation_id": "v" + mark, "direction": "inbound", "body": mark, "ai_metadata": map[string]any{mark: mark}}},
	} {
		raw, err := json.Marshal(r.record)
		must(t, err)
		_, err = p.engine.PutRecord(ctx, operator, "acme", r.collection, r.record["id"].(string), raw)
		must(t, err)
	}
	_, err := p.engine.Attach(ctx, operator, "acme", engine.Attachment{
		ID: "a" + mark, RecordType: "message", RecordID: "m" + mark, Filename: mark, ContentType: "text/html",
	}, strings.NewReader("<script>alert(1)</script>"))
	must(t, err)
}

func TestNothingOfTheRecordsIsMarkup(t *testing.T) {
	p := newProduct(t)
	planted(t, p)
	b := p.as(t, "admin")
	id := url.QueryEscape("c" + mark)
	export := b.post("/w/acme/contact/export", url.Values{"id": {"c" + mark}}).Header().Get("Location")
	for path, has := range map[string]string{
		"/w/acme/contacts":                                                       "&lt;img",
		"/w/acme/contacts?q=" + id:                                               "&lt;img",
		"/w/acme/contacts?sort=" + id:                                            "&lt;img",
		"/w/acme/contact?id=" + id:                                               "Also known by",
		"/w/acme/contact/conversations?id=" + id:                                 "&lt;img",
		"/w/acme/contact/files?id=" + id:                                         "&lt;img",
		"/w/acme/contact/files?of=message&id=" + url.QueryEscape("m"+mark):       "&lt;img",
		"/w/acme/contact/conversation?conversation=" + url.QueryEscape("v"+mark): "AI metadata",
		"/w/acme/delete-contact?q=" + id:                                         "&lt;img",
		"/w/acme/delete-contact?id=" + id:                                        "To confirm, type",
		"/w/acme/delete-contact?id=x" + id:                                       "No contact of this workspace has this id",
		"/w/acme/jobs?kind=" + id:                                                "&lt;img",
		"/w/acme/data-privacy":                                                   "&lt;img",
		export:                                                                   "Contact export",
	} {
		w := b.get(path)
		expect(t, w, has)
		if body := w.Body.String(); strings.Contains(body, "<img") || strings.Contains(body, "<script>") {
			t.Errorf("%s has what was planted as markup", path)
		}
	}
	file := b.get("/w/acme/contact/attachment?id=" + url.QueryEscape("a"+mark))
	if file.Header().Get("Content-Type") != "application/octet-stream" || !strings.HasPrefix(file.Header().Get("Content-Disposition"), "attachment") {
		t.Errorf("a file of somebody else is served as %v", file.Header())
	}
}

func TestContactsArePagedAndSorted(t *testing.T) {
	p := newProduct(t)
	for i := range 30 {
		_, err := p.engine.PutRecord(t.Context(), privacyd.Caller{Kind: privacyd.CallerOperator}, "acme", "contacts", fmt.Sprintf("p-%02d", i),
			fmt.Appendf(nil, `{"id":"p-%02d","name":"Person %02d"}`, i, 29-i))
		must(t, err)
	}
	b := p.as(t, "agent")
	first := b.get("/w/acme/contacts?sort=-name").Body.String()
	if strings.Index(first, "Person 29") > strings.Index(first, "Person 28") || !strings.Contains(first, `aria-sort="descending"`) {
		t.Error("the list is not sorted by name, downwards")
	}
	_, next, _ := strings.Cut(first, `<a class="btn btn-plain btn-row" href="/w/acme/contacts?after=`)
	next, _, found := strings.Cut(next, `"`)
	if !found {
		t.Fatal("there is no next page")
	}
	second := b.get("/w/acme/contacts?after=" + strings.ReplaceAll(next, "&amp;", "&"))
	expect(t, second, "Person 00", "First page")
	if strings.Contains(second.Body.String(), "Person 29") {
		t.Error("the second page repeats the first")
	}
	if w := b.get("/w/acme/contacts?after=%21"); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("a cursor that is none: status %d", w.Code)
	}
}

func TestProfileByRole(t *testing.T) {
	p := newProduct(t)
	admin, agent := p.as(t, "admin").get("/w/acme/contact?id=c-1"), p.as(t, "agent").get("/w/acme/contact?id=c-1")
	expect(t, admin, "Export contact JSON", "Place hold", "delete-contact?id=c-1")
	expect(t, agent, "Export contact JSON")
	for _, words := range []string{"Place hold", "delete-contact"} {
		if strings.Contains(agent.Body.String(), words) {
			t.Errorf("an agent is offered %q", words)
		}
	}
}

func TestExportFromTheProfileOnce(t *testing.T) {
	p := newProduct(t)
	b := p.as(t, "agent")
	form := url.Values{"id": {"c-1"}, "once": {"a key of the form"}}
	job := leads(t, b.post("/w/acme/contact/export", form), "/w/acme/jobs/")
	p.Run()
	if again := leads(t, b.post("/w/acme/contact/export", form), "/w/acme/jobs/"); again != job+"?known" {
		t.Errorf("the same form sent again when it was ready leads to %q", again)
	}
	if w := b.post("/w/acme/contact/export", url.Values{"id": {"nobody"}}); w.Code != http.StatusNotFound {
		t.Errorf("exporting nobody: status %d", w.Code)
	}
}

// TestExportOfWhomeverIsFound answers an access request with no more than a name.
func TestExportOfWhomeverIsFound(t *testing.T) {
	p := newProduct(t)
	for _, role := range []string{"admin", "agent"} {
		b := p.as(t, role)
		for _, path := range []string{"/w/acme/data-privacy?q=ann", "/w/acme/data-privacy/matches?q=ann"} {
			expect(t, b.get(path), "1 contact matches", "ann@example.net", `name="id" value="c-1"`, "Export JSON", `value="subject_export"`)
		}
	}
	b := p.as(t, "agent")
	expect(t, b.get("/w/acme/data-privacy/matches?q=nobody"), "No contact matches")
	job := leads(t, b.post("/w/acme/contact/export", url.Values{"id": {"c-1"}, "once": {"a key of the form"}}), "/w/acme/jobs/")
	for _, path := range []string{job, "/w/acme/jobs", "/w/acme/data-privacy"} {
		expect(t, b.get(path), "Ann (c-1) · JSON")
	}
	if w := p.as(t, "auditor").get("/w/acme/data-privacy/matches?q=ann"); w.Code != http.StatusForbidden {
		t.Errorf("an auditor who looks for a contact: status %d", w.Code)
	}
}

// TestPagesBesideAProduct has no records of privacyd's own: people are found in
// the product's database, by its data map.
func TestPagesBesideAProduct(t *testing.T) {
	p := newProduct(t)
	p.engine.Records = nil
	b := p.as(t, "admin")
	expect(t, b.get("/w/acme/contacts"), "in a product's own database", "delete one")
	expect(t, b.get("/w/acme/delete-contact"), "See the plan", `name="id"`)
	expect(t, b.get("/w/acme/delete-contact?q=ann"), "c-1", "Ann", "See the plan", `name="id"`)
	expect(t, b.get("/w/acme/data-privacy?q=ann"), "Ann", "Export JSON", `value="c-1"`)
	expect(t, b.get("/w/acme/delete-contact?q=nobody"), "No contact matches")
	expect(t, b.get("/w/acme/delete-contact?id=c-1"), "To confirm, type", "Ann")
	expect(t, b.get("/w/acme/delete-contact?id=nobody"), "No contact of this workspace has this id")
	expect(t, b.get("/w/acme/data-privacy"), "Find a contact to delete")
	if w := b.get("/w/acme/contact?id=c-1"); w.Code != http.StatusConflict {
		t.Errorf("a profile that there is not: status %d", w.Code)
	}
}

// TestFilesGoOn has more files of a contact, and of messages, than a page shows:
// each page says that there are more, and leads to all of them.
func TestFilesGoOn(t *testing.T) {
	p := newProduct(t)
	ctx, operator := t.Context(), privacyd.Caller{Kind: privacyd.CallerOperator, Name: "root"}
	var lines strings.Builder
	line := func(collection string, record map[string]any) {
		raw, err := json.Marshal(map[string]any{"collection": collection, "record": record})
		must(t, err)
		lines.Write(append(raw, '\n'))
	}
	line("contacts", map[string]any{"id": "many", "name": "Many Files"})
	line("conversations", map[string]any{"id": "long", "contact_id": "many"})
	line("messages", map[string]any{"id": "said", "conversation_id": "long", "direction": "inbound", "body": "Look at these"})
	for n, of := range map[int]string{130: "contact", 520: "message"} {
		for i := range n {
			line("attachments", map[string]any{
				"id": fmt.Sprintf("%s-%03d", of, i), "record_type": of, "record_id": map[string]string{"contact": "many", "message": "said"}[of],
				"filename": fmt.Sprintf("%s-%03d.txt", of, i), "content_base64": "aGk=",
			})
		}
	}
	_, err := p.engine.Import(ctx, operator, "acme", engine.ImportSource{Body: strings.NewReader(lines.String()), ContentType: "application/x-ndjson"})
	must(t, err)
	b := p.as(t, "admin")
	for start, want := range map[string]struct{ files, shown int }{
		"/w/acme/contact?id=many":                        {130, 25},
		"/w/acme/contact/files?of=message&id=said":       {520, 100},
		"/w/acme/contact/conversation?conversation=long": {520, 500},
	} {
		found, at, body := map[string]bool{}, start, ""
		for at != "" {
			w := b.get(at)
			expect(t, w, "")
			body = w.Body.String()
			names := fileName.FindAllString(body, -1)
			if at == start && len(names) != want.shown {
				t.Errorf("%s shows %d files, not %d", at, len(names), want.shown)
			}
			for _, name := range names {
				found[name] = true
			}
			at = ""
			if more := furtherFiles.FindStringSubmatch(body); more != nil {
				at = html.UnescapeString(more[1])
			}
		}
		if len(found) != want.files {
			t.Errorf("from %s one comes to %d files, not %d", start, len(found), want.files)
		}
	}
}

var (
	fileName     = regexp.MustCompile(`(contact|message)-\d\d\d\.txt`)
	furtherFiles = regexp.MustCompile(`href="([^"]*)">(?:More files|All files of this message)<`)
)
