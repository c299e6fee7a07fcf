package engine_test

import (
	"strings"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

// update has the engine be of another version, whose own maps know more tables.
func update(b *enginetest.Bench) {
	for i, d := range b.Datasets {
		if !d.Own {
			continue
		}
		m := *d.Graph.Map
		m.Hash = strings.Repeat("0", len(m.Hash))
		g, err := datamap.Compile(&m)
		b.Must(err)
		b.Datasets[i].Graph = g
	}
}

// What was confirmed and is in its grace period goes, though privacyd was
// updated meanwhile.
func TestAnUpdateTakesNoConfirmationBack(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx, w := t.Context(), b.NewWorkspace("acme")
		_, account := leaving(b, jo)
		ask := engine.NewJob{Workspace: w.ID, Type: privacyd.JobWorkspaceDeletion}
		plan, err := b.PreviewJob(ctx, enginetest.Operator, ask)
		b.Must(err)
		ask.Confirm = &privacyd.Confirmation{PlanHash: plan.Hash}
		workspace, _, err := b.CreateJob(ctx, enginetest.Operator, ask)
		b.Must(err)
		update(b)
		later(b, 31*privacyd.Day)
		for _, job := range []*privacyd.Job{account, workspace} {
			if got := stateOf(b, job.ID); got.State != privacyd.JobCompleted {
				t.Errorf("the %s is %s: %s", got.Type, got.State, got.ErrorMessage)
			}
		}
	})
}
