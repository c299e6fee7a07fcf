package verify

import (
	"context"
	"iter"
	"sync"
)

// inOrder does work on all jobs, several at a time, and hands the results on in
// the order of the jobs. No more than ahead jobs are begun before their turn.
// It returns the first error of jobs, of each, or of ctx, and then nothing runs
// any more.
func inOrder[J, R any](ctx context.Context, workers, ahead int, jobs iter.Seq2[J, error], work func(context.Context, J) R, each func(R) error) error {
	ctx, cancel := context.WithCancel(ctx)
	type slot struct {
		job    J
		err    error
		result chan R
	}
	todo, turn := make(chan *slot), make(chan *slot, ahead)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() {
		defer close(turn)
		defer close(todo)
		for job, err := range jobs {
			s := &slot{job: job, err: err, result: make(chan R, 1)}
			select {
			case turn <- s:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
			select {
			case todo <- s:
			case <-ctx.Done():
				return
			}
		}
	})
	for range workers {
		running.Go(func() {
			for s := range todo {
				s.result <- work(ctx, s.job)
			}
		})
	}
	for s := range turn {
		if s.err != nil {
			return s.err
		}
		select {
		case r := <-s.result:
			if err := each(r); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return ctx.Err()
}
