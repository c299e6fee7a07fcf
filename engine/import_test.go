package engine_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/examples"
)

// TestImportBringsNobodyBack imports again what a contact was erased from: all
// others are there as before, and the erased one, with what belonged to them, is
// counted and left out, until the ledger has forgotten.
func TestImportBringsNobodyBack(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		before := recordCounts(t, b, w)
		who := firstContact(t, b, w)
		job := confirmed(t, b, engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: aContact(who)})
		left := recordCounts(t, b, w)

		done := imported(t, b, w)
		if done.Erased["contacts"] != 1 || done.Erased["messages"] != job.Result.Records["messages"] || done.Erased["conversations"] != job.Result.Records["conversations"] {
			t.Errorf("left out: %v, erased: %v", done.Erased, job.Result.Records)
		}
		if now := recordCounts(t, b, w); !slices.Equal(now, left) {
			t.Errorf("records after the import: %v, before: %v", now, left)
		}
		wantFact(t, b, w, "suppressed", done.Suppressed())

		b.Pass(engine.DefaultBackupLife + time.Hour)
		if done := imported(t, b, w); len(done.Erased) > 0 {
			t.Errorf("left out after the ledger has forgotten: %v", done.Erased)
		}
		if now := recordCounts(t, b, w); !slices.Equal(now, before) {
			t.Errorf("records after the ledger has forgotten: %v, at first: %v", now, before)
		}
	})
}

// TestImportKeepsDatesPassed imports conversations again that a bulk deletion
// took.
func TestImportKeepsDatesPassed(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		b.Pass(400 * 24 * time.Hour)
		before := b.Clock()
		confirmed(t, b, engine.NewJob{Workspace: w.ID, Type: privacyd.JobBulkDeletion, Before: &before})
		left := recordCounts(t, b, w)
		if done := imported(t, b, w); done.Erased["conversations"] == 0 || done.Erased["contacts"] > 0 {
			t.Errorf("left out: %v", done.Erased)
		}
		if now := recordCounts(t, b, w); !slices.Equal(now, left) {
			t.Errorf("records after the import: %v, before: %v", now, left)
		}
	})
}

func imported(t *testing.T, b *enginetest.Bench, w privacyd.Workspace) engine.Imported {
	t.Helper()
	done, err := b.Import(t.Context(), enginetest.Operator, w.ID, engine.ImportSource{Body: bytes.NewReader(examples.Sample)})
	b.Must(err)
	return done
}

// recordCounts counts the records of a workspace that belong to contacts.
func recordCounts(t *testing.T, b *enginetest.Bench, w privacyd.Workspace) []int {
	t.Helper()
	var counts []int
	for _, table := range []string{"contacts", "conversations", "messages", "flow_runs", "attachments", "tickets"} {
		var n int
		b.Must(b.DB.QueryRow(t.Context(), "SELECT count(*) FROM "+table+" WHERE workspace_id = $1", w.ID).Scan(&n))
		counts = append(counts, n)
	}
	return counts
}

// wantFact wants the newest entry of an import to have a fact.
func wantFact(t *testing.T, b *enginetest.Bench, w privacyd.Workspace, name string, want int64) {
	t.Helper()
	list, err := b.ListAudit(t.Context(), enginetest.Operator, w.ID, privacyd.AuditFilter{Action: "records.import", Limit: 1})
	b.Must(err)
	for e, err := range list {
		b.Must(err)
		if e.Facts[name] != want {
			t.Errorf("the audit log says %d %s, want %d", e.Facts[name], name, want)
		}
		return
	}
	t.Error("the import is not in the audit log")
}
