package engine_test

import (
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

// TestErasureExpiresExports looks for archives that hold who was erased.
func TestErasureExpiresExports(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		whole := b.Export(enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport})
		one := b.Export(enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectExport, Subject: aContact("c-006")})
		other := b.Export(enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectExport, Subject: aContact("c-007")})
		job := confirmed(t, b, engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: aContact("c-006")})
		if job.State != privacyd.JobCompleted || job.Result.ExportsExpired != 2 {
			t.Fatalf("the job is %s: %s %+v", job.State, job.ErrorMessage, job.Result)
		}
		for id, want := range map[string]privacyd.JobState{whole.ID: privacyd.JobExpired, one.ID: privacyd.JobExpired, other.ID: privacyd.JobCompleted} {
			left := 0
			for _, err := range b.Files.List(t.Context(), w.ID+"/exports/"+id+"/") {
				b.Must(err)
				left++
			}
			export, err := b.GetJob(t.Context(), enginetest.Operator, w.ID, id)
			b.Must(err)
			if export.State != want || (left > 0) != (want == privacyd.JobCompleted) {
				t.Errorf("%s of %v is %s with %d files, want %s", export.Type, export.Subject, export.State, left, want)
			}
		}
	})
}
