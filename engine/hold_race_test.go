package engine_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
	"github.com/privacyd/privacyd/work"
)

// meddled calls back around the first erasure from a collection: around all its
// batches, and within each, when that may go and has not gone.
type meddled struct {
	engine.Source
	collection string
	around     func(erase func())
	within     func()
}

type meddledEraser struct {
	engine.Eraser
	*meddled
}

func (m *meddled) Eraser() (engine.Eraser, error) {
	e, err := m.Source.Eraser()
	return meddledEraser{e, m}, err
}

func (m meddledEraser) RunAll(ctx context.Context, steps []*datamap.Step, b engine.Batch) (rows int64, err error) {
	if !slices.ContainsFunc(steps, func(s *datamap.Step) bool { return s.Collection.Name == m.collection }) {
		return m.Eraser.RunAll(ctx, steps, b)
	}
	guard := b.Guard
	b.Guard = func(ctx context.Context) error {
		err := guard(ctx)
		if err == nil {
			m.within()
		}
		return err
	}
	m.around(func() { rows, err = m.Eraser.RunAll(ctx, steps, b) })
	return rows, err
}

// leavingBeside has jo's account be deleted by another node, whose erasures of
// the collection are meddled with.
func leavingBeside(t *testing.T, b *enginetest.Bench, collection string) (w privacyd.Workspace, left func() keptOfJo, m *meddled, run func()) {
	t.Helper()
	me, ws, left := joIn(t, b, true)
	plan, err := b.PreviewAccountDeletion(t.Context(), me)
	b.Must(err)
	job, err := b.DeleteAccount(t.Context(), me, privacyd.Confirmation{PlanHash: plan.Hash, Password: secretWords})
	b.Must(err)
	b.Pass(time.Hour)
	node := b.Beside()
	t.Cleanup(node.Stop)
	m = &meddled{collection: collection, around: func(erase func()) { erase() }, within: func() {}}
	for i := range node.Datasets {
		d := &node.Datasets[i]
		if d.Graph.Collection(collection) != nil {
			m.Source = d.Source
			d.Source = m
		}
	}
	return ws[0], left, m, func() {
		b.Must(node.RunErasure(t.Context(), job.ID, &lease{attempt: 1}))
		if job = stateOf(b, job.ID); job.State != privacyd.JobBlocked || job.WaitingOn != privacyd.WaitHold {
			t.Errorf("the job is %s, waiting on %q: %s", job.State, job.WaitingOn, job.ErrorMessage)
		}
	}
}

// somebodyWaits waits until a transaction waits for another one, or over.
func somebodyWaits(t *testing.T, b *enginetest.Bench, over <-chan struct{}) {
	for waiting := 0; waiting == 0; {
		select {
		case <-over:
			return
		default:
		}
		err := b.DB.QueryRow(context.WithoutCancel(t.Context()), "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(&waiting)
		if err != nil {
			t.Error(err)
			return
		}
	}
}

// Of a batch of an account's deletion and a hold on a workspace that knows the
// account, one commits first: nothing held goes once the hold is placed.
func TestWorkspaceHeldBesideABatchOfAnAccount(t *testing.T) {
	t.Run("the batch first", func(t *testing.T) {
		b := beside(t, sqldbtest.Postgres(t))
		w, left, m, run := leavingBeside(t, b, "tickets")
		var once sync.Once
		var then keptOfJo
		placed := make(chan struct{})
		m.within = func() {
			once.Do(func() {
				go func() {
					defer close(placed)
					hold(t, b, w, wholeWorkspace)
					then = left()
				}()
				somebodyWaits(t, b, placed)
			})
		}
		run()
		<-placed
		now := left()
		if then.Reports[0] != 0 {
			t.Errorf("before the hold no batch went: %+v", then)
		}
		if now.Authors[0] != 1 || now.Members[0] != 1 || now.Accounts[0] != 1 {
			t.Errorf("went after it was held (-when it was, +now): %s", cmp.Diff(then, now))
		}
	})
	t.Run("the hold first", func(t *testing.T) {
		b := beside(t, sqldbtest.Postgres(t))
		w, left, m, run := leavingBeside(t, b, "tickets")
		holder := b.Beside()
		defer holder.Stop()
		inserted, goOn, placed := make(chan struct{}), make(chan struct{}), make(chan struct{})
		holder.Queue = queueThen{holder.Queue, func() { close(inserted); <-goOn }}
		var once sync.Once
		m.around = func(erase func()) {
			over := make(chan struct{})
			defer close(over)
			once.Do(func() {
				go func() { defer close(placed); hold(t, holder, w, wholeWorkspace) }()
				<-inserted
				go func() { somebodyWaits(t, b, over); close(goOn) }()
			})
			erase()
		}
		run()
		<-placed
		if now := left(); now.Reports[0] != 1 || now.Authors[0] != 1 || now.Members[0] != 1 || now.Accounts[0] != 1 {
			t.Errorf("went beside the hold: %s", cmp.Diff(known, now))
		}
	})
}

// queueThen does something when work was put in, in its transaction.
type queueThen struct {
	work.Queue
	then func()
}

func (q queueThen) Enqueue(ctx context.Context, item work.Item) error {
	defer q.then()
	return q.Queue.Enqueue(ctx, item)
}

// A product's rows go in a database that knows no holds: of those of a workspace
// that is held meanwhile, the batch that was under way is the last.
func TestWorkspaceHeldBesideABatchOfAProduct(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		b.BatchRows = 1
		w, left, m, run := leavingBeside(t, b, "seats")
		batches := 0
		m.within = func() {
			if batches++; batches == 1 {
				hold(t, b, w, wholeWorkspace)
			}
		}
		m.around = func(erase func()) {
			first := batches == 0
			if erase(); first && batches != 1 {
				t.Errorf("%d batches began, of which one was before the hold", batches)
			}
		}
		run()
		if now := left(); now.Seats[0]+now.Chats[0] == 0 || now.Members[0] != 1 {
			t.Errorf("held, there is %+v", now)
		}
	})
}

// exportsThen does something when archives were looked for that an erasure ends
// the life of.
type exportsThen struct {
	engine.SubjectJobs
	then func()
}

func (o exportsThen) ExportsWith(ctx context.Context, workspaces, refs []string) ([]*privacyd.Job, error) {
	jobs, err := o.SubjectJobs.ExportsWith(ctx, workspaces, refs)
	o.then()
	return jobs, err
}

// Archives of a workspace stay that is held when an account's deletion has found
// them.
func TestArchiveOfAWorkspaceHeldMeanwhile(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		b.ExportLife = 30 * privacyd.Day
		me, ws, left := joIn(t, b, true)
		plan, err := b.PreviewAccountDeletion(t.Context(), me)
		b.Must(err)
		job, err := b.DeleteAccount(t.Context(), me, privacyd.Confirmation{PlanHash: plan.Hash, Password: secretWords})
		b.Must(err)
		b.Pass(time.Hour)
		node := b.Beside()
		defer node.Stop()
		var once sync.Once
		node.Own = exportsThen{node.Own, func() { once.Do(func() { hold(t, b, ws[0], wholeWorkspace) }) }}
		b.Must(node.RunErasure(t.Context(), job.ID, &lease{attempt: 1}))
		later(b, time.Hour)
		if got := left().Archives; got != [2]int64{1, 0} {
			t.Errorf("of the held workspace and the other there are %v archives", got)
		}
	})
}
