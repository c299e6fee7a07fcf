package rest_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/client"
	"github.com/privacyd/privacyd/engine/enginetest"
)

func deletion(id string) client.NewJob {
	return client.NewJob{Type: privacyd.JobSubjectDeletion, Subject: &privacyd.Subject{Kind: "contact", ID: id}}
}

func TestEraseOverREST(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		ctx, w, c := t.Context(), s.NewWorkspace("acme"), s.operator()
		plan, err := c.Preview(ctx, w.Slug, deletion("c-006"))
		s.Must(err)
		if len(plan.Hash) != 64 || len(plan.Sentences) < 3 || plan.Totals.Deleted == 0 {
			t.Errorf("plan: %+v", plan)
		}
		ask := deletion("c-006")
		ask.Confirm = &privacyd.Confirmation{PlanHash: plan.Hash}
		job, created, err := c.CreateJob(ctx, w.Slug, ask)
		s.Must(err)
		if !created {
			t.Error("the job was not new")
		}
		s.Run()
		if job, err = c.Job(ctx, w.Slug, job.ID); err != nil || job.State != privacyd.JobCompleted {
			t.Fatalf("the job is %+v, %v", job, err)
		}
		file, err := c.Receipt(ctx, w.Slug, job.ID)
		s.Must(err)
		if _, err := privacyd.VerifyReceipt(file, s.PublicKey); err != nil {
			t.Error(err)
		}
		list, next, err := c.Receipts(ctx, w.Slug, "", 10)
		if err != nil || len(list) != 1 || list[0].JobID != job.ID || list[0].Type != job.Type || list[0].Deleted == 0 || next != "" {
			t.Errorf("receipts: %v %q, %v", list, next, err)
		}
		if rows, _, err := c.ReviewList(ctx, w.Slug, job.ID, 0, 10); err != nil || int64(len(rows)) != job.Result.Review {
			t.Errorf("review list: %v, %v; want %d", rows, err, job.Result.Review)
		}
		s.Must(c.Reviewed(ctx, w.Slug, job.ID, 0))
		_, err = c.Preview(ctx, w.Slug, deletion("c-006"))
		s.WantCode(err, "subject_not_found")
	})
}

// TestTokensOnlyPropose has a program ask for what a person has to confirm.
func TestTokensOnlyPropose(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		ctx, w := t.Context(), s.NewWorkspace("acme")
		c := s.token(w)
		ask := deletion("c-006")
		plan, err := c.Preview(ctx, w.Slug, ask)
		s.Must(err)
		ask.Confirm = &privacyd.Confirmation{PlanHash: plan.Hash, Name: "whoever"}
		job, _, err := c.CreateJob(ctx, w.Slug, ask)
		s.Must(err)
		if job.State != privacyd.JobPendingApproval || job.WaitingOn != privacyd.WaitConfirmation || job.PlanHash != plan.Hash {
			t.Fatalf("the job is %+v", job)
		}
		_, err = c.ConfirmJob(ctx, w.Slug, job.ID, *ask.Confirm)
		s.WantCode(err, "confirmation_needs_person")
		again, created, err := c.CreateJob(ctx, w.Slug, ask)
		if err != nil || created || again.ID != job.ID {
			t.Errorf("asked again: %+v, %v", again, err)
		}
		admin := s.operator()
		admin.As = "admin@acme.example.com"
		shown, err := admin.PreviewOfJob(ctx, w.Slug, job.ID)
		s.Must(err)
		job, err = admin.ConfirmJob(ctx, w.Slug, job.ID, privacyd.Confirmation{PlanHash: shown.Hash})
		if err != nil || job.State != privacyd.JobQueued {
			t.Errorf("confirmed by a person: %+v, %v", job, err)
		}
	})
}

// TestConfirmAsTyped confirms over the network, where the name is asked for.
func TestConfirmAsTyped(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		ctx, w := t.Context(), s.NewWorkspace("acme")
		s.Pass(10 * privacyd.Day) // the sample's conversations have been
		c := s.signedIn("admin@acme.example.com")
		plan, err := c.Preview(ctx, w.Slug, deletion("c-006"))
		s.Must(err)
		ask := deletion("c-006")
		ask.Confirm = &privacyd.Confirmation{PlanHash: plan.Hash, Name: "Somebody Else"}
		_, _, err = c.CreateJob(ctx, w.Slug, ask)
		s.WantCode(err, "confirm_name_wrong")
		if jobs, _, err := c.Jobs(ctx, w.Slug, "", 10); err != nil || len(jobs) > 0 {
			t.Errorf("a refused confirmation made jobs: %v, %v", jobs, err)
		}
		before := client.NewJob{Type: privacyd.JobBulkDeletion, Before: "2026-03-05"}
		if plan, err = c.Preview(ctx, w.Slug, before); err != nil || plan.Totals.Deleted == 0 {
			t.Fatalf("plan: %+v, %v", plan, err)
		}
		wrong, right := plan.Totals.Deleted+1, plan.Totals.Deleted
		before.Confirm = &privacyd.Confirmation{PlanHash: plan.Hash, Count: &wrong}
		_, _, err = c.CreateJob(ctx, w.Slug, before)
		s.WantCode(err, "confirm_count_wrong")
		before.Confirm.Count = &right
		if job, _, err := c.CreateJob(ctx, w.Slug, before); err != nil || job.State != privacyd.JobQueued {
			t.Errorf("the job is %+v, %v", job, err)
		}
		before.Before, before.Confirm = "yesterday", nil
		_, err = c.Preview(ctx, w.Slug, before)
		s.WantCode(err, "before_invalid")
	})
}

// signedIn is a client with the session of an account.
func (s *server) signedIn(email string) *client.Client {
	s.t.Helper()
	secret, err := s.CreateSignInLink(s.t.Context(), enginetest.Operator, email)
	s.Must(err)
	in, err := s.RedeemSignInLink(s.t.Context(), privacyd.Caller{Door: privacyd.DoorWeb}, secret)
	s.Must(err)
	return &client.Client{Base: s.public.URL, Token: in.Secret}
}

func TestHoldsOverREST(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		ctx, w, c := t.Context(), s.NewWorkspace("acme"), s.operator()
		target := privacyd.HoldTarget{Type: privacyd.HoldSubject, Subject: deletion("c-006").Subject}
		hold, err := c.PlaceHold(ctx, w.Slug, client.NewHold{Target: target, Reason: "a claim", ReviewAt: "2026-09-01"})
		s.Must(err)
		if hold.Ground != privacyd.GroundLegalClaims || !hold.ReviewAt.Equal(time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("hold: %+v", hold)
		}
		_, err = c.PlaceHold(ctx, w.Slug, client.NewHold{Target: target, Reason: "a claim", ReviewAt: "soon"})
		s.WantCode(err, "hold_review_invalid")

		plan, err := c.Preview(ctx, w.Slug, deletion("c-006"))
		s.Must(err)
		ask := deletion("c-006")
		ask.Confirm = &privacyd.Confirmation{PlanHash: plan.Hash}
		_, _, err = c.CreateJob(ctx, w.Slug, ask)
		var refused *client.RefusedPlan
		if !errors.As(err, &refused) || refused.Plan.Hash != plan.Hash || privacyd.CodeOf(err) != "plan_held" {
			t.Errorf("a held contact: %v", err)
		}
		released, err := c.ReleaseHolds(ctx, w.Slug, target, "settled")
		if err != nil || len(released) != 1 || released[0].ID != hold.ID {
			t.Errorf("released: %v, %v", released, err)
		}
		_, err = c.ReleaseHold(ctx, w.Slug, hold.ID, "")
		s.WantCode(err, "hold_released")
		if list, _, err := c.Holds(ctx, w.Slug, "", 10); err != nil || len(list) != 1 || list[0].ReleaseReason != "settled" {
			t.Errorf("holds: %v, %v", list, err)
		}
	})
}

func TestRetentionOverREST(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		ctx, w, c := t.Context(), s.NewWorkspace("acme"), s.operator()
		if r, err := c.Retention(ctx, w.Slug); err != nil || !r.Policy.Forever() || r.NextRun != nil {
			t.Errorf("at first: %+v, %v", r, err)
		}
		effect, err := c.PreviewRetention(ctx, w.Slug, 30)
		if err != nil || effect.Policy.Days != 30 || effect.Total == 0 || len(effect.Days) != 90 {
			t.Errorf("effect: %+v, %v", effect, err)
		}
		p, err := c.SetRetention(ctx, w.Slug, 30)
		if err != nil || p.Version != 1 {
			t.Errorf("policy: %+v, %v", p, err)
		}
		if r, err := c.Retention(ctx, w.Slug); err != nil || r.NextRun == nil || len(r.Versions) != 1 {
			t.Errorf("then: %+v, %v", r, err)
		}
		s.Must(c.KeepRow(ctx, w.Slug, []string{"v-001"}, true))
		s.Must(c.KeepRow(ctx, w.Slug, []string{"v-001"}, false))
		if job, err := c.RunRetention(ctx, w.Slug); err != nil || job != nil {
			t.Errorf("run: %+v, %v", job, err)
		}
		settings, err := c.Settings(ctx, w.Slug)
		s.Must(err)
		settings.TimeZone, settings.Approval = "Europe/Berlin", true
		if got, err := c.SetSettings(ctx, w.Slug, settings); err != nil || got.TimeZone != "Europe/Berlin" || !got.Approval {
			t.Errorf("settings: %+v, %v", got, err)
		}
		settings.TimeZone = "Nowhere"
		_, err = c.SetSettings(ctx, w.Slug, settings)
		s.WantCode(err, "time_zone_invalid")
	})
}

// TestApproval has two admins look at a plan.
func TestApproval(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		ctx, w, operator := t.Context(), s.NewWorkspace("acme"), s.operator()
		_, err := operator.CreateAccount(ctx, "second@acme.example.com", "Second", "")
		s.Must(err)
		_, err = operator.AddMember(ctx, w.Slug, "second@acme.example.com", privacyd.RoleAdmin)
		s.Must(err)
		settings := privacyd.DefaultSettings()
		settings.Approval = true
		_, err = operator.SetSettings(ctx, w.Slug, settings)
		s.Must(err)
		first, second := s.operator(), s.operator()
		first.As, second.As = "admin@acme.example.com", "second@acme.example.com"
		for _, approve := range []bool{false, true} {
			plan, err := first.Preview(ctx, w.Slug, deletion("c-006"))
			s.Must(err)
			ask := deletion("c-006")
			ask.Confirm = &privacyd.Confirmation{PlanHash: plan.Hash}
			job, _, err := first.CreateJob(ctx, w.Slug, ask)
			s.Must(err)
			if job.WaitingOn != privacyd.WaitApproval {
				t.Fatalf("the job is %+v", job)
			}
			_, err = first.ApproveJob(ctx, w.Slug, job.ID, job.PlanHash, true)
			s.WantCode(err, "approval_own")
			_, err = second.ApproveJob(ctx, w.Slug, job.ID, strings.Repeat("0", 64), true)
			s.WantCode(err, "plan_changed")
			job, err = second.ApproveJob(ctx, w.Slug, job.ID, job.PlanHash, approve)
			if err != nil || job.State != map[bool]privacyd.JobState{true: privacyd.JobQueued, false: privacyd.JobCancelled}[approve] {
				t.Errorf("approve %v: %+v, %v", approve, job, err)
			}
		}
	})
}

func TestErasuresNobodyMay(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		w := s.NewWorkspace("acme")
		c := s.token(w, privacyd.ActionReadRecords)
		at := s.public.URL + "/v1/workspaces/acme"
		for route, body := range map[string]string{
			"POST /gdpr-jobs/preview": `{"type":"subject_deletion","subject":{"kind":"contact","id":"c-006"}}`,
			"POST /holds":             `{"target":{"type":"workspace"},"reason":"x"}`,
			"GET /holds":              "",
			"PUT /retention":          `{"days":1}`,
			"GET /retention/next":     "",
			"POST /retention/run":     "",
			"POST /retention/keep":    `{"key":["v-001"]}`,
			"GET /receipts":           "",
			"GET /settings":           "",
		} {
			method, path, _ := strings.Cut(route, " ")
			if status, answer, _ := s.call(method, at+path, body, "Authorization", "Bearer "+c.Token); status != http.StatusForbidden {
				t.Errorf("%s: %d %s", route, status, answer)
			}
		}
	})
}
