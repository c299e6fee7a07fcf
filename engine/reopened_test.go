package engine_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// TestReopenedMeanwhileStays has conversations reopened after a bulk deletion or
// retention run chose them, in privacyd's own records and in a product's: those
// that are due still go, the others stay.
func TestReopenedMeanwhileStays(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		for k, kind := range erasables()[2:4] {
			t.Run(kind.name, func(t *testing.T) {
				defer b.In(t)()
				w := newOrg(t, b, fmt.Sprint("reopened-", k))
				prepareRetention(t, b, w)
				job := kind.ask(t, b, w)
				f := &effects{}
				f.before = func(what string) {
					switch now := sqldb.Micros(b.Clock()); what {
					case "delete messages":
						_, err := b.DB.Exec(t.Context(), "UPDATE conversations SET status = 'open', last_message_at = $1 WHERE workspace_id = $2 AND id = 'ann-1'", now, w.ID)
						b.Must(err)
					case "delete lines":
						b.Product.Exec("UPDATE chats SET closed = 0, last_at = $1 WHERE id = $2", now, w.Slug+"-a-1")
					}
				}
				runWatched(t, b, f, job)
				end := endingOf(t, b, w, job)
				left := []int64{end.Left["conversations"], end.Left["messages"], end.Left["attachments"], end.Left["product's chats"], end.Left["product's lines"], int64(end.Uploads)}
				if fmt.Sprint(left) != "[1 2 1 1 3 1]" || end.State != privacyd.JobCompleted || end.Result.Records["conversations"] != 3 {
					t.Errorf("%s %s: %v; left are %v", end.State, end.Error, end.Result.Records, left)
				}
				if taken := takenFor(t, b, job.ID); slices.Contains(taken, "ann-1") || slices.Contains(taken, w.Slug+"-a-1") || len(taken) != 6 {
					t.Errorf("the ledger has as erased %v", taken)
				}
			})
		}
	})
}

// TestPolicyChangedMeanwhile keeps everything for ever while a retention run is
// on: no more goes from then on.
func TestPolicyChangedMeanwhile(t *testing.T) {
	b := beside(t, sqldbtest.SQLite(t))
	w := newOrg(t, b, "changed")
	prepareRetention(t, b, w)
	job := erasables()[3].ask(t, b, w)
	f := &effects{}
	f.before = func(what string) {
		if what == "delete messages" {
			f.before = nil
			_, err := b.SetRetention(t.Context(), enginetest.Operator, w.ID, 0)
			b.Must(err)
		}
	}
	runWatched(t, b, f, job)
	end := endingOf(t, b, w, job)
	if end.Left["product's chats"] != 4 || end.State != privacyd.JobCompleted {
		t.Errorf("%s %s: %+v, left %v", end.State, end.Error, end.Result, end.Left)
	}
}
