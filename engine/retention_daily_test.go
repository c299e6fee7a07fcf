package engine_test

import (
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/store/sqldb"
)

// resolved has all conversations but the first n resolved now, under a policy of
// 30 days, and a run never stops for its size.
func resolved(b *enginetest.Bench, w privacyd.Workspace, brake int) {
	s := privacyd.DefaultSettings()
	s.RetentionBrake = brake
	_, err := b.ChangeSettings(b.Context(), enginetest.Operator, w.ID, s)
	b.Must(err)
	_, err = b.SetRetention(b.Context(), enginetest.Operator, w.ID, 30)
	b.Must(err)
	_, err = b.DB.Exec(b.Context(), "UPDATE conversations SET status = 'resolved', resolved_at = $1, last_message_at = $1 WHERE workspace_id = $2", sqldb.Micros(b.Clock()), w.ID)
	b.Must(err)
}

func conversations(b *enginetest.Bench, w privacyd.Workspace) (n int) {
	b.Must(b.DB.QueryRow(b.Context(), "SELECT count(*) FROM conversations WHERE workspace_id = $1", w.ID).Scan(&n))
	return n
}

func days(b *enginetest.Bench, n int) {
	for range n {
		later(b, privacyd.Day)
	}
}

func TestRetentionGoesOnAfterAHoldOnTheWorkspace(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		resolved(b, w, 100)
		target := privacyd.HoldTarget{Type: privacyd.HoldWorkspace}
		_, err := b.PlaceHold(t.Context(), enginetest.Operator, engine.NewHold{Workspace: w.ID, Reason: "a claim", Target: target})
		b.Must(err)
		before := conversations(b, w)
		days(b, 45)
		if n := conversations(b, w); n != before {
			t.Fatalf("of %d held conversations %d are left", before, n)
		}
		_, err = b.ReleaseHoldsOn(t.Context(), enginetest.Operator, w.ID, target, "settled")
		b.Must(err)
		days(b, 2)
		if n := conversations(b, w); n != 0 {
			t.Errorf("%d of %d conversations are left two days after the hold", n, before)
		}
	})
}

// A start is no reason to delete at another hour than the one that was set, nor
// is a new policy.
func TestRetentionRunsAtItsHour(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		resolved(b, w, 100)
		before := conversations(b, w)
		zone, err := privacyd.DefaultSettings().Zone()
		b.Must(err)
		hour := privacyd.NextHour(b.Clock(), privacyd.DefaultSettings().RetentionHour, zone)
		b.Pass(hour.Add(time.Hour).Sub(b.Clock()))
		b.Run() // the day's run finds nothing due
		days(b, 29)
		b.Pass(12 * time.Hour)
		b.Must(b.ScheduleRetention(t.Context()))
		_, err = b.SetRetention(t.Context(), enginetest.Operator, w.ID, 29)
		b.Must(err)
		b.Pass(6 * time.Hour)
		b.Must(b.ScheduleRetention(t.Context()))
		b.Run()
		if n := conversations(b, w); n != before {
			t.Errorf("%d of %d conversations were deleted at another hour", before-n, before)
		}
		days(b, 1)
		if n := conversations(b, w); n != 0 {
			t.Errorf("%d of %d conversations are left after the hour", n, before)
		}
	})
}

// What fell due while a run waited for a hold is not deleted by it unasked.
func TestTheBrakeHoldsAfterAHold(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx, w := t.Context(), b.NewWorkspace("acme")
		resolved(b, w, 20)
		var first string
		b.Must(b.DB.QueryRow(ctx, "SELECT min(id) FROM conversations WHERE workspace_id = $1", w.ID).Scan(&first))
		_, err := b.DB.Exec(ctx, "UPDATE conversations SET resolved_at = $1, last_message_at = $1 WHERE workspace_id = $2 AND id > $3",
			sqldb.Micros(b.Clock().Add(10*privacyd.Day)), w.ID, first)
		b.Must(err)
		before := conversations(b, w)
		b.Pass(31 * privacyd.Day)
		job, err := b.RetainNow(ctx, enginetest.Operator, w.ID)
		b.Must(err)
		target := privacyd.HoldTarget{Type: privacyd.HoldWorkspace}
		_, err = b.PlaceHold(ctx, enginetest.Operator, engine.NewHold{Workspace: w.ID, Reason: "a claim", Target: target})
		b.Must(err)
		b.Run()
		days(b, 15)
		_, err = b.ReleaseHoldsOn(ctx, enginetest.Operator, w.ID, target, "settled")
		b.Must(err)
		b.Run()
		if n := conversations(b, w); n != before {
			t.Errorf("%d of %d conversations were deleted unasked", before-n, before)
		}
		job, err = b.Jobs.Job(ctx, job.ID)
		b.Must(err)
		if job.State != privacyd.JobPendingApproval || job.ErrorCode != "retention_braked" {
			t.Errorf("the run is %s: %s", job.State, job.ErrorMessage)
		}
	})
}
