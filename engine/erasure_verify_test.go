package engine_test

import (
	"strings"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// TestResidueFails leaves a person's address where the data map says that
// nobody is: the erasure has not succeeded, and job and receipt say so.
func TestResidueFails(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := enginetest.NewProduct(t, db)
		b.Product.Fill("acme", 1)
		b.Product.Exec("UPDATE orgs SET name = 'care of ACME-A@example.org'")
		w, err := b.CreateWorkspace(t.Context(), enginetest.Operator, engine.NewWorkspace{Slug: "acme", Name: "Acme", DatasetKeys: map[string]string{"app": "acme"}})
		b.Must(err)
		_, job := b.Erase(engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: &privacyd.Subject{Kind: "customer", ID: "acme-a"}})
		if job.State != privacyd.JobFailed || job.ErrorCode != "residue_found" || job.Result.Residue != 1 || !strings.Contains(job.ErrorMessage, "; orgs.name: 1.") {
			t.Fatalf("the job is %s: %s %+v", job.State, job.ErrorMessage, job.Result)
		}
		stored, err := b.Receipts.ReceiptOfJob(t.Context(), job.ID)
		b.Must(err)
		receipt, err := privacyd.VerifyReceipt(stored.File, b.PublicKey)
		b.Must(err)
		if receipt.Verification.Result != privacyd.VerificationResidue || receipt.Verification.Residue != 1 {
			t.Errorf("receipt: %+v", receipt.Verification)
		}
	})
}

// TestOthersHoldHidesNoResidue leaves a person's address where nobody is while
// another person is held: only what is held itself may name who was erased.
func TestOthersHoldHidesNoResidue(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := enginetest.NewProduct(t, db)
		b.Product.Fill("acme", 1)
		b.Product.Exec("UPDATE orgs SET name = 'care of ACME-A@example.org'")
		b.Product.Exec("UPDATE customers SET name = 'with ACME-A@example.org' WHERE id = 'acme-b'")
		w, err := b.CreateWorkspace(t.Context(), enginetest.Operator, engine.NewWorkspace{Slug: "acme", Name: "Acme", DatasetKeys: map[string]string{"app": "acme"}})
		b.Must(err)
		_, err = b.PlaceHold(t.Context(), enginetest.Operator, engine.NewHold{
			Workspace: w.ID, Reason: "a claim", Target: privacyd.HoldTarget{Type: privacyd.HoldSubject, Subject: &privacyd.Subject{Kind: "customer", ID: "acme-b"}},
		})
		b.Must(err)
		_, job := b.Erase(engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: &privacyd.Subject{Kind: "customer", ID: "acme-a"}})
		if job.State != privacyd.JobFailed || job.Result.Residue != 1 || job.Result.Review != 1 || !strings.Contains(job.ErrorMessage, "; orgs.name: 1.") {
			t.Fatalf("the job is %s: %s %+v", job.State, job.ErrorMessage, job.Result)
		}
	})
}
