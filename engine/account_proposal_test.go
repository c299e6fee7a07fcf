package engine_test

import (
	"slices"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

// TestAnAgentProposesTheHolderConfirms has an agent ask for the deletion of the
// account as which it acts.
func TestAnAgentProposesTheHolderConfirms(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx, w := t.Context(), b.NewWorkspace("acme")
		const email, password = "leaving@example.com", "correct horse battery"
		_, err := b.CreateAccount(ctx, enginetest.Operator, engine.NewAccount{Email: email, Name: "Jo Doe", Password: password})
		b.Must(err)
		_, err = b.AddMember(ctx, enginetest.Operator, w.ID, email, privacyd.RoleAuditor)
		b.Must(err)
		holder, err := b.As(ctx, enginetest.Operator, email)
		b.Must(err)
		agent := holder
		agent.Door = privacyd.DoorMCP
		ask := engine.NewJob{Workspace: w.ID, Type: privacyd.JobAccountDeletion, RequestedBy: holder.Email}
		job, created, err := b.CreateJob(ctx, agent, ask)
		b.Must(err)
		again, _, err := b.CreateJob(ctx, agent, ask)
		b.Must(err)
		if !created || again.ID != job.ID || job.State != privacyd.JobPendingApproval || job.WaitingOn != privacyd.WaitConfirmation {
			t.Errorf("%+v, then %+v", job, again)
		}
		if seen, err := b.GetJob(ctx, agent, w.ID, job.ID); err != nil || seen.ID != job.ID {
			t.Errorf("%+v, %v", seen, err)
		}
		_, err = b.GetJob(ctx, b.Member(privacyd.RoleAdmin, w), w.ID, job.ID)
		b.WantCode(err, "job_not_found")
		if pending, err := b.AccountDeletion(ctx, holder); err != nil || pending != nil {
			t.Errorf("the account leaves already: %+v, %v", pending, err)
		}
		job, err = b.CancelJob(ctx, agent, w.ID, job.ID)
		if err != nil || job.State != privacyd.JobCancelled {
			t.Errorf("%+v, %v", job, err)
		}
		if job, _, err = b.CreateJob(ctx, agent, ask); err != nil || job.ID == again.ID {
			t.Errorf("%+v, %v", job, err)
		}
		plan, err := b.PreviewAccountDeletion(ctx, holder)
		b.Must(err)
		leaving, err := b.DeleteAccount(ctx, holder, privacyd.Confirmation{PlanHash: plan.Hash, Password: password})
		b.Must(err)
		if leaving.ID != job.ID || leaving.State != privacyd.JobScheduled {
			t.Errorf("%+v is not the job that was proposed", leaving)
		}
		if log := b.Audited(""); !slices.Contains(log, "account_deletion.create done") || !slices.Contains(log, "account_deletion.confirm done") {
			t.Errorf("%v", log)
		}
	})
}

func TestNobodyProposesForAnother(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx, w := t.Context(), b.NewWorkspace("acme")
		admin := b.Member(privacyd.RoleAdmin, w)
		ask := engine.NewJob{Workspace: w.ID, Type: privacyd.JobAccountDeletion, RequestedBy: "agent@acme.example.com"}
		_, _, err := b.CreateJob(ctx, admin, ask)
		b.WantCode(err, "requester_invalid")
		_, _, err = b.CreateJob(ctx, enginetest.Operator, ask)
		b.WantCode(err, "own_account_only")
		_, secret, err := b.CreateToken(ctx, admin, w.ID, "agent", privacyd.WorkspaceActions())
		b.Must(err)
		token, err := b.Authenticate(ctx, secret)
		b.Must(err)
		_, _, err = b.CreateJob(ctx, token, ask)
		b.WantCode(err, "own_account_only")
	})
}
