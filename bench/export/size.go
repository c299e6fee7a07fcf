package main

import (
	"context"
	"fmt"
	"time"

	"github.com/privacyd/privacyd/bench/measure"
)

// store is a workspace in one of the two stores, filled.
type store interface {
	// export makes the archive and gives its file.
	export(ctx context.Context) (measure.Export, string, error)
	// yardsticks are what the export is compared with.
	yardsticks() []yardstick
	close(ctx context.Context) error
}

// yardstick is another way to the same rows.
type yardstick struct {
	what string
	bar  float64 // privacyd may take so many times as long; 0: for information
	run  func(ctx context.Context) (measure.Sample, error)
}

// results are what one store at one size took: the fastest of all rounds, but
// the most memory.
type results struct {
	store   string
	rows    int
	made    time.Duration // of the archive
	command time.Duration // with start, download, decryption and end
	peak    int64
	packed  int64 // bytes of the archive
	gzipped int64 // bytes of the same JSON by gzip -6
	others  []yardstick
	took    []time.Duration
}

// take measures everything in turn, so that a change of the machine's speed
// meets all alike.
func (r *results) take(ctx context.Context, s store, rounds int) error {
	r.others = s.yardsticks()
	r.took = make([]time.Duration, len(r.others))
	for round := range rounds {
		e, file, err := s.export(ctx)
		if err != nil {
			return err
		}
		if err := r.keep(ctx, e, file, round); err != nil {
			return err
		}
		for i, y := range r.others {
			sample, err := y.run(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", y.what, err)
			}
			say("%s, %d messages, round %d: %-50s %8.2f s", r.store, r.rows, round+1, y.what, sample.Took.Seconds())
			r.took[i] = fastest(r.took[i], sample.Took)
		}
	}
	return nil
}

func (r *results) keep(ctx context.Context, e measure.Export, file string, round int) error {
	say("%s, %d messages, round %d: %-50s %8.2f s, command %.2f s, %.2f s of CPU, %d MB at most", r.store, r.rows, round+1,
		"privacyd export into the archive", e.Made.Seconds(), e.Took.Seconds(), e.CPU.Seconds(), e.Peak>>20)
	r.made, r.command = fastest(r.made, e.Made), fastest(r.command, e.Took)
	r.peak, r.packed = max(r.peak, e.Peak), e.Job.Result.Bytes
	if got := e.Job.Result.Records["messages"]; got != int64(r.rows) {
		return fmt.Errorf("the archive has %d messages, not %d", got, r.rows)
	}
	if round > 0 {
		return nil
	}
	size, err := gzipSize(ctx, file)
	r.gzipped = size
	return err
}

func fastest(a, b time.Duration) time.Duration {
	if a == 0 {
		return b
	}
	return min(a, b)
}

const (
	mostMemory = 64 << 20
	mostSize   = 1.2
	mostGrowth = 1.1 * factor
)

// figures are the lines of the table for one size.
func (r *results) figures() []measure.Figure {
	head := fmt.Sprintf("%s, %s messages: ", r.store, count(r.rows))
	var all []measure.Figure
	for i, y := range r.others {
		all = append(all, ratio(head+"time / "+y.what, r.made.Seconds()/r.took[i].Seconds(), y.bar))
	}
	return append(all,
		measure.Figure{What: head + "messages a second into the archive", Value: count(int(float64(r.rows) / r.made.Seconds()))},
		measure.Figure{What: head + "whole command (with download and decryption) / export", Value: fmt.Sprintf("%.2f×", r.command.Seconds()/r.made.Seconds())},
		memory(head+"peak memory of the process", r.peak, mostMemory),
		ratio(head+"archive / gzip -6 of the same JSON", float64(r.packed)/float64(r.gzipped), mostSize),
	)
}

// grown compares a size with ten times that size.
func grown(small, large *results) []measure.Figure {
	head := fmt.Sprintf("%s, %s / %s messages: ", large.store, count(large.rows), count(small.rows))
	return []measure.Figure{
		ratio(head+"time", large.made.Seconds()/small.made.Seconds(), mostGrowth),
		ratio(head+"peak memory", float64(large.peak)/float64(small.peak), mostMemoryGrowth),
	}
}

// "The same memory": what is left is when the collector last ran, and that the
// smaller export ends before every buffer is in use.
const mostMemoryGrowth = 1.25

func ratio(what string, value, bar float64) measure.Figure {
	f := measure.Figure{What: what, Value: fmt.Sprintf("%.2f×", value)}
	if bar > 0 {
		f.Bar, f.Pass = fmt.Sprintf("≤ %.4g×", bar), value <= bar
	}
	return f
}

func memory(what string, value, bar int64) measure.Figure {
	return measure.Figure{What: what, Bar: fmt.Sprintf("≤ %d MB", bar>>20), Value: fmt.Sprintf("%d MB", value>>20), Pass: value <= bar}
}

func count(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
