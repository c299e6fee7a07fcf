package engine_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// keyless is a workspace of which nobody has said which of the product's records
// are its own, with somebody who works elsewhere, too: as a stranger to it, its
// member, or the author of one of its records.
func keyless(t *testing.T, b *enginetest.Bench, as string) (privacyd.Caller, privacyd.Workspace) {
	t.Helper()
	ctx := t.Context()
	free := newOrg(t, b, "free")
	w, err := b.CreateWorkspace(ctx, enginetest.Operator, engine.NewWorkspace{Slug: "secret-merger", Name: "A merger"})
	b.Must(err)
	b.Product.Exec("INSERT INTO staff VALUES ('jo', $1)", jo)
	personWith(b, jo)
	_, err = b.AddMember(ctx, enginetest.Operator, free.ID, jo, privacyd.RoleAgent)
	b.Must(err)
	switch as {
	case "member":
		_, err = b.AddMember(ctx, enginetest.Operator, w.ID, jo, privacyd.RoleAgent)
	case "author":
		_, err = b.Import(ctx, enginetest.Operator, w.ID, engine.ImportSource{
			Body: strings.NewReader(`{"collection":"tickets","record":{"id":"t","title":"A ticket","reporter_id":"` + jo + `"}}`),
		})
	}
	b.Must(err)
	me, err := b.As(ctx, enginetest.Operator, jo)
	b.Must(err)
	return me, w
}

// A hold on a workspace whose records in the product cannot be told from others
// is in nobody's way whom that workspace does not know.
func TestHoldWithoutDatasetKeyIsInNoStrangersWay(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		me, w := keyless(t, b, "stranger")
		hold(t, b, w, wholeWorkspace)
		plan, err := b.PreviewAccountDeletion(t.Context(), me)
		b.Must(err)
		if plan.Totals().Held > 0 || len(plan.Holds) > 0 || plan.WhollyHeld {
			t.Errorf("the plan tells of holds: %+v", plan)
		}
		job, err := b.DeleteAccount(t.Context(), me, privacyd.Confirmation{PlanHash: plan.Hash, Password: secretWords})
		b.Must(err)
		later(b, privacyd.Day)
		if job = stateOf(b, job.ID); job.State != privacyd.JobCompleted || b.Product.Count("staff", "id = 'jo'") != 0 {
			t.Errorf("the job is %s: %s", job.State, job.ErrorMessage)
		}
	})
}

// Whom that workspace knows stays whole until the hold is released, or it is
// said which records are its own; nothing that tells of it names the workspace.
func TestHoldWithoutDatasetKeyKeepsWhomItKnows(t *testing.T) {
	for _, as := range []string{"member", "author"} {
		for name, end := range map[string]func(*enginetest.Bench, privacyd.Workspace){
			"released": func(b *enginetest.Bench, w privacyd.Workspace) {
				_, err := b.ReleaseHoldsOn(b.Context(), enginetest.Operator, w.ID, wholeWorkspace, "over")
				b.Must(err)
			},
			"told": func(b *enginetest.Bench, w privacyd.Workspace) {
				b.Must(b.SetDatasetKeys(b.Context(), enginetest.Operator, w.ID, map[string]string{"app": ""}))
			},
		} {
			t.Run(as+" "+name, func(t *testing.T) {
				sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
					b := beside(t, db)
					me, w := keyless(t, b, as)
					plan, err := b.PreviewAccountDeletion(t.Context(), me)
					b.Must(err)
					job, err := b.DeleteAccount(t.Context(), me, privacyd.Confirmation{PlanHash: plan.Hash, Password: secretWords})
					b.Must(err)
					hold(t, b, w, wholeWorkspace)
					heldWithoutKey(t, b, me, job)
					end(b, w)
					later(b, privacyd.Day)
					if left := b.Product.Count("staff", "id = 'jo'"); left != 0 {
						t.Errorf("then the product has %d of the account; the job is %s: %s", left, stateOf(b, job.ID).State, stateOf(b, job.ID).ErrorMessage)
					}
				})
			})
		}
	}
}

func heldWithoutKey(t *testing.T, b *enginetest.Bench, me privacyd.Caller, job *privacyd.Job) {
	t.Helper()
	for range 2 { // it stays so
		later(b, privacyd.Day)
	}
	job = stateOf(b, job.ID)
	if job.State != privacyd.JobBlocked || job.WaitingOn != privacyd.WaitHold || job.ErrorCode != "plan_held" {
		t.Errorf("the job is %s, waiting on %q: %s %s", job.State, job.WaitingOn, job.ErrorCode, job.ErrorMessage)
	}
	if state, _, err := b.States.AccountState(t.Context(), me.AccountID); err != nil || state != privacyd.AccountLeaving {
		t.Errorf("the account is %s, %v", state, err)
	}
	if b.Product.Count("staff", "id = 'jo'") != 1 {
		t.Error("what the product has of the account went under the hold")
	}
	plan, err := b.LeavingPlan(t.Context(), me)
	b.Must(err)
	told := slices.DeleteFunc(slices.Clone(plan.Notes), func(note string) bool { return !strings.Contains(note, "dataset app") })
	if !plan.WhollyHeld || len(told) != 1 || strings.Contains(told[0]+job.ErrorMessage, "secret") {
		t.Errorf("wholly held %v: %q, %q", plan.WhollyHeld, told, job.ErrorMessage)
	}
}
