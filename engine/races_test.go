package engine_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/work"
)

// lease is a lease whose answer a test sets.
type lease struct {
	lost    bool
	attempt int
}

func (l *lease) Check(context.Context) error {
	if l.lost {
		return work.ErrLost
	}
	return nil
}

func (l *lease) Attempt() int { return l.attempt }

func create(t *testing.T, b *enginetest.Bench, w privacyd.Workspace, f privacyd.Format) *privacyd.Job {
	t.Helper()
	job, _, err := b.CreateJob(t.Context(), enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport, Format: f})
	b.Must(err)
	return job
}

// committing is a blob store that does something when an archive is committed.
type committing struct {
	engine.Blobs
	then func()
}

type committingWriter struct {
	engine.BlobWriter
	then func()
}

func (c committing) Create(ctx context.Context, workspace, key string) (engine.BlobWriter, error) {
	w, err := c.Blobs.Create(ctx, workspace, key)
	return committingWriter{w, c.then}, err
}

func (w committingWriter) Commit() (int64, string, error) {
	size, sum, err := w.BlobWriter.Commit()
	w.then()
	return size, sum, err
}

// TestCancelMeetsTheEnd cancels between the last byte and the completion: who
// was told that the job is cancelled finds it cancelled.
func TestCancelMeetsTheEnd(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		job := create(t, b, w, privacyd.FormatJSON)
		b.Blobs = committing{b.Blobs, func() {
			_, err := b.CancelJob(t.Context(), enginetest.Operator, w.ID, job.ID)
			b.Must(err)
		}}
		b.Must(b.RunExport(t.Context(), job.ID, &lease{attempt: 1}))
		job, err := b.GetJob(t.Context(), enginetest.Operator, w.ID, job.ID)
		b.Must(err)
		if job.State != privacyd.JobCancelled || len(archives(t, b, w)) > 0 {
			t.Errorf("the job is %s, files %v", job.State, archives(t, b, w))
		}
	})
}

// TestLostLeaseHarmsNobody lets a process wake up after another has taken over
// and completed.
func TestLostLeaseHarmsNobody(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		job := create(t, b, w, privacyd.FormatJSON)
		stale, real := &lease{attempt: 5}, b.Blobs
		b.Blobs = committing{real, func() {
			b.Blobs = real
			b.Must(b.RunExport(t.Context(), job.ID, &lease{attempt: 2}))
			stale.lost = true
		}}
		if err := b.RunExport(t.Context(), job.ID, stale); !errors.Is(err, work.ErrLost) {
			t.Errorf("the stale run ended with %v", err)
		}
		b.OpenArchive(enginetest.Operator, w.ID, job.ID)
		b.Must(b.Recover(t.Context()))
		b.OpenArchive(enginetest.Operator, w.ID, job.ID)
	})
}

// TestOneAtATime asks for three exports, cancels the middle one, and sees the
// last one run.
func TestOneAtATime(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		first := create(t, b, w, privacyd.FormatJSON)
		second := create(t, b, w, privacyd.FormatCSV)
		real := b.Blobs
		b.Blobs = committing{real, func() {
			b.Blobs = real
			var later *work.RetryError
			if err := b.RunExport(t.Context(), second.ID, &lease{attempt: 1}); !errors.As(err, &later) || later.Err != nil {
				t.Errorf("a second export began beside the first: %v", err)
			}
		}}
		b.Must(b.RunExport(t.Context(), first.ID, &lease{attempt: 1}))
		_, err := b.CancelJob(t.Context(), enginetest.Operator, w.ID, second.ID)
		b.Must(err)
		third := create(t, b, w, privacyd.FormatCSV)
		b.Run()
		third, err = b.GetJob(t.Context(), enginetest.Operator, w.ID, third.ID)
		b.Must(err)
		if third.State != privacyd.JobCompleted {
			t.Errorf("the third is %s", third.State)
		}
	})
}

// TestSweep deletes an overdue archive whose own deletion never ran.
func TestSweep(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		job := b.Export(enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport})
		b.Must(b.Queue.Cancel(t.Context(), engine.WorkExpire, job.ID))
		b.Pass(48 * time.Hour)
		b.Run()
		if len(archives(t, b, w)) != 1 {
			t.Fatal("the archive went without its work")
		}
		b.Must(b.RunSweep(t.Context(), "exports", &lease{}))
		b.Run()
		if left := archives(t, b, w); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	})
}

// TestUnknownDatasetKey refuses to leave out a dataset of which nobody has said
// that it holds nothing of the workspace.
func TestUnknownDatasetKey(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		product := b.Datasets[1]
		product.Own, product.Name = false, "app"
		b.Datasets[1] = product
		job := b.Export(enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport})
		if job.State != privacyd.JobFailed || job.ErrorCode != "dataset_key_missing" {
			t.Fatalf("state %s, code %q", job.State, job.ErrorCode)
		}
		b.Must(b.SetDatasetKeys(t.Context(), enginetest.Operator, w.ID, map[string]string{"app": ""}))
		if job = b.Export(enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport}); job.State != privacyd.JobCompleted {
			t.Errorf("state %s, code %q", job.State, job.ErrorCode)
		}
		err := b.SetDatasetKeys(t.Context(), b.Member(privacyd.RoleAdmin, w), w.ID, nil)
		b.WantCode(err, "operator_only")
	})
}

// TestStrangersStayStrange names somebody else's account as an author: the
// workspace learns nothing of it that it did not write itself.
func TestStrangersStayStrange(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w, other := b.NewWorkspace("acme"), b.NewWorkspace("other")
		stranger := b.Member(privacyd.RoleAdmin, other)
		_, err := b.PutRecord(t.Context(), b.Member(privacyd.RoleAgent, w), w.ID, "tickets", "t-x", []byte(`{"title":"x","reporter_id":"`+stranger.Email+`"}`))
		b.Must(err)
		job := b.Export(enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport})
		for _, collection := range []string{"accounts", "authors"} {
			for record, err := range b.OpenArchive(enginetest.Operator, w.ID, job.ID).Records(collection) {
				b.Must(err)
				if text := string(record); strings.Contains(text, stranger.Name) && strings.Contains(text, stranger.Email) {
					t.Errorf("%s tells of a stranger: %s", collection, text)
				}
			}
		}
	})
}

// TestPathIsTaken exports a collection that has a field called path, and one
// of whose two files is missing.
func TestPathIsTaken(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		for _, c := range b.Datasets[1].Graph.Map.Collections {
			if c.Name != "attachments" {
				continue
			}
			for _, f := range c.Fields {
				if f.Name == "filename" {
					f.Name = "path"
				}
			}
		}
		job := b.Export(enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport})
		for record, err := range b.OpenArchive(enginetest.Operator, w.ID, job.ID).Records("attachments") {
			b.Must(err)
			if text := string(record); strings.Count(text, `"path":`) != 1 || !strings.Contains(text, `"archive_path":"attachments/`) {
				t.Errorf("%s", text)
			}
		}
	})
}

// TestAuthorsCannotSignIn keeps out who is only known from records.
func TestAuthorsCannotSignIn(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		const author = "agent.one@example.com"
		_, err := b.CreateSignInLink(t.Context(), enginetest.Operator, author)
		b.WantCode(err, "account_not_invited")
		_, err = b.AddMember(t.Context(), enginetest.Operator, w.ID, author, privacyd.RoleAdmin)
		b.WantCode(err, "account_not_invited")
		_, err = b.CreateAccount(t.Context(), enginetest.Operator, engine.NewAccount{Email: author, Name: "Agent One"})
		b.Must(err)
		_, err = b.AddMember(t.Context(), enginetest.Operator, w.ID, author, privacyd.RoleAgent)
		b.Must(err)
	})
}

// TestLogSaysWhoseDataLeft looks for the person, and for the operator behind an
// account.
func TestLogSaysWhoseDataLeft(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		b.Export(b.Member(privacyd.RoleAdmin, w), engine.NewJob{
			Workspace: w.ID, Type: privacyd.JobSubjectExport, Subject: &privacyd.Subject{Kind: "contact", ID: "c-001"},
		})
		list, err := b.ListAudit(t.Context(), enginetest.Operator, w.ID, privacyd.AuditFilter{Action: "subject_export.create", Limit: 1})
		b.Must(err)
		for e, err := range list {
			b.Must(err)
			if e.Subject != "contact:c-001" || e.Operator != enginetest.Operator.Name {
				t.Errorf("%+v", e)
			}
		}
	})
}
