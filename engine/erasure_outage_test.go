package engine_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/archive"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
	"github.com/privacyd/privacyd/work"
)

// outage is a blob store that may be down.
type outage struct {
	engine.Blobs
	down *atomic.Bool
}

func (o outage) err() error {
	if !o.down.Load() {
		return nil
	}
	return privacyd.Errorf(privacyd.ClassUnavailable, "blob_unavailable", "The blob store cannot be reached. Try again.")
}

func (o outage) Delete(ctx context.Context, key string) error {
	if err := o.err(); err != nil {
		return err
	}
	return o.Blobs.Delete(ctx, key)
}

func (o outage) List(ctx context.Context, prefix string) iter.Seq2[string, error] {
	if err := o.err(); err != nil {
		return func(yield func(string, error) bool) { yield("", err) }
	}
	return o.Blobs.List(ctx, prefix)
}

// TestStoreIsDown has the blob store down for more than a day: rows go, files
// wait, and job and receipt say that they are overdue, and then that they went.
func TestStoreIsDown(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		down := &atomic.Bool{}
		b.Blobs = outage{b.Blobs, down}
		b.Datasets[1].Files["attachments"] = b.Blobs
		b.Grace = time.Minute
		for _, r := range []engine.NewJob{
			{Type: privacyd.JobSubjectDeletion, Subject: aContact("c-006")},
			{Type: privacyd.JobWorkspaceDeletion},
		} {
			w := b.NewWorkspace("acme-" + string(r.Type[:4]))
			r.Workspace = w.ID
			down.Store(true)
			job := asked(t, b, r)
			b.Pass(2 * time.Minute)
			for _, stage := range []struct {
				passes time.Duration
				want   privacyd.FilesState
				issue  int
			}{{0, privacyd.FilesPending, 1}, {23 * time.Hour, privacyd.FilesPending, 1}, {2 * time.Hour, privacyd.FilesOverdue, 2}, {time.Hour, privacyd.FilesOverdue, 2}} {
				b.Pass(stage.passes)
				filesAre(t, b, job, stage.want, stage.issue)
			}
			down.Store(false)
			b.Pass(20 * time.Minute)
			b.Run()
			filesAre(t, b, job, privacyd.FilesLate, 3)
			if n := rowsOf(t, b, "erasure_runs", "job_id", job.ID); n > 0 {
				t.Error("the state of the run is left")
			}
			if r.Subject == nil {
				for key, err := range b.Blobs.List(t.Context(), w.ID+"/") {
					t.Errorf("left: %s %v", key, err)
				}
			}
		}
	})
}

// filesAre runs what is due and tells whether job and receipt say so of the
// files.
func filesAre(t *testing.T, b *enginetest.Bench, job *privacyd.Job, want privacyd.FilesState, issue int) {
	t.Helper()
	b.Run()
	job, err := b.Jobs.Job(t.Context(), job.ID)
	b.Must(err)
	stored, err := b.Receipts.ReceiptOfJob(t.Context(), job.ID)
	b.Must(err)
	receipt, err := privacyd.VerifyReceipt(stored.File, b.PublicKey)
	b.Must(err)
	got := []any{job.State, job.Result.FilesState, receipt.Files.State, receipt.Issue}
	if diff := cmp.Diff([]any{privacyd.JobCompleted, want, want, issue}, got); diff != "" {
		t.Errorf("%s: %s", job.Type, diff)
	}
}

// TestTakenOver has another node take a job over while the first one stands
// still, and the first one wake up when all is done.
func TestTakenOver(t *testing.T) {
	db := sqldbtest.Postgres(t)
	b := beside(t, db)
	step := 11
	if os.Getenv(everyFault) != "" {
		step = 1
	}
	for k, kind := range erasables() {
		t.Run(kind.name, func(t *testing.T) {
			defer b.In(t)()
			want, _ := untouched(t, b, kind, 100+k)
			for at := 2 + 3*k%step; ; at += step {
				w := newOrg(t, b, fmt.Sprintf("taken-%d-%d", k, at))
				prepareRetention(t, b, w)
				job := kind.ask(t, b, w)
				if !takenOver(t, b, job, at) {
					break
				}
				endsSo(t, b, w, job, want)
			}
		})
	}
}

// endsSo compares how a job ended with how it should have.
func endsSo(t *testing.T, b *enginetest.Bench, w privacyd.Workspace, job *privacyd.Job, want ending) {
	t.Helper()
	got := endingOf(t, b, w, job)
	if got.Issues == 2 && got.Last == 2 { // the receipt was issued before the last file went
		got.Issues, got.Last = 1, 1
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	explained(t, b, w.ID)
}

// takenOver stops before a transaction; false when there are not so many.
func takenOver(t *testing.T, b *enginetest.Bench, job *privacyd.Job, at int) bool {
	t.Helper()
	b.Pass(time.Second)
	node, stands, goes := b.Restart(), make(chan struct{}), make(chan struct{})
	defer node.Stop()
	n := 0
	f := &effects{before: func(what string) {
		if what != "transaction" {
			return
		}
		if n++; n == at {
			close(stands)
			<-goes
		}
	}}
	f.watch(node)
	ended := make(chan error, 1)
	node.Runner.Handle(engine.WorkErase, func(ctx context.Context, key string, l work.Lease) error {
		err := node.RunErasure(ctx, key, l)
		ended <- err
		return err
	}, 1)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	idle := make(chan error, 1)
	go func() { idle <- node.Runner.RunUntilIdle(ctx, job.ID) }()
	select {
	case <-stands:
	case err := <-ended:
		b.Must(errors.Join(err, <-idle))
		runOn(b)
		return false
	}
	runOn(b)
	close(goes)
	if err := <-ended; !errors.Is(err, work.ErrLost) && !errors.Is(err, context.Canceled) {
		t.Errorf("at transaction %d the first node ends with %v", at, err)
	}
	stop()
	<-idle
	return true
}

// runOn has another node run everything.
func runOn(b *enginetest.Bench) {
	next := b.Restart()
	defer next.Stop()
	for range 2 {
		next.Run()
		next.Pass(20 * time.Minute)
	}
	b.Pass(next.Clock().Sub(b.Clock()))
}

// TestErasureMeetsTrouble has the database or the disk fail in the midst of each
// erasure, again and again.
func TestErasureMeetsTrouble(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		for k, kind := range erasables() {
			t.Run(kind.name, func(t *testing.T) {
				defer b.In(t)()
				want, _ := untouched(t, b, kind, 200+k)
				for name, trouble := range troubles(t, db.Dialect) {
					w := newOrg(t, b, fmt.Sprintf("trouble-%d-%d", k, len(name)))
					prepareRetention(t, b, w)
					job := kind.ask(t, b, w)
					b.Pass(time.Second)
					failed := 0
					for at := range 3 {
						err := troubled(b, job, 4+5*at, trouble)
						if err != nil && privacyd.ClassOf(err) != privacyd.ClassUnavailable {
							t.Errorf("%s: it does not say that trying again helps: %v", name, err)
						}
						if err != nil {
							failed++
						}
						if told, err := b.Jobs.Job(t.Context(), job.ID); err != nil || told.State == privacyd.JobFailed {
							t.Errorf("%s: half told: %+v %v", name, told, err)
						}
					}
					t.Logf("%s: failed %d times", name, failed)
					runOn(b)
					endsSo(t, b, w, job, want)
				}
			})
		}
	})
}

// trouble begins, and what it gives ends it.
type trouble func(b *enginetest.Bench) (end func())

func troubles(t *testing.T, d sqldb.Dialect) map[string]trouble {
	if d == sqldb.SQLite {
		return map[string]trouble{"full disk": func(b *enginetest.Bench) func() { return sqldbtest.FillDisk(t, b.DB) }, "full spool": fullSpool}
	}
	return map[string]trouble{"cut connections": func(b *enginetest.Bench) func() {
		const cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
		for _, db := range []*sql.DB{b.DB.Writer(), b.Product.DB} {
			_, err := db.ExecContext(b.Context(), cut)
			b.Must(err)
		}
		return func() {}
	}, "full spool": fullSpool}
}

func fullSpool(b *enginetest.Bench) func() {
	real := b.Spool
	b.Spool = func() (archive.Spool, error) {
		return nil, privacyd.Errorf(privacyd.ClassUnavailable, "disk_full", "The disk is full. Free some space and try again.")
	}
	return func() { b.Spool = real }
}

// troubled runs a job of which the trouble begins before a transaction.
func troubled(b *enginetest.Bench, job *privacyd.Job, at int, begin trouble) error {
	node := b.Beside()
	defer node.Stop()
	end, n := func() {}, 0
	f := &effects{before: func(what string) {
		if n++; n == at {
			end = begin(node)
		}
	}}
	f.watch(node)
	err := node.RunErasure(b.Context(), job.ID, &lease{attempt: 1})
	end()
	b.Pass(time.Second)
	return err
}
