package engine_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/examples"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
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

// TestReplayGoesRoundHolds restores a database from before a hold that was placed
// while conversations went: the hold is in it again, and what it covers stays.
func TestReplayGoesRoundHolds(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		w := newOrg(t, b, "held")
		job := erasables()[2].ask(t, b, w)
		f := &effects{}
		f.before = func(what string) {
			if what != "delete conversations" { // it is marked, and the rows are about to go
				return
			}
			f.before = nil
			hold(t, b, w, privacyd.HoldTarget{Type: privacyd.HoldConversation, Key: []string{"ann-1"}})
		}
		runWatched(t, b, f, job)
		confirmed(t, b, engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: aContact("ben")})
		if n := rowsOf(t, b, "conversations", "workspace_id", w.ID); n != 1 {
			t.Fatalf("%d conversations are left", n)
		}

		forgetErasures(t, b, w)
		b.WantCode(b.CheckRestored(t.Context()), "database_restored")
		_, err := b.Replay(t.Context(), enginetest.Operator)
		b.Must(err)
		b.Run()
		b.Must(b.CheckRestored(t.Context()))
		holds, err := b.ListHolds(t.Context(), enginetest.Operator, w.ID, "", 0)
		b.Must(err)
		if len(holds) != 1 || !holds[0].Standing() || holds[0].Target.Key[1] != "ann-1" || holds[0].Reason == "" {
			t.Errorf("holds: %+v", holds)
		}
		left := map[string]int64{}
		for _, table := range []string{"contacts", "conversations", "messages"} {
			left[table] = rowsOf(t, b, table, "workspace_id", w.ID)
		}
		if diff := cmp.Diff(map[string]int64{"contacts": 1, "conversations": 1, "messages": 2}, left); diff != "" {
			t.Errorf("left: %s", diff)
		}
	})
}

// forgetErasures has the database as a backup from before all erasures has it:
// it knows of neither them nor holds, and the records are there again.
func forgetErasures(t *testing.T, b *enginetest.Bench, w privacyd.Workspace) {
	t.Helper()
	for _, table := range []string{"erasures", "holds"} {
		_, err := b.DB.Exec(t.Context(), "DELETE FROM "+table)
		b.Must(err)
	}
	_, err := b.Records.Import(t.Context(), w.ID, engine.ImportSource{Body: strings.NewReader(orgRecords(w.Slug))}) // past the ledger
	b.Must(err)
}
