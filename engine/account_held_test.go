package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// keptOfJo is what two workspaces, of which the first is held, have of an
// account that both know.
type keptOfJo struct {
	Accounts, Members, Authors, Reports, Seats, Chats, Archives [2]int64 // in the first, in the second
}

// known is all of that, before anything goes.
var known = keptOfJo{
	Accounts: [2]int64{1, 1}, Members: [2]int64{1, 1}, Authors: [2]int64{1, 1}, Reports: [2]int64{1, 1}, Seats: [2]int64{1, 1}, Chats: [2]int64{1, 1}, Archives: [2]int64{1, 1},
}

// joIn makes an account that works in two workspaces, and is the author of
// records in them.
func joIn(t *testing.T, b *enginetest.Bench, member bool) (privacyd.Caller, [2]privacyd.Workspace, func() keptOfJo) {
	t.Helper()
	ctx := t.Context()
	ws := [2]privacyd.Workspace{newOrg(t, b, "held"), newOrg(t, b, "free")}
	b.Product.Exec("INSERT INTO staff VALUES ('jo', $1)", jo)
	me := personWith(b, jo)
	var archives [2]*privacyd.Job
	for i, w := range ws {
		if member || i == 1 {
			_, err := b.AddMember(ctx, enginetest.Operator, w.ID, jo, privacyd.RoleAgent)
			b.Must(err)
		}
		b.Product.Exec("INSERT INTO seats VALUES ($1, 'jo')", w.Slug)
		b.Product.Exec("UPDATE chats SET agent = 'jo' WHERE id = $1", w.Slug+"-a-0")
		_, err := b.Import(ctx, enginetest.Operator, w.ID, engine.ImportSource{
			Body: strings.NewReader(`{"collection":"tickets","record":{"id":"t","title":"A ticket","reporter_id":"` + jo + `"}}`),
		})
		b.Must(err)
		archives[i] = b.Export(enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport})
	}
	c, err := b.As(ctx, enginetest.Operator, jo)
	b.Must(err)
	return c, ws, func() (k keptOfJo) {
		for i, w := range ws {
			count := func(n *[2]int64, query string, args ...any) {
				b.Must(b.DB.QueryRow(ctx, "SELECT count(*) FROM "+query, args...).Scan(&n[i]))
			}
			count(&k.Accounts, "accounts WHERE id = $1 AND email = $2", me.ID, jo)
			count(&k.Members, "members WHERE account_id = $1 AND workspace_id = $2", me.ID, w.ID)
			count(&k.Authors, "record_authors WHERE account_id = $1 AND workspace_id = $2", me.ID, w.ID)
			count(&k.Reports, "tickets WHERE reporter_id = $1 AND workspace_id = $2", me.ID, w.ID)
			count(&k.Archives, "jobs WHERE id = $1 AND state = $2", archives[i].ID, privacyd.JobCompleted)
			k.Seats[i] = int64(b.Product.Count("seats", "staff = 'jo' AND org = '"+w.Slug+"'"))
			k.Chats[i] = int64(b.Product.Count("chats", "agent = 'jo' AND org = '"+w.Slug+"'"))
		}
		return k
	}
}

// A hold on a workspace keeps what that has of an account which goes, and by
// which its holder may look and cancel; the rest goes, and all at the release.
func TestHeldWorkspaceKeepsItsAccounts(t *testing.T) {
	for name, c := range map[string]struct{ member, late bool }{
		"member": {member: true}, "author": {}, "held in the grace period": {member: true, late: true},
	} {
		t.Run(name, func(t *testing.T) {
			sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
				b := beside(t, db)
				b.ExportLife = 30 * privacyd.Day
				me, ws, left := joIn(t, b, c.member)
				all := known
				if !c.member {
					all.Members[0] = 0
				}
				if diff := cmp.Diff(all, left()); diff != "" {
					t.Fatal(diff)
				}
				job := leaveHeld(t, b, me, ws[0], c.late)
				for range 3 { // it stays so
					later(b, privacyd.Day)
				}
				if job = stateOf(b, job.ID); job.State != privacyd.JobBlocked || job.WaitingOn != privacyd.WaitHold || job.ErrorCode != "plan_held" {
					t.Fatalf("the job is %s, waiting on %q: %s", job.State, job.WaitingOn, job.ErrorMessage)
				}
				some := all // rows without a workspace stay, and what refers to them
				some.Members[1], some.Authors[1], some.Reports[1], some.Seats[1], some.Archives[1] = 0, 0, 0, 0, 0
				if diff := cmp.Diff(some, left()); diff != "" {
					t.Errorf("held (-want +left): %s", diff)
				}
				if state, _, err := b.States.AccountState(t.Context(), me.AccountID); err != nil || state != privacyd.AccountLeaving {
					t.Errorf("the account is %s, %v", state, err)
				}
				_, err := b.ReleaseHoldsOn(t.Context(), enginetest.Operator, ws[0].ID, wholeWorkspace, "over")
				b.Must(err)
				b.Run()
				if job = stateOf(b, job.ID); job.State != privacyd.JobCompleted || job.Result.Held != 0 {
					t.Errorf("released, the job is %s: %s %+v", job.State, job.ErrorMessage, job.Result)
				}
				if diff := cmp.Diff(keptOfJo{}, left()); diff != "" {
					t.Errorf("released (-want +left): %s", diff)
				}
			})
		})
	}
}

var wholeWorkspace = privacyd.HoldTarget{Type: privacyd.HoldWorkspace}

// leaveHeld has an account ask for its deletion, and a workspace held before it
// looks at the plan, or after.
func leaveHeld(t *testing.T, b *enginetest.Bench, me privacyd.Caller, w privacyd.Workspace, late bool) *privacyd.Job {
	t.Helper()
	if !late {
		hold(t, b, w, wholeWorkspace)
	}
	plan, err := b.PreviewAccountDeletion(t.Context(), me)
	b.Must(err)
	noted := strings.Contains(strings.Join(plan.Notes, " "), "legal hold")
	if held := plan.Totals().Held > 0; held == late || held != (len(plan.Holds) == 1) || plan.WhollyHeld || held != noted {
		t.Errorf("the plan tells of %d held rows, of %d holds, wholly %v: %q", plan.Totals().Held, len(plan.Holds), plan.WhollyHeld, plan.Notes)
	}
	job, err := b.DeleteAccount(t.Context(), me, privacyd.Confirmation{PlanHash: plan.Hash, Password: secretWords})
	b.Must(err)
	if late {
		hold(t, b, w, wholeWorkspace)
	}
	return job
}

// Who looks at the page of their own deletion is not recorded each time: an entry
// a day says that they saw the plan.
func TestLookingAtOnesOwnDeletionIsRecordedOnceADay(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		me, _ := leaving(b, jo)
		looks := func() (n int) {
			for _, action := range b.Audited("") {
				if action == "account_deletion.preview done" {
					n++
				}
			}
			return n
		}
		asked := looks()
		for day := range 3 {
			for range 4 {
				plan, err := b.LeavingPlan(t.Context(), me)
				b.Must(err)
				if plan.Totals().Deleted == 0 {
					t.Error("the plan tells of nothing")
				}
				b.Pass(time.Minute)
			}
			if got := looks(); got != asked+day {
				t.Errorf("on day %d there are %d entries, want %d", day, got, asked+day)
			}
			b.Pass(privacyd.Day)
		}
		_, err := b.PreviewAccountDeletion(t.Context(), me)
		b.Must(err)
		if got := looks(); got != asked+3 {
			t.Errorf("asked for once more there are %d entries, want %d", got, asked+3)
		}
	})
}

// A hold that is placed when an account is already signed out of everything, and
// its own row about to go, leaves it in the grace period: its holder may cancel.
func TestHeldAtTheLastMoment(t *testing.T) {
	for name, target := range map[string]func(me privacyd.Caller) privacyd.HoldTarget{
		"workspace": func(privacyd.Caller) privacyd.HoldTarget { return wholeWorkspace },
		"account": func(me privacyd.Caller) privacyd.HoldTarget {
			return privacyd.HoldTarget{Type: privacyd.HoldSubject, Subject: &privacyd.Subject{Kind: "account", ID: me.AccountID}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
				b := beside(t, db)
				ctx := t.Context()
				me, ws, _ := joIn(t, b, true)
				plan, err := b.PreviewAccountDeletion(ctx, me)
				b.Must(err)
				job, err := b.DeleteAccount(ctx, me, privacyd.Confirmation{PlanHash: plan.Hash, Password: secretWords})
				b.Must(err)
				f := &effects{}
				f.before = func(what string) {
					if what == "delete members" {
						f.before = nil
						hold(t, b, ws[0], target(me))
					}
				}
				b.Pass(time.Hour)
				runWatched(t, b, f, job)
				if job = stateOf(b, job.ID); job.State != privacyd.JobBlocked || job.WaitingOn != privacyd.WaitHold {
					t.Fatalf("the job is %s, waiting on %q: %s", job.State, job.WaitingOn, job.ErrorMessage)
				}
				if state, id, err := b.States.AccountState(ctx, me.AccountID); err != nil || state != privacyd.AccountLeaving || id != job.ID {
					t.Fatalf("the account is %s by %q, %v", state, id, err)
				}
				_, err = b.CancelAccountDeletion(ctx, me)
				b.Must(err)
				if state, _, err := b.States.AccountState(ctx, me.AccountID); err != nil || state != privacyd.AccountActive || stateOf(b, job.ID).State != privacyd.JobCancelled {
					t.Errorf("cancelled, the account is %s, the job %s, %v", state, stateOf(b, job.ID).State, err)
				}
				if job = stateOf(b, job.ID); job.RequestedBy != me.AccountID || job.ConfirmedBy != me.AccountID {
					t.Errorf("the job was asked for by %q, confirmed by %q", job.RequestedBy, job.ConfirmedBy)
				}
			})
		})
	}
}
