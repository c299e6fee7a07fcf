package engine_test

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

// TestTheLogOfADeletedWorkspaceIsFrozen deletes a workspace: the instance's log
// has its last checkpoint and the receipt's hash, and who reads the log later.
func TestTheLogOfADeletedWorkspaceIsFrozen(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx := t.Context()
		w := b.NewWorkspace("acme")
		job := confirmed(t, b, engine.NewJob{Workspace: w.ID, Type: privacyd.JobWorkspaceDeletion})
		b.Pass(31 * 24 * time.Hour)
		b.Run()
		frozen := b.Audited(w.ID)
		if slices.Contains(frozen, "workspace_deletion.complete done") {
			t.Errorf("the workspace's own log goes on: %v", frozen)
		}
		b.Must(b.Sequencer.Wait(ctx, newest(t, b, w.ID, 1)[0].ID))
		view, err := b.Audit.View(ctx, w.ID)
		b.Must(err)
		last := view.Epochs()[len(view.Epochs())-1]
		stored, err := b.Receipt(ctx, enginetest.Operator, w.ID, job.ID)
		b.Must(err)
		sum := sha256.Sum256(stored.File)
		ended := find(t, b, "workspace_deletion.complete")
		for name, want := range map[string]string{
			auditlog.PublicLog: w.ID, auditlog.PublicRoot: hex.EncodeToString(last.Root[:]), "receipt_sha256": hex.EncodeToString(sum[:]),
		} {
			if got := ended.Details[name]; got != want {
				t.Errorf("%s of the instance's entry is %v, not %v", name, got, want)
			}
		}
		if ended.Facts[auditlog.PublicSize] != last.Size || last.Size != int64(len(frozen)) {
			t.Errorf("the last checkpoint covers %d, the instance's entry says %d, there are %d", last.Size, ended.Facts[auditlog.PublicSize], len(frozen))
		}
		exported(t, b, w.ID, engine.AuditJSON, privacyd.AuditFilter{})
		if r := verifiedLog(t, b, w); !r.OK || r.Pending {
			t.Errorf("%+v", r)
		}
		for _, action := range []string{"audit.export", "audit.verify"} {
			if e := find(t, b, action); e.Details[auditlog.PublicLog] != w.ID || e.Actor != enginetest.Operator.Name {
				t.Errorf("%s: %+v", action, e)
			}
		}
		_, err = b.ListRecords(ctx, enginetest.Operator, w.ID, "contacts", engine.RecordQuery{})
		b.WantCode(err, "workspace_not_found")
		if now := b.Audited(w.ID); len(now) != len(frozen) {
			t.Errorf("the frozen log grew by %v", now[len(frozen):])
		}
	})
}

// find gives the newest entry of the instance's log with an action.
func find(t *testing.T, b *enginetest.Bench, action string) privacyd.AuditEntry {
	t.Helper()
	for _, e := range newest(t, b, "", 100) {
		if e.Action == action {
			return e
		}
	}
	t.Fatalf("the instance's log has no %s", action)
	return privacyd.AuditEntry{}
}
