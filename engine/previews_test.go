package engine_test

import (
	"errors"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

func TestRefusedPlanCarriesTheNewOne(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		r := engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: aContact(firstContact(t, b, w))}
		hold(t, b, w, privacyd.HoldTarget{Type: privacyd.HoldSubject, Subject: r.Subject})
		plan, err := b.PreviewJob(t.Context(), enginetest.Operator, r)
		b.Must(err)
		r.Confirm = &privacyd.Confirmation{PlanHash: plan.Hash}
		_, _, err = b.CreateJob(t.Context(), enginetest.Operator, r)
		b.WantCode(err, "plan_held")
		var refused *engine.RefusedPlan
		if !errors.As(err, &refused) || !refused.Plan.WhollyHeld {
			t.Errorf("the refusal has no plan: %v", err)
		}
	})
}

func hold(t *testing.T, b *enginetest.Bench, w privacyd.Workspace, target privacyd.HoldTarget) *privacyd.Hold {
	t.Helper()
	h, err := b.PlaceHold(t.Context(), enginetest.Operator, engine.NewHold{Workspace: w.ID, Target: target, Reason: "a claim"})
	b.Must(err)
	return h
}

func TestWaitForHold(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		r := engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: aContact("c-006")}
		h := hold(t, b, w, privacyd.HoldTarget{Type: privacyd.HoldConversation, Key: []string{"v-001"}})
		plan, err := b.PreviewJob(t.Context(), enginetest.Operator, r)
		b.Must(err)
		r.Confirm = &privacyd.Confirmation{PlanHash: plan.Hash, Wait: true}
		job, _, err := b.CreateJob(t.Context(), enginetest.Operator, r)
		b.Must(err)
		b.Run()
		if job, err = b.GetJob(t.Context(), enginetest.Operator, w.ID, job.ID); err != nil || job.State != privacyd.JobBlocked || job.WaitingOn != privacyd.WaitHold {
			t.Fatalf("with a hold the job is %+v, %v", job, err)
		}
		if plan, err = b.PreviewOfJob(t.Context(), enginetest.Operator, w.ID, job.ID); err != nil || plan.Totals().Held == 0 {
			t.Errorf("plan of the job: %+v, %v", plan, err)
		}
		_, err = b.ReleaseHold(t.Context(), enginetest.Operator, w.ID, h.ID, "")
		b.Must(err)
		b.Run()
		if job, err = b.GetJob(t.Context(), enginetest.Operator, w.ID, job.ID); err != nil || job.State != privacyd.JobCompleted || job.Result.Held > 0 {
			t.Errorf("after the release the job is %+v, %v", job, err)
		}
		_, err = b.PreviewOfJob(t.Context(), enginetest.Operator, w.ID, job.ID)
		b.WantCode(err, "job_not_waiting")
	})
}

func TestRetentionIsPlannedForOtherHours(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		_, err := b.SetRetention(t.Context(), enginetest.Operator, w.ID, 30)
		b.Must(err)
		settings := privacyd.DefaultSettings()
		settings.TimeZone, settings.RetentionHour = "Asia/Tokyo", 9 // midnight UTC
		_, err = b.ChangeSettings(t.Context(), enginetest.Operator, w.ID, settings)
		b.Must(err)
		if got, want := dueOf(t, b, engine.WorkRetention), time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC); !got.Equal(want) {
			t.Errorf("the run is due at %s, want %s", got, want)
		}
		b.Pass(13 * time.Hour)
		b.Run() // ends: the next day's run is no retry
		if got, want := dueOf(t, b, engine.WorkRetention), time.Date(2026, 3, 3, 0, 0, 0, 0, time.UTC); !got.Equal(want) {
			t.Errorf("the next run is due at %s, want %s", got, want)
		}
	})
}

func dueOf(t *testing.T, b *enginetest.Bench, kind string) time.Time {
	t.Helper()
	var due int64
	b.Must(b.DB.QueryRow(t.Context(), `SELECT due_at FROM work_items WHERE kind = $1`, kind).Scan(&due))
	return time.UnixMicro(due).UTC()
}
