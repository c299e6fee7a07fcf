package web

import (
	"slices"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
)

// TestAuditSaysWhenItWasRecorded: an entry of what happened long before says when
// it was written; others need not.
func TestAuditSaysWhenItWasRecorded(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for recorded, want := range map[time.Time]bool{at.Add(time.Second): false, at.Add(25 * time.Hour): true, at.Add(-time.Hour): true, {}: false} {
		list := details(privacyd.AuditEntry{At: at, RecordedAt: recorded})
		if got := slices.Contains(list, detail{Name: "Recorded", After: absolute(recorded)}); got != want || len(list) > 1 {
			t.Errorf("recorded at %s: %+v", recorded, list)
		}
	}
}
