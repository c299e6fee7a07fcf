package engine_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

// failingErasures fails the first time that somebody is to be forgotten.
type failingErasures struct {
	engine.AuditErasures
	failed *bool
}

func (f failingErasures) Erasures(ctx context.Context, owners []string) ([]privacyd.AuditErasure, error) {
	if !*f.failed {
		*f.failed = true
		return nil, errors.New("the database is away for a moment")
	}
	return f.AuditErasures.Erasures(ctx, owners)
}

// TestForgottenAfterAFault has a job fail just before the person's key is
// destroyed: the next run still knows whose.
func TestForgottenAfterAFault(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		who := firstContact(t, b, w)
		tell(t, b, w.ID, contact(who))
		sequenced(t, b)
		failed := false
		b.Engine.Erasures = failingErasures{b.Engine.Erasures, &failed}
		job := confirmed(t, b, engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: aContact(who)})
		for range 5 {
			b.Pass(time.Minute)
			b.Run()
		}
		job, err := b.GetJob(t.Context(), enginetest.Operator, w.ID, job.ID)
		b.Must(err)
		if !failed || job.State != privacyd.JobCompleted {
			t.Fatalf("failed once: %v; the job is %s: %s", failed, job.State, job.ErrorMessage)
		}
		ref := b.Keys.Reference(w.ID, "contact", who)
		if _, erased, err := b.Keys.SealFor(t.Context(), ref, nil, nil); !erased || err != nil || disclosures(t, b, ref) > 0 {
			t.Errorf("the key lives, %v, or %d disclosures are left", err, disclosures(t, b, ref))
		}
	})
}
