package auditlog_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd/auditlog"
)

// TestAppendAtOnce writes entries of all sizes at once: what is used again by
// the next entry must leave nothing of one in another.
func TestAppendAtOnce(t *testing.T) {
	b := newBench(t)
	const writers, each = 4, 40
	want := make([]map[string]map[string]string, writers)
	var writing sync.WaitGroup
	for w := range writers {
		want[w] = map[string]map[string]string{}
		writing.Go(func() {
			for i := range each {
				r := auditlog.Record{Log: someLog, Action: "subject.export", Outcome: "done"}
				claims := map[string]string{}
				for c := range (w + i) % 9 {
					text := strings.Repeat(fmt.Sprintf("%d-%d-%d ", w, i, c), 1+i*i*i%977)
					r.Private = append(r.Private, auditlog.Claim{
						Name: fmt.Sprintf("claim_%d", c), Value: text, Owner: []auditlog.Owner{anna, ben, place}[(c*i+w)%3],
					})
					claims[fmt.Sprintf("claim_%d", c)] = `"` + text + `"`
				}
				id, err := b.Append(t.Context(), r)
				if err != nil {
					t.Error(err)
					return
				}
				want[w][id] = claims
			}
		})
	}
	writing.Wait()
	got := map[string]map[string]string{}
	for _, o := range b.list(t) {
		got[o.ID] = private(o)
	}
	for _, some := range want {
		for id, claims := range some {
			if diff := cmp.Diff(claims, got[id]); diff != "" {
				t.Fatal(diff)
			}
		}
	}
	if len(got) != writers*each {
		t.Errorf("%d entries", len(got))
	}
}
