package engine

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd"
)

// TestNewestHolds has holds released between erasures: the mark of an account of
// which something was held tells of all workspaces.
func TestNewestHolds(t *testing.T) {
	mark := func(workspace string, ids ...string) privacyd.Erased {
		m := privacyd.Erased{Again: privacyd.EraseAgain{WorkspaceID: workspace}}
		for _, id := range ids {
			m.Again.Holds = append(m.Again.Holds, privacyd.StoodHold{ID: id, WorkspaceID: id[:1]})
		}
		return m
	}
	marks := []privacyd.Erased{mark("a", "a1", "a2"), mark("b", "b1"), mark("", "a2"), mark("c", "c1"), mark("")}
	got := map[string][]string{}
	for workspace, holds := range newestHolds(marks) {
		for _, h := range holds.holds {
			got[workspace] = append(got[workspace], h.ID)
		}
	}
	if diff := cmp.Diff(map[string][]string{"a": {"a2"}, "c": {"c1"}}, got); diff != "" {
		t.Error(diff)
	}
}
