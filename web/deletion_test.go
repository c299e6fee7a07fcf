package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

const deletePath = "/w/acme/delete-contact"

var planHash = regexp.MustCompile(`name="plan_hash" value="([0-9a-f]{64})"`)

// codeAsTitle is an entry of the audit log for which there are no words.
var codeAsTitle = regexp.MustCompile(`<span class="entry-what"><span class="font-semibold">[a-z_]+\.[a-z_.]+</span>`)

// shownHash is the hash of the plan that a page shows.
func shownHash(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	found := planHash.FindStringSubmatch(w.Body.String())
	if found == nil {
		t.Fatalf("the page has no plan to confirm: status %d", w.Code)
	}
	return found[1]
}

// leads gives where a page leads.
func leads(t *testing.T, w *httptest.ResponseRecorder, prefix string) string {
	t.Helper()
	to := w.Header().Get("Location")
	if w.Code != http.StatusSeeOther || !strings.HasPrefix(to, prefix) {
		t.Fatalf("status %d, to %q: %s", w.Code, to, w.Body.String())
	}
	return to
}

func TestDeleteContactFromSearchToReceipt(t *testing.T) {
	p := newProduct(t)
	b := p.as(t, "admin")
	expect(t, b.get(deletePath+"?q=ann"), "1 contact matches", "ann@example.net", "See the plan", "id=c-1")
	expect(t, b.get(deletePath+"?q=nn@exam"), "somewhere inside", "ann@example.net")
	expect(t, b.get(deletePath+"?q=nobody"), "No contact matches")
	plan := b.get(deletePath + "?kind=contact&id=c-1")
	expect(t, plan, "The plan", "Contacts", "Deleted", "To confirm, type", ">Ann<", "It begins at once and cannot be undone")
	ask := url.Values{"kind": {"contact"}, "id": {"c-1"}, "plan_hash": {shownHash(t, plan)}, "name": {"ann"}}

	wrong := b.post(deletePath, ask)
	if wrong.Code != http.StatusUnprocessableEntity {
		t.Errorf("a wrong name: status %d", wrong.Code)
	}
	expect(t, wrong, "That is not the name", `aria-invalid="true"`, `value="ann"`)

	ask.Set("name", "Ann")
	job := leads(t, b.post(deletePath, ask), "/w/acme/jobs/")
	if again := leads(t, b.post(deletePath, ask), "/w/acme/jobs/"); again != job+"?known" {
		t.Errorf("pressing twice leads to %q", again)
	}
	expect(t, b.get("/w/acme/contact?id=c-1"), "A deletion of this contact is on its way")
	p.Run()
	if again := leads(t, b.post(deletePath, ask), "/w/acme/jobs/"); again != job+"?known" {
		t.Errorf("pressing again when it is done leads to %q", again)
	}
	expect(t, b.get(job), "Done", "looking again found nothing left", "What was done", "Receipt")
	expect(t, b.get(job+"/receipt"), "Receipt: a contact was erased", "Verified: nothing found", "receipt.json", "Signed by key")
	expect(t, b.get("/w/acme/receipts"), "Contact deletion", "Nothing found", `aria-sort="descending"`)
	expect(t, follow(t, b, b.get("/w/acme/receipts"), "Ended"), "Contact deletion", `aria-sort="ascending"`)
	expect(t, b.get("/w/acme/jobs?kind=deletions&state=ended"), job, "Receipt")
	expect(t, b.get("/w/acme/jobs?kind=exports"), "No job is like that")
	if code := codeAsTitle.FindString(b.get("/w/acme/audit").Body.String()); code != "" {
		t.Errorf("an entry is named by its code: %s", code)
	}
	file := b.get(job + "/receipt.json")
	if _, err := privacyd.VerifyReceipt(file.Body.Bytes(), p.PublicKey); err != nil {
		t.Errorf("the receipt that is handed over: %v", err)
	}
	expect(t, p.as(t, "auditor").get(job+"/receipt"), "Receipt: a contact was erased")
}

func TestDeletionByRole(t *testing.T) {
	p := newProduct(t)
	job, _, err := p.engine.CreateJob(t.Context(), privacyd.Caller{Kind: privacyd.CallerOperator}, engine.NewJob{
		Workspace: "acme", Type: privacyd.JobSubjectDeletion, Subject: &privacyd.Subject{Kind: "contact", ID: "c-1"},
	})
	must(t, err)
	at := "/w/acme/jobs/" + job.ID
	for _, c := range []struct {
		method, path string
		want         map[string]int // role → status
	}{
		{"GET", "/w/acme/contacts", map[string]int{"admin": 200, "agent": 200, "auditor": 403, "stranger": 404}},
		{"GET", "/w/acme/contact?id=c-1", map[string]int{"admin": 200, "agent": 200, "auditor": 403, "stranger": 404}},
		{"GET", "/w/acme/contact?id=nobody", map[string]int{"admin": 404, "agent": 404, "auditor": 403, "stranger": 404}},
		{"GET", deletePath + "?kind=contact&id=c-1", map[string]int{"admin": 200, "agent": 403, "auditor": 403, "stranger": 404}},
		{"GET", deletePath, map[string]int{"admin": 200, "agent": 403, "auditor": 403, "stranger": 404}},
		{"GET", deletePath + "/matches?q=ann", map[string]int{"admin": 200, "agent": 403, "auditor": 403, "stranger": 404}},
		{"GET", "/w/acme/holds/matches?q=ann", map[string]int{"admin": 200, "agent": 403, "auditor": 403, "stranger": 404}},
		{"GET", "/w/acme/delete-workspace", map[string]int{"admin": 200, "agent": 403, "auditor": 403, "stranger": 404}},
		{"GET", "/w/acme/jobs", map[string]int{"admin": 200, "agent": 200, "auditor": 403, "stranger": 404}},
		{"GET", at, map[string]int{"admin": 200, "agent": 200, "auditor": 403, "stranger": 404}},
		{"GET", at + "/plan", map[string]int{"admin": 200, "agent": 403, "auditor": 403, "stranger": 404}},
		{"GET", at + "/review", map[string]int{"admin": 200, "agent": 403, "auditor": 403, "stranger": 404}},
		{"GET", at + "/receipt", map[string]int{"admin": 404, "agent": 403, "auditor": 404, "stranger": 404}},
		{"GET", "/w/acme/receipts", map[string]int{"admin": 200, "agent": 403, "auditor": 200, "stranger": 404}},
		{"GET", "/w/acme/jobs/events?job=" + job.ID, map[string]int{"auditor": 403, "stranger": 404}},
		{"POST", at + "/confirm", map[string]int{"agent": 403, "auditor": 403, "stranger": 404}},
		{"POST", at + "/approve", map[string]int{"agent": 403, "auditor": 403, "stranger": 404}},
		{"POST", at + "/refuse", map[string]int{"agent": 403, "auditor": 403, "stranger": 404}},
		{"POST", at + "/cancel", map[string]int{"agent": 403, "auditor": 403, "stranger": 404}},
		{"POST", at + "/review/0", map[string]int{"agent": 403, "auditor": 403, "stranger": 404}},
		{"POST", deletePath, map[string]int{"agent": 403, "auditor": 403, "stranger": 404}},
		{"POST", "/w/acme/delete-workspace", map[string]int{"agent": 403, "auditor": 403, "stranger": 404}},
	} {
		for role, want := range c.want {
			b := p.as(t, role)
			var w *httptest.ResponseRecorder
			if c.method == http.MethodGet {
				w = b.get(c.path)
			} else {
				form := url.Values{}
				if c.path == deletePath {
					form = url.Values{"kind": {"contact"}, "id": {"c-1"}}
				}
				w = b.post(c.path, form)
			}
			if w.Code != want {
				t.Errorf("%s %s as %s: status %d, want %d", c.method, c.path, role, w.Code, want)
			}
		}
	}
}

// TestIDsOfAnotherWorkspace asks with one's own workspace in the path and
// somebody else's ids behind it.
func TestIDsOfAnotherWorkspace(t *testing.T) {
	p := newProduct(t)
	ctx, operator := t.Context(), privacyd.Caller{Kind: privacyd.CallerOperator, Name: "root"}
	_, err := p.engine.CreateWorkspace(ctx, operator, engine.NewWorkspace{Slug: "globex", Name: "Globex", AdminEmail: "stranger@example.com"})
	must(t, err)
	_, err = p.engine.PutRecord(ctx, operator, "globex", "contacts", "theirs", []byte(`{"id":"theirs","name":"Theirs"}`))
	must(t, err)
	job, _, err := p.engine.CreateJob(ctx, operator, engine.NewJob{
		Workspace: "globex", Type: privacyd.JobSubjectDeletion, Subject: &privacyd.Subject{Kind: "contact", ID: "theirs"},
	})
	must(t, err)
	b, at := p.as(t, "admin"), "/w/acme/jobs/"+job.ID
	for _, path := range []string{
		at, at + "/plan", at + "/review", at + "/receipt", at + "/receipt.json", at + "/download", at + "/progress", "/w/acme/jobs/events?job=" + job.ID,
		"/w/acme/contact?id=theirs", "/w/acme/contact/conversations?id=theirs", "/w/acme/contact/attachment?id=theirs", "/w/acme/contact/files?of=contact&id=theirs", "/w/acme/contact/files?of=message&id=theirs", "/w/acme/contact/conversation?conversation=x",
	} {
		if w := b.get(path); w.Code != http.StatusNotFound || strings.Contains(w.Body.String(), "Theirs") {
			t.Errorf("GET %s: status %d", path, w.Code)
		}
	}
	plan := url.Values{"plan_hash": {job.PlanHash}}
	for path, form := range map[string]url.Values{at + "/confirm": plan, at + "/approve": plan, at + "/refuse": plan, at + "/cancel": nil, at + "/review/1": nil} {
		if w := b.post(path, form); w.Code != http.StatusNotFound {
			t.Errorf("POST %s: status %d", path, w.Code)
		}
	}
	w := b.post(deletePath, url.Values{"kind": {"contact"}, "id": {"theirs"}, "plan_hash": {job.PlanHash}, "name": {"Theirs"}})
	if w.Code != http.StatusNotFound {
		t.Errorf("deleting somebody else's contact: status %d", w.Code)
	}
	if w := b.get(deletePath + "?kind=contact&id=theirs"); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("the plan for somebody else's contact: status %d", w.Code)
	}
}

func TestProposedDeletionIsConfirmed(t *testing.T) {
	p := newProduct(t)
	job, _, err := p.engine.CreateJob(t.Context(), privacyd.Caller{Kind: privacyd.CallerOperator}, engine.NewJob{
		Workspace: "acme", Type: privacyd.JobSubjectDeletion, Subject: &privacyd.Subject{Kind: "contact", ID: "c-1"},
	})
	must(t, err)
	b, at := p.as(t, "admin"), "/w/acme/jobs/"+job.ID
	expect(t, b.get("/w/acme/jobs"), "1 job needs your decision", at+"/plan")
	expect(t, b.get(at), "Waits for confirmation", "Look at the plan and decide", "proposed by the operator")
	plan := b.get(at + "/plan")
	ask := url.Values{"plan_hash": {shownHash(t, plan)}, "name": {"Nobody"}}
	expect(t, b.post(at+"/confirm", ask), "That is not the name")
	ask.Set("name", "Ann")
	leads(t, b.post(at+"/confirm", ask), at)
	if again := leads(t, b.post(at+"/confirm", ask), at); again != at+"?faster" {
		t.Errorf("confirming twice leads to %q", again)
	}
	expect(t, b.get(at+"?faster"), "decided already")
	p.Run()
	expect(t, b.get(at), "Done")
	leads(t, b.get(at+"/plan"), at+"?faster")
}

func TestSecondAdminDecides(t *testing.T) {
	p := newProduct(t)
	ctx, operator := t.Context(), privacyd.Caller{Kind: privacyd.CallerOperator, Name: "root"}
	_, err := p.engine.AddMember(ctx, operator, "acme", "stranger@example.com", privacyd.RoleAdmin)
	must(t, err)
	settings := privacyd.DefaultSettings()
	settings.Approval = true
	_, err = p.engine.ChangeSettings(ctx, operator, "acme", settings)
	must(t, err)
	one, two := p.as(t, "admin"), p.as(t, "stranger")
	ask := url.Values{"kind": {"contact"}, "id": {"c-1"}, "name": {"Ann"}, "plan_hash": {shownHash(t, one.get(deletePath+"?id=c-1"))}}
	at := leads(t, one.post(deletePath, ask), "/w/acme/jobs/")
	page := one.get(at)
	expect(t, page, "Waits for approval", "You confirmed the plan", "somebody else")
	if strings.Contains(page.Body.String(), "and decide") {
		t.Error("who confirmed is asked to approve")
	}
	page = two.get(at + "/plan")
	expect(t, page, "Decide as the second person", "An admin confirmed this plan", "Approve the deletion", "Refuse")
	decision := url.Values{"plan_hash": {shownHash(t, page)}}
	if w := one.post(at+"/approve", decision); w.Code != http.StatusForbidden {
		t.Errorf("approving one's own: status %d", w.Code)
	}
	leads(t, two.post(at+"/approve", decision), at)
	if again := leads(t, two.post(at+"/approve", decision), at); again != at+"?faster" {
		t.Errorf("approving twice leads to %q", again)
	}
	expect(t, two.get(at), "Approved by", "you")
	p.Run()
	expect(t, two.get(at), "Done")
}

func TestRefusedApprovalCancels(t *testing.T) {
	p := newProduct(t)
	ctx, operator := t.Context(), privacyd.Caller{Kind: privacyd.CallerOperator, Name: "root"}
	settings := privacyd.DefaultSettings()
	settings.Approval = true
	_, err := p.engine.ChangeSettings(ctx, operator, "acme", settings)
	must(t, err)
	ask := engine.NewJob{Workspace: "acme", Type: privacyd.JobSubjectDeletion, Subject: &privacyd.Subject{Kind: "contact", ID: "c-1"}}
	plan, err := p.engine.PreviewJob(ctx, operator, ask)
	must(t, err)
	ask.Confirm = &privacyd.Confirmation{PlanHash: plan.Hash}
	job, _, err := p.engine.CreateJob(ctx, operator, ask)
	must(t, err)
	b, at := p.as(t, "admin"), "/w/acme/jobs/"+job.ID
	leads(t, b.post(at+"/refuse", url.Values{"plan_hash": {plan.Hash}}), at)
	expect(t, b.get(at), "Cancelled", "Nothing was deleted")
}

func TestHeldContact(t *testing.T) {
	p := newProduct(t)
	_, err := p.engine.PlaceHold(t.Context(), privacyd.Caller{Kind: privacyd.CallerOperator}, engine.NewHold{
		Workspace: "acme", Target: privacyd.HoldTarget{Type: privacyd.HoldSubject, Subject: &privacyd.Subject{Kind: "contact", ID: "c-1"}}, Reason: "a claim",
	})
	must(t, err)
	w := p.as(t, "admin").get(deletePath + "?id=c-1")
	expect(t, w, "A legal hold covers all of it", "Subject hold", "Art. 17(3)(e)", "It cannot be confirmed as it stands")
	if planHash.MatchString(w.Body.String()) {
		t.Error("what is held can be confirmed")
	}
}

func TestPlanThatChangedIsShownAnew(t *testing.T) {
	p := newProduct(t)
	b := p.as(t, "admin")
	ask := url.Values{"kind": {"contact"}, "id": {"c-1"}, "name": {"Ann"}, "plan_hash": {shownHash(t, b.get(deletePath+"?id=c-1"))}}
	_, err := p.engine.PlaceHold(t.Context(), privacyd.Caller{Kind: privacyd.CallerOperator}, engine.NewHold{
		Workspace: "acme", Target: privacyd.HoldTarget{Type: privacyd.HoldSubject, Subject: &privacyd.Subject{Kind: "contact", ID: "c-1"}}, Reason: "a claim",
	})
	must(t, err)
	w := b.post(deletePath, ask)
	if w.Code != http.StatusUnprocessableEntity {
		t.Errorf("status %d", w.Code)
	}
	expect(t, w, "A legal hold covers all of it", "plan_held")
	ask.Set("plan_hash", strings.Repeat("0", 64))
	expect(t, b.post(deletePath, ask), "plan_")
}

func TestDeleteWorkspaceAndKeepIt(t *testing.T) {
	p := newProduct(t)
	b := p.as(t, "admin")
	expect(t, b.get("/w/acme/data-privacy"), "Danger zone", "Delete this workspace…")
	plan := b.get("/w/acme/delete-workspace")
	expect(t, plan, "Acme &lt;b&gt;", "Your password", "30 days")
	ask := url.Values{"plan_hash": {shownHash(t, plan)}, "name": {"Acme <b>"}, "password": {"not this"}}
	expect(t, b.post("/w/acme/delete-workspace", ask), "That is not your password", "password_wrong")
	ask.Set("password", password)
	at := leads(t, b.post("/w/acme/delete-workspace", ask), "/w/acme/jobs/")
	leads(t, b.post("/w/acme/delete-workspace", ask), at)
	leads(t, b.get("/w/acme/delete-workspace"), at)
	expect(t, b.get(at), "Scheduled", "in 30 days", "Cancel the deletion")
	for role, path := range map[string]string{"admin": "/w/acme/contacts", "agent": "/w/acme/data-privacy", "auditor": "/w/acme/audit"} {
		w := p.as(t, role).get(path)
		expect(t, w, "Read-only.", "is deleted", "in 30 days")
		if may := strings.Contains(w.Body.String(), `id="keep-workspace"`); may != (role == "admin") {
			t.Errorf("%s may keep the workspace: %v", role, may)
		}
	}
	leads(t, b.post(at+"/cancel", nil), at)
	leads(t, b.post(at+"/cancel", nil), at)
	if strings.Contains(b.get("/w/acme/contacts").Body.String(), "Read-only.") {
		t.Error("a workspace that is kept is still read-only")
	}
}
