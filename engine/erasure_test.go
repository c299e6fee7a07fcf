package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

func aContact(id string) *privacyd.Subject { return &privacyd.Subject{Kind: "contact", ID: id} }

// confirmed asks for an erasure, confirms its plan as the operator and runs it.
func confirmed(t *testing.T, b *enginetest.Bench, r engine.NewJob) *privacyd.Job {
	t.Helper()
	plan, err := b.PreviewJob(t.Context(), enginetest.Operator, r)
	b.Must(err)
	r.Confirm = &privacyd.Confirmation{PlanHash: plan.Hash}
	job, _, err := b.CreateJob(t.Context(), enginetest.Operator, r)
	b.Must(err)
	b.Run()
	job, err = b.GetJob(t.Context(), enginetest.Operator, r.Workspace, job.ID)
	b.Must(err)
	return job
}

func TestDeleteContact(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w, other := b.NewWorkspace("acme"), b.NewWorkspace("globex")
		who := firstContact(t, b, w)
		job := confirmed(t, b, engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: aContact(who)})
		if job.State != privacyd.JobCompleted {
			t.Fatalf("the job is %s: %s %s", job.State, job.ErrorCode, job.ErrorMessage)
		}
		if job.Subject.ID != "" {
			t.Error("the job still knows whom it was about")
		}
		if job.Result.Records["contacts"] != 1 || job.Result.Records["messages"] == 0 {
			t.Errorf("result: %+v", job.Result)
		}
		_, err := b.PreviewJob(t.Context(), enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: aContact(who)})
		b.WantCode(err, "subject_not_found")
		_, err = b.PreviewJob(t.Context(), enginetest.Operator, engine.NewJob{Workspace: other.ID, Type: privacyd.JobSubjectDeletion, Subject: aContact(who)})
		b.Must(err) // the same id in another workspace is somebody else
		checkReceipt(t, b, job)
	})
}

func firstContact(t *testing.T, b *enginetest.Bench, w privacyd.Workspace) string {
	t.Helper()
	page, err := b.ListRecords(t.Context(), enginetest.Operator, w.ID, "contacts", engine.RecordQuery{Limit: 1})
	b.Must(err)
	text := string(page.Items[0])
	_, rest, _ := strings.Cut(text, `"id":"`)
	id, _, _ := strings.Cut(rest, `"`)
	return id
}

func checkReceipt(t *testing.T, b *enginetest.Bench, job *privacyd.Job) {
	t.Helper()
	stored, err := b.Receipts.ReceiptOfJob(t.Context(), job.ID)
	b.Must(err)
	receipt, err := privacyd.VerifyReceipt(stored.File, b.PublicKey)
	b.Must(err)
	if receipt.Audit.Proof == "" || receipt.Verification.Result != privacyd.VerificationClean || receipt.PlanHash != job.PlanHash {
		t.Errorf("receipt: %+v", receipt)
	}
}

func TestHeldContact(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		who := firstContact(t, b, w)
		hold, err := b.PlaceHold(t.Context(), enginetest.Operator, engine.NewHold{
			Workspace: w.ID, Target: privacyd.HoldTarget{Type: privacyd.HoldSubject, Subject: aContact(who)}, Reason: "a claim",
		})
		b.Must(err)
		r := engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: aContact(who)}
		plan, err := b.PreviewJob(t.Context(), enginetest.Operator, r)
		b.Must(err)
		if !plan.WhollyHeld || len(plan.Holds) != 1 {
			t.Errorf("plan: %+v", plan)
		}
		r.Confirm = &privacyd.Confirmation{PlanHash: plan.Hash}
		_, _, err = b.CreateJob(t.Context(), enginetest.Operator, r)
		b.WantCode(err, "plan_held")
		_, err = b.ReleaseHold(t.Context(), enginetest.Operator, w.ID, hold.ID, "settled")
		b.Must(err)
		r.Confirm = nil
		if job := confirmed(t, b, r); job.State != privacyd.JobCompleted {
			t.Errorf("the job is %s: %s", job.State, job.ErrorMessage)
		}
	})
}

func TestDeleteWorkspace(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w, other := b.NewWorkspace("acme"), b.NewWorkspace("globex")
		job := confirmed(t, b, engine.NewJob{Workspace: w.ID, Type: privacyd.JobWorkspaceDeletion})
		if job.State != privacyd.JobScheduled || job.ExecuteAfter == nil {
			t.Fatalf("the job is %s", job.State)
		}
		b.Pass(31 * 24 * time.Hour)
		b.Run()
		job, err := b.Jobs.Job(t.Context(), job.ID)
		b.Must(err)
		if job.State != privacyd.JobCompleted {
			t.Fatalf("the job is %s: %s %s", job.State, job.ErrorCode, job.ErrorMessage)
		}
		checkReceipt(t, b, job)
		page, err := b.ListRecords(t.Context(), enginetest.Operator, other.ID, "contacts", engine.RecordQuery{Limit: 10})
		b.Must(err)
		if len(page.Items) == 0 {
			t.Error("the other workspace lost its contacts")
		}
	})
}

func TestBulkDeletion(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		b.Pass(400 * 24 * time.Hour)
		before := b.Clock()
		job := confirmed(t, b, engine.NewJob{Workspace: w.ID, Type: privacyd.JobBulkDeletion, Before: &before})
		if job.State != privacyd.JobCompleted || job.Result.Records["conversations"] == 0 {
			t.Fatalf("the job is %s: %s, %+v", job.State, job.ErrorMessage, job.Result)
		}
		checkReceipt(t, b, job)
		if _, err := b.PreviewJob(t.Context(), enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobBulkDeletion}); privacyd.CodeOf(err) != "before_invalid" {
			t.Errorf("without a date: %v", err)
		}
	})
}

func TestDeleteAccount(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		const password = "correct horse battery"
		_, err := b.CreateAccount(t.Context(), enginetest.Operator, engine.NewAccount{Email: "jo@example.com", Name: "Jo Doe", Password: password})
		b.Must(err)
		_, err = b.AddMember(t.Context(), enginetest.Operator, w.ID, "jo@example.com", privacyd.RoleAgent)
		b.Must(err)
		jo, err := b.As(t.Context(), enginetest.Operator, "jo@example.com")
		b.Must(err)
		plan, err := b.PreviewAccountDeletion(t.Context(), jo)
		b.Must(err)
		_, err = b.DeleteAccount(t.Context(), jo, privacyd.Confirmation{PlanHash: plan.Hash, Password: "wrong horse battery"})
		b.WantCode(err, "password_wrong")
		job, err := b.DeleteAccount(t.Context(), jo, privacyd.Confirmation{PlanHash: plan.Hash, Password: password})
		b.Must(err)
		if job.State != privacyd.JobScheduled {
			t.Fatalf("the job is %s", job.State)
		}
		_, err = b.ListRecords(t.Context(), jo, w.ID, "contacts", engine.RecordQuery{})
		b.WantCode(err, "account_leaving")
		b.Pass(31 * 24 * time.Hour)
		b.Run()
		job, err = b.Jobs.Job(t.Context(), job.ID)
		b.Must(err)
		if job.State != privacyd.JobCompleted {
			t.Fatalf("the job is %s: %s %s", job.State, job.ErrorCode, job.ErrorMessage)
		}
		_, err = b.Accounts.Account(t.Context(), jo.AccountID)
		if privacyd.ClassOf(err) != privacyd.ClassNotFound {
			t.Errorf("the account: %v", err)
		}
		checkReceipt(t, b, job)
	})
}

func TestLastAdminStays(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		plan, err := b.PreviewAccountDeletion(t.Context(), b.Member(privacyd.RoleAdmin, w))
		b.Must(err)
		if len(plan.Blockers) != 1 || plan.Blockers[0].Code != "last_admin" {
			t.Fatalf("blockers: %+v", plan.Blockers)
		}
		if diff := cmp.Diff([]privacyd.WorkspaceName{w.Named()}, plan.Blockers[0].Workspaces); diff != "" {
			t.Error(diff)
		}
	})
}

func TestCancelledDeletions(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		job := confirmed(t, b, engine.NewJob{Workspace: w.ID, Type: privacyd.JobWorkspaceDeletion})
		_, err := b.SetRetention(t.Context(), enginetest.Operator, w.ID, 30)
		b.WantCode(err, "workspace_read_only")
		_, err = b.CancelJob(t.Context(), enginetest.Operator, w.ID, job.ID)
		b.Must(err)
		b.Pass(40 * 24 * time.Hour)
		b.Run()
		_, err = b.SetRetention(t.Context(), enginetest.Operator, w.ID, 30)
		b.Must(err)
	})
}

// TestSoleMemberLeaves has the only member of a workspace go: nobody else is
// concerned, so that it is allowed, and plan and receipt say what stays.
func TestSoleMemberLeaves(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		const password = "correct horse battery"
		_, err := b.CreateAccount(t.Context(), enginetest.Operator, engine.NewAccount{Email: "jo@example.com", Name: "Jo Doe", Password: password})
		b.Must(err)
		w, err := b.CreateWorkspace(t.Context(), enginetest.Operator, engine.NewWorkspace{Slug: "solo", Name: "Solo", AdminEmail: "jo@example.com"})
		b.Must(err)
		jo, err := b.As(t.Context(), enginetest.Operator, "jo@example.com")
		b.Must(err)
		plan, err := b.PreviewAccountDeletion(t.Context(), jo)
		b.Must(err)
		if len(plan.Blockers) > 0 || !cmp.Equal(plan.Abandoned, []privacyd.WorkspaceName{w.Named()}) || !strings.Contains(strings.Join(plan.Notes, " "), "workspace delete --slug solo") {
			t.Errorf("blockers %+v, notes %q", plan.Blockers, plan.Notes)
		}
		job, err := b.DeleteAccount(t.Context(), jo, privacyd.Confirmation{PlanHash: plan.Hash, Password: password})
		b.Must(err)
		b.Pass(31 * 24 * time.Hour)
		b.Run()
		stored, err := b.Receipts.ReceiptOfJob(t.Context(), job.ID)
		b.Must(err)
		receipt, err := privacyd.VerifyReceipt(stored.File, b.PublicKey)
		b.Must(err)
		if len(receipt.Abandoned) != 1 || receipt.Abandoned[0] != w.ID || !strings.Contains(strings.Join(receipt.Sentences(), "\n"), w.ID) {
			t.Errorf("the receipt names %q", receipt.Abandoned)
		}
	})
}
