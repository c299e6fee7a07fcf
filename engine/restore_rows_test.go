package engine_test

import (
	"slices"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// takenFor are the conversations, of privacyd's own and of a product, that the
// suppression ledger has as erased by a job.
func takenFor(t *testing.T, b *enginetest.Bench, job string) (rows []string) {
	t.Helper()
	var withdrawn privacyd.Withdrawals
	for m, err := range b.Suppression.Since(t.Context(), 0) {
		b.Must(err)
		withdrawn.Note(m)
	}
	for m, err := range b.Suppression.Since(t.Context(), 0) {
		b.Must(err)
		for _, i := range withdrawn.Standing(m) {
			if m.JobID == job && !m.Again.Withdrawn {
				rows = append(rows, m.Again.Keys[i][len(m.Again.Keys[i])-1])
			}
		}
	}
	return rows
}

func conversationsOf(t *testing.T, b *enginetest.Bench, w privacyd.Workspace) (own, product int64) {
	t.Helper()
	return rowsOf(t, b, "conversations", "workspace_id", w.ID), int64(b.Product.Count("chats", "org = '"+w.Slug+"'"))
}

// Rows that were marked, and did not go since the job was cancelled, are no more
// taken for erased: a restored database keeps them.
func TestRowsOfACancelledJobAreNotErased(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		for name, at := range map[string]int{"at-once": 1, "in-the-midst": 2} {
			t.Run(name, func(t *testing.T) {
				defer b.In(t)()
				ctx, w, jobs := t.Context(), newOrg(t, b, name), b.Jobs
				defer func() { b.Jobs = jobs }()
				job := erasables()[2].ask(t, b, w)
				f, batches := &effects{}, 0
				f.before = func(what string) {
					if what == "delete conversations" || batches > 0 && what == "transaction" {
						batches++
					}
					if batches == at {
						f.before = nil
						_, err := b.CancelJob(ctx, enginetest.Operator, w.ID, job.ID)
						b.Must(err)
					}
				}
				runWatched(t, b, f, job)
				if job = stateOf(b, job.ID); job.State != privacyd.JobCancelled {
					t.Fatalf("the job is %s: %s", job.State, job.ErrorMessage)
				}
				own, product := conversationsOf(t, b, w)
				if own+product == 0 {
					t.Fatal("it was cancelled too late")
				}
				var living int64
				for _, id := range takenFor(t, b, job.ID) {
					living += rowsOf(t, b, "conversations", "workspace_id = '"+w.ID+"' AND id", id) + rowsOfProduct(b, w, id)
				}
				if living > 0 {
					t.Errorf("the ledger has %d as erased that are there", living)
				}
				forgetErasures(t, b, w)
				b.Jobs = unknownJob{jobs, job.ID}
				_, err := b.Replay(ctx, enginetest.Operator)
				b.Must(err)
				runOn(b)
				b.Must(b.CheckRestored(ctx))
				if again, chats := conversationsOf(t, b, w); again != own || chats != product {
					t.Errorf("after a restore there are %d and %d, and were %d and %d", again, chats, own, product)
				}
			})
		}
	})
}

func rowsOfProduct(b *enginetest.Bench, w privacyd.Workspace, id string) int64 {
	return int64(b.Product.Count("chats", "org = '"+w.Slug+"' AND id = '"+id+"'"))
}

// Who cancels the replay of an erasure before it has begun keeps what the
// restored database has.
func TestAReplayCancelledBeforeItBegan(t *testing.T) {
	kinds := map[string]privacyd.EraseAgain{
		"contact": {Type: privacyd.JobSubjectDeletion, Subject: aContact("ann")},
		"rows":    {Type: privacyd.JobBulkDeletion, Dataset: "records", Collection: "conversations"},
	}
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		for name, again := range kinds {
			t.Run(name, func(t *testing.T) {
				defer b.In(t)()
				ctx, w := t.Context(), newOrg(t, b, "replay-"+name)
				again.WorkspaceID = w.ID
				if again.Dataset != "" {
					again.Keys = [][]string{{w.ID, "ann-0"}, {w.ID, "gone"}, {w.ID, "ben-1"}}
				}
				_, err := b.Suppression.Append(ctx, privacyd.Erased{JobID: "before-" + name, At: b.Clock(), Expires: b.Clock().Add(90 * privacyd.Day), Again: again}, nil)
				b.Must(err)
				b.Pass(time.Minute)
				replays, err := b.Replay(ctx, enginetest.Operator)
				b.Must(err)
				if len(replays) != 1 {
					t.Fatalf("%d are erased again", len(replays))
				}
				_, err = b.CancelJob(ctx, enginetest.Operator, w.ID, replays[0].ID)
				b.Must(err)
				if more, err := b.Replay(ctx, enginetest.Operator); err != nil || len(more) > 0 {
					t.Errorf("cancelled, %d are erased again, %v", len(more), err)
				}
				b.Must(b.CheckRestored(ctx))
				b.Run()
				if own, _ := conversationsOf(t, b, w); own != 4 {
					t.Errorf("%d of 4 conversations are left", own)
				}
				if left := takenFor(t, b, "before-"+name); slices.Contains(left, "ann-0") || len(left) > 1 {
					t.Errorf("taken for erased are %v", left)
				}
			})
		}
	})
}

// Rows are in the suppression ledger before the first of them goes: a process may
// die after any batch.
func TestRowsAreMarkedBeforeTheyGo(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		w := newOrg(t, b, "marked")
		job := erasables()[2].ask(t, b, w)
		node := b.Beside()
		defer node.Stop()
		batches := 0
		within := func() {
			if batches++; batches == 1 && len(takenFor(t, b, job.ID)) != 4 {
				t.Errorf("of 4 conversations %v are marked when the first batch goes", takenFor(t, b, job.ID))
			}
		}
		for i := range node.Datasets {
			if d := &node.Datasets[i]; d.Graph.Collection("conversations") != nil {
				d.Source = &meddled{Source: d.Source, collection: "conversations", around: func(erase func()) { erase() }, within: within}
			}
		}
		b.Must(node.RunErasure(t.Context(), job.ID, &lease{attempt: 1}))
		if batches == 0 {
			t.Error("nothing went")
		}
	})
}

// A backup has a deletion by date that waits, which was begun and cancelled
// since: that it is cancelled again hides neither what was erased between nor
// the rows that it took.
func TestADeletionCancelledSinceTheBackupHidesNothing(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		ctx, w := t.Context(), newOrg(t, b, "waits")
		job := erasables()[2].ask(t, b, w)
		ledger := func(jobID string, again privacyd.EraseAgain) {
			again.WorkspaceID = w.ID
			_, err := b.Suppression.Append(ctx, privacyd.Erased{JobID: jobID, At: b.Clock(), Expires: b.Clock().Add(90 * privacyd.Day), Again: again}, nil)
			b.Must(err)
		}
		ledger("another", privacyd.EraseAgain{Type: privacyd.JobSubjectDeletion, Subject: aContact("ann")})
		ledger(job.ID, privacyd.EraseAgain{Type: job.Type, Dataset: "records", Collection: "conversations", Keys: [][]string{{w.ID, "ben-1"}}})
		ledger(job.ID, privacyd.EraseAgain{Type: job.Type, Withdrawn: true})
		for range 2 { // also at the second start
			b.WantCode(b.CheckRestored(ctx), "database_restored")
		}
		if job = stateOf(b, job.ID); job.State != privacyd.JobCancelled {
			t.Errorf("the deletion that was cancelled is %s", job.State)
		}
		_, err := b.Replay(ctx, enginetest.Operator)
		b.Must(err)
		runOn(b)
		b.Must(b.CheckRestored(ctx))
		ann := rowsOf(t, b, "contacts", "workspace_id = '"+w.ID+"' AND id", "ann")
		row := rowsOf(t, b, "conversations", "workspace_id = '"+w.ID+"' AND id", "ben-1")
		others := rowsOf(t, b, "conversations", "workspace_id", w.ID)
		if ann != 0 || row != 0 || others == 0 {
			t.Errorf("there are %d and %d of those that were erased, and %d others", ann, row, others)
		}
	})
}
