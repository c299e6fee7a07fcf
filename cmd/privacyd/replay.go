package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/cli"
)

// Replay opens a database that was restored, which nothing else does, and runs
// the erasures again that it does not know.
func (h host) Replay(ctx context.Context, o cli.Folder, ledgerLost bool) (done cli.Replayed, err error) {
	f, err := openFolder(o.Data)
	if err != nil {
		return done, err
	}
	defer f.close()
	cfg, err := readConfig(o)
	if err != nil {
		return done, err
	}
	if cfg.Database == "" {
		owner, err := f.own()
		if err != nil {
			return done, err
		}
		if !owner {
			return done, f.errInUse()
		}
	}
	f.replaying = true
	i, err := h.open(ctx, f, cfg, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	if err != nil {
		return done, err
	}
	endAudit := i.keepAudit(ctx)
	defer func() { endAudit(); err = errors.Join(err, i.close()) }()
	return i.replay(ctx, ledgerLost)
}

func (i *instance) replay(ctx context.Context, ledgerLost bool) (done cli.Replayed, err error) {
	operator := privacyd.Caller{Kind: privacyd.CallerOperator, Name: osUser(), Door: privacyd.DoorCLI}
	if ledgerLost {
		if err := i.engine.LoseLedger(ctx, operator); err != nil {
			return done, err
		}
	}
	jobs, err := i.engine.Replay(ctx, operator)
	if err != nil {
		return done, err
	}
	keys := make([]string, len(jobs))
	for n, job := range jobs {
		keys[n] = job.ID
	}
	if len(keys) > 0 {
		if err := i.runner.RunUntilIdle(ctx, keys...); err != nil {
			return done, err
		}
	}
	done.Erasures = len(jobs)
	for _, asked := range jobs {
		job, err := i.engine.Jobs.Job(ctx, asked.ID)
		if err != nil {
			return done, err
		}
		switch {
		case job.State == privacyd.JobBlocked && job.WaitingOn == privacyd.WaitHold:
			done.Waiting++
		case job.State != privacyd.JobCompleted:
			done.Failed++
			done.Why = append(done.Why, fmt.Sprintf("Job %s is %s. %s", job.ID, job.State, job.ErrorMessage))
		}
		if job.Result != nil {
			done.Held += job.Result.Held
		}
	}
	return done, nil
}
