package store_test

import (
	"fmt"
	"testing"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// TestHeadRewritten changes the head of a tree, as whoever may write to the
// database can. Nothing is signed upon it: the log goes on in a new epoch that
// names what was published, and so does a process that begins later.
func TestHeadRewritten(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := newLogBench(t, db)
		for i, set := range []string{
			"size = size + 1", "size = size + 2, root = edge", "size = 1099511627775, edge = root", // not of one piece
			"size = 4, edge = root", "size = 8, edge = root, checkpoint = root", // not signed
		} {
			for k, restarted := range []bool{false, true} {
				log := fmt.Sprintf("0190a1b2-0000-7000-8000-%012x", 2*i+k)
				b.appendMany(t, log, 3)
				b.pass(t)
				published := b.head(t, log)
				_, err := db.Exec(t.Context(), "UPDATE audit_trees SET "+set+" WHERE log = $1", log)
				must(t, err)
				if restarted {
					b.seq = b.sequencer()
				}
				b.appendMany(t, log, 2)
				b.pass(t)
				b.wantNewEpoch(t, log, published)
			}
		}
	})
}

func (b *logBench) wantNewEpoch(t *testing.T, log string, published auditlog.Head) {
	t.Helper()
	if h := b.head(t, log); h.Epoch != 2 || h.Size != 3 {
		t.Fatalf("the log is at %d leaves of the epoch %d", h.Size, h.Epoch)
	}
	for p, err := range b.view(t, log).Entries(t.Context(), 2, 0, 1) {
		must(t, err)
		if p.Action != auditlog.ActionEpoch || p.Public["size"] != published.Size || p.Public["epoch"] != int64(1) {
			t.Errorf("the first leaf is %s, %v", p.Action, p.Public)
		}
	}
}
