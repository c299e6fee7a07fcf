package engine_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// watchedMarks tells when the suppression ledger is asked and before it is added
// to.
type watchedMarks struct {
	engine.Suppression
	asked  func(times int)
	before func()

	times int
}

func (m *watchedMarks) Newest(ctx context.Context) (int64, error) {
	newest, err := m.Suppression.Newest(ctx)
	m.times++
	m.asked(m.times)
	return newest, err
}

func (m *watchedMarks) Append(ctx context.Context, e privacyd.Erased, roots []privacyd.Root) (int64, error) {
	m.before()
	return m.Suppression.Append(ctx, e, roots)
}

// TestImportMeetsErasure has a contact erased while an import writes that
// contact: before its first transaction, or in the midst of that, right before
// the contact is marked. In the end nothing is left.
func TestImportMeetsErasure(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		t.Run("before it writes", func(t *testing.T) {
			defer b.In(t)()
			w := newOrg(t, b, "before")
			job := erasables()[0].ask(t, b, w)
			node := b.Beside()
			node.Suppression = &watchedMarks{Suppression: node.Suppression, asked: func(times int) {
				if times == 1 { // the import knows how the ledger was, and has not asked who is in it
					runOn(b)
				}
			}}
			_, err := node.Import(t.Context(), enginetest.Operator, w.ID, engine.ImportSource{Body: strings.NewReader(orgRecords("before"))})
			b.WantCode(err, "import_overtaken")
			annIsGone(t, b, w, job, 1)
		})
		t.Run("while it writes", func(t *testing.T) {
			defer b.In(t)()
			w := newOrg(t, b, "while")
			job := erasables()[0].ask(t, b, w)
			var imported sync.WaitGroup
			ended := make(chan struct{})
			erasing := b.Restart()
			var once sync.Once
			erasing.Suppression = &watchedMarks{Suppression: erasing.Suppression, asked: func(int) {}, before: func() {
				once.Do(func() { importUntilItWrites(t, b, w, &imported, ended) })
			}}
			erasing.Pass(time.Second)
			erasing.Run()
			close(ended)
			imported.Wait()
			b.Pass(erasing.Clock().Sub(b.Clock()))
			erasing.Stop()
			annIsGone(t, b, w, job, 2)
		})
	})
}

// TestImportMeetsAccountDeletion has an account deleted while an import writes
// what names it: before the account is looked up, or in the midst of a
// transaction that has asked the ledger. Neither the account nor its name comes
// back.
func TestImportMeetsAccountDeletion(t *testing.T) {
	ticketOf := func(slug string) engine.ImportSource {
		text := fmt.Sprintf(`{"collection":"tickets","record":{"id":"late-%s","title":"late","reporter_id":"jo@%s.example.org"}}`, slug, slug)
		return engine.ImportSource{Body: strings.NewReader(text + "\n")}
	}
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		t.Run("before it looks accounts up", func(t *testing.T) {
			defer b.In(t)()
			w := newOrg(t, b, "before")
			askAccount(t, b, w)
			node := b.Beside()
			defer node.Stop()
			node.Suppression = &watchedMarks{Suppression: node.Suppression, asked: func(times int) {
				if times == 1 {
					runOn(b)
				}
			}}
			_, err := node.Import(t.Context(), enginetest.Operator, w.ID, ticketOf("before"))
			b.WantCode(err, "import_overtaken")
			_, _, err = b.Accounts.AccountByEmail(t.Context(), "jo@before.example.org")
			b.WantCode(err, "account_not_found")
		})
		t.Run("when its row is gone", func(t *testing.T) {
			defer b.In(t)()
			w := newOrg(t, b, "gone")
			job := askAccount(t, b, w)
			node := b.Beside()
			defer node.Stop()
			node.Suppression = &watchedMarks{Suppression: node.Suppression, asked: func(int) {}, before: func() { josWorkGoesOn(t, b, w, ticketOf("gone")) }}
			b.Must(node.RunErasure(t.Context(), job.ID, &lease{attempt: 1}))
			if end := endingOf(t, b, w, job); end.State != privacyd.JobCompleted {
				t.Errorf("%s %s", end.State, end.Error)
			}
			if n := rowsOf(t, b, "tickets", "reporter_id", "Deleted user"); n != 2 {
				t.Errorf("%d tickets are of nobody", n)
			}
			_, _, err := b.Accounts.AccountByEmail(t.Context(), "jo@gone.example.org")
			b.WantCode(err, "account_not_found")
		})
		if db.Dialect == sqldb.SQLite {
			return // nobody deletes anything while a transaction writes
		}
		t.Run("while it writes", func(t *testing.T) {
			defer b.In(t)()
			w := newOrg(t, b, "while")
			job := askAccount(t, b, w)
			who := job.Subject.ID
			node, writes, ended := b.Beside(), make(chan struct{}), make(chan struct{})
			defer node.Stop()
			node.Suppression = &watchedMarks{Suppression: node.Suppression, asked: func(times int) {
				if times == 3 { // the account is looked up, and the ticket about to be written
					close(writes)
					untilWaitedFor(t, b, ended)
				}
			}}
			imported := make(chan error, 1)
			go func() {
				_, err := node.Import(t.Context(), enginetest.Operator, w.ID, ticketOf("while"))
				imported <- err
			}()
			select {
			case <-writes:
			case err := <-imported:
				t.Fatalf("the import ended with %v before the ledger was asked for the ticket", err)
			}
			func() {
				defer close(ended)
				runOn(b)
			}()
			b.Must(<-imported)
			if end := endingOf(t, b, w, job); end.State != privacyd.JobCompleted {
				t.Errorf("%s %s", end.State, end.Error)
			}
			if rowsOf(t, b, "tickets", "id", "late-while") != 1 || rowsOf(t, b, "tickets", "reporter_id", who) != 0 {
				t.Error("the ticket is not there, or names whom it was of")
			}
		})
	})
}

// josWorkGoesOn writes what names an account whose erasure has begun, and tries
// to make the account anew.
func josWorkGoesOn(t *testing.T, b *enginetest.Bench, w privacyd.Workspace, tickets engine.ImportSource) {
	done, err := b.Import(t.Context(), enginetest.Operator, w.ID, tickets)
	b.Must(err)
	if done.Erased["accounts"] != 1 || done.Accounts != 0 {
		t.Errorf("imported: %+v", done)
	}
	email := "jo@" + w.Slug + ".example.org"
	put(t, b, w, [2]string{"tickets/put", `{"id":"put","title":"put","reporter_id":"` + email + `","assignee_id":"` + email + `"}`})
	_, err = b.CreateAccount(t.Context(), enginetest.Operator, engine.NewAccount{Email: email, Name: "Jo", Password: "correct horse battery"})
	b.WantCode(err, "account_exists")
}

// importUntilItWrites comes back when an import of the person's records has
// asked the ledger in its first transaction, which commits once the erasure
// waits for it. On SQLite nobody else writes until then anyway.
func importUntilItWrites(t *testing.T, b *enginetest.Bench, w privacyd.Workspace, imported *sync.WaitGroup, ended chan struct{}) {
	node, writes := b.Beside(), make(chan struct{})
	node.Suppression = &watchedMarks{Suppression: node.Suppression, asked: func(times int) {
		if times == 2 {
			close(writes)
			untilWaitedFor(t, b, ended)
		}
	}}
	imported.Go(func() {
		_, err := node.Import(t.Context(), enginetest.Operator, w.ID, engine.ImportSource{Body: strings.NewReader(orgRecords("while"))})
		if code := privacyd.CodeOf(err); err != nil && code != "import_overtaken" && code != "import_incomplete" && code != "reference_missing" {
			t.Errorf("the import ended with %v", err)
		}
		node.Stop()
	})
	<-writes
}

// annIsGone tells whether the contact ann is erased, however often, and comes
// back with no further import.
func annIsGone(t *testing.T, b *enginetest.Bench, w privacyd.Workspace, job *privacyd.Job, times int64) {
	t.Helper()
	end := endingOf(t, b, w, job)
	if end.State != privacyd.JobCompleted || end.Result.Records["contacts"] != times {
		t.Errorf("%s %s: %v", end.State, end.Error, end.Result.Records)
	}
	done, err := b.Import(t.Context(), enginetest.Operator, w.ID, engine.ImportSource{Body: strings.NewReader(orgRecords(w.Slug))})
	b.Must(err)
	left := map[string]int64{}
	for _, table := range []string{"contacts", "conversations", "messages", "attachments"} {
		left[table] = rowsOf(t, b, table, "workspace_id", w.ID)
	}
	want := map[string]int64{"contacts": 1, "conversations": 2, "messages": 4, "attachments": 2}
	if diff := cmp.Diff(want, left); diff != "" || done.Erased["contacts"] != 1 {
		t.Errorf("left out %v, left of the other: %s", done.Erased, diff)
	}
}

// untilWaitedFor comes back when a transaction waits for another, or the erasure
// has ended without.
func untilWaitedFor(t *testing.T, b *enginetest.Bench, ended chan struct{}) {
	for b.DB.Dialect == sqldb.Postgres {
		var waiting int
		const query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
		if err := b.DB.Writer().QueryRowContext(t.Context(), query).Scan(&waiting); err != nil || waiting > 0 {
			return
		}
		select {
		case <-ended:
			return
		default:
		}
	}
}
