package verify

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
)

func numbers(n int, end error) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for i := range n {
			if !yield(i, nil) {
				return
			}
		}
		if end != nil {
			yield(0, end)
		}
	}
}

func TestInOrder(t *testing.T) {
	defer goleak.VerifyNone(t)
	failed := errors.New("failed")
	for _, n := range []int{0, 1, 2, 1000} {
		var running, most atomic.Int64
		next := 0
		err := inOrder(t.Context(), 3, 5, numbers(n, nil), func(_ context.Context, i int) int {
			most.Store(max(most.Load(), running.Add(1)))
			defer running.Add(-1)
			return 2 * i
		}, func(got int) error {
			if got != 2*next {
				t.Errorf("%d comes when %d should", got, 2*next)
			}
			next++
			return nil
		})
		if err != nil || next != n || most.Load() > 3 {
			t.Errorf("%d of %d, %d at a time, %v", next, n, most.Load(), err)
		}
	}
	double := func(_ context.Context, i int) int { return 2 * i }
	if err := inOrder(t.Context(), 3, 5, numbers(50, failed), double, func(int) error { return nil }); !errors.Is(err, failed) {
		t.Errorf("a job that failed: %v", err)
	}
	if err := inOrder(t.Context(), 3, 5, numbers(50, nil), double, func(i int) error {
		if i == 20 {
			return failed
		}
		return nil
	}); !errors.Is(err, failed) {
		t.Errorf("a result that failed: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := inOrder(ctx, 3, 5, numbers(1<<30, nil), double, func(i int) error {
		if i == 20 {
			cancel()
		}
		return nil
	}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
