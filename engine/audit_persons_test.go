package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

// acted writes a product's entries into a workspace's log.
func acted(t *testing.T, b *enginetest.Bench, w privacyd.Workspace, entries ...engine.ProductAction) {
	t.Helper()
	_, err := b.RecordActions(t.Context(), enginetest.Operator, w.ID, engine.NewActions{Entries: entries})
	b.Must(err)
}

// wantInLog looks for texts in what can be read of a log.
func wantInLog(t *testing.T, b *enginetest.Bench, w privacyd.Workspace, there bool, texts ...string) {
	t.Helper()
	var log strings.Builder
	for o, err := range b.Audit.List(t.Context(), auditlog.Query{Log: w.ID}) {
		b.Must(err)
		claims, err := json.Marshal(o.Private)
		b.Must(err)
		log.Write(claims)
	}
	for _, text := range texts {
		if strings.Contains(log.String(), text) != there {
			t.Errorf("%q can be read in the log: %v", text, !there)
		}
	}
}

func after(value string) map[string]engine.ProductChange {
	return map[string]engine.ProductChange{"note": {After: json.RawMessage(value)}}
}

// TestAccountIsGoneFromProductsEntries deletes an account whom a product knows by
// an id of its own: by the e-mail address everything is found, in all
// workspaces.
func TestAccountIsGoneFromProductsEntries(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w, other := b.NewWorkspace("acme"), b.NewWorkspace("globex")
		uwe := withPassword(t, b, w, "uwe@example.com")
		full := engine.ProductActor{Kind: "account", ID: "u-7", Name: "Uwe Vogel", Email: "Uwe@Example.com", IP: "192.0.2.77"}
		for _, in := range []privacyd.Workspace{w, other} {
			acted(t, b, in,
				engine.ProductAction{Action: "invoice.send", Actor: full},
				engine.ProductAction{Action: "invoice.read", Actor: engine.ProductActor{Kind: "account", ID: "u-7", IP: "192.0.2.78"}},
				engine.ProductAction{Action: "invoice.read", Actor: engine.ProductActor{Kind: "account", ID: uwe.AccountID, IP: "192.0.2.79"}},
				engine.ProductAction{Action: "ticket.move", Actor: engine.ProductActor{Kind: "system", Name: "for UWE@example.com"}, Changes: after(`["to", "uwe@example.com."]`)},
				engine.ProductAction{Action: "ticket.move", Actor: engine.ProductActor{Kind: "account", ID: "u-8", Name: "Vera"}, Changes: after(`"to nobody"`)},
			)
		}
		leave(t, b, uwe)
		for _, in := range []privacyd.Workspace{w, other} {
			wantInLog(t, b, in, false, "Uwe", "uwe@", "UWE", "u-7", "192.0.2.77", "192.0.2.78", "192.0.2.79")
			wantInLog(t, b, in, true, "Vera", "u-8", "to nobody")
		}
		acted(t, b, w, engine.ProductAction{Action: "invoice.send", Actor: full}) // it came late
		wantInLog(t, b, w, false, "Uwe", "192.0.2.77")
		if r := verifiedLog(t, b, w); !r.OK {
			t.Errorf("the log: %+v", r.Found)
		}
	})
}

func verifiedLog(t *testing.T, b *enginetest.Bench, w privacyd.Workspace) engine.AuditVerified {
	t.Helper()
	r, err := b.VerifyAudit(t.Context(), enginetest.Operator, w.ID)
	b.Must(err)
	return r
}

// TestContactIsGoneFromProductsEntries erases a contact from one workspace: what
// names them by address or in a field that says so goes, and nobody else's.
func TestContactIsGoneFromProductsEntries(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w, other := b.NewWorkspace("acme"), b.NewWorkspace("globex")
		for _, in := range []privacyd.Workspace{w, other} {
			_, err := b.PutRecord(t.Context(), enginetest.Operator, in.ID, "contacts", "c-900",
				[]byte(`{"name": "Cleo Wolf", "email": "cleo@contacts.example", "identities": [{"kind": "crm", "value": "crm-55555"}]}`))
			b.Must(err)
			system, staff := engine.ProductActor{Kind: "system"}, engine.ProductActor{Kind: "account", ID: "u-9", Name: "Staff", Email: "cleo@contacts.example"}
			acted(t, b, in,
				engine.ProductAction{Action: "note.write", Actor: system, Target: engine.ProductTarget{Type: "note", ID: "n-1", Name: "To Cleo@contacts.example"}},
				engine.ProductAction{Action: "note.write", Actor: system, Changes: after(`{"who": ["Cleo <cleo@contacts.example>"]}`)},
				engine.ProductAction{Action: "note.write", Actor: system, Changes: map[string]engine.ProductChange{"contact_id": {Before: json.RawMessage(`"c-900"`)}}},
				engine.ProductAction{Action: "chat.open", Actor: engine.ProductActor{Kind: "contact", ID: "crm-55555", Name: "C. Wolf"}},
				engine.ProductAction{Action: "chat.open", Actor: engine.ProductActor{Kind: "contact", ID: "shop-1", Name: "Wolf, C.", Email: "CLEO@contacts.example"}},
				engine.ProductAction{Action: "chat.shut", Actor: staff, Changes: after(`"plain words"`)},
			)
		}
		confirmed(t, b, engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: aContact("c-900")})
		wantInLog(t, b, w, false, "c-900", "Cleo", "crm-55555", "Wolf", "shop-1")
		wantInLog(t, b, w, true, "plain words", "Staff") // who acts for the workspace is not its admins' to erase
		wantInLog(t, b, other, true, "c-900", "To Cleo@contacts.example", "crm-55555", "Wolf, C.", "shop-1")
	})
}

// TestTheSameIDInTwoDatasets deletes an account whom two datasets know by
// different ids; the id that one of them has for it is somebody else's in the
// other.
func TestTheSameIDInTwoDatasets(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		b = enginetest.NewProduct(t, b.DB)
		b.Product.Exec("INSERT INTO orgs VALUES ('o1', 'Org')")
		b.Product.Hire("o1", "42", "ann@example.com")
		b.Product.Hire("o1", "17", "bob@example.com")
		b.AddSales("f1", map[string]string{"17": "ann@example.com", "42": "bob@example.com"})
		w := b.NewWorkspace("acme")
		for dataset, key := range map[string]string{"app": "o1", "sales": "f1"} {
			b.Must(b.Workspaces.SetDatasetKey(t.Context(), w.ID, dataset, key))
		}
		act := func(dataset, id, name string) engine.ProductAction {
			return engine.ProductAction{Action: "deal.close", Dataset: dataset, Actor: engine.ProductActor{Kind: "account", ID: id, Name: name}}
		}
		_, err := b.RecordActions(t.Context(), enginetest.Operator, w.ID, engine.NewActions{Entries: []engine.ProductAction{act("", "42", "?"), act("x", "42", "?")}})
		if text, _ := json.Marshal(engineProblems(err)); !bytes.Contains(text, []byte("dataset_missing")) || !bytes.Contains(text, []byte("dataset_unknown")) {
			t.Errorf("whose id it is was not said: %v %s", err, text)
		}
		acted(t, b, w, act("app", "42", "Ann in app"), act("sales", "17", "Ann in sales"), act("app", "17", "Bob in app"), act("sales", "42", "Bob in sales"))
		leave(t, b, withPassword(t, b, w, "ann@example.com"))
		wantInLog(t, b, w, false, "Ann in")
		wantInLog(t, b, w, true, "Bob in app", "Bob in sales")
	})
}

// TestNamesakesStayInProductsEntries erases one of two contacts with the same
// e-mail address.
func TestNamesakesStayInProductsEntries(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		for _, id := range []string{"c-901", "c-902"} {
			_, err := b.PutRecord(t.Context(), enginetest.Operator, w.ID, "contacts", id, []byte(`{"name": "One of two", "email": "both@contacts.example"}`))
			b.Must(err)
			acted(t, b, w, engine.ProductAction{
				Action: "chat.open", Actor: engine.ProductActor{Kind: "contact", ID: id, Name: "Called " + id, Email: "both@contacts.example"},
			})
		}
		confirmed(t, b, engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: aContact("c-901")})
		wantInLog(t, b, w, false, "Called c-901")
		wantInLog(t, b, w, true, "Called c-902")
	})
}

// TestAccountExportHasProductsEntries exports an account: what a product tells of
// it under an id of its own is there, and what it tells of others is not.
func TestAccountExportHasProductsEntries(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		uwe := withPassword(t, b, w, "uwe@example.com")
		vera := engine.ProductActor{Kind: "account", ID: "u-8", Name: "Vera"}
		acted(t, b, w,
			engine.ProductAction{Action: "first.sent", Actor: engine.ProductActor{Kind: "account", ID: "u-7", Email: "Uwe@example.com", IP: "192.0.2.77"}},
			engine.ProductAction{Action: "then.read", Actor: engine.ProductActor{Kind: "account", ID: "u-7"}},
			engine.ProductAction{Action: "was.seen", Actor: vera, Subject: &privacyd.Subject{Kind: "account", ID: uwe.AccountID}},
			engine.ProductAction{Action: "not.theirs", Actor: vera},
		)
		job, _, err := b.ExportAccount(t.Context(), uwe)
		b.Must(err)
		b.Run()
		link, err := b.AccountDownloadLink(t.Context(), uwe, job.ID)
		b.Must(err)
		d, err := b.OpenAccountDownload(t.Context(), uwe, link)
		b.Must(err)
		entries := strings.Join(texts(t, b.Read(d), "audit_entries"), "\n")
		for text, there := range map[string]bool{
			"app.first.sent": true, "192.0.2.77": true, "app.then.read": true, "app.was.seen": true, "app.not.theirs": false, "Vera": false,
		} {
			if strings.Contains(entries, text) != there {
				t.Errorf("%s is in the export: %v", text, !there)
			}
		}
	})
}

// TestTooManyPersons sends an entry that names more people than one may.
func TestTooManyPersons(t *testing.T) {
	b := enginetest.NewSQLite(t)
	w := b.NewWorkspace("acme")
	many := `"`
	for i := range 21 {
		many += string(rune('a'+i)) + "@example.com "
	}
	_, err := b.RecordActions(t.Context(), enginetest.Operator, w.ID, engine.NewActions{Entries: []engine.ProductAction{
		{Action: "list.send", Actor: engine.ProductActor{Kind: "system"}, Changes: after(many + `"`)},
	}})
	if p := engineProblems(err); len(p) != 1 || p[0].Code != "persons_too_many" {
		t.Errorf("%v %+v", err, p)
	}
}

func engineProblems(err error) (problems engine.EntryProblems) {
	errors.As(err, &problems)
	return problems
}

// TestForgetNamed has the operator forget somebody whom nothing but a product's
// entries names, and nobody else.
func TestForgetNamed(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx := t.Context()
		w, other := b.NewWorkspace("acme"), b.NewWorkspace("globex")
		for _, in := range []privacyd.Workspace{w, other} {
			acted(t, b, in,
				engine.ProductAction{Action: "invoice.send", Actor: engine.ProductActor{Kind: "account", ID: "u-7", Name: "Uwe", Email: "uwe@example.com"}},
				engine.ProductAction{Action: "invoice.send", Actor: engine.ProductActor{Kind: "account", ID: "u-8", Name: "Vera"}})
		}
		admin := b.Member(privacyd.RoleAdmin, w)
		uwe := engine.NamedPerson{Workspace: w.Slug, Kind: "account", ID: "u-7"}
		_, err := b.ForgetNamed(ctx, admin, uwe)
		b.WantCode(err, "operator_only")
		for code, p := range map[string]engine.NamedPerson{
			"subject_invalid": {Kind: "planet", ID: "x"}, "subject_exists": {Kind: "contact", ID: "c-001", Workspace: w.ID, Confirm: true},
		} {
			_, err := b.ForgetNamed(ctx, enginetest.Operator, p)
			b.WantCode(err, code)
		}
		_, err = b.ForgetNamed(ctx, enginetest.Operator, engine.NamedPerson{Email: strings.ToUpper(admin.Email), Confirm: true})
		b.WantCode(err, "subject_exists")
		looked, err := b.ForgetNamed(ctx, enginetest.Operator, uwe)
		b.Must(err)
		if looked != (engine.Forgotten{Found: 1}) {
			t.Errorf("looking found %+v", looked)
		}
		uwe.Confirm = true
		done, err := b.ForgetNamed(ctx, enginetest.Operator, uwe)
		b.Must(err)
		if done != (engine.Forgotten{Found: 1, Forgotten: true}) {
			t.Errorf("it came to %+v", done)
		}
		wantInLog(t, b, w, false, "Uwe", "u-7", "uwe@")
		wantInLog(t, b, other, true, "Uwe", "u-7")
		_, err = b.ForgetNamed(ctx, enginetest.Operator, engine.NamedPerson{Email: "Uwe@example.com", Confirm: true})
		b.Must(err)
		wantInLog(t, b, other, false, "Uwe", "u-7", "uwe@")
		for _, in := range []privacyd.Workspace{w, other} {
			wantInLog(t, b, in, true, "Vera")
			if r := verifiedLog(t, b, in); !r.OK {
				t.Errorf("%+v", r)
			}
		}
	})
}

// TestKnownIsForgottenLater has a forgetting wait for the database's own log to
// be cut: by what the person was known is forgotten when that is done.
func TestKnownIsForgottenLater(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx := t.Context()
		w := b.NewWorkspace("acme")
		acted(t, b, w, engine.ProductAction{Action: "invoice.send", Actor: engine.ProductActor{Kind: "account", ID: "u-7", Name: "Uwe", Email: "uwe@example.com"}})
		sequenced(t, b)
		known := func() (n int) {
			b.Must(b.DB.QueryRow(ctx, "SELECT count(*) FROM audit_known").Scan(&n))
			return n
		}
		if known() == 0 {
			t.Fatal("nobody is known")
		}
		whole := b.Erasures
		b.Engine.Erasures = uncut{whole}
		done, err := b.ForgetNamed(ctx, enginetest.Operator, engine.NamedPerson{Workspace: w.Slug, Kind: "account", ID: "u-7", Confirm: true})
		b.Must(err)
		if !done.Pending || done.Forgotten || known() == 0 {
			t.Fatalf("it came to %+v, and by what they are known is kept in %d rows", done, known())
		}
		b.Engine.Erasures = whole
		b.Pass(6 * time.Minute)
		b.Must(b.RunForgotten(ctx, "", &lease{}))
		if n := known(); n != 0 {
			t.Errorf("by what a forgotten person was known is kept in %d rows", n)
		}
	})
}

// uncut is a database whose own log somebody still reads.
type uncut struct{ engine.AuditErasures }

func (uncut) TruncateLog(context.Context) (bool, error) { return false, nil }
