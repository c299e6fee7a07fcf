package engine_test

import (
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

// TestHeldWorkspaceStays deletes a workspace in which one contact is held: the
// rest goes, but what is held stays with its file, its key and the hold, and
// admins see it and can release it. Then all goes.
func TestHeldWorkspaceStays(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx, w := t.Context(), b.NewWorkspace("acme")
		admin := b.Member(privacyd.RoleAdmin, w)
		hold := holdOn(b, w, "c-006")
		plan, job := b.Erase(engine.NewJob{Workspace: w.ID, Type: privacyd.JobWorkspaceDeletion})
		if notes := plan.Notes; len(notes) != 1 {
			t.Errorf("the plan notes %q", notes)
		}
		for range 3 { // it stays so
			later(b, 31*privacyd.Day)
		}
		job, err := b.GetJob(ctx, admin, w.ID, job.ID)
		b.Must(err)
		if job.State != privacyd.JobBlocked || job.WaitingOn != privacyd.WaitHold || job.ErrorCode != "plan_held" {
			t.Fatalf("the job is %s %s: %s %s", job.State, job.WaitingOn, job.ErrorCode, job.ErrorMessage)
		}
		left := func() (rows []int64) {
			for _, table := range []string{"contacts", "conversations", "messages", "attachments", "holds", "members"} {
				rows = append(rows, rowsOf(t, b, table, "workspace_id", w.ID))
			}
			return rows
		}
		if got := left(); got[0] != 1 || got[1] == 0 || got[2] == 0 || got[3] != 1 || got[4] != 1 || got[5] == 0 {
			t.Errorf("of the workspace are left %v", got)
		}
		if closing, err := b.Closing(ctx, admin, w.ID); err != nil || closing == nil || closing.ID != job.ID {
			t.Errorf("its members see %v, %v", closing, err)
		}
		held, err := b.ListHolds(ctx, admin, w.ID, "", 10)
		if err != nil || len(held) != 1 || held[0].Target.Subject == nil || held[0].Target.Subject.ID != "c-006" {
			t.Errorf("its holds: %v, %v", held, err)
		}
		export := b.Export(admin, engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectExport, Subject: aContact("c-006")})
		if export.State != privacyd.JobCompleted || export.Result.Files != 1 || export.Result.Missing != 0 {
			t.Errorf("the export of who is held is %s: %+v", export.State, export.Result)
		}
		_, err = b.ReleaseHold(ctx, admin, w.ID, hold, "settled")
		b.Must(err)
		b.Run()
		if job, err = b.Jobs.Job(ctx, job.ID); err != nil || job.State != privacyd.JobCompleted {
			t.Fatalf("after the release the job is %s: %s, %v", job.State, job.ErrorMessage, err)
		}
		for _, n := range left() {
			if n != 0 {
				t.Errorf("after the release are left %v", left())
			}
		}
		for key, err := range b.Files.List(ctx, w.ID+"/") {
			t.Errorf("after the release the file %s is left, %v", key, err)
		}
		wantKeptCounts(t, b, job)
	})
}

// TestOneOfTwoHoldsReleased has a workspace's deletion go on with what one of
// two holds had kept, and wait for the other.
func TestOneOfTwoHoldsReleased(t *testing.T) {
	b := enginetest.NewSQLite(t)
	w := b.NewWorkspace("acme")
	first := holdOn(b, w, "c-006")
	second := holdOn(b, w, "c-007")
	_, job := b.Erase(engine.NewJob{Workspace: w.ID, Type: privacyd.JobWorkspaceDeletion})
	later(b, 31*privacyd.Day)
	for _, c := range []struct {
		release string
		left    int64
		state   privacyd.JobState
	}{{"", 2, privacyd.JobBlocked}, {second, 1, privacyd.JobBlocked}, {first, 0, privacyd.JobCompleted}} {
		if c.release != "" {
			_, err := b.ReleaseHold(t.Context(), enginetest.Operator, w.ID, c.release, "settled")
			b.Must(err)
			b.Run()
		}
		job, err := b.Jobs.Job(t.Context(), job.ID)
		b.Must(err)
		if n := rowsOf(t, b, "contacts", "workspace_id", w.ID); n != c.left || job.State != c.state {
			t.Errorf("%d contacts are left, and the job is %s: want %d and %s", n, job.State, c.left, c.state)
		}
	}
}

// TestHoldBeforeAWorkspaceIsCleared places a hold when all that it covers was
// looked at, and just before the workspace itself goes.
func TestHoldBeforeAWorkspaceIsCleared(t *testing.T) {
	b := enginetest.NewSQLite(t)
	w := b.NewWorkspace("acme")
	_, job := b.Erase(engine.NewJob{Workspace: w.ID, Type: privacyd.JobWorkspaceDeletion})
	b.Pass(31 * privacyd.Day)
	f := &effects{}
	f.before = func(what string) {
		if what != "files" { // the rows are gone
			return
		}
		f.before = nil
		_, err := b.PlaceHold(t.Context(), enginetest.Operator, engine.NewHold{
			Workspace: w.ID, Reason: "a claim", Target: privacyd.HoldTarget{Type: privacyd.HoldWorkspace},
		})
		b.Must(err)
	}
	runWatched(t, b, f, job)
	job, err := b.Jobs.Job(t.Context(), job.ID)
	b.Must(err)
	if holds, err := b.ListHolds(t.Context(), enginetest.Operator, w.ID, "", 10); err != nil || len(holds) != 1 || job.State != privacyd.JobBlocked {
		t.Errorf("the job is %s, and there are %d holds, %v", job.State, len(holds), err)
	}
}

func holdOn(b *enginetest.Bench, w privacyd.Workspace, contact string) string {
	h, err := b.PlaceHold(b.Context(), enginetest.Operator, engine.NewHold{
		Workspace: w.ID, Reason: "a claim", Target: privacyd.HoldTarget{Type: privacyd.HoldSubject, Subject: aContact(contact)},
	})
	b.Must(err)
	return h.ID
}

// wantKeptCounts wants what a receipt says of kept rows to be what there is.
func wantKeptCounts(t *testing.T, b *enginetest.Bench, job *privacyd.Job) {
	t.Helper()
	stored, err := b.Receipts.ReceiptOfJob(t.Context(), job.ID)
	b.Must(err)
	receipt, err := privacyd.VerifyReceipt(stored.File, b.PublicKey)
	b.Must(err)
	for _, c := range receipt.Collections {
		if c.Collection == "holds" && (c.Fate != privacyd.FateDelete || c.Before != 1 || c.Done != 1 || c.After != 0) {
			t.Errorf("of holds the receipt says %+v", c)
		}
		if c.Held > 0 {
			t.Errorf("of %s the receipt says that %d rows are held", c.Collection, c.Held)
		}
	}
}
