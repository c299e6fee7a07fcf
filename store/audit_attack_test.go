package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// TestHiddenFromTheTree gives an entry a position before it is integrated, as
// whoever may insert can: it then looks integrated and is in no tree. The daily
// look through all entries says so.
func TestHiddenFromTheTree(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := newLogBench(t, db)
		b.append(t, logA)
		b.pass(t)
		_, err := b.seq.Reconcile(t.Context())
		must(t, err)
		for i, position := range []string{"999, 0", "1, 100000", "1, -1"} {
			id := b.append(t, logA)
			_, err := db.Exec(t.Context(), "INSERT INTO audit_positions (entry, tree, idx) SELECT seq, "+position+" FROM audit_entries WHERE id = $1", id)
			must(t, err)
			b.pass(t)
			if _, err := b.seq.Reconcile(t.Context()); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%d audit entries", i+1)) {
				t.Errorf("an entry at (%s) is hidden: %v", position, err)
			}
		}
		// Nor does that keep others from being found that are in no tree.
		lost := b.append(t, logA)
		passEntries(t, db)
		for { // a transaction of anybody's in the same server may hold it back for a while
			found, err := b.seq.Reconcile(t.Context())
			if found == 1 {
				break
			}
			if found > 1 || t.Context().Err() != nil {
				t.Fatalf("%d entries are found behind the misplaced ones, of which one is %s: %v", found, lost, err)
			}
		}
	})
}

// TestNotedByHand says that the instance's log knew more of a log than there is,
// once, so that it would not be told of it any more.
func TestNotedByHand(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := newLogBench(t, db)
		now := at
		b.seq.Now = func() time.Time { return now }
		b.appendMany(t, logA, 2)
		b.pass(t)
		for _, set := range []string{"size = 4611686018427387904", "noted_at = 4611686018427387904", "size = 4611686018427387904, noted_at = 0"} {
			_, err := db.Exec(t.Context(), "UPDATE audit_noted SET "+set)
			must(t, err)
			now = now.Add(time.Hour)
			b.appendMany(t, logA, 1)
			b.pass(t)
			b.pass(t)
			if sizes := b.notes(t); sizes[len(sizes)-1] != b.head(t, logA).Size || !slices.IsSorted(sizes) {
				t.Errorf("%s: the instance's log knows of %v", set, sizes)
			}
		}
	})
}
