package engine

import (
	"context"

	"github.com/privacyd/privacyd"
)

// PlainSubjects are jobs from a version that kept their subjects' ids in the
// clear.
type PlainSubjects interface {
	PlainJobs(ctx context.Context, limit int) ([]*privacyd.Job, error)
	SealJob(ctx context.Context, id, ref string, sealed []byte) error
}

// SealSubjects seals the subjects of jobs that an earlier version made.
func (e *Engine) SealSubjects(ctx context.Context) error {
	const some = 200
	for {
		jobs, err := e.Plain.PlainJobs(ctx, some)
		if err != nil || len(jobs) == 0 {
			return err
		}
		for _, job := range jobs {
			if err := e.sealSubject(ctx, job); err != nil && privacyd.CodeOf(err) != "erased" {
				return err
			}
			if err := e.Plain.SealJob(ctx, job.ID, job.SubjectRef, job.SubjectSealed); err != nil {
				return err
			}
		}
	}
}
