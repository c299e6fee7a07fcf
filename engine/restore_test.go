package engine_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/examples"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
	"github.com/privacyd/privacyd/work"
)

// TestReplay has a database that knows nothing of an erasure and holds the
// person again, as one does that was restored: it is not served until the
// erasure has run again.
func TestReplay(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		b.Pass(400 * 24 * time.Hour)
		who := firstContact(t, b, w)
		confirmed(t, b, engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: aContact(who)})
		before := b.Clock()
		confirmed(t, b, engine.NewJob{Workspace: w.ID, Type: privacyd.JobBulkDeletion, Before: &before})
		b.Must(b.CheckRestored(t.Context()))

		_, err := b.DB.Exec(t.Context(), "DELETE FROM erasures")
		b.Must(err)
		_, err = b.Records.Import(t.Context(), w.ID, engine.ImportSource{Body: bytes.NewReader(examples.Sample)}) // past the ledger
		b.Must(err)
		b.WantCode(b.CheckRestored(t.Context()), "database_restored")

		jobs, err := b.Replay(t.Context(), enginetest.Operator)
		b.Must(err)
		b.Run()
		for _, asked := range jobs {
			job, err := b.Jobs.Job(t.Context(), asked.ID)
			b.Must(err)
			if job.State != privacyd.JobCompleted {
				t.Errorf("%s: %s %s %s", job.Type, job.State, job.ErrorCode, job.ErrorMessage)
			}
		}
		b.Must(b.CheckRestored(t.Context()))
		_, err = b.GetRecord(t.Context(), enginetest.Operator, w.ID, "contacts", who)
		b.WantCode(err, "record_not_found")
		page, err := b.ListRecords(t.Context(), enginetest.Operator, w.ID, "conversations", engine.RecordQuery{})
		b.Must(err)
		if len(jobs) < 2 || len(page.Items) > 0 {
			t.Errorf("%d jobs, %d conversations are left", len(jobs), len(page.Items))
		}
	})
}

// TestReplayGoesRoundHolds restores a database from before a hold that was placed
// while conversations went: the hold is in it again, and what it covers stays.
func TestReplayGoesRoundHolds(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		w := newOrg(t, b, "held")
		job := erasables()[2].ask(t, b, w)
		f := &effects{}
		f.before = func(what string) {
			if what != "delete conversations" { // it is marked, and the rows are about to go
				return
			}
			f.before = nil
			hold(t, b, w, privacyd.HoldTarget{Type: privacyd.HoldConversation, Key: []string{"ann-1"}})
		}
		runWatched(t, b, f, job)
		confirmed(t, b, engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: aContact("ben")})
		if n := rowsOf(t, b, "conversations", "workspace_id", w.ID); n != 1 {
			t.Fatalf("%d conversations are left", n)
		}

		forgetErasures(t, b, w)
		b.WantCode(b.CheckRestored(t.Context()), "database_restored")
		_, err := b.Replay(t.Context(), enginetest.Operator)
		b.Must(err)
		b.Run()
		b.Must(b.CheckRestored(t.Context()))
		holds, err := b.ListHolds(t.Context(), enginetest.Operator, w.ID, "", 0)
		b.Must(err)
		if len(holds) != 1 || !holds[0].Standing() || holds[0].Target.Key[1] != "ann-1" || holds[0].Reason == "" {
			t.Errorf("holds: %+v", holds)
		}
		left := map[string]int64{}
		for _, table := range []string{"contacts", "conversations", "messages"} {
			left[table] = rowsOf(t, b, table, "workspace_id", w.ID)
		}
		if diff := cmp.Diff(map[string]int64{"contacts": 1, "conversations": 1, "messages": 2}, left); diff != "" {
			t.Errorf("left: %s", diff)
		}
	})
}

// TestFailedAfterItsMark has erasures fail once they are in the suppression
// ledger: the database is not taken for one that was restored.
func TestFailedAfterItsMark(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		cases := map[string]func(node *enginetest.Bench, job *privacyd.Job) error{
			"in verification": func(node *enginetest.Bench, job *privacyd.Job) error {
				f := &effects{before: func(what string) {
					if what == "files" { // the rows have gone
						node.Datasets[1].Source = unread{node.Datasets[1].Source}
					}
				}}
				f.watch(node)
				return node.RunErasure(t.Context(), job.ID, &lease{attempt: 1})
			},
			"before its database knows": func(node *enginetest.Bench, job *privacyd.Job) error {
				taken := &lease{attempt: 1}
				node.Suppression = &watchedMarks{Suppression: node.Suppression, asked: func(int) {}, before: func() { taken.lost = true }}
				if err := node.RunErasure(t.Context(), job.ID, taken); !errors.Is(err, work.ErrLost) {
					t.Errorf("it ended with %v", err)
				}
				return node.GiveUp(t.Context(), engine.WorkErase, job.ID, errUnread)
			},
		}
		for name, run := range cases {
			t.Run(name, func(t *testing.T) {
				defer b.In(t)()
				w := newOrg(t, b, strings.ReplaceAll(name, " ", "-"))
				job := erasables()[0].ask(t, b, w)
				before, err := b.Suppression.Newest(t.Context())
				b.Must(err)
				node := b.Beside()
				defer node.Stop()
				b.Must(run(node, job))
				job, err = b.Jobs.Job(t.Context(), job.ID)
				b.Must(err)
				marked, err := b.Suppression.Newest(t.Context())
				b.Must(err)
				if job.State != privacyd.JobFailed || marked == before {
					t.Fatalf("%s %s, %d marks", job.State, job.ErrorCode, marked-before)
				}
				b.Must(b.CheckRestored(t.Context()))
			})
		}
	})
}

var errUnread = privacyd.Errorf(privacyd.ClassRefused, "test_unread", "It cannot be read.")

// unread is a database whose tables are not what its map says any more.
type unread struct{ engine.Source }

func (unread) Catalog(context.Context) (datamap.Catalog, error) { return datamap.Catalog{}, errUnread }

// TestHoldAfterTheMark places a hold when an erasure is marked already, with the
// last of its marks: the suppression ledger is told of it, also by another
// process than the one that marked.
func TestHoldAfterTheMark(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		type mark struct {
			last int
			dies bool
		}
		for k, c := range map[int]mark{0: {1, false}, 2: {2, true}} { // of a contact, and of rows in two datasets
			t.Run(erasables()[k].name, func(t *testing.T) {
				defer b.In(t)()
				w := newOrg(t, b, erasables()[k].name)
				job := erasables()[k].ask(t, b, w)
				node, taken := b.Beside(), &lease{attempt: 1}
				defer node.Stop()
				marks := 0
				node.Suppression = &watchedMarks{Suppression: node.Suppression, asked: func(int) {}, before: func() {
					if marks++; marks != c.last {
						return
					}
					_, err := b.Records.Import(t.Context(), w.ID, engine.ImportSource{Body: strings.NewReader(orgRecords(w.Slug))}) // she is back
					b.Must(err)
					hold(t, b, w, privacyd.HoldTarget{Type: privacyd.HoldConversation, Key: []string{"ann-1"}})
					taken.lost = c.dies
				}}
				if err := node.RunErasure(t.Context(), job.ID, taken); err != nil && !c.dies {
					t.Fatal(err)
				}
				runOn(b)
				if end := endingOf(t, b, w, job); end.State != privacyd.JobCompleted || end.Left["conversations"] == 0 {
					t.Fatalf("%s %s, left %v", end.State, end.Error, end.Left)
				}
				told := 0
				for m, err := range b.Suppression.Since(t.Context(), 0) {
					b.Must(err)
					if m.JobID == job.ID {
						told = len(m.Again.Holds)
					}
				}
				if told != 1 {
					t.Errorf("the newest mark knows of %d holds", told)
				}
			})
		}
	})
}

// forgetErasures has the database as a backup from before all erasures has it:
// it knows of neither them nor holds, and the records are there again.
func forgetErasures(t *testing.T, b *enginetest.Bench, w privacyd.Workspace) {
	t.Helper()
	for _, table := range []string{"erasures", "holds"} {
		_, err := b.DB.Exec(t.Context(), "DELETE FROM "+table)
		b.Must(err)
	}
	_, err := b.Records.Import(t.Context(), w.ID, engine.ImportSource{Body: strings.NewReader(orgRecords(w.Slug))}) // past the ledger
	b.Must(err)
}
