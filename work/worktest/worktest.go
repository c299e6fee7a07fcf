// Package worktest is the suite that every runner of work must pass: what
// package work promises, on real databases, with processes that die.
//
// Time is a Clock that tests move by hand; nothing sleeps to wait. That
// something does not happen is tested by letting the runner look at its clock
// several times more. The suite must never reach into a runner: what it
// cannot see through package work or in a table of its own is not promised.
//
// Open worktest.go first: Run takes a Backend, and the cases follow by theme.
package worktest

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/work"
)

// Runner is what the suite asks of an implementation.
type Runner interface {
	work.Queue
	Daily(ctx context.Context, d work.Daily) error
	Handle(kind string, h work.Handler, concurrency int)
	Run(ctx context.Context) error
	RunUntilIdle(ctx context.Context, keys ...string) error
}

// Node is a runner as a process of its own would have it: no two nodes share
// anything but the database.
type Node struct {
	Runner
	DB *sqldb.DB // the handle whose transactions the runner joins
}

// Options are a node's settings.
type Options struct {
	Now     func() time.Time
	Poll    time.Duration
	Lease   time.Duration
	Workers int
	Backoff func(attempt int) time.Duration // exactly; no jitter
	OnDead  func(ctx context.Context, kind, key string, err error) error
}

// Backend is one new, empty database. Everything that it opens is closed when
// the test ends.
type Backend struct {
	Node func(t *testing.T, o Options) Node
	// Child is a command, not yet started, whose process opens a node on the
	// same database and calls Child with it.
	Child func(t *testing.T) *exec.Cmd
}

// Run runs the suite; open gives a new database each time.
func Run(t *testing.T, open func(t *testing.T) Backend) {
	t.Helper()
	themes := []struct {
		name  string
		cases map[string]func(*bench)
	}{
		{"queue", queueCases()},
		{"cancel", cancelCases()},
		{"retry", retryCases()},
		{"daily", dailyCases()},
		{"death", deathCases()},
		{"crowd", crowdCases()},
		{"idle", idleCases()},
	}
	for _, theme := range themes {
		t.Run(theme.name, func(t *testing.T) {
			for name, run := range theme.cases {
				t.Run(name, func(t *testing.T) { run(newBench(t, open(t))) })
			}
		})
	}
}
