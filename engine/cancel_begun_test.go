package engine_test

import (
	"strings"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// TestCancelledWhenSomeHadGone has a hold on the workspace suspend an erasure
// that has begun, which is then cancelled: the job says what had gone by then,
// and so does the mail.
func TestCancelledWhenSomeHadGone(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		for _, c := range []struct {
			kind, at int // at which transaction from then on
		}{{2, 3}, {5, 1}} {
			kind := erasables()[c.kind]
			t.Run(kind.name, func(t *testing.T) {
				defer b.In(t)()
				w := newOrg(t, b, "org-"+kind.name)
				secondAdmin(b, w, kind.name+"@example.com")
				job := kind.ask(t, b, w)
				f := &effects{}
				batches := 0
				f.before = func(what string) {
					if what == "delete conversations" || batches > 0 && what == "transaction" {
						batches++
					}
					if batches < c.at {
						return
					}
					f.before = nil
					_, err := b.PlaceHold(t.Context(), enginetest.Operator, engine.NewHold{
						Workspace: w.ID, Reason: "a claim", Target: privacyd.HoldTarget{Type: privacyd.HoldWorkspace},
					})
					b.Must(err)
				}
				runWatched(t, b, f, job)
				job, err := b.GetJob(t.Context(), enginetest.Operator, w.ID, job.ID)
				b.Must(err)
				if job.State != privacyd.JobBlocked {
					t.Fatalf("the job is %s", job.State)
				}
				job, err = b.CancelJob(t.Context(), enginetest.Operator, w.ID, job.ID)
				b.Must(err)
				if job.Result == nil || job.Erased() == 0 {
					t.Fatalf("it does not say what is gone: %+v", job.Result)
				}
				b.Run()
				for _, told := range b.Mails() {
					if strings.Contains(told.Subject, w.Name+" stays") && strings.Contains(told.Text, "Nothing was deleted") {
						t.Error("the mail says that nothing was deleted")
					}
				}
			})
		}
	})
}
