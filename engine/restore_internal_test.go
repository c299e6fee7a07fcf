package engine

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd"
)

// TestNewestHolds has holds released between erasures: the mark of an account
// tells of all workspaces, but for an older one of which nothing was held.
func TestNewestHolds(t *testing.T) {
	mark := func(workspace string, ids ...string) privacyd.Erased {
		m := privacyd.Erased{Again: privacyd.EraseAgain{WorkspaceID: workspace}}
		for _, id := range ids {
			m.Again.Holds = append(m.Again.Holds, privacyd.StoodHold{ID: id, WorkspaceID: id[:1]})
		}
		return m
	}
	marks := []privacyd.Erased{mark("a", "a1", "a2"), mark("b", "b1"), mark("", "a2"), mark("c", "c1"), mark("")}
	whole := mark("", "d1")
	whole.Again.AllHolds = true
	for _, c := range []struct {
		marks []privacyd.Erased
		want  map[string][]string
	}{
		{marks, map[string][]string{"a": {"a2"}, "c": {"c1"}, "s": {}}},
		{append(marks, whole), map[string][]string{"d": {"d1"}, "s": {}}},
	} {
		got := map[string][]string{}
		for workspace, holds := range newestHolds(c.marks, []*privacyd.Hold{{WorkspaceID: "s"}}) {
			got[workspace] = []string{}
			for _, h := range holds.holds {
				got[workspace] = append(got[workspace], h.ID)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Error(diff)
		}
	}
}
