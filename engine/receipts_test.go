package engine_test

import (
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

func TestReceiptsAndReviews(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		ctx, admin, auditor, agent := t.Context(), b.Member(privacyd.RoleAdmin, w), b.Member(privacyd.RoleAuditor, w), b.Member(privacyd.RoleAgent, w)
		_, err := b.PutRecord(ctx, admin, w.ID, "contacts", "c-900", []byte(`{"email": "long.name@contacts.example"}`))
		b.Must(err)
		_, err = b.PutRecord(ctx, admin, w.ID, "documents", "d-900", []byte(`{"title": "Notes", "body": "Ask long.name@contacts.example about it."}`))
		b.Must(err)
		job := confirmed(t, b, engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: aContact("c-900")})
		if job.State != privacyd.JobCompleted || job.Result.Review != 1 {
			t.Fatalf("the job is %s: %s %+v", job.State, job.ErrorMessage, job.Result)
		}

		stored, err := b.Receipt(ctx, auditor, w.ID, job.ID)
		b.Must(err)
		if _, err := privacyd.VerifyReceipt(stored.File, b.PublicKey); err != nil {
			t.Error(err)
		}
		list, err := b.ReceiptsPage(ctx, auditor, w.ID, privacyd.PageQuery{})
		if err != nil || len(list.Items) != 1 || list.Items[0].JobID != job.ID || list.Items[0].Operation != job.Type || list.Items[0].Deleted == 0 {
			t.Errorf("receipts: %v, %v", list, err)
		}
		_, err = b.Receipt(ctx, agent, w.ID, job.ID)
		b.WantCode(err, "role_missing")

		rows, err := b.ReviewList(ctx, admin, w.ID, job.ID, 0, 0)
		if err != nil || len(rows) != 1 || rows[0].Collection != "documents" || rows[0].Column != "body" {
			t.Fatalf("review list: %+v, %v", rows, err)
		}
		_, err = b.ReviewList(ctx, agent, w.ID, job.ID, 0, 0)
		b.WantCode(err, "role_missing")
		b.Must(b.Reviewed(ctx, admin, w.ID, job.ID, rows[0].N))
		if rows, err = b.ReviewList(ctx, admin, w.ID, job.ID, 0, 0); err != nil || len(rows) > 0 {
			t.Errorf("review list: %+v, %v", rows, err)
		}
	})
}

func TestNoReceipt(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		job := b.Export(enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport})
		_, err := b.Receipt(t.Context(), enginetest.Operator, w.ID, job.ID)
		b.WantCode(err, "receipt_not_found")
		_, err = b.Receipt(t.Context(), enginetest.Operator, w.ID, "none")
		b.WantCode(err, "job_not_found")
	})
}
