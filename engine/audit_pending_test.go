package engine_test

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

// TestExportSaysThatItsLogIsBehind exports a workspace while somebody's long
// transaction holds checkpoints back.
func TestExportSaysThatItsLogIsBehind(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		whole := b.Sequencer
		for _, pending := range []bool{true, false} {
			if b.Engine.Sequencer = whole; pending {
				b.Engine.Sequencer = heldBack{whole}
			}
			job := b.Export(enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport})
			if job.State != privacyd.JobCompleted || job.Result.AuditPending != pending {
				t.Errorf("pending %v: the job is %s with %+v", pending, job.State, job.Result)
			}
			r := b.OpenArchive(enginetest.Operator, w.ID, job.ID)
			if m := r.Manifest(); m.AuditPending != pending {
				t.Errorf("pending %v: the manifest says %v", pending, m.AuditPending)
			}
			f, err := r.Open("README.html")
			b.Must(err)
			page, err := io.ReadAll(f)
			b.Must(err)
			if says := strings.Contains(string(page), "newest entries are not in it"); says != pending {
				t.Errorf("pending %v: the readme says so: %v", pending, says)
			}
		}
	})
}

// TestReceiptGetsItsProof erases while checkpoints are held back: the receipt is
// issued anew with the proof when they are not any more.
func TestReceiptGetsItsProof(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		whole := b.Sequencer
		before := b.Clock()
		b.Engine.Sequencer = heldBack{whole}
		job := confirmed(t, b, engine.NewJob{Workspace: w.ID, Type: privacyd.JobBulkDeletion, Before: &before})
		if job.State != privacyd.JobCompleted || !job.Result.AuditPending {
			t.Fatalf("the job is %s with %+v", job.State, job.Result)
		}
		if r := receiptOf(t, b, w.ID, job.ID); r.Audit.Proof != "" {
			t.Fatalf("issue %d is proven already", r.Issue)
		}
		b.Pass(2 * time.Minute)
		b.Run() // still held back
		if r := receiptOf(t, b, w.ID, job.ID); r.Issue != 1 {
			t.Errorf("issue %d says nothing new", r.Issue)
		}
		b.Engine.Sequencer = whole
		b.Pass(2 * time.Minute)
		b.Run()
		if r := receiptOf(t, b, w.ID, job.ID); r.Issue != 2 || r.Audit.Proof == "" {
			t.Errorf("issue %d has the proof %q", r.Issue, r.Audit.Proof)
		}
		job, err := b.GetJob(t.Context(), enginetest.Operator, w.ID, job.ID)
		b.Must(err)
		if job.Result.AuditPending {
			t.Errorf("the job still says that it is pending: %+v", job.Result)
		}
	})
}

func receiptOf(t *testing.T, b *enginetest.Bench, workspace, job string) (r privacyd.Receipt) {
	t.Helper()
	stored, err := b.Receipt(t.Context(), enginetest.Operator, workspace, job)
	b.Must(err)
	b.Must(json.Unmarshal(stored.File, &r))
	return r
}

// TestMembersAreToldWhatIsPending changes who may do what while checkpoints are
// held back: each answer says so.
func TestMembersAreToldWhatIsPending(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx := t.Context()
		w := b.NewWorkspace("acme")
		admin, agent := b.Member(privacyd.RoleAdmin, w), b.Member(privacyd.RoleAgent, w)
		_, err := b.Invite(ctx, admin, w.ID, engine.NewInvitation{Email: "nia@example.com", Role: privacyd.RoleAgent})
		b.Must(err)
		b.Run()
		secret := linkIn(t, lastMail(b))
		b.Engine.Sequencer = heldBack{b.Sequencer}
		m, err := b.ChangeRole(ctx, admin, w.ID, agent.AccountID, privacyd.RoleAuditor)
		b.Must(err)
		removed, err := b.RemoveMember(ctx, admin, w.ID, agent.AccountID)
		b.Must(err)
		_, joined, err := b.Accept(ctx, privacyd.Caller{Door: privacyd.DoorWeb, IP: "192.0.2.1"}, secret, "Nia", secretWords)
		b.Must(err)
		for what, a := range map[string]*privacyd.Audited{"role": m.Audit, "removal": removed, "joining": joined.Audit} {
			if a == nil || a.Checkpoint != privacyd.CheckpointPending {
				t.Errorf("the answer to a %s does not say that it is pending: %+v", what, a)
			}
		}
	})
}

// TestLateEntryIsPending waits for an entry whose id is lower than those that
// are covered, as one of a node whose clock is behind.
func TestLateEntryIsPending(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx := t.Context()
		w := b.NewWorkspace("acme")
		settle := func() {
			for id := "?"; id != ""; {
				_, err := b.Sequencer.Pass(ctx)
				b.Must(err)
				id, err = b.Audit.Unplaced(ctx, w.ID)
				b.Must(err)
			}
		}
		settle()
		state := func() engine.AuditState {
			s, err := b.AuditState(ctx, enginetest.Operator, w.ID)
			b.Must(err)
			return s
		}
		if s := state(); s.Pending {
			t.Fatalf("something waits: %+v", s)
		}
		l := &auditlog.Leaf{ID: "0190a1b2-0000-7000-8000-00000000000a", Log: w.ID, At: b.Clock(), Action: "test.done", Outcome: "done"}
		leaf, err := l.Encode()
		b.Must(err)
		b.Must(b.Audit.(*auditlog.Log).Entries.Insert(ctx, auditlog.Entry{
			ID: l.ID, Log: l.Log, At: l.At, Action: l.Action, Outcome: l.Outcome, Leaf: leaf, LeafHash: auditlog.LeafHash(leaf),
		}, nil))
		if s := state(); !s.Pending {
			t.Error("an entry waits, and it is not said")
		}
		settle()
		if s := state(); s.Pending {
			t.Error("it does not wait any more")
		}
	})
}
