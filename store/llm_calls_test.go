package store_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store"
)

func TestCountCall(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		w, other := workspace(t, s, "acme"), workspace(t, s, "beta")
		one := privacyd.CallCount{Provider: "openai", Day: "2026-03-02", Calls: 1, Sent: 10, Received: 100}
		must(t, s.CountCall(ctx, w.ID, one))
		must(t, s.CountCall(ctx, w.ID, one))
		must(t, s.CountCall(ctx, w.ID, privacyd.CallCount{Provider: "openai", Day: "2026-03-02", Refused: 1}))
		must(t, s.CountCall(ctx, w.ID, privacyd.CallCount{Provider: "anthropic", Day: "2026-03-03", Calls: 1, Failed: 1}))
		must(t, s.CountCall(ctx, w.ID, privacyd.CallCount{Provider: "openai", Day: "2026-01-01", Calls: 1}))
		must(t, s.CountCall(ctx, other.ID, one))
		got, err := s.CallCounts(ctx, w.ID, "2026-03-01")
		must(t, err)
		want := []privacyd.CallCount{
			{Provider: "anthropic", Day: "2026-03-03", Calls: 1, Failed: 1},
			{Provider: "openai", Day: "2026-03-02", Calls: 2, Refused: 1, Sent: 20, Received: 200},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}
