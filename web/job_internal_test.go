package web

import (
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
)

// TestACancelledDeletionSaysWhatIsGone holds the page of a deletion that was
// cancelled while it ran against what it came to.
func TestACancelledDeletionSaysWhatIsGone(t *testing.T) {
	begun := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for says, j := range map[string]*privacyd.Job{
		"500 records had been deleted": {State: privacyd.JobCancelled, StartedAt: &begun, Result: &privacyd.JobResult{Records: map[string]int64{"conversations": 500}}},
		"It had begun: 12 records":     {State: privacyd.JobBlocked, WaitingOn: privacyd.WaitHold, StartedAt: &begun, Progress: privacyd.Progress{Done: 12}},
		"Nothing was deleted":          {State: privacyd.JobCancelled},
	} {
		j.Type = privacyd.JobBulkDeletion
		var page strings.Builder
		if err := erasureNews(pageOfNobody(), jobView{Job: j}).Render(t.Context(), &page); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(page.String(), says) {
			t.Errorf("the page does not say %q: %s", says, page.String())
		}
		if j.Erased() > 0 && strings.Contains(page.String(), "Nothing was deleted") {
			t.Error("the page says that nothing was deleted")
		}
	}
}

func pageOfNobody() page { return page{Now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }
