package engine_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/examples"
)

// TestReplay has a database that knows nothing of an erasure and holds the
// person again, as one does that was restored: it is not served until the
// erasure has run again.
func TestReplay(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		b.Pass(400 * 24 * time.Hour)
		who := firstContact(t, b, w)
		confirmed(t, b, engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: aContact(who)})
		before := b.Clock()
		confirmed(t, b, engine.NewJob{Workspace: w.ID, Type: privacyd.JobBulkDeletion, Before: &before})
		b.Must(b.CheckRestored(t.Context()))

		_, err := b.DB.Exec(t.Context(), "DELETE FROM erasures")
		b.Must(err)
		_, err = b.Records.Import(t.Context(), w.ID, engine.ImportSource{Body: bytes.NewReader(examples.Sample)}) // past the ledger
		b.Must(err)
		b.WantCode(b.CheckRestored(t.Context()), "database_restored")

		jobs, err := b.Replay(t.Context(), enginetest.Operator)
		b.Must(err)
		b.Run()
		for _, asked := range jobs {
			job, err := b.Jobs.Job(t.Context(), asked.ID)
			b.Must(err)
			if job.State != privacyd.JobCompleted {
				t.Errorf("%s: %s %s %s", job.Type, job.State, job.ErrorCode, job.ErrorMessage)
			}
		}
		b.Must(b.CheckRestored(t.Context()))
		_, err = b.GetRecord(t.Context(), enginetest.Operator, w.ID, "contacts", who)
		b.WantCode(err, "record_not_found")
		page, err := b.ListRecords(t.Context(), enginetest.Operator, w.ID, "conversations", engine.RecordQuery{})
		b.Must(err)
		if len(jobs) < 2 || len(page.Items) > 0 {
			t.Errorf("%d jobs, %d conversations are left", len(jobs), len(page.Items))
		}
	})
}
