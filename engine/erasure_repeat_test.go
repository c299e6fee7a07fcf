package engine_test

import (
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// Asked again while it runs, when the person is gone already, and by the same
// request when it is done, the job is given and nothing refused.
func TestAskingAgainWhileItRuns(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		ctx, w := t.Context(), newOrg(t, b, "again")
		r := engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: aContact("ann"), IdempotencyKey: "k"}
		plan, err := b.PreviewJob(ctx, enginetest.Operator, r)
		b.Must(err)
		r.Confirm = &privacyd.Confirmation{PlanHash: plan.Hash}
		job, _, err := b.CreateJob(ctx, enginetest.Operator, r)
		b.Must(err)
		asked := 0
		same := func(r engine.NewJob) {
			asked++
			again, created, err := b.CreateJob(ctx, enginetest.Operator, r)
			if err != nil || created || again.ID != job.ID {
				t.Errorf("asked again: %v, %v", again, err)
			}
		}
		b.Pass(25 * time.Hour) // the plan is too old
		same(r)
		f := &effects{}
		f.before = func(what string) {
			if what != "files" {
				return
			}
			f.before = nil
			unkeyed := r
			unkeyed.IdempotencyKey = ""
			same(unkeyed)
			same(r)
		}
		runWatched(t, b, f, job)
		same(r)
		if asked != 4 {
			t.Errorf("it was asked %d times", asked)
		}
		other := r
		other.Subject = aContact("ben")
		_, _, err = b.CreateJob(ctx, enginetest.Operator, other)
		b.WantCode(err, "idempotency_key_reused")
		r.IdempotencyKey = ""
		_, _, err = b.CreateJob(ctx, enginetest.Operator, r)
		b.WantCode(err, "subject_not_found")
	})
}

// A second person approves what they were shown, or the first one was; not what
// it has become since.
func TestApprovalOfWhatHasGrown(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx, w := t.Context(), b.NewWorkspace("acme")
		first, second := secondAdmin(b, w, jo), secondAdmin(b, w, "kim@example.com")
		s := privacyd.DefaultSettings()
		s.Approval = true
		_, err := b.ChangeSettings(ctx, first, w.ID, s)
		b.Must(err)
		b.Pass(time.Hour)
		before := b.Clock().Add(-time.Hour)
		set := func(query string) {
			_, err := b.DB.Exec(ctx, query)
			b.Must(err)
		}
		set("UPDATE conversations SET last_message_at = NULL")
		set("UPDATE conversations SET last_message_at = 5 WHERE id = (SELECT min(id) FROM conversations)")
		r := engine.NewJob{Workspace: w.ID, Type: privacyd.JobBulkDeletion, Before: &before}
		plan, err := b.PreviewJob(ctx, first, r)
		b.Must(err)
		r.Confirm = &privacyd.Confirmation{PlanHash: plan.Hash}
		job, _, err := b.CreateJob(ctx, first, r)
		b.Must(err)
		set("UPDATE conversations SET last_message_at = 5")
		_, err = b.ApproveJob(ctx, second, w.ID, job.ID, plan.Hash, true)
		b.WantCode(err, "plan_grown")
		b.Pass(25 * time.Hour)
		_, err = b.ApproveJob(ctx, second, w.ID, job.ID, plan.Hash, true)
		b.WantCode(err, "plan_not_found")
		_, err = b.PreviewOfJob(ctx, second, w.ID, job.ID)
		b.Must(err)
		_, err = b.ApproveJob(ctx, second, w.ID, job.ID, plan.Hash, true)
		b.Must(err)
	})
}

func TestApprovalIsSwitchedOffByTwo(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx, w := t.Context(), b.NewWorkspace("acme")
		first, second := secondAdmin(b, w, jo), secondAdmin(b, w, "kim@example.com")
		change := func(c privacyd.Caller, on bool) privacyd.Settings {
			s := privacyd.DefaultSettings()
			s.Approval = on
			got, err := b.ChangeSettings(ctx, c, w.ID, s)
			b.Must(err)
			return got
		}
		want := func(got privacyd.Settings, on bool, by string) {
			t.Helper()
			if got.Approval != on || got.ApprovalOffBy != by {
				t.Errorf("approval %t, off by %q; want %t, %q", got.Approval, got.ApprovalOffBy, on, by)
			}
		}
		want(change(first, true), true, "")
		want(change(first, false), true, first.AccountID)
		want(change(first, false), true, first.AccountID)
		want(change(second, true), true, "")
		want(change(first, false), true, first.AccountID)
		want(change(second, false), false, "")
		want(change(first, true), true, "")
		want(change(enginetest.Operator, false), false, "")
	})
}
