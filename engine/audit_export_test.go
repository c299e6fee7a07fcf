package engine_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/auditlog/verify"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

// heldBack is a sequencer whose checkpoints are held back by somebody's long
// transaction.
type heldBack struct{ enginetest.Sequencer }

func (heldBack) Wait(context.Context, string) error { return auditlog.ErrPending }

func TestSettle(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w, err := b.CreateWorkspace(t.Context(), enginetest.Operator, engine.NewWorkspace{Slug: "acme", Name: "Acme"})
		b.Must(err)
		if w.Audit == nil || w.Audit.Checkpoint != privacyd.CheckpointSigned {
			t.Fatalf("a workspace was made: %+v", w.Audit)
		}
		view, err := b.Audit.View(t.Context(), w.ID)
		b.Must(err)
		if _, _, err := view.Find(t.Context(), w.Audit.Entry); err != nil {
			t.Errorf("it is called signed: %v", err)
		}
		b.Engine.Sequencer = heldBack{b.Sequencer}
		token, secret, err := b.CreateToken(t.Context(), enginetest.Operator, w.ID, "late", []privacyd.Action{privacyd.ActionReadRecords})
		b.Must(err)
		if token.Audit == nil || token.Audit.Checkpoint != privacyd.CheckpointPending || secret == "" {
			t.Errorf("a token was made: %+v", token.Audit)
		}
		_, err = b.ProveAudit(t.Context(), enginetest.Operator, w.ID, token.Audit.Entry)
		b.WantCode(err, "checkpoint_pending")
		x, err := b.ExportAudit(t.Context(), enginetest.Operator, w.ID, engine.AuditJSON, privacyd.AuditFilter{})
		b.Must(err)
		if !x.Pending {
			t.Error("an export does not say that it lacks the newest entries")
		}
		if s, err := b.AuditState(t.Context(), enginetest.Operator, w.ID); err != nil || !s.Pending || *s.Waiting < 2 {
			t.Errorf("the log's state %+v, %v", s, err)
		}
		page, err := b.AuditPage(t.Context(), enginetest.Operator, w.ID, privacyd.AuditFilter{Limit: 10})
		b.Must(err)
		if first, last := page.Items[0], page.Items[len(page.Items)-1]; first.Checkpoint != privacyd.CheckpointPending || last.Checkpoint != privacyd.CheckpointSigned {
			t.Errorf("the newest entry is %s, the oldest %s", first.Checkpoint, last.Checkpoint)
		}
	})
}

// TestNothingSigned asks for a log of which no checkpoint is signed at all.
func TestNothingSigned(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		b.Engine.Sequencer = heldBack{b.Sequencer}
		w, err := b.CreateWorkspace(t.Context(), enginetest.Operator, engine.NewWorkspace{Slug: "acme", Name: "Acme"})
		b.Must(err)
		for _, format := range []engine.AuditFormat{engine.AuditJSON, engine.AuditTiles} {
			_, err := b.ExportAudit(t.Context(), enginetest.Operator, w.ID, format, privacyd.AuditFilter{})
			b.WantCode(err, "checkpoint_pending")
		}
		if csv := exported(t, b, w.ID, engine.AuditCSV, privacyd.AuditFilter{}); !strings.Contains(csv, "workspace.create") {
			t.Errorf("a table needs no checkpoint: %s", csv)
		}
	})
}

func exported(t *testing.T, b *enginetest.Bench, workspace string, format engine.AuditFormat, f privacyd.AuditFilter) string {
	t.Helper()
	x, err := b.ExportAudit(t.Context(), enginetest.Operator, workspace, format, f)
	b.Must(err)
	var out bytes.Buffer
	b.Must(x.Write(&out))
	return out.String()
}

func verified(t *testing.T, b *enginetest.Bench, path string) *verify.Report {
	t.Helper()
	r, err := verify.Path(t.Context(), path, verify.Options{Key: b.PublicKey})
	b.Must(err)
	if !r.OK() {
		t.Errorf("%s: %v", filepath.Base(path), r.Findings)
	}
	return r
}

func TestExportAudit(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		dir := t.TempDir()
		file := func(name, content string) string {
			path := filepath.Join(dir, name)
			b.Must(os.MkdirAll(filepath.Dir(path), 0o700))
			b.Must(os.WriteFile(path, []byte(content), 0o600))
			return path
		}
		whole := verified(t, b, file("log.ndjson", exported(t, b, w.ID, engine.AuditJSON, privacyd.AuditFilter{})))
		if !whole.Complete || whole.Entries < 8 {
			t.Errorf("the whole log: %+v", whole)
		}
		part := verified(t, b, file("part.ndjson", exported(t, b, w.ID, engine.AuditJSON, privacyd.AuditFilter{Action: "member.add", Actor: "root"})))
		if part.Complete || part.Entries != 3 {
			t.Errorf("a part of the log: %+v", part)
		}
		tree := tar.NewReader(strings.NewReader(exported(t, b, w.ID, engine.AuditTiles, privacyd.AuditFilter{})))
		for {
			h, err := tree.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			b.Must(err)
			content, err := io.ReadAll(tree)
			b.Must(err)
			file("tree/"+h.Name, string(content))
		}
		if r := verified(t, b, filepath.Join(dir, "tree")); r.Entries != whole.Entries+2 {
			t.Errorf("the tree has %d entries, of which %d were there before two exports", r.Entries, whole.Entries)
		}
		lines := strings.Count(exported(t, b, w.ID, engine.AuditCSV, privacyd.AuditFilter{Target: "account", Limit: 2}), "\r\n")
		if lines != 3 {
			t.Errorf("a table of two entries has %d lines", lines)
		}
		for f, code := range map[privacyd.AuditFilter]string{{Action: "x"}: "filter_refused", {Limit: 1}: "filter_refused"} {
			_, err := b.ExportAudit(t.Context(), enginetest.Operator, w.ID, engine.AuditTiles, f)
			b.WantCode(err, code)
		}
		_, err := b.ExportAudit(t.Context(), enginetest.Operator, w.ID, "xml", privacyd.AuditFilter{})
		b.WantCode(err, "format_unknown")
		want := slices.Repeat([]string{"audit.export done"}, 4)
		if log := b.Audited(w.ID); !slices.Equal(log[len(log)-4:], want) {
			t.Errorf("the log ends with %q", log[len(log)-4:])
		}
	})
}

func TestAuditPage(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		var batch []engine.ProductAction
		for n := range 60 {
			a := engine.ProductAction{Action: "step.done", Actor: engine.ProductActor{Kind: "service", Name: "worker"}}
			if n%10 == 0 {
				a.Actor.Name = "Rare Worker"
				a.Target = engine.ProductTarget{Type: "queue", ID: "q-1"}
			}
			batch = append(batch, a)
		}
		_, err := b.RecordActions(t.Context(), enginetest.Operator, w.ID, engine.NewActions{Entries: batch})
		b.Must(err)
		for _, f := range []privacyd.AuditFilter{
			{Actor: "rare worker"}, {Target: "queue"}, {Target: "q-1"}, {Actor: "SERVICE", Target: "queue"}, {Action: "app.step.done", TargetType: "queue"},
		} {
			f.Limit = 4
			var found []string
			for {
				page, err := b.AuditPage(t.Context(), enginetest.Operator, w.ID, f)
				b.Must(err)
				for _, e := range page.Items {
					found = append(found, e.ID)
				}
				if f.Before = page.Next; f.Before == "" {
					break
				}
			}
			slices.Sort(found)
			if len(slices.Compact(found)) != 6 {
				t.Errorf("%+v found %d entries on all its pages, want 6", f, len(found))
			}
		}
		page, err := b.AuditPage(t.Context(), enginetest.Operator, w.ID, privacyd.AuditFilter{Actor: "nobody", Limit: 4})
		b.Must(err)
		if len(page.Items) != 0 || page.Next != "" {
			t.Errorf("nobody did %+v", page)
		}
	})
}

func TestAuditPart(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		auditor := b.Member(privacyd.RoleAuditor, w)
		read := func(path string) error {
			_, write, err := b.AuditPart(t.Context(), auditor, w.Slug, path)
			if err == nil {
				err = write(io.Discard)
			}
			return err
		}
		count := func() (n int) {
			for _, line := range b.Audited(w.ID) {
				if line == "audit.export done" {
					n++
				}
			}
			return n
		}
		for _, path := range []string{"checkpoint", "checkpoints.ndjson", "tile/0/000.p/1", "tile/entries/000.p/1"} {
			b.Must(read(path))
		}
		if count() != 0 {
			t.Error("reading what is not personal is audited")
		}
		b.Must(read("disclosures/000.p/1"))
		b.Must(read("disclosures/000.p/2"))
		b.Pass(59 * time.Minute)
		b.Must(read("disclosures/000.p/3"))
		if count() != 1 {
			t.Errorf("reading disclosures for an hour is audited %d times", count())
		}
		b.Pass(time.Minute)
		b.Must(read("disclosures/000.p/1"))
		if count() != 2 {
			t.Errorf("reading them after an hour is audited %d times", count())
		}
		for _, path := range []string{"", "tile/0/001", "tile/00/000", "tile/entries/000", "epoch-2/checkpoint", "../../accounts", "disclosures/000.p/255"} {
			b.WantCode(read(path), "audit_part_not_found")
		}
		_, _, err := b.AuditPart(t.Context(), auditor, "", "checkpoint")
		b.WantCode(err, "operator_only")
		_, _, err = b.AuditPart(t.Context(), b.Member(privacyd.RoleAgent, w), w.ID, "checkpoint")
		b.WantCode(err, "role_missing")
	})
}

func TestProveAudit(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w, other := b.NewWorkspace("acme"), b.NewWorkspace("other")
		entry := newest(t, b, w.ID, 1)[0]
		proof, err := b.ProveAudit(t.Context(), b.Member(privacyd.RoleAuditor, w), w.ID, entry.ID)
		b.Must(err)
		path := filepath.Join(t.TempDir(), "proof")
		b.Must(os.WriteFile(path, proof, 0o600))
		if r := verified(t, b, path); r.Entries != 1 {
			t.Errorf("%+v", r)
		}
		for _, elsewhere := range []string{other.ID, ""} {
			_, err := b.ProveAudit(t.Context(), enginetest.Operator, elsewhere, entry.ID)
			b.WantCode(err, "audit_entry_not_found")
		}
		_, err = b.ProveAudit(t.Context(), enginetest.Operator, w.ID, "none")
		b.WantCode(err, "audit_entry_not_found")
	})
}
