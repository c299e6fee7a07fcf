package engine_test

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

// TestTimesOfAProduct writes of what was long ago, and with a clock that is
// ahead: both are in the archive's table, and a list says when they were written.
func TestTimesOfAProduct(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		old, ahead := time.Date(1975, 1, 1, 0, 0, 0, 0, time.UTC), b.Clock().Add(4*time.Minute)
		system := engine.ProductActor{Kind: "system"}
		done, err := b.RecordActions(t.Context(), enginetest.Operator, w.ID, engine.NewActions{Entries: []engine.ProductAction{
			{Action: "long.ago", OccurredAt: old, Actor: system}, {Action: "lies.ahead", OccurredAt: ahead, Actor: system},
		}})
		b.Must(err)
		page, err := b.AuditPage(t.Context(), enginetest.Operator, w.ID, privacyd.AuditFilter{Action: "app.long.ago", Limit: 1})
		b.Must(err)
		if e := page.Items[0]; !e.At.Equal(old) || !e.RecordedAt.Equal(auditlog.MadeAt(done[0].ID)) || e.RecordedAt.Year() < 2026 {
			t.Errorf("it was at %s, and written at %s", e.At, e.RecordedAt)
		}
		job := b.Export(enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport})
		f, err := b.OpenArchive(enginetest.Operator, w.ID, job.ID).Open("audit/log.csv")
		b.Must(err)
		table, err := io.ReadAll(f)
		b.Must(err)
		for _, action := range []string{"app.long.ago", "app.lies.ahead", "workspace.create"} {
			if !strings.Contains(string(table), action) {
				t.Errorf("the archive's table has no %s", action)
			}
		}
	})
}
