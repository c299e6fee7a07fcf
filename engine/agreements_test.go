package engine_test

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

// TestAgreement follows the agreement from its template over two versions.
func TestAgreement(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx, acme, beta := t.Context(), b.NewWorkspace("acme"), b.NewWorkspace("beta")
		admin := inPerson(b, privacyd.RoleAdmin, acme)
		draft, err := b.Agreement(ctx, 0)
		b.Must(err)
		if draft.Version != 0 || !strings.Contains(draft.Text, "[to be filled in: name and address of the processor]") {
			t.Errorf("the draft is %d: %.300s", draft.Version, draft.Text)
		}
		_, err = b.PublishAgreement(ctx, enginetest.Operator, "")
		b.WantCode(err, "legal_contact_missing")
		b.Places = []privacyd.Place{{Name: "eu-db", Kind: privacyd.PlaceDatabase, Country: "DE", Processor: "Example Hosting GmbH"}}
		b.Legal.Operator = privacyd.Party{Contact: privacyd.Contact{Name: "Example B.V.", Email: "privacy@example.com", Address: "Keizersgracht 1\nAmsterdam"}}
		_, err = b.PublishAgreement(ctx, admin, "mine")
		b.WantCode(err, "operator_only")
		first, err := b.PublishAgreement(ctx, enginetest.Operator, "")
		b.Must(err)
		same, err := b.PublishAgreement(ctx, enginetest.Operator, first.Text)
		b.Must(err)
		if first.Version != 1 || same.Version != 1 {
			t.Errorf("published versions %d and %d", first.Version, same.Version)
		}
		b.Run()
		wantAdminsTold(t, b, map[string]int{"admin@acme.example.com": 1, "admin@beta.example.com": 1}, "a data processing agreement to accept")

		done, err := b.AcceptAgreement(ctx, admin, acme.ID, 1, first.SHA256)
		b.Must(err)
		_, err = b.AcceptAgreement(ctx, admin, acme.ID, 1, first.SHA256)
		b.Must(err)
		b.Pass(privacyd.Day)
		second, err := b.PublishAgreement(ctx, enginetest.Operator, "A shorter one.\r\n")
		b.Must(err)
		agreed, err := b.AgreedOf(ctx, b.Member(privacyd.RoleAgent, acme), acme.ID)
		b.Must(err)
		if !agreed.Waiting() || agreed.Accepted != 1 || agreed.Offered != 2 || len(agreed.Acceptances) != 1 || agreed.Acceptances[0] != done {
			t.Errorf("agreed %+v, want %+v", agreed, done)
		}
		_, err = b.AcceptAgreement(ctx, inPerson(b, privacyd.RoleAdmin, beta), beta.ID, 2, second.SHA256)
		b.Must(err)
		all, err := b.AllAcceptances(ctx, enginetest.Operator)
		b.Must(err)
		if len(all) != 2 || all[0].Workspace != "Workspace beta" || len(entriesOf(t, b, acme.ID, "agreement.accept")) != 1 {
			t.Errorf("accepted %+v", all)
		}
		wantCopy(t, b, acme, first)
	})
}

// TestBlanksAreNotPublished: a contract that leaves open what Art. 28(3) GDPR
// asks for is no contract.
func TestBlanksAreNotPublished(t *testing.T) {
	b := enginetest.NewSQLite(t)
	b.Legal.Operator = privacyd.Party{Contact: privacyd.Contact{Name: "Example B.V.", Email: "privacy@example.com"}}
	b.Places = []privacyd.Place{{Name: "exports", Kind: privacyd.PlaceBucket, Country: "DE"}, {Name: "ledger", Local: true}}
	sets := b.Datasets
	b.Datasets = nil
	_, err := b.PublishAgreement(t.Context(), enginetest.Operator, "")
	b.WantCode(err, "agreement_blanks")
	for _, what := range []string{"purposes;", "categories of data subjects", "categories of personal data", "which holds ledger"} {
		if !strings.Contains(privacyd.MessageOf(err), what) {
			t.Errorf("%q is not named: %v", what, err)
		}
	}
	b.Datasets, b.Places = sets, b.Places[:1]
	a, err := b.PublishAgreement(t.Context(), enginetest.Operator, "")
	b.Must(err)
	if a.Version != 1 || strings.Contains(a.Text, "[to be filled in") {
		t.Errorf("published %d: %s", a.Version, a.Text)
	}
}

// TestDraftForEverybody: strangers read what is processed, not how and where.
func TestDraftForEverybody(t *testing.T) {
	b := enginetest.NewSQLite(t)
	acme := b.NewWorkspace("acme")
	b.Places = []privacyd.Place{{Name: "eu-db", Kind: privacyd.PlaceDatabase, Country: "DE", Processor: "Example Hosting GmbH"}, {Name: "ledger", Local: true}}
	b.Legal.Measures = []string{"The doors are locked."}
	whole, err := b.AgreementTemplate(t.Context(), enginetest.Operator)
	b.Must(err)
	draft, err := b.Agreement(t.Context(), 0)
	b.Must(err)
	for _, hidden := range []string{"Example Hosting", "which holds ledger", "The doors are locked.", "bcrypt"} {
		if strings.Contains(draft.Text, hidden) || !strings.Contains(whole.Text, hidden) {
			t.Errorf("%q in the draft: %v, in the operator's: %v", hidden, strings.Contains(draft.Text, hidden), strings.Contains(whole.Text, hidden))
		}
	}
	_, err = b.AgreementTemplate(t.Context(), b.Member(privacyd.RoleAdmin, acme))
	b.WantCode(err, "operator_only")
	_, err = b.PublishAgreement(t.Context(), enginetest.Operator, draft.Text)
	b.WantCode(err, "agreement_blanks")
	_, err = b.PublishAgreement(t.Context(), enginetest.Operator, "Ours.")
	b.Must(err)
	_, err = b.AgreementDraft(t.Context())
	b.WantCode(err, "agreement_not_found")
}

// wantCopy has a copy that holds the text, to the letter, and who accepted it.
func wantCopy(t *testing.T, b *enginetest.Bench, w privacyd.Workspace, a privacyd.ProcessingAgreement) {
	t.Helper()
	text, err := b.AcceptedCopy(t.Context(), b.Member(privacyd.RoleAuditor, w), w.ID, a.Version)
	b.Must(err)
	own, _, _ := strings.Cut(text, "\n---\n\n## Acceptance\n")
	sum := sha256.Sum256([]byte(own))
	if hex.EncodeToString(sum[:]) != a.SHA256 || !strings.Contains(text, "- By: The admin\n") || !strings.Contains(text, a.SHA256) {
		t.Errorf("the copy ends %q", text[len(own):])
	}
	_, err = b.AcceptedCopy(t.Context(), b.Member(privacyd.RoleAuditor, w), w.ID, 2)
	b.WantCode(err, "agreement_not_found")
}

func TestWhoMayAccept(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx, acme, beta := t.Context(), b.NewWorkspace("acme"), b.NewWorkspace("beta")
		old, err := b.PublishAgreement(ctx, enginetest.Operator, "one")
		b.Must(err)
		a, err := b.PublishAgreement(ctx, enginetest.Operator, "two")
		b.Must(err)
		token, _, err := b.CreateToken(ctx, enginetest.Operator, acme.ID, "t", []privacyd.Action{privacyd.ActionManageLegal})
		b.Must(err)
		admin := inPerson(b, privacyd.RoleAdmin, acme)
		agent := admin
		agent.Door = privacyd.DoorMCP
		for name, c := range map[string]struct {
			caller    privacyd.Caller
			workspace string
			version   int
			sha256    string
			code      string
		}{
			"an agent":                 {inPerson(b, privacyd.RoleAgent, acme), acme.ID, 2, a.SHA256, "role_missing"},
			"an auditor":               {inPerson(b, privacyd.RoleAuditor, acme), acme.ID, 2, a.SHA256, "role_missing"},
			"another workspace":        {admin, beta.ID, 2, a.SHA256, "workspace_not_found"},
			"a token":                  {privacyd.Caller{Kind: privacyd.CallerToken, Token: &token}, acme.ID, 2, a.SHA256, "acceptance_needs_person"},
			"the operator":             {enginetest.Operator, acme.ID, 2, a.SHA256, "acceptance_needs_person"},
			"the operator as an admin": {b.Member(privacyd.RoleAdmin, acme), acme.ID, 2, a.SHA256, "acceptance_needs_person"},
			"an agent program":         {agent, acme.ID, 2, a.SHA256, "acceptance_needs_person"},
			"an old version":           {admin, acme.ID, 1, old.SHA256, "agreement_changed"},
			"another text":             {admin, acme.ID, 2, old.SHA256, "agreement_changed"},
			"no version":               {admin, acme.ID, 3, a.SHA256, "agreement_not_found"},
		} {
			if _, err := b.AcceptAgreement(ctx, c.caller, c.workspace, c.version, c.sha256); privacyd.CodeOf(err) != c.code {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, change := range []string{`UPDATE agreements SET body = 'three' WHERE version = 2`, `DELETE FROM agreements WHERE version = 1`} {
			if _, err := b.DB.Exec(ctx, change); err == nil {
				t.Errorf("%s: done", change)
			}
		}
	})
}

// TestAcceptanceOfSomebodyErased: the contract stays on record, the person does
// not, and both are in exports meanwhile.
func TestAcceptanceOfSomebodyErased(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx, acme := t.Context(), b.NewWorkspace("acme")
		jo := newAdmin(t, b, acme, "jo@example.com", "Jo Doe")
		a, err := b.PublishAgreement(ctx, enginetest.Operator, "one")
		b.Must(err)
		_, err = b.AcceptAgreement(ctx, jo, acme.ID, 1, a.SHA256)
		b.Must(err)
		n := controller()
		n.Officer = privacyd.Contact{Name: "Jo Doe", Email: jo.Email}
		_, err = b.SetLegalNotice(ctx, jo, acme.ID, n)
		b.Must(err)
		own := ownArchive(t, b, jo)
		if got := strings.Join(texts(t, own, "agreement_signatures"), ""); !strings.Contains(got, "Jo Doe") {
			t.Errorf("the account's own export has %q", got)
		}
		job := b.Export(b.Member(privacyd.RoleAdmin, acme), engine.NewJob{Workspace: acme.ID, Type: privacyd.JobDataExport})
		whole := b.OpenArchive(b.Member(privacyd.RoleAdmin, acme), acme.ID, job.ID)
		if got := strings.Join(append(texts(t, whole, "agreement_acceptances"), texts(t, whole, "legal_contacts")...), ""); !strings.Contains(got, a.SHA256) || !strings.Contains(got, "Acme GmbH") {
			t.Errorf("the workspace's export has %q", got)
		}
		leave(t, b, jo)
		agreed, err := b.AgreedOf(ctx, b.Member(privacyd.RoleAdmin, acme), acme.ID)
		b.Must(err)
		if len(agreed.Acceptances) != 1 || agreed.Acceptances[0].By != "deleted-account" || agreed.Acceptances[0].Name != "" || agreed.Waiting() {
			t.Errorf("agreed %+v", agreed)
		}
		left, err := b.LegalNotice(ctx, b.Member(privacyd.RoleAdmin, acme), acme.ID)
		b.Must(err)
		if !left.Officer.Empty() || left.Contact.Name != "Acme GmbH" {
			t.Errorf("left %+v", left)
		}
	})
}

// TestLegalOfAWorkspaceErased: nothing of it is left but the entries of the
// audit log, and strangers find no page.
func TestLegalOfAWorkspaceErased(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx, acme := t.Context(), b.NewWorkspace("acme")
		a, err := b.PublishAgreement(ctx, enginetest.Operator, "one")
		b.Must(err)
		_, err = b.AcceptAgreement(ctx, inPerson(b, privacyd.RoleAdmin, acme), acme.ID, 1, a.SHA256)
		b.Must(err)
		n := controller()
		n.Published = true
		_, err = b.SetLegalNotice(ctx, b.Member(privacyd.RoleAdmin, acme), acme.ID, n)
		b.Must(err)
		confirmed(t, b, engine.NewJob{Workspace: acme.ID, Type: privacyd.JobWorkspaceDeletion})
		b.Pass(31 * privacyd.Day)
		b.Run()
		_, _, err = b.PublicNotice(ctx, "acme")
		b.WantCode(err, "page_not_found")
		for _, table := range []string{"legal_contacts", "agreement_acceptances", "agreement_signatures"} {
			var rows int
			b.Must(b.DB.QueryRow(ctx, "SELECT count(*) FROM "+table).Scan(&rows))
			if rows != 0 {
				t.Errorf("%s has %d rows", table, rows)
			}
		}
		if last := entriesOf(t, b, acme.ID, "agreement.accept")[0]; last.Facts["version"] != 1 {
			t.Errorf("the log has %+v", last)
		}
	})
}

func newAdmin(t *testing.T, b *enginetest.Bench, w privacyd.Workspace, email, name string) privacyd.Caller {
	t.Helper()
	_, err := b.CreateAccount(t.Context(), enginetest.Operator, engine.NewAccount{Email: email, Name: name, Password: aPassword})
	b.Must(err)
	_, err = b.AddMember(t.Context(), enginetest.Operator, w.ID, email, privacyd.RoleAdmin)
	b.Must(err)
	c, err := b.As(t.Context(), enginetest.Operator, email)
	b.Must(err)
	c.Operator, c.Door, c.IP = "", privacyd.DoorWeb, "192.0.2.9"
	return c
}
