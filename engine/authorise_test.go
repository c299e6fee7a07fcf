package engine_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

// attempts are all that a caller can try in a workspace.
func attempts(b *enginetest.Bench, w privacyd.Workspace, jobID string) map[privacyd.Action]func(c privacyd.Caller) error {
	ctx, contact := b.Context(), &privacyd.Subject{Kind: "contact", ID: "c-001"}
	create := func(c privacyd.Caller, r engine.NewJob) error {
		r.Workspace = w.ID
		_, _, err := b.CreateJob(ctx, c, r)
		return err
	}
	return map[privacyd.Action]func(c privacyd.Caller) error{
		privacyd.ActionExportWorkspace: func(c privacyd.Caller) error { return create(c, engine.NewJob{Type: privacyd.JobDataExport}) },
		privacyd.ActionExportSubject: func(c privacyd.Caller) error {
			return create(c, engine.NewJob{Type: privacyd.JobSubjectExport, Subject: contact})
		},
		privacyd.ActionDownload: func(c privacyd.Caller) error { _, err := b.DownloadLink(ctx, c, w.ID, jobID); return err },
		privacyd.ActionReadRecords: func(c privacyd.Caller) error {
			_, err := b.GetRecord(ctx, c, w.ID, "contacts", "c-001")
			return err
		},
		privacyd.ActionWriteRecords: func(c privacyd.Caller) error {
			_, err := b.PutRecord(ctx, c, w.ID, "contacts", "c-new", []byte(`{"name":"New"}`))
			return err
		},
		privacyd.ActionImport: func(c privacyd.Caller) error {
			_, err := b.Import(ctx, c, w.ID, engine.ImportSource{Body: bytes.NewReader([]byte(`{"collection":"contacts","record":{"id":"c-imp"}}`))})
			return err
		},
		privacyd.ActionReadJobs:  func(c privacyd.Caller) error { _, err := b.ListJobs(ctx, c, w.ID, "", 0); return err },
		privacyd.ActionReadAudit: func(c privacyd.Caller) error { _, err := b.ListAudit(ctx, c, w.ID, privacyd.AuditFilter{}); return err },
		privacyd.ActionWriteAudit: func(c privacyd.Caller) error {
			_, err := b.RecordActions(ctx, c, w.ID, engine.NewActions{Entries: []engine.ProductAction{send(b)}})
			return err
		},
		privacyd.ActionReadWorkspace: func(c privacyd.Caller) error { _, _, err := b.Engine.Workspace(ctx, c, w.ID); return err },
		privacyd.ActionManageMembers: func(c privacyd.Caller) error {
			_, err := b.AddMember(ctx, c, w.ID, "nobody@example.com", privacyd.RoleAgent)
			if privacyd.CodeOf(err) == "account_not_found" {
				return nil
			}
			return err
		},
		privacyd.ActionManageTokens: func(c privacyd.Caller) error {
			_, _, err := b.CreateToken(ctx, c, w.ID, "label", []privacyd.Action{privacyd.ActionReadRecords})
			return err
		},
	}
}

// TestRoles tries everything as everybody: what the table of roles allows
// works, all else is refused and the refusal is in the audit log.
func TestRoles(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		job := b.Export(enginetest.Operator, engine.NewJob{
			Workspace: w.ID, Type: privacyd.JobSubjectExport, Subject: &privacyd.Subject{Kind: "contact", ID: "c-001"},
		})
		for _, role := range []privacyd.Role{privacyd.RoleAdmin, privacyd.RoleAgent, privacyd.RoleAuditor} {
			c := b.Member(role, w)
			for action, try := range attempts(b, w, job.ID) {
				err := try(c)
				if role.May(action) {
					b.Must(err)
					continue
				}
				if privacyd.CodeOf(err) != "role_missing" {
					t.Errorf("%s may %s: %v", role, action, err)
				}
				if log := b.Audited(w.ID); log[len(log)-1] != string(action)+" denied" {
					t.Errorf("%s was refused %s and the log's last entry is %q", role, action, log[len(log)-1])
				}
			}
		}
	})
}

func TestForeignWorkspaceIsNotThere(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		mine, other := b.NewWorkspace("mine"), b.NewWorkspace("other")
		job := b.Export(enginetest.Operator, engine.NewJob{Workspace: other.ID, Type: privacyd.JobDataExport})
		admin := b.Member(privacyd.RoleAdmin, mine)
		for action, try := range attempts(b, other, job.ID) {
			if err := try(admin); privacyd.CodeOf(err) != "workspace_not_found" {
				t.Errorf("%s in a foreign workspace: %v", action, err)
			}
		}
		_, err := b.GetJob(t.Context(), admin, mine.ID, job.ID)
		b.WantCode(err, "job_not_found")
		_, err = b.DownloadLink(t.Context(), admin, mine.ID, job.ID)
		b.WantCode(err, "job_not_found")
		_, err = b.CancelJob(t.Context(), admin, mine.ID, job.ID)
		b.WantCode(err, "job_not_found")
		for _, line := range b.Audited(mine.ID) {
			if strings.Contains(line, "denied") {
				return
			}
		}
		if !slices.ContainsFunc(b.Audited(""), func(s string) bool { return strings.HasSuffix(s, " denied") }) {
			t.Error("no refusal is in the instance's log")
		}
	})
}

func TestTokens(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w, other := b.NewWorkspace("acme"), b.NewWorkspace("other")
		_, secret, err := b.CreateToken(t.Context(), b.Member(privacyd.RoleAdmin, w), w.ID, "ci", []privacyd.Action{privacyd.ActionReadRecords})
		b.Must(err)
		c, err := b.Authenticate(t.Context(), secret)
		b.Must(err)
		_, err = b.GetRecord(t.Context(), c, w.ID, "contacts", "c-001")
		b.Must(err)
		_, _, err = b.CreateJob(t.Context(), c, engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport})
		b.WantCode(err, "scope_missing")
		_, err = b.GetRecord(t.Context(), c, other.ID, "contacts", "c-001")
		b.WantCode(err, "workspace_not_found")
		_, err = b.Authenticate(t.Context(), secret+"x")
		b.WantCode(err, "token_unknown")
		_, _, err = b.CreateToken(t.Context(), enginetest.Operator, w.ID, "ci", []privacyd.Action{"everything"})
		b.WantCode(err, "scope_unknown")
	})
}

func TestRequestedBy(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w, other := b.NewWorkspace("acme"), b.NewWorkspace("other")
		admin, agent := b.Member(privacyd.RoleAdmin, w), b.Member(privacyd.RoleAgent, w)
		contact := &privacyd.Subject{Kind: "contact", ID: "c-001"}
		ask := func(c privacyd.Caller, by string) error {
			_, _, err := b.CreateJob(t.Context(), c, engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectExport, Subject: contact, RequestedBy: by})
			return err
		}
		b.Must(ask(agent, agent.Email))
		b.Must(ask(admin, agent.Email))
		b.WantCode(ask(agent, admin.Email), "requester_invalid")
		b.WantCode(ask(admin, b.Member(privacyd.RoleAdmin, other).Email), "requester_invalid")
		b.WantCode(ask(admin, "not an address"), "requester_invalid")
	})
}

func TestSigningIn(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx, anybody := t.Context(), privacyd.Caller{IP: "192.0.2.1", Door: privacyd.DoorWeb}
		long := strings.Repeat("correct horse ", 20) // more than the 72 bytes that bcrypt reads
		_, err := b.CreateAccount(ctx, enginetest.Operator, engine.NewAccount{Email: "A@Example.com ", Name: "A", Password: long})
		b.Must(err)
		in, err := b.SignIn(ctx, anybody, "a@example.com", long)
		b.Must(err)
		c, err := b.Authenticate(ctx, in.Secret)
		b.Must(err)
		if c.Email != "a@example.com" || c.Kind != privacyd.CallerAccount {
			t.Errorf("signed in as %+v", c)
		}
		for _, wrong := range []string{long + "x", long[:72], ""} {
			_, err = b.SignIn(ctx, anybody, "a@example.com", wrong)
			b.WantCode(err, "sign_in_failed")
		}
		_, err = b.SignIn(ctx, anybody, "nobody@example.com", long)
		b.WantCode(err, "sign_in_failed")
		b.Must(b.SignOut(ctx, c))
		_, err = b.Authenticate(ctx, in.Secret)
		b.WantCode(err, "session_unknown")
	})
}

// TestPasswordsAreHashed looks at what is stored of a password: a bcrypt hash,
// each time another.
func TestPasswordsAreHashed(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		const password = "correct horse battery"
		hashes := map[string]bool{}
		for _, email := range []string{"a@example.com", "b@example.com"} {
			_, err := b.CreateAccount(t.Context(), enginetest.Operator, engine.NewAccount{Email: email, Name: "A", Password: password})
			b.Must(err)
			var stored string
			b.Must(b.DB.QueryRow(t.Context(), "SELECT password_hash FROM accounts WHERE email = $1", email).Scan(&stored))
			if _, err := bcrypt.Cost([]byte(stored)); err != nil || hashes[stored] {
				t.Errorf("%q is stored, %v", stored, err)
			}
			hashes[stored] = true
		}
	})
}

func TestSignInLinks(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx, anybody := t.Context(), privacyd.Caller{Door: privacyd.DoorWeb}
		w := b.NewWorkspace("acme")
		email := b.Member(privacyd.RoleAdmin, w).Email
		link, err := b.CreateSignInLink(ctx, enginetest.Operator, email)
		b.Must(err)
		in, err := b.RedeemSignInLink(ctx, anybody, link)
		b.Must(err)
		_, err = b.RedeemSignInLink(ctx, anybody, link)
		b.WantCode(err, "sign_in_link_invalid")
		late, err := b.CreateSignInLink(ctx, enginetest.Operator, email)
		b.Must(err)
		b.Pass(2 * time.Hour)
		_, err = b.RedeemSignInLink(ctx, anybody, late)
		b.WantCode(err, "sign_in_link_invalid")
		b.Pass(31 * 24 * time.Hour)
		_, err = b.Authenticate(ctx, in.Secret)
		b.WantCode(err, "session_unknown")
		_, err = b.CreateSignInLink(ctx, b.Member(privacyd.RoleAdmin, w), email)
		b.WantCode(err, "operator_only")
	})
}

func TestNobodyIsRefused(t *testing.T) {
	b := enginetest.NewSQLite(t)
	w := b.NewWorkspace("acme")
	for action, try := range attempts(b, w, "none") {
		if err := try(privacyd.Caller{}); privacyd.CodeOf(err) != "not_signed_in" {
			t.Errorf("nobody may %s: %v", action, err)
		}
	}
}

// TestAuditLogKeepsPeopleOut looks for what is personal in the plain rows.
func TestAuditLogKeepsPeopleOut(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		admin := b.Member(privacyd.RoleAdmin, w)
		b.Export(admin, engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectExport, Subject: &privacyd.Subject{Kind: "contact", ID: "c-001"}})
		rows, err := b.DB.Query(t.Context(), `SELECT leaf FROM audit_entries UNION ALL SELECT sealed FROM audit_disclosures`)
		b.Must(err)
		defer rows.Close() //nolint:errcheck // a test's
		for rows.Next() {
			var raw []byte
			b.Must(rows.Scan(&raw))
			for _, personal := range []string{admin.Email, admin.Name, admin.IP, admin.AccountID, "c-001"} {
				if bytes.Contains(raw, []byte(personal)) {
					t.Errorf("%q stands readable in the audit log", personal)
				}
			}
		}
		b.Must(rows.Err())
	})
}
