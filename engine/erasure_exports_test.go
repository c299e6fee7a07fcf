package engine_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// TestErasureExpiresExports looks for archives that hold who was erased.
func TestErasureExpiresExports(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		whole := b.Export(enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport})
		one := b.Export(enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectExport, Subject: aContact("c-006")})
		other := b.Export(enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectExport, Subject: aContact("c-007")})
		job := confirmed(t, b, engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: aContact("c-006")})
		if job.State != privacyd.JobCompleted || job.Result.ExportsExpired != 2 {
			t.Fatalf("the job is %s: %s %+v", job.State, job.ErrorMessage, job.Result)
		}
		for id, want := range map[string]privacyd.JobState{whole.ID: privacyd.JobExpired, one.ID: privacyd.JobExpired, other.ID: privacyd.JobCompleted} {
			left := 0
			for _, err := range b.Files.List(t.Context(), w.ID+"/exports/"+id+"/") {
				b.Must(err)
				left++
			}
			export, err := b.GetJob(t.Context(), enginetest.Operator, w.ID, id)
			b.Must(err)
			if export.State != want || (left > 0) != (want == privacyd.JobCompleted) {
				t.Errorf("%s of %v is %s with %d files, want %s", export.Type, export.Subject, export.State, left, want)
			}
		}
	})
}

// TestErasureExpiresExportsOfMerged looks for the archive of a person under
// another id that was merged with them.
func TestErasureExpiresExportsOfMerged(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := enginetest.NewProduct(t, db)
		b.Product.Fill("acme", 1)
		b.Product.Exec("ALTER TABLE customers ADD COLUMN merged TEXT")
		b.Product.Exec("UPDATE customers SET merged = 'acme-a' WHERE id = 'acme-b'")
		text := strings.NewReplacer("name: name, identities: {email: email}", "name: name, identities: {email: email}, merged_into: merged",
			"name: user.name, email: user.contact.email", "name: user.name, email: user.contact.email, merged: user.unique_id").Replace(enginetest.ProductMap)
		m, err := datamap.Parse("map.yaml", strings.NewReader(text))
		b.Must(err)
		b.Datasets[2].Graph, err = datamap.Compile(m)
		b.Must(err)
		w := orgOf(b, "acme")
		who := func(id string) *privacyd.Subject { return &privacyd.Subject{Kind: "customer", ID: id} }
		export := b.Export(enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectExport, Subject: who("acme-b")})
		_, job := b.Erase(engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: who("acme-a")})
		wantExpired(t, b, job, export)
	})
}

// TestAccountDeletionExpiresExports looks for archives of workspaces that know
// of an account: as a member, or in a product's table alone.
func TestAccountDeletionExpiresExports(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		var exports []*privacyd.Job
		var member privacyd.Workspace
		for _, slug := range []string{"member", "staff", "stranger"} {
			b.Product.Fill(slug, 1)
			w := orgOf(b, slug)
			if slug == "member" {
				member = w
			}
		}
		for _, slug := range []string{"member", "staff", "stranger"} {
			exports = append(exports, b.Export(enginetest.Operator, engine.NewJob{Workspace: slug, Type: privacyd.JobDataExport}))
		}
		job := askAccount(t, b, member)
		b.Product.Exec("INSERT INTO seats VALUES ('staff', 'member-jo')")
		later(b, time.Hour)
		job, err := b.Jobs.Job(t.Context(), job.ID)
		b.Must(err)
		wantExpired(t, b, job, exports[:2]...)
		if left, err := b.Jobs.Job(t.Context(), exports[2].ID); err != nil || left.State != privacyd.JobCompleted {
			t.Errorf("the export of a workspace that does not know the account is %s, %v", left.State, err)
		}
		stored, err := b.Receipts.ReceiptOfJob(t.Context(), job.ID)
		b.Must(err)
		receipt, err := privacyd.VerifyReceipt(stored.File, b.PublicKey)
		b.Must(err)
		if receipt.Verification.Workspaces != 3 || len(receipt.ExpiredJobs) != 2 {
			t.Errorf("the receipt says %+v, and of exports %v", receipt.Verification, receipt.ExpiredJobs)
		}
	})
}

func orgOf(b *enginetest.Bench, slug string) privacyd.Workspace {
	w, err := b.CreateWorkspace(b.Context(), enginetest.Operator, engine.NewWorkspace{Slug: slug, Name: slug, DatasetKeys: map[string]string{"app": slug}})
	b.Must(err)
	return w
}

func wantExpired(t *testing.T, b *enginetest.Bench, job *privacyd.Job, exports ...*privacyd.Job) {
	t.Helper()
	if job.State != privacyd.JobCompleted || job.Result.ExportsExpired != int64(len(exports)) {
		t.Fatalf("the job is %s: %s %+v", job.State, job.ErrorMessage, job.Result)
	}
	for _, export := range exports {
		now, err := b.Jobs.Job(t.Context(), export.ID)
		if err != nil || now.State != privacyd.JobExpired || !slices.Contains(job.Result.ExpiredExports, export.ID) {
			t.Errorf("the %s is %s, %v; expired are %v", export.Type, now.State, err, job.Result.ExpiredExports)
		}
	}
}
