package engine_test

import (
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

// TestNoPageGoesThroughEverything narrows a log by what its entries are not
// found by: a page goes through as many as it may, and gives a cursor to go on.
func TestNoPageGoesThroughEverything(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		batch := make([]engine.ProductAction, 60)
		for n := range batch {
			batch[n] = engine.ProductAction{Action: "step.done", Actor: engine.ProductActor{Kind: "service", Name: "worker"}}
		}
		batch[0].OccurredAt = time.Date(1975, 1, 1, 0, 0, 0, 0, time.UTC)
		batch[0].Target = engine.ProductTarget{Type: "queue", ID: "q-1"}
		_, err := b.RecordActions(t.Context(), enginetest.Operator, w.ID, engine.NewActions{Entries: batch})
		b.Must(err)
		const look = 10
		for name, tc := range map[string]struct {
			filter          privacyd.AuditFilter
			atLeast, atMost int // pages
			found           int
		}{
			"long ago":             {privacyd.AuditFilter{Until: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)}, 6, 7, 1},
			"an action long ago":   {privacyd.AuditFilter{Until: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC), Action: "app.step.done"}, 6, 7, 1},
			"ahead":                {privacyd.AuditFilter{From: time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)}, 1, 1, 0},
			"before there was one": {privacyd.AuditFilter{Until: time.Date(1972, 1, 1, 0, 0, 0, 0, time.UTC)}, 6, 7, 0},
			"a type":               {privacyd.AuditFilter{TargetType: "queue"}, 6, 7, 1},
			"an actor and no time": {privacyd.AuditFilter{Actor: "nobody"}, 6, 7, 0},
			"an action":            {privacyd.AuditFilter{Action: "app.step.done"}, 15, 15, 60},
			"everything":           {privacyd.AuditFilter{}, 16, 20, -1},
			"all there is":         {privacyd.AuditFilter{From: time.Date(1971, 1, 1, 0, 0, 0, 0, time.UTC)}, 16, 20, -1},
		} {
			f, pages, found := tc.filter, 0, 0
			f.Limit, f.Look = 4, look
			for more := true; more; more = f.Before != "" {
				page, err := b.AuditPage(t.Context(), enginetest.Operator, w.ID, f)
				b.Must(err)
				pages, found = pages+1, found+len(page.Items)
				f.Before = page.Next
			}
			if pages < tc.atLeast || pages > tc.atMost || (found != tc.found && tc.found >= 0) || tc.found < 0 && found < 61 {
				t.Errorf("%s: %d entries on %d pages", name, found, pages)
			}
		}
	})
}
