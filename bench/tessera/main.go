// Command tessera measures the POSIX log of transparency-dev/tessera on this
// machine, beside bench/audit: how many entries a second are in the tree, and
// how long each writer waits for that. It is a module of its own, so that the
// product does not depend on tessera. It is all in main.go.
//
//	cd bench/tessera && go run . -dir /var/tmp
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
	"k8s.io/klog/v2"
)

// leafSize is that of an entry of the audit log.
const leafSize = 950

func main() {
	dir := flag.String("dir", os.TempDir(), "where the logs are made")
	figures := flag.String("figures", "", "a file to append the figures to; empty: they are printed")
	while := flag.Duration("turn", 5*time.Second, "how long each number of writers is measured")
	flag.Parse()
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	if err := run(context.Background(), *dir, *figures, *while); err != nil {
		fmt.Fprintln(os.Stderr, "tessera:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir, figures string, while time.Duration) error {
	out := io.Writer(os.Stdout)
	if figures != "" {
		f, err := os.OpenFile(figures, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("keep figures: %w", err)
		}
		defer f.Close() //nolint:errcheck // a write would have failed
		out = f
	}
	for _, writers := range []int{8, 400} {
		waits, took, err := measure(ctx, dir, writers, while)
		if err != nil {
			return fmt.Errorf("measure tessera with %d writers: %w", writers, err)
		}
		slices.Sort(waits)
		_, err = fmt.Fprintf(out, "tessera's POSIX log, %d writers: entries in the tree a second\t-\t%.0f, p50 %d ms, p99 %d ms\t-\n",
			writers, float64(len(waits))/took.Seconds(), waits[len(waits)/2].Milliseconds(), waits[len(waits)*99/100].Milliseconds())
		if err != nil {
			return fmt.Errorf("keep figures: %w", err)
		}
	}
	return nil
}

// measure has writers add entries, each the next one when the last one is in
// the tree, and gives how long they waited each time. Batches are those that
// tessera takes by default.
func measure(ctx context.Context, dir string, writers int, while time.Duration) (waits []time.Duration, took time.Duration, err error) {
	if dir, err = os.MkdirTemp(dir, "tessera-*"); err != nil {
		return nil, 0, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it is temporary
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	driver, err := posix.New(ctx, posix.Config{Path: dir})
	if err != nil {
		return nil, 0, err
	}
	secret, _, err := note.GenerateKey(rand.Reader, "privacyd-bench")
	if err != nil {
		return nil, 0, err
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		return nil, 0, err
	}
	appender, shutdown, _, err := tessera.NewAppender(ctx, driver, tessera.NewAppendOptions().WithCheckpointSigner(signer).WithCheckpointInterval(time.Second))
	if err != nil {
		return nil, 0, err
	}
	all, failed := make([][]time.Duration, writers), make([]error, writers)
	start := time.Now()
	var running sync.WaitGroup
	for i := range writers {
		running.Go(func() { all[i], failed[i] = write(ctx, appender, start.Add(while)) })
	}
	running.Wait()
	took = time.Since(start)
	return slices.Concat(all...), took, errors.Join(append(failed, shutdown(ctx))...)
}

func write(ctx context.Context, appender *tessera.Appender, until time.Time) (waits []time.Duration, err error) {
	for time.Now().Before(until) {
		leaf := make([]byte, leafSize)
		_, _ = rand.Read(leaf) // it never fails
		start := time.Now()
		if _, err := appender.Add(ctx, tessera.NewEntry(leaf))(); err != nil {
			return waits, err
		}
		waits = append(waits, time.Since(start))
	}
	return waits, nil
}
