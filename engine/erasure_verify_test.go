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

// What privacyd's own tables still say of a person is residue like any other.
func TestResidueInOwnTablesFails(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		w := newOrg(t, b, "own")
		_, err := b.DB.Exec(t.Context(), "UPDATE workspaces SET name = 'care of ANN@own.example.org' WHERE id = $1", w.ID)
		b.Must(err)
		job := erasables()[0].ask(t, b, w)
		runOn(b)
		if job = stateOf(b, job.ID); job.State != privacyd.JobFailed || job.ErrorCode != "residue_found" || !strings.Contains(job.ErrorMessage, "; workspaces.name: 1.") {
			t.Errorf("the job is %s: %s %+v", job.State, job.ErrorMessage, job.Result)
		}
	})
}

// TestAMembersNameIsNoResidue erases a contact by whose address a member calls
// themself: that is for somebody to look at.
func TestAMembersNameIsNoResidue(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		w := newOrg(t, b, "named")
		personWith(b, jo)
		_, err := b.AddMember(t.Context(), enginetest.Operator, w.ID, jo, privacyd.RoleAgent)
		b.Must(err)
		for _, statement := range []string{"UPDATE accounts SET name = $1", "UPDATE members SET sort_name = $1"} {
			_, err := b.DB.Exec(t.Context(), statement, "ann@named.example.org")
			b.Must(err)
		}
		job := erasables()[0].ask(t, b, w)
		runOn(b)
		if job = stateOf(b, job.ID); job.State != privacyd.JobCompleted || job.Result.Review == 0 {
			t.Errorf("the job is %s: %s %+v", job.State, job.ErrorMessage, job.Result)
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

// TestSharedAddressIsReviewed erases one of two persons who have one address:
// where that still stands it may mean the other, so it is looked at.
func TestSharedAddressIsReviewed(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := enginetest.NewProduct(t, db)
		b.Product.Fill("acme", 1)
		b.Product.Exec("UPDATE customers SET email = 'Acme-A@example.org', name = 'acme-a@example.org' WHERE id = 'acme-b'")
		b.Product.Exec("UPDATE orgs SET name = 'care of ACME-A@example.org'")
		w := orgOf(b, "acme")
		_, job := b.Erase(engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: &privacyd.Subject{Kind: "customer", ID: "acme-a"}})
		if job.State != privacyd.JobCompleted || job.Result.Review != 3 {
			t.Fatalf("the job is %s: %s %+v", job.State, job.ErrorMessage, job.Result)
		}
	})
}

// TestPlanNotesSharedAddress previews the erasure of one of two contacts of whom
// both have one address and phone number.
func TestPlanNotesSharedAddress(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		_, err := b.Import(t.Context(), enginetest.Operator, w.ID, engine.ImportSource{Body: strings.NewReader(
			`{"collection":"contacts","record":{"id":"one","name":"One","email":"both@example.org","phone":"+49 30 1234567"}}
{"collection":"contacts","record":{"id":"two","name":"both@example.org","email":"both@example.org","phone":"+49 30 1234567"}}
`)})
		b.Must(err)
		plan, job := b.Erase(engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: aContact("one")})
		noted := func(p *privacyd.Plan) bool {
			return strings.Contains(strings.Join(p.Notes, " "), "Somebody else has the same")
		}
		if !noted(plan) {
			t.Errorf("the plan notes %q", plan.Notes)
		}
		if job.State != privacyd.JobCompleted || job.Result.Review == 0 {
			t.Errorf("the job is %s: %s %+v", job.State, job.ErrorMessage, job.Result)
		}
		if plan, err := b.PreviewJob(t.Context(), enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: aContact("two")}); err != nil || noted(plan) {
			t.Errorf("of the other the plan notes %q, %v", plan.Notes, err)
		}
	})
}

// TestVerifyAgain has an erasure that left something behind verified again:
// before and after that was removed.
func TestVerifyAgain(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := enginetest.NewProduct(t, db)
		b.Product.Fill("acme", 1)
		b.Product.Exec("UPDATE orgs SET name = 'care of ACME-A@example.org'")
		w := orgOf(b, "acme")
		_, job := b.Erase(engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: &privacyd.Subject{Kind: "customer", ID: "acme-a"}})
		for issue, want := range []privacyd.JobState{privacyd.JobFailed, privacyd.JobCompleted} {
			if want == privacyd.JobCompleted {
				b.Product.Exec("UPDATE orgs SET name = 'nobody'")
			}
			_, err := b.VerifyAgain(t.Context(), enginetest.Operator, w.ID, job.ID)
			b.Must(err)
			b.Run()
			job, err = b.GetJob(t.Context(), enginetest.Operator, w.ID, job.ID)
			b.Must(err)
			stored, err := b.Receipts.ReceiptOfJob(t.Context(), job.ID)
			b.Must(err)
			receipt, err := privacyd.VerifyReceipt(stored.File, b.PublicKey)
			b.Must(err)
			clean := receipt.Verification.Result == privacyd.VerificationClean
			if job.State != want || clean != (want == privacyd.JobCompleted) || receipt.Issue != issue+2 || job.Result.Records["lines"] != 6 {
				t.Errorf("the job is %s: %s %+v; issue %d says %+v", job.State, job.ErrorMessage, job.Result, receipt.Issue, receipt.Verification)
			}
		}
		_, err := b.VerifyAgain(t.Context(), enginetest.Operator, w.ID, job.ID)
		b.WantCode(err, "job_not_verifiable")
		if n := rowsOf(t, b, "erasure_runs", "job_id", job.ID); n > 0 {
			t.Error("what the run knew of the person is left")
		}
	})
}

// TestAFailedRunIsForgotten keeps by what somebody was looked for no longer than
// it can be looked again.
func TestAFailedRunIsForgotten(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := enginetest.NewProduct(t, db)
		b.Product.Fill("acme", 1)
		b.Product.Exec("UPDATE orgs SET name = 'care of ACME-A@example.org'")
		w := orgOf(b, "acme")
		plan, job := b.Erase(engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: &privacyd.Subject{Kind: "customer", ID: "acme-a"}})
		for _, days := range []int64{29, 0} {
			b.Pass(privacyd.Day * 29)
			b.Must(b.RunSweep(t.Context(), "", nil))
			if n := rowsOf(t, b, "erasure_runs", "job_id", job.ID); (n > 0) != (days > 0) {
				t.Errorf("%d runs are kept", n)
			}
		}
		if n := rowsOf(t, b, "plans", "hash", plan.Hash); n > 0 {
			t.Error("a plan is kept that cannot be confirmed")
		}
		_, err := b.VerifyAgain(t.Context(), enginetest.Operator, w.ID, job.ID)
		b.WantCode(err, "job_not_verifiable")
	})
}
