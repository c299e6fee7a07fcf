package engine_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// jobStore has another name, since it has a method Jobs.
type jobStore = engine.Jobs

// unknownJob is a store of a backup from before a job was asked for.
type unknownJob struct {
	jobStore
	id string
}

func (u unknownJob) Job(ctx context.Context, id string) (*privacyd.Job, error) {
	if id == u.id {
		return nil, privacyd.Errorf(privacyd.ClassNotFound, "job_not_found", "There is no such job.")
	}
	return u.jobStore.Job(ctx, id)
}

func (u unknownJob) LockJob(ctx context.Context, id string) (*privacyd.Job, error) {
	if id == u.id {
		return u.Job(ctx, id)
	}
	return u.jobStore.LockJob(ctx, id)
}

// suspended are deletions that have begun, are marked in the suppression ledger
// and wait for a hold, which back releases.
func suspended(t *testing.T, b *enginetest.Bench, w privacyd.Workspace, kind int) (job *privacyd.Job, target privacyd.HoldTarget) {
	t.Helper()
	job, target = erasables()[kind].ask(t, b, w), wholeWorkspace
	if kind == 5 { // of a workspace in which somebody is held
		target = privacyd.HoldTarget{Type: privacyd.HoldSubject, Subject: aContact("ben")}
	}
	f := &effects{}
	f.before = func(what string) {
		if what == "files" || kind == 5 { // the rows are gone
			f.before = nil
			hold(t, b, w, target)
		}
	}
	runWatched(t, b, f, job)
	if job = stateOf(b, job.ID); job.State != privacyd.JobBlocked || job.WaitingOn != privacyd.WaitHold {
		t.Fatalf("the job is %s, waiting on %q: %s", job.State, job.WaitingOn, job.ErrorMessage)
	}
	return job, target
}

func withdrawals(t *testing.T, b *enginetest.Bench, job string) (marks, withdrawn int) {
	t.Helper()
	for m, err := range b.Suppression.Since(t.Context(), 0) {
		b.Must(err)
		switch {
		case m.JobID != job:
		case m.Again.Withdrawn:
			withdrawn++
		case !m.Again.OnlyHolds:
			marks++
		}
	}
	return marks, withdrawn
}

// A deletion that waited for a hold and was cancelled is no erasure any more:
// its mark in the ledger neither keeps records out of an import nor has a
// restored database delete what lives.
func TestACancelledDeletionIsNoErasure(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		for _, kind := range []int{0, 5} {
			t.Run(erasables()[kind].name, func(t *testing.T) {
				defer b.In(t)()
				ctx, w, jobs := t.Context(), newOrg(t, b, "org-"+erasables()[kind].name), b.Jobs
				defer func() { b.Jobs = jobs }()
				job, target := suspended(t, b, w, kind)
				if marks, _ := withdrawals(t, b, job.ID); marks != 1 {
					t.Fatalf("it has %d marks", marks)
				}
				_, err := b.CancelJob(ctx, enginetest.Operator, w.ID, job.ID)
				b.Must(err)
				_, err = b.ReleaseHoldsOn(ctx, enginetest.Operator, w.ID, target, "over")
				b.Must(err)
				b.Run()
				if _, withdrawn := withdrawals(t, b, job.ID); withdrawn != 1 {
					t.Errorf("it is taken back %d times", withdrawn)
				}
				imported, err := b.Import(ctx, enginetest.Operator, w.ID, engine.ImportSource{Body: strings.NewReader(orgRecords(w.Slug))})
				b.Must(err)
				if len(imported.Skipped) > 0 {
					t.Errorf("an import leaves out %v", imported.Skipped)
				}
				b.Must(b.CheckRestored(ctx)) // what it knows is enough

				forgetErasures(t, b, w)
				b.Jobs = unknownJob{jobs, job.ID}
				again, err := b.Replay(ctx, enginetest.Operator)
				b.Must(err)
				b.Run()
				b.Must(b.CheckRestored(ctx))
				if n := rowsOf(t, b, "contacts", "workspace_id", w.ID); len(again) > 0 || n != 2 {
					t.Errorf("%d are erased again, and %d contacts are left", len(again), n)
				}
			})
		}
	})
}

var errLate = errors.New("the database is gone")

// lateJobs fails to keep a job that was cancelled.
type lateJobs struct{ jobStore }

func (l lateJobs) UpdateJob(ctx context.Context, job *privacyd.Job, auditID string) error {
	if job.State == privacyd.JobCancelled {
		return errLate
	}
	return l.jobStore.UpdateJob(ctx, job, auditID)
}

// When the cancellation fails after the ledger was told, or the database is
// restored in which the job still waits, the job does not go on at the next
// start; in the process that lives it does, and is marked again.
func TestACancellationThatFailed(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		for name, goesOn := range map[string]bool{"on": true, "again": false} {
			t.Run(name, func(t *testing.T) {
				defer b.In(t)()
				ctx, w := t.Context(), newOrg(t, b, "starts-"+name)
				job, target := suspended(t, b, w, 5)
				whole := b.Jobs
				b.Jobs = lateJobs{whole}
				if _, err := b.CancelJob(ctx, enginetest.Operator, w.ID, job.ID); !errors.Is(err, errLate) {
					t.Fatalf("it ended with %v", err)
				}
				b.Jobs = whole
				want, marked := privacyd.JobCompleted, 2
				if !goesOn {
					want, marked = privacyd.JobCancelled, 1
					b.Must(b.CheckRestored(ctx))
				}
				_, err := b.ReleaseHoldsOn(ctx, enginetest.Operator, w.ID, target, "over")
				b.Must(err)
				b.Run()
				marks, withdrawn := withdrawals(t, b, job.ID)
				if job = stateOf(b, job.ID); job.State != want || marks != marked || withdrawn != 1 {
					t.Errorf("the job is %s, with %d marks of which %d are taken back: want %s, with %d", job.State, marks, withdrawn, want, marked)
				}
				if n := rowsOf(t, b, "contacts", "workspace_id", w.ID); (n == 0) != goesOn {
					t.Errorf("%d contacts are left", n)
				}
				if state, _, err := b.States.WorkspaceState(ctx, w.ID); !goesOn && (err != nil || state != privacyd.WorkspaceActive) {
					t.Errorf("the workspace is %s, %v", state, err)
				}
			})
		}
	})
}

// What was held when a workspace was marked, and went at the release, has gone
// as far as the ledger knows.
func TestTheLedgerIsToldOfARelease(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		ctx, w := t.Context(), newOrg(t, b, "released")
		job, target := suspended(t, b, w, 5)
		_, err := b.ReleaseHoldsOn(ctx, enginetest.Operator, w.ID, target, "over")
		b.Must(err)
		b.Run()
		if job = stateOf(b, job.ID); job.State != privacyd.JobCompleted {
			t.Fatalf("the job is %s: %s", job.State, job.ErrorMessage)
		}
		var newest privacyd.Erased
		for m, err := range b.Suppression.Since(ctx, 0) {
			b.Must(err)
			newest = m
		}
		if newest.JobID != job.ID || len(newest.Again.Holds) != 0 {
			t.Errorf("the newest entry knows of %d holds", len(newest.Again.Holds))
		}
	})
}

// A cancellation may fail after the ledger was told when the job has a mark and
// waits in any phase: it goes on, and is marked again.
func TestWhatGoesOnIsMarkedAgain(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		for name, again := range map[string]bool{"in-verification": false, "once-more": true} {
			t.Run(name, func(t *testing.T) {
				defer b.In(t)()
				ctx, w := t.Context(), newOrg(t, b, name)
				job := erasables()[0].ask(t, b, w)
				f, files := &effects{}, false
				f.before = func(what string) {
					switch {
					case what == "files" && !files:
						files = true
						if again { // she is back, and found
							_, err := b.Records.Import(ctx, w.ID, engine.ImportSource{Body: strings.NewReader(orgRecords(w.Slug))})
							b.Must(err)
							return
						}
					case !files || !strings.HasPrefix(what, "delete "):
						return
					}
					f.before = nil
					hold(t, b, w, wholeWorkspace)
				}
				runWatched(t, b, f, job)
				if marks, _ := withdrawals(t, b, job.ID); marks != 1 || stateOf(b, job.ID).State != privacyd.JobBlocked {
					t.Fatalf("the job is %s, with %d marks", stateOf(b, job.ID).State, marks)
				}
				whole := b.Jobs
				b.Jobs = lateJobs{whole}
				if _, err := b.CancelJob(ctx, enginetest.Operator, w.ID, job.ID); !errors.Is(err, errLate) {
					t.Fatalf("it ended with %v", err)
				}
				b.Jobs = whole
				_, err := b.ReleaseHoldsOn(ctx, enginetest.Operator, w.ID, wholeWorkspace, "over")
				b.Must(err)
				b.Run()
				if marks, withdrawn := withdrawals(t, b, job.ID); stateOf(b, job.ID).State != privacyd.JobCompleted || marks != 2 || withdrawn != 1 {
					t.Errorf("the job is %s, with %d marks of which %d are taken back", stateOf(b, job.ID).State, marks, withdrawn)
				}
			})
		}
	})
}

// A backup has the deletion that its ledger says was done, waiting for its day.
// When its replay has to wait and is cancelled, it is cancelled with it.
func TestACancelledReplayIsOfNoOther(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		b.Engine.Grace = 30 * privacyd.Day
		ctx, w := t.Context(), newOrg(t, b, "backup")
		me, job := leaving(b, jo)
		who := &privacyd.Subject{Kind: "account", ID: me.AccountID}
		_, err := b.Suppression.Append(ctx, privacyd.Erased{
			JobID: job.ID, At: b.Clock(), Expires: b.Clock().Add(90 * privacyd.Day),
			Again: privacyd.EraseAgain{Type: job.Type, Subject: who, AllHolds: true},
		}, nil)
		b.Must(err)
		b.Pass(time.Minute)
		_, err = b.AddMember(ctx, enginetest.Operator, w.ID, jo, privacyd.RoleAgent)
		b.Must(err)
		target := privacyd.HoldTarget{Type: privacyd.HoldSubject, Subject: who}
		hold(t, b, w, target)
		replays, err := b.Replay(ctx, enginetest.Operator)
		b.Must(err)
		b.Run()
		if len(replays) != 1 || stateOf(b, replays[0].ID).State != privacyd.JobBlocked {
			t.Fatalf("%d are erased again: %+v", len(replays), replays)
		}
		_, err = b.CancelAccountDeletion(ctx, me)
		b.Must(err)
		if was := stateOf(b, job.ID); was.State != privacyd.JobCancelled {
			t.Errorf("the job of the backup is %s", was.State)
		}
		b.Run()
		told := 0
		for _, subject := range toldTo(b, jo) {
			if subject == staysAgain {
				told++
			}
		}
		if told != 1 {
			t.Errorf("it is told %d times that the account stays: %q", told, toldTo(b, jo))
		}
		_, err = b.ReleaseHoldsOn(ctx, enginetest.Operator, w.ID, target, "over")
		b.Must(err)
		later(b, 31*privacyd.Day)
		if _, err := b.Accounts.Account(ctx, me.AccountID); err != nil {
			t.Errorf("the account: %v", err)
		}
		b.Must(b.CheckRestored(ctx))
	})
}
