package store_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/auditlog/auditlogtest"
	"github.com/privacyd/privacyd/store"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

var at = time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)

const auditID = "entry"

// each runs a test on both databases, with one audit entry to refer to.
func each(t *testing.T, fn func(t *testing.T, s *store.Store)) {
	t.Helper()
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := migrated(t, db)
		e := auditlog.Entry{ID: auditID, At: at, Action: "test.done", Outcome: "done", Leaf: []byte("{}")}
		if err := s.Insert(t.Context(), e, nil); err != nil {
			t.Fatal(err)
		}
		fn(t, s)
	})
}

func migrated(t *testing.T, db *sqldb.DB) *store.Store {
	t.Helper()
	if err := store.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	return store.New(db)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	if privacyd.CodeOf(err) != code {
		t.Fatalf("error %v has code %q, want %q", err, privacyd.CodeOf(err), code)
	}
}

func workspace(t *testing.T, s *store.Store, slug string) privacyd.Workspace {
	t.Helper()
	w := privacyd.Workspace{ID: "id-" + slug, Slug: slug, Name: "Name of " + slug, DatasetKeys: map[string]string{"app": "key-" + slug}, CreatedAt: at}
	must(t, s.InsertWorkspace(t.Context(), w, auditID))
	return w
}

func account(t *testing.T, s *store.Store, email string) privacyd.Account {
	t.Helper()
	a := privacyd.Account{ID: "id-" + email, Email: email, Name: "Zoë", Invited: true, CreatedAt: at}
	must(t, s.InsertAccount(t.Context(), a, "hash", auditID))
	return a
}

func TestAccounts(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		a := account(t, s, "a@example.com")
		got, hash, err := s.AccountByEmail(t.Context(), "a@example.com")
		must(t, err)
		if diff := cmp.Diff(a, got); diff != "" || hash != "hash" {
			t.Error(diff, hash)
		}
		got, err = s.Account(t.Context(), a.ID)
		must(t, err)
		if diff := cmp.Diff(a, got); diff != "" {
			t.Error(diff)
		}
		wantCode(t, s.InsertAccount(t.Context(), privacyd.Account{ID: "other", Email: a.Email}, "", auditID), "account_exists")
		_, err = s.Account(t.Context(), "none")
		wantCode(t, err, "account_not_found")
		must(t, s.AdoptAccount(t.Context(), a.ID, "New", "new hash", auditID))
		if got, hash, _ = s.AccountByEmail(t.Context(), a.Email); got.Name != "New" || hash != "new hash" {
			t.Error(got, hash)
		}
	})
}

func TestNothingCommitsUnaudited(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		err := s.InsertAccount(t.Context(), privacyd.Account{ID: "x", Email: "x@example.com"}, "", "no such entry")
		if err == nil {
			t.Fatal("an account was made without an audit entry")
		}
	})
}

func TestWorkspacesAndMembers(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		w, other := workspace(t, s, "acme"), workspace(t, s, "beta")
		for _, ref := range []string{w.ID, w.Slug} {
			got, err := s.Workspace(t.Context(), ref)
			must(t, err)
			if diff := cmp.Diff(w, got); diff != "" {
				t.Error(diff)
			}
		}
		wantCode(t, s.InsertWorkspace(t.Context(), privacyd.Workspace{ID: "x", Slug: "acme"}, auditID), "workspace_exists")
		a := account(t, s, "a@example.com")
		must(t, s.InsertMember(t.Context(), privacyd.Member{WorkspaceID: w.ID, AccountID: a.ID, Role: privacyd.RoleAgent, CreatedAt: at}, auditID))
		role, err := s.MemberRole(t.Context(), w.ID, a.ID)
		must(t, err)
		if role != privacyd.RoleAgent {
			t.Errorf("role %q", role)
		}
		_, err = s.MemberRole(t.Context(), other.ID, a.ID)
		wantCode(t, err, "workspace_not_found")
		mine, err := s.Workspaces(t.Context(), a.ID)
		must(t, err)
		all, err := s.Workspaces(t.Context(), "")
		must(t, err)
		if len(mine) != 1 || mine[0].ID != w.ID || len(all) != 2 {
			t.Errorf("mine %v, all %v", mine, all)
		}
	})
}

func TestDatasetKeyTaken(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		workspace(t, s, "acme")
		err := s.InTx(t.Context(), func(ctx context.Context) error {
			return s.InsertWorkspace(ctx, privacyd.Workspace{ID: "x", Slug: "x", DatasetKeys: map[string]string{"app": "key-acme"}}, auditID)
		})
		wantCode(t, err, "dataset_key_taken")
		_, err = s.Workspace(t.Context(), "x")
		wantCode(t, err, "workspace_not_found")
		known, err := s.WorkspaceByDatasetKey(t.Context(), "app", "key-acme")
		must(t, err)
		if !known {
			t.Error("the key is not known")
		}
	})
}

func TestSessionsLinksTokens(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		a, w := account(t, s, "a@example.com"), workspace(t, s, "acme")
		session := privacyd.Session{ID: "s", AccountID: a.ID, CreatedAt: at, SeenAt: at, ExpiresAt: at.Add(time.Hour)}
		must(t, s.InsertSession(ctx, session, []byte{1}, []byte("sealed"), auditID))
		got, err := s.Session(ctx, []byte{1}, at)
		must(t, err)
		if diff := cmp.Diff(session, got); diff != "" {
			t.Error(diff)
		}
		_, err = s.Session(ctx, []byte{1}, session.ExpiresAt)
		wantCode(t, err, "session_unknown")
		for _, there := range []bool{true, false} {
			ended, err := s.DeleteOwnSession(ctx, a.ID, "s")
			must(t, err)
			if ended != there {
				t.Errorf("ended: %v, want %v", ended, there)
			}
		}
		_, err = s.Session(ctx, []byte{1}, at)
		wantCode(t, err, "session_unknown")

		must(t, s.InsertSignInLink(ctx, []byte{2}, a.ID, at.Add(time.Hour), auditID))
		take := func() (id string, err error) {
			return id, s.InTx(ctx, func(ctx context.Context) error {
				id, err = s.TakeSignInLink(ctx, []byte{2}, at)
				return err
			})
		}
		if id, err := take(); err != nil || id != a.ID {
			t.Error(id, err)
		}
		_, err = take()
		wantCode(t, err, "sign_in_link_invalid")

		token := privacyd.Token{ID: "t", WorkspaceID: w.ID, Label: "ci", Scopes: []privacyd.Action{"records.write"}, CreatedAt: at, CreatedBy: "operator"}
		must(t, s.InsertToken(ctx, token, []byte{3}, auditID))
		known, err := s.Token(ctx, []byte{3})
		must(t, err)
		if diff := cmp.Diff(token, known); diff != "" {
			t.Error(diff)
		}
		_, err = s.Token(ctx, []byte{4})
		wantCode(t, err, "token_unknown")
		labels, err := s.TokenLabels(ctx, token.WorkspaceID, []string{token.ID, "none"})
		must(t, err)
		if diff := cmp.Diff(map[string]string{token.ID: token.Label}, labels); diff != "" {
			t.Error(diff)
		}
		if labels, err = s.TokenLabels(ctx, "another", []string{token.ID}); err != nil || len(labels) > 0 {
			t.Errorf("another workspace has the tokens %v: %v", labels, err)
		}
	})
}

func TestJobs(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		w := workspace(t, s, "acme")
		later := at.Add(time.Hour)
		job := &privacyd.Job{
			ID: "01", WorkspaceID: w.ID, Type: privacyd.JobSubjectExport, State: privacyd.JobQueued, Format: privacyd.FormatJSON,
			Subject: &privacyd.Subject{Kind: "contact", ID: "c"}, RequestedBy: "operator", IdempotencyKey: "once",
			Progress: privacyd.Progress{Unit: "records"}, CreatedAt: at, ExecuteAfter: &later,
		}
		must(t, s.InsertJob(ctx, job, auditID))
		job.IdempotencyKey = "" // it is kept apart
		must(t, s.InsertJobKey(ctx, w.ID, []byte("hash"), job.ID, at))
		job.State, job.StartedAt, job.EndedAt, job.ExpiresAt, job.Runs = privacyd.JobCompleted, &at, &later, &later, 2
		job.Result = &privacyd.JobResult{Records: map[string]int64{"contacts": 3}, Bytes: 9}
		must(t, s.UpdateJob(ctx, job, auditID))
		got, err := s.Job(ctx, job.ID)
		must(t, err)
		if diff := cmp.Diff(job, got); diff != "" {
			t.Error(diff)
		}
		same, err := s.JobByKey(ctx, w.ID, []byte("hash"))
		must(t, err)
		if same == nil || same.ID != job.ID {
			t.Error("not found by its key")
		}
	})
}

func TestPendingAndQueuedJobs(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		w := workspace(t, s, "acme")
		insert := func(id string, state privacyd.JobState, f privacyd.Format) *privacyd.Job {
			j := &privacyd.Job{ID: id, WorkspaceID: w.ID, Type: privacyd.JobDataExport, State: state, Format: f, CreatedAt: at}
			must(t, s.InsertJob(ctx, j, auditID))
			return j
		}
		insert("01", privacyd.JobCompleted, privacyd.FormatJSON)
		running := insert("02", privacyd.JobRunning, privacyd.FormatJSON)
		insert("03", privacyd.JobQueued, privacyd.FormatCSV)
		insert("04", privacyd.JobQueued, privacyd.FormatCSV)
		pending, err := s.PendingJob(ctx, running)
		must(t, err)
		n, err := s.RunningJobs(ctx, w.ID, privacyd.JobDataExport, "03")
		must(t, err)
		if pending.ID != "02" || n != 1 {
			t.Errorf("pending %s, running %d", pending.ID, n)
		}
		page, err := s.Jobs(ctx, w.ID, "04", 2)
		must(t, err)
		if len(page) != 2 || page[0].ID != "03" || page[1].ID != "02" {
			t.Errorf("page %v", page)
		}
		must(t, s.UpdateJobProgress(ctx, "02", privacyd.Progress{Done: 5, Total: 9, Bytes: 7}))
		got, err := s.Job(ctx, "02")
		must(t, err)
		if diff := cmp.Diff(privacyd.Progress{Done: 5, Total: 9, Bytes: 7}, got.Progress, cmpopts.IgnoreFields(privacyd.Progress{}, "Unit")); diff != "" {
			t.Error(diff)
		}
	})
}

func TestExportFiles(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		w := workspace(t, s, "acme")
		must(t, s.InsertJob(ctx, &privacyd.Job{ID: "01", WorkspaceID: w.ID, CreatedAt: at}, auditID))
		f := privacyd.ExportFile{JobID: "01", WorkspaceID: w.ID, BlobKey: "k", Name: "n", Size: 1 << 40, SHA256: "ab", CreatedAt: at, ExpiresAt: at.Add(time.Hour)}
		must(t, s.InsertExportFile(ctx, f, auditID))
		got, err := s.ExportFile(ctx, "01")
		must(t, err)
		if diff := cmp.Diff(f, got); diff != "" {
			t.Error(diff)
		}
		for when, want := range map[time.Time]int{at: 0, f.ExpiresAt: 1} {
			overdue, err := s.ExpiredExports(ctx, when)
			must(t, err)
			if len(overdue) != want {
				t.Errorf("%d overdue at %s", len(overdue), when)
			}
		}
		must(t, s.DeleteExportFile(ctx, "01"))
		_, err = s.ExportFile(ctx, "01")
		wantCode(t, err, "export_not_found")
	})
}

func TestAuditEntries(t *testing.T) {
	for name, open := range map[string]func(testing.TB) *sqldb.DB{"sqlite": sqldbtest.SQLite, "postgres": sqldbtest.Postgres} {
		t.Run(name, func(t *testing.T) {
			auditlogtest.Run(t, func(t *testing.T) auditlog.Entries { return migrated(t, open(t)) })
		})
	}
}

func TestInTxRollsBack(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		boom := errors.New("boom")
		err := s.InTx(t.Context(), func(ctx context.Context) error {
			must(t, s.InsertWorkspace(ctx, privacyd.Workspace{ID: "w", Slug: "w", CreatedAt: at}, auditID))
			must(t, s.LockWorkspace(ctx, "w"))
			return boom
		})
		if !errors.Is(err, boom) {
			t.Fatal(err)
		}
		_, err = s.Workspace(t.Context(), "w")
		wantCode(t, err, "workspace_not_found")
	})
}

func TestCheckKeys(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		must(t, s.CheckKeys(t.Context(), []byte("right"), true))
		must(t, s.CheckKeys(t.Context(), []byte("right"), false))
		wantCode(t, s.CheckKeys(t.Context(), []byte("wrong"), false), "key_wrong")
		wantCode(t, s.CheckKeys(t.Context(), []byte("right"), true), "key_missing")
	})
}

func TestCheckSigner(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		must(t, s.CheckSigner(t.Context(), publicKey()))
		must(t, s.CheckSigner(t.Context(), publicKey()))
		other, _, err := ed25519.GenerateKey(nil)
		must(t, err)
		wantCode(t, s.CheckSigner(t.Context(), other), "key_missing")
		must(t, s.CheckSigner(t.Context(), publicKey()))
	})
}
