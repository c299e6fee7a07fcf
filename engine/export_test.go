package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/archive"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

func count(t *testing.T, r *archive.Reader, collection string) (n int) {
	t.Helper()
	for _, err := range r.Records(collection) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

func TestWorkspaceExport(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w, other := b.NewWorkspace("acme"), b.NewWorkspace("beta")
		admin := b.Member(privacyd.RoleAdmin, w)
		job := b.Export(admin, engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport})
		if job.State != privacyd.JobCompleted {
			t.Fatalf("the job is %s: %s", job.State, job.ErrorMessage)
		}
		r := b.OpenArchive(admin, w.Slug, job.ID)
		for collection, want := range map[string]int{
			"workspaces": 1, "members": 3, "contacts": 40, "conversations": 80, "knowledge_sources": 3, "knowledge_chunks": 6,
			"flows": 1, "flow_runs": 8, "tickets": 6, "documents": 3, "comments": 8, "attachments": 4,
		} {
			if got := count(t, r, collection); got != want {
				t.Errorf("%d %s, want %d", got, collection, want)
			}
		}
		for record, err := range r.Records("members") {
			b.Must(err)
			if strings.Contains(string(record), other.ID) {
				t.Error("a member of another workspace is in the archive")
			}
		}
		want := []string{
			"workspace.create done", "member.add done", "member.add done", "member.add done", "records.import intent",
			"account.create done", "account.create done", "account.create done", "records.import done",
			"data_export.create done", "data_export.start done", "data_export.complete done", "export.download done",
		}
		if diff := cmp.Diff(want, b.Audited(w.ID)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestNoSecretsInExport(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		_, err := b.CreateAccount(t.Context(), enginetest.Operator, engine.NewAccount{Email: "x@example.com", Name: "X", Password: "a long enough password"})
		b.Must(err)
		_, err = b.AddMember(t.Context(), enginetest.Operator, w.ID, "x@example.com", privacyd.RoleAdmin)
		b.Must(err)
		job := b.Export(enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport})
		for record, err := range b.OpenArchive(enginetest.Operator, w.ID, job.ID).Records("accounts") {
			b.Must(err)
			if strings.Contains(string(record), "$2a$") || strings.Contains(string(record), "password") {
				t.Errorf("a secret is in the archive: %s", record)
			}
		}
	})
}

func TestCSVExport(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		job := b.Export(enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport, Format: privacyd.FormatCSV})
		r := b.OpenArchive(enginetest.Operator, w.ID, job.ID)
		var names []string
		for f, err := range r.Files() {
			b.Must(err)
			names = append(names, f.Path)
		}
		slices.Sort(names)
		if diff := cmp.Diff([]string{"README.html", "data/contacts.csv", "data/conversations.csv"}, names); diff != "" {
			t.Error(diff)
		}
	})
}

func TestSubjectExport(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		agent := b.Member(privacyd.RoleAgent, w)
		job := b.Export(agent, engine.NewJob{
			Workspace: w.ID, Type: privacyd.JobSubjectExport, Subject: &privacyd.Subject{Kind: "contact", ID: "c-001"},
		})
		r := b.OpenArchive(agent, w.ID, job.ID)
		if n := count(t, r, "contacts"); n != 1 {
			t.Errorf("%d contacts", n)
		}
		for record, err := range r.Records("conversations") {
			b.Must(err)
			var c struct {
				ContactID string `json:"contact_id"`
			}
			b.Must(json.Unmarshal(record, &c))
			if c.ContactID != "c-001" {
				t.Errorf("a conversation of %s", c.ContactID)
			}
		}
		f, err := r.Open("about.json")
		b.Must(err)
		var about struct {
			Purposes []struct{ Collection, Purpose string }
			Rights   []string
		}
		b.Must(json.NewDecoder(f).Decode(&about))
		if len(about.Purposes) == 0 || about.Purposes[0].Purpose == "" || len(about.Rights) == 0 {
			t.Errorf("about.json says too little: %+v", about)
		}
	})
}

func TestSubjectUnknown(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		ask := func(s *privacyd.Subject) error {
			_, _, err := b.CreateJob(t.Context(), enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectExport, Subject: s})
			return err
		}
		b.WantCode(ask(nil), "subject_invalid")
		b.WantCode(ask(&privacyd.Subject{Kind: "contact", ID: "none"}), "subject_not_found")
		b.WantCode(ask(&privacyd.Subject{Kind: "planet", ID: "c-001"}), "subject_kind_unknown")
	})
}

func TestAskingAgain(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		ask := func(key string, f privacyd.Format) (*privacyd.Job, bool, error) {
			return b.CreateJob(t.Context(), enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport, Format: f, IdempotencyKey: key})
		}
		first, created, err := ask("k", "")
		b.Must(err)
		again, createdAgain, err := ask("", "")
		b.Must(err)
		if !created || createdAgain || first.ID != again.ID {
			t.Errorf("created %v %v, ids %s %s", created, createdAgain, first.ID, again.ID)
		}
		b.Run()
		same, createdThen, err := ask("k", "")
		b.Must(err)
		if createdThen || same.ID != first.ID {
			t.Error("the same key gave another job after the first had ended")
		}
		_, _, err = ask("k", privacyd.FormatCSV)
		b.WantCode(err, "idempotency_key_reused")
	})
}

func TestCancelQueued(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		job, _, err := b.CreateJob(t.Context(), enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport})
		b.Must(err)
		job, err = b.CancelJob(t.Context(), enginetest.Operator, w.ID, job.ID)
		b.Must(err)
		b.Run()
		job, err = b.GetJob(t.Context(), enginetest.Operator, w.ID, job.ID)
		b.Must(err)
		if job.State != privacyd.JobCancelled || job.Runs != 0 {
			t.Errorf("state %s after %d runs", job.State, job.Runs)
		}
		_, err = b.DownloadLink(t.Context(), enginetest.Operator, w.ID, job.ID)
		b.WantCode(err, "export_not_found")
	})
}

func TestCancelFinished(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		job := b.Export(enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport})
		_, err := b.CancelJob(t.Context(), enginetest.Operator, w.ID, job.ID)
		b.WantCode(err, "job_not_cancellable")
	})
}

func TestExpiry(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		job := b.Export(enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport})
		link, err := b.DownloadLink(t.Context(), enginetest.Operator, w.ID, job.ID)
		b.Must(err)
		b.Pass(25 * time.Hour)
		_, err = b.OpenDownload(t.Context(), enginetest.Operator, w.ID, link)
		b.WantCode(err, "link_expired")
		b.Run()
		job, err = b.GetJob(t.Context(), enginetest.Operator, w.ID, job.ID)
		b.Must(err)
		if job.State != privacyd.JobExpired {
			t.Errorf("the job is %s", job.State)
		}
		if left := archives(t, b, w); len(left) > 0 {
			t.Errorf("archives are left: %v", left)
		}
	})
}

// archives lists the files of exports on disk.
func archives(t *testing.T, b *enginetest.Bench, w privacyd.Workspace) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(filepath.Join(b.Folder, "blobs", w.ID, "exports"), func(path string, d os.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err == nil && !d.IsDir() {
			found = append(found, path)
		}
		return err
	})
	b.Must(err)
	return found
}

// otherDigit changes the first hexadecimal digit.
func otherDigit(s string) string {
	if s[0] == '0' {
		return "1" + s[1:]
	}
	return "0" + s[1:]
}

func TestAlteredLink(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		job := b.Export(enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport})
		other := b.Export(enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport, Format: privacyd.FormatCSV})
		link, err := b.DownloadLink(t.Context(), enginetest.Operator, w.ID, job.ID)
		b.Must(err)
		for name, alter := range map[string]func(engine.Link) engine.Link{
			"longer life": func(l engine.Link) engine.Link { l.Expires = l.Expires.Add(time.Hour); return l },
			"other job":   func(l engine.Link) engine.Link { l.JobID = other.ID; return l },
			"signature":   func(l engine.Link) engine.Link { l.Signature = otherDigit(l.Signature); return l },
			"none":        func(l engine.Link) engine.Link { l.Signature = ""; return l },
		} {
			if _, err := b.OpenDownload(t.Context(), enginetest.Operator, w.ID, alter(link)); privacyd.CodeOf(err) != "link_invalid" {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// TestMissingFiles exports a workspace two of whose attachments are lost.
func TestMissingFiles(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		lost := 0
		for key, err := range b.Files.List(t.Context(), w.ID) {
			b.Must(err)
			path := filepath.Join(b.Folder, "blobs", filepath.FromSlash(key))
			switch lost++; lost {
			case 1:
				b.Must(os.Remove(path))
			case 2:
				b.Must(os.WriteFile(path, []byte("damaged"), 0o600))
			}
		}
		job := b.Export(enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport})
		if job.State != privacyd.JobCompleted || job.Result.Missing != 2 || job.Result.Files != 2 {
			t.Fatalf("state %s, result %+v", job.State, job.Result)
		}
		var reasons []string
		for m, err := range b.OpenArchive(enginetest.Operator, w.ID, job.ID).Missing() {
			b.Must(err)
			reasons = append(reasons, m.Reason)
		}
		slices.Sort(reasons)
		if diff := cmp.Diff([]string{"blob_damaged", "blob_missing"}, reasons); diff != "" {
			t.Error(diff)
		}
	})
}

// TestDeadProcess leaves a job as a process leaves it that is killed in the
// middle: running, with a file that nobody knows.
func TestDeadProcess(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx := t.Context()
		w := b.NewWorkspace("acme")
		job, _, err := b.CreateJob(ctx, enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport})
		b.Must(err)
		stale, err := b.Files.Create(ctx, w.ID, w.ID+"/exports/"+job.ID+"/1.zip")
		b.Must(err)
		_, err = io.WriteString(stale, "half an archive")
		b.Must(err)
		_, err = stale.Commit()
		b.Must(err)
		job.State, job.Runs = privacyd.JobRunning, 1
		b.Must(b.Tx.InTx(ctx, func(ctx context.Context) error {
			return b.Jobs.UpdateJob(ctx, job, lastEntry(ctx, t, b, w))
		}))
		_, err = b.DownloadLink(ctx, enginetest.Operator, w.ID, job.ID)
		b.WantCode(err, "export_not_found")
		b.Must(b.Recover(ctx))
		b.Run()
		job, err = b.GetJob(ctx, enginetest.Operator, w.ID, job.ID)
		b.Must(err)
		if job.State != privacyd.JobCompleted || job.Runs != 2 {
			t.Errorf("state %s after %d runs", job.State, job.Runs)
		}
		if files := archives(t, b, w); len(files) != 1 {
			t.Errorf("files %v", files)
		}
		b.OpenArchive(enginetest.Operator, w.ID, job.ID)
	})
}

func lastEntry(ctx context.Context, t *testing.T, b *enginetest.Bench, w privacyd.Workspace) string {
	t.Helper()
	list, err := b.ListAudit(ctx, enginetest.Operator, w.ID, privacyd.AuditFilter{Limit: 1})
	b.Must(err)
	for e, err := range list {
		b.Must(err)
		return e.ID
	}
	t.Fatal("the log is empty")
	return ""
}
