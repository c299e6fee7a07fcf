package engine_test

import (
	"context"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// growing is an erasure of which the product adds something again whenever its
// rows are gone.
type growing struct {
	kind   int
	adds   string // with the workspace's slug
	remove string
}

func growings() []growing {
	return []growing{
		{2, "INSERT INTO chats VALUES ($1 || '-late', $1, $1 || '-a', NULL, 1, 1, 1) ON CONFLICT DO NOTHING", "DELETE FROM chats WHERE id LIKE '%-late'"},
		{4, "INSERT INTO staff VALUES ($1 || '-jo', 'jo@' || $1 || '.example.org') ON CONFLICT DO NOTHING", "DELETE FROM staff WHERE id LIKE '%-jo'"},
		{5, "INSERT INTO orgs VALUES ($1, $1) ON CONFLICT DO NOTHING", "DELETE FROM orgs WHERE id = 'left-workspace'"},
	}
}

// leftBehind is an erasure that has failed, since the product would not let go.
func leftBehind(t *testing.T, b *enginetest.Bench, g growing, slug string) (privacyd.Workspace, *privacyd.Job) {
	t.Helper()
	w := newOrg(t, b, slug)
	job := erasables()[g.kind].ask(t, b, w)
	known := b.Purges
	b.Purges = adding{known, func() { b.Product.Exec(g.adds, slug) }}
	b.Run()
	b.Purges = known
	if job = stateOf(b, job.ID); job.State != privacyd.JobFailed || job.ErrorCode != "residue_found" {
		t.Fatalf("the job is %s: %s %s", job.State, job.ErrorCode, job.ErrorMessage)
	}
	return w, job
}

// Whatever was deleted can be verified again where something was left.
func TestEveryDeletionIsVerifiedAgain(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		for _, g := range growings() {
			kind := erasables()[g.kind]
			t.Run(kind.name, func(t *testing.T) {
				defer b.In(t)()
				w, job := leftBehind(t, b, g, "left-"+kind.name)
				for _, want := range []privacyd.JobState{privacyd.JobFailed, privacyd.JobCompleted} {
					if want == privacyd.JobCompleted {
						b.Product.Exec(g.remove)
					}
					_, err := b.VerifyAgain(t.Context(), enginetest.Operator, w.ID, job.ID)
					b.Must(err)
					_, err = b.CancelJob(t.Context(), enginetest.Operator, w.ID, job.ID)
					if g.kind == 2 { // nobody could, of one who is gone
						b.WantCode(err, "job_not_cancellable")
					}
					b.Run()
					if job, err = b.GetJob(t.Context(), enginetest.Operator, w.ID, job.ID); err != nil || job.State != want {
						t.Fatalf("the job is %s: %s, %v", job.State, job.ErrorMessage, err)
					}
					stored, err := b.Receipts.ReceiptOfJob(t.Context(), job.ID)
					b.Must(err)
					receipt, err := privacyd.VerifyReceipt(stored.File, b.PublicKey)
					b.Must(err)
					clean := receipt.Verification.Result == privacyd.VerificationClean
					if clean != (want == privacyd.JobCompleted) || receipt.Audit.Proof == "" {
						t.Errorf("issue %d says %+v, with proof %q", receipt.Issue, receipt.Verification, receipt.Audit.Proof)
					}
				}
				_, err := b.VerifyAgain(t.Context(), enginetest.Operator, w.ID, job.ID)
				b.WantCode(err, "job_not_verifiable")
				if n := rowsOf(t, b, "erasure_runs", "job_id", job.ID); n > 0 {
					t.Error("what the run knew is left")
				}
			})
		}
	})
}

// meeting does something while a receipt is being issued anew.
type meeting struct {
	purges
	then func()
}

// adding does something when rows have gone, and files are about to.
type adding struct {
	purges
	then func()
}

func (a adding) ClaimPurges(ctx context.Context, now, again time.Time, limit int) ([]privacyd.Purge, error) {
	a.then()
	return a.purges.ClaimPurges(ctx, now, again, limit)
}

// purges has another name, since its methods are what matters.
type purges = engine.Purges

func (m meeting) CountPurges(ctx context.Context, jobID string) (privacyd.PurgeCounts, error) {
	n, err := m.purges.CountPurges(ctx, jobID)
	n.Queued++ // which the receipt does not say yet
	m.then()
	return n, err
}

// A receipt that is issued anew while its job is to be verified again must not
// make it forget that.
func TestVerifiedAgainWhileAReceiptIsIssued(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		g := growings()[1]
		w, job := leftBehind(t, b, g, "left-meeting")
		b.Product.Exec(g.remove)
		node := b.Beside()
		defer node.Stop()
		node.Purges = meeting{node.Purges, func() {
			node.Purges = b.Purges
			_, err := b.VerifyAgain(t.Context(), enginetest.Operator, w.ID, job.ID)
			b.Must(err)
		}}
		b.Must(node.RunReceipt(t.Context(), job.ID, &lease{attempt: 1}))
		b.Run()
		if verified := node.Purges == b.Purges; !verified || stateOf(b, job.ID).State != privacyd.JobCompleted {
			job = stateOf(b, job.ID)
			t.Errorf("met %v: the job is %s: %s", verified, job.State, job.ErrorMessage)
		}
	})
}
