package engine_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

// inPerson is a member who has signed in, and is nobody's stand-in.
func inPerson(b *enginetest.Bench, r privacyd.Role, w privacyd.Workspace) privacyd.Caller {
	c := b.Member(r, w)
	c.Operator, c.Door = "", privacyd.DoorWeb
	return c
}

func controller() privacyd.LegalNotice {
	return privacyd.LegalNotice{Party: privacyd.Party{
		Contact: privacyd.Contact{Name: "Acme GmbH", Email: "Privacy@Acme.example.com", Address: "Hauptstr. 1\r\n10115 Berlin"},
		Officer: privacyd.Contact{Name: "Dana Dietz", Email: "dpo@acme.example.com"},
	}}
}

func TestLegalNotice(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx, acme, beta := t.Context(), b.NewWorkspace("acme"), b.NewWorkspace("beta")
		admin := b.Member(privacyd.RoleAdmin, acme)
		set, err := b.SetLegalNotice(ctx, admin, acme.ID, controller())
		b.Must(err)
		got, err := b.LegalNotice(ctx, b.Member(privacyd.RoleAuditor, acme), acme.ID)
		b.Must(err)
		if diff := cmp.Diff(set, got); diff != "" || got.Contact.Email != "privacy@acme.example.com" || got.Contact.Address != "Hauptstr. 1\n10115 Berlin" {
			t.Errorf("read %+v: %s", got, diff)
		}
		for _, c := range []struct {
			caller          privacyd.Caller
			workspace, code string
			notice          privacyd.LegalNotice
		}{
			{b.Member(privacyd.RoleAgent, acme), acme.ID, "role_missing", controller()},
			{b.Member(privacyd.RoleAuditor, acme), acme.ID, "role_missing", controller()},
			{admin, beta.ID, "workspace_not_found", controller()},
			{admin, acme.ID, "legal_contact_missing", privacyd.LegalNotice{Published: true}},
			{admin, acme.ID, "legal_contact_invalid", privacyd.LegalNotice{Party: privacyd.Party{Contact: privacyd.Contact{Name: "Acme"}}}},
			{admin, acme.ID, "legal_contact_invalid", privacyd.LegalNotice{Party: privacyd.Party{Contact: privacyd.Contact{Name: "A\nB", Email: "a@example.com"}}}},
			{admin, acme.ID, "legal_contact_invalid", privacyd.LegalNotice{Party: privacyd.Party{Officer: privacyd.Contact{Name: "A", Email: "a@example.com"}}}},
		} {
			_, err := b.SetLegalNotice(ctx, c.caller, c.workspace, c.notice)
			b.WantCode(err, c.code)
		}
		_, err = b.LegalNotice(ctx, admin, beta.ID)
		b.WantCode(err, "workspace_not_found")
		last := entriesOf(t, b, acme.ID, "legal.set")[0]
		if diff := cmp.Diff(map[string]privacyd.Change{
			"contact": {Before: "none", After: "named"}, "data_protection_officer": {Before: "none", After: "named"},
		}, last.Changes); diff != "" {
			t.Error(diff)
		}
	})
}

func entriesOf(t *testing.T, b *enginetest.Bench, workspace, action string) (all []privacyd.AuditEntry) {
	t.Helper()
	list, err := b.ListAudit(t.Context(), enginetest.Operator, workspace, privacyd.AuditFilter{Action: action, Limit: 100})
	b.Must(err)
	for e, err := range list {
		b.Must(err)
		if e.Outcome == privacyd.OutcomeDone {
			all = append(all, e)
		}
	}
	if len(all) == 0 {
		t.Fatalf("there is no entry of %s", action)
	}
	return all
}

// Strangers cannot tell a workspace that shows nothing from one that there is
// not.
func TestStrangersReadWhatIsPublishedAlone(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx, acme := t.Context(), b.NewWorkspace("acme")
		admin, n := b.Member(privacyd.RoleAdmin, acme), controller()
		_, err := b.SetLegalNotice(ctx, admin, acme.ID, n)
		b.Must(err)
		_, _, hidden := b.PublicNotice(ctx, "acme")
		_, _, none := b.PublicNotice(ctx, "nowhere")
		if hidden == nil || hidden.Error() != none.Error() {
			t.Errorf("%v, %v", hidden, none)
		}
		b.WantCode(none, "page_not_found")
		n.Published = true
		_, err = b.SetLegalNotice(ctx, admin, acme.ID, n)
		b.Must(err)
		_, shown, err := b.PublicNotice(ctx, "acme")
		b.Must(err)
		if shown.Contact.Name != "Acme GmbH" {
			t.Errorf("shown %+v", shown)
		}
		_, _, err = b.PublicNotice(ctx, acme.ID) // an id is no address
		b.WantCode(err, "page_not_found")
	})
}

func TestDocuments(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx, acme := t.Context(), b.NewWorkspace("acme")
		plan := privacyd.Document{Title: "Breach plan"}
		_, err := b.AddDocument(ctx, b.Member(privacyd.RoleAdmin, acme), plan, "plan.md", strings.NewReader("x"))
		b.WantCode(err, "operator_only")
		d, err := b.AddDocument(ctx, enginetest.Operator, plan, "plan.MD", strings.NewReader("# What we do\n"))
		b.Must(err)
		if d.Version != "1" || d.Date != "2026-03-01" || d.FileName() != "breach-plan-1.md" || d.Size != 13 {
			t.Errorf("added %+v", d)
		}
		content, _, err := b.OpenDocument(ctx, d.ID)
		b.Must(err)
		text, err := io.ReadAll(content)
		b.Must(err)
		b.Must(content.Close())
		if string(text) != "# What we do\n" {
			t.Errorf("kept %q", text)
		}
		link, err := b.AddDocument(ctx, enginetest.Operator, privacyd.Document{Title: "Certificate", Link: "https://example.com/iso.pdf", Date: "2025-01-31"}, "", nil)
		b.Must(err)
		_, _, err = b.OpenDocument(ctx, link.ID)
		b.WantCode(err, "document_not_found")
		_, err = b.AddDocument(ctx, enginetest.Operator, plan, "plan.txt", strings.NewReader("again"))
		b.WantCode(err, "document_exists")
		b.Must(b.WithdrawDocument(ctx, enginetest.Operator, d.ID))
		b.WantCode(b.WithdrawDocument(ctx, enginetest.Operator, d.ID), "document_not_found")
		b.WantCode(b.WithdrawDocument(ctx, b.Member(privacyd.RoleAdmin, acme), link.ID), "operator_only")
		page, err := b.LegalPage(ctx)
		b.Must(err)
		if len(page.Documents) != 1 || page.Documents[0].ID != link.ID {
			t.Errorf("left are %+v", page.Documents)
		}
		wantNoDocuments(t, b)
	})
}

func wantNoDocuments(t *testing.T, b *enginetest.Bench) {
	t.Helper()
	for key, err := range b.Blobs.List(t.Context(), "accounts/documents/") {
		b.Must(err)
		t.Errorf("the file %s is still there", key)
	}
}

func TestDocumentsThatAreNone(t *testing.T) {
	b := enginetest.NewSQLite(t)
	ok := privacyd.Document{Title: "A plan"}
	for name, c := range map[string]struct {
		d       privacyd.Document
		file    string
		content []byte
		code    string
	}{
		"a page":           {ok, "plan.html", []byte("<p>"), "document_kind"},
		"not what it says": {ok, "plan.pdf", []byte("<script>"), "document_kind"},
		"binary as text":   {ok, "plan.txt", []byte("a\x00b"), "document_kind"},
		"empty":            {ok, "plan.txt", nil, "document_invalid"},
		"no title":         {privacyd.Document{}, "plan.txt", []byte("x"), "document_invalid"},
		"no date":          {privacyd.Document{Title: "A", Date: "soon"}, "plan.txt", []byte("x"), "document_invalid"},
		"a script's link":  {privacyd.Document{Title: "A", Link: "javascript:alert(1)"}, "", nil, "document_invalid"},
		"too large":        {ok, "plan.txt", bytes.Repeat([]byte("x"), privacyd.MaxDocument+1), "document_too_large"},
	} {
		_, err := b.AddDocument(t.Context(), enginetest.Operator, c.d, c.file, bytes.NewReader(c.content))
		if privacyd.CodeOf(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantNoDocuments(t, b)
}

// fullDisk is a blob store that has no room left.
type fullDisk struct{ engine.Blobs }

type fullDiskWriter struct{ engine.BlobWriter }

func (d fullDisk) Create(ctx context.Context, workspace, key string) (engine.BlobWriter, error) {
	w, err := d.Blobs.Create(ctx, workspace, key)
	return fullDiskWriter{w}, err
}

func (fullDiskWriter) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// Who sends a document is told that it broke off where it did, and not where it
// could not be stored.
func TestDocumentsThatAreNotStored(t *testing.T) {
	b := enginetest.NewSQLite(t)
	large := strings.Repeat("x", 64<<10)
	add := func(content io.Reader) error {
		_, err := b.AddDocument(t.Context(), enginetest.Operator, privacyd.Document{Title: "A plan"}, "plan.txt", content)
		return err
	}
	for _, before := range []string{"", "x", large} {
		err := add(io.MultiReader(strings.NewReader(before), iotest.ErrReader(io.ErrUnexpectedEOF)))
		b.WantCode(err, "body_unreadable")
	}
	b.Blobs = fullDisk{b.Blobs}
	for _, content := range []string{"x", large} {
		if err := add(strings.NewReader(content)); !errors.Is(err, syscall.ENOSPC) || privacyd.ClassOf(err) == privacyd.ClassInvalid {
			t.Errorf("on a full disk: %v", err)
		}
	}
	wantNoDocuments(t, b)
}

// A file whose document was never recorded is deleted by the daily sweep, but
// not while it may still be on its way.
func TestSweepOfDocuments(t *testing.T) {
	b := enginetest.NewSQLite(t)
	kept, err := b.AddDocument(t.Context(), enginetest.Operator, privacyd.Document{Title: "Kept"}, "a.txt", strings.NewReader("x"))
	b.Must(err)
	lost, err := b.AddDocument(t.Context(), enginetest.Operator, privacyd.Document{Title: "Lost"}, "a.txt", strings.NewReader("x"))
	b.Must(err)
	_, err = b.DB.Exec(t.Context(), `DELETE FROM legal_documents WHERE id = $1`, lost.ID)
	b.Must(err)
	for _, c := range []struct {
		passes time.Duration
		want   int
	}{{0, 2}, {10 * 365 * privacyd.Day, 1}} { // ids have the time of the test's own machine
		b.Pass(c.passes)
		b.Must(b.RunSweep(t.Context(), "", nil))
		n := 0
		for key, err := range b.Blobs.List(t.Context(), "accounts/documents/") {
			b.Must(err)
			if n++; c.want == 1 && key != kept.BlobKey {
				t.Errorf("%s is left", key)
			}
		}
		if n != c.want {
			t.Errorf("after %s there are %d files", c.passes, n)
		}
	}
}
