package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/privacyd/privacyd/bench/measure"
	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/source/sqlsource"
)

// outcome is what one erasure took.
type outcome struct {
	Took    time.Duration
	Rows    int64
	Batches []time.Duration // that changed rows: from the first lock to the commit
	Log     int64           // bytes of SQLite's write-ahead log at most
	Peak    int64           // bytes of memory at most
}

// keep takes over another round's outcome if it is the fastest. The first round
// warms up.
func (o *outcome) keep(other outcome, round int) {
	if round <= 1 || other.Took < o.Took {
		*o = other
	}
}

// add adds what one part of an erasure took.
func (o *outcome) add(other outcome) {
	o.Took += other.Took
	o.Rows += other.Rows
	o.Batches = append(o.Batches, other.Batches...)
}

func faster(a, b time.Duration, round int) time.Duration {
	if round <= 1 {
		return b
	}
	return min(a, b)
}

// tenth is what the same takes among a tenth of the rows.
type tenth struct {
	contactTook time.Duration
	peak        int64 // of the erasure of a workspace
}

// tenth is a run with a tenth of the rows, of which nothing is reported.
func (b *bench) tenth() *bench {
	return &bench{postgres: b.postgres, dir: b.dir, rows: b.rows / 10, rounds: b.rounds}
}

// compares tells whether what is measured is compared with a tenth of the rows.
func (b *bench) compares() bool { return b.wants("contact") || b.wants("workspace") }

func (t tenth) contact(head string, ours outcome) measure.Figure {
	return ratio(head+"time / the same among a tenth of the rows", ours.Took.Seconds()/t.contactTook.Seconds(), barSame)
}

// memory is what more rows take; caches may fill.
func (t tenth) memory(head string, ours outcome, caches int64) measure.Figure {
	return size(head+"peak memory beyond that with a tenth of the rows", max(0, ours.Peak-t.peak), barMore+caches)
}

// inTurn runs two measurements, another one first every second time.
func inTurn(round int, a, b func() error) error {
	if round/2%2 == 1 {
		a, b = b, a
	}
	if err := a(); err != nil {
		return err
	}
	return b()
}

// percentile gives the time that so many of 100 batches took at most.
func (o *outcome) percentile(p int) time.Duration {
	if len(o.Batches) == 0 {
		return 0
	}
	slices.Sort(o.Batches)
	return o.Batches[min(len(o.Batches)-1, len(o.Batches)*p/100)]
}

func compile(text string) (*datamap.Graph, error) {
	m, err := datamap.Parse("bench.map.yaml", strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	return datamap.Compile(m)
}

// eraseOnce is a job of its own.
func eraseOnce(ctx context.Context, s *sqlsource.Source, g *datamap.Graph, scope datamap.EraseScope, log func() int64) (outcome, error) {
	e, err := s.Eraser()
	if err != nil {
		return outcome{}, err
	}
	return erase(ctx, e, g, scope, log)
}

// erase runs all steps of a scope as a part of a job, which has one Eraser; log
// tells how large the write-ahead log is.
func erase(ctx context.Context, e *sqlsource.Eraser, g *datamap.Graph, scope datamap.EraseScope, log func() int64) (outcome, error) {
	var o outcome
	start := time.Now()
	plan, err := g.Erasure(scope)
	if err != nil {
		return o, err
	}
	if len(plan.Blockers) > 0 {
		return o, fmt.Errorf("blocked: %v", plan.Blockers)
	}
	batch := sqlsource.Batch{
		Guard: func(context.Context) error { return nil },
		Files: func(context.Context, []datamap.File) error { return nil },
		Done:  func(context.Context, int64) error { return nil },
		Timed: func(_ int64, took time.Duration) {
			o.Batches = append(o.Batches, took)
			o.Log = max(o.Log, log())
		},
	}
	if rows := scope.Rows; rows != nil {
		batch.Still = &datamap.ClockCheck{Collection: g.Collection(rows.Collection), Keys: rows.Keys, Due: func(datamap.ClockRow) bool { return true }}
	}
	if o.Rows, err = e.RunAll(ctx, plan.Steps, batch); err != nil {
		return o, err
	}
	o.Took = time.Since(start)
	return o, nil
}

func noLog() int64 { return 0 }

// eraseApart erases a workspace in a process of its own, so that its memory is
// not that of who filled the tables.
func eraseApart(ctx context.Context, postgres, dir, workspace string) (outcome, error) {
	var o outcome
	c := exec.CommandContext(ctx, os.Args[0], "-postgres", postgres, "-dir", dir, "-child", workspace)
	var out strings.Builder
	c.Stdout = &out
	sample, err := measure.Run(ctx, c)
	if err != nil {
		return o, err
	}
	if err := json.Unmarshal([]byte(out.String()), &o); err != nil {
		return o, fmt.Errorf("read what it took: %w", err)
	}
	o.Peak = sample.Peak
	return o, nil
}

// eraseHere is that process.
func eraseHere(ctx context.Context, postgres, dir, workspace string) error {
	open := openEmbedded
	where := dir
	if postgres != "" {
		open, where = openProduct, postgres
	}
	t, err := open(ctx, where)
	if err != nil {
		return err
	}
	defer t.close()
	o, err := eraseOnce(ctx, t.source, t.graph, datamap.EraseScope{Scope: datamap.Scope{Workspace: workspace}}, t.log)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(o)
}

// target is a database to erase from.
type target struct {
	source *sqlsource.Source
	graph  *datamap.Graph
	log    func() int64
	close  func()
}

// The bars of the design: how many times as long as hand-written SQL an erasure
// may take.
const (
	barFew       = 3.0
	barMany      = 1.5
	barWorkspace = 1 / 0.65
	barRetention = 1 / 0.7
	barSame      = 1.5 // of what is to be the same
	barMore      = 16 << 20
	barBatch     = 250 * time.Millisecond
	barLog       = 64 << 20
	barMemory    = 64 << 20
	barUnindexed = time.Minute
	barQuick     = 25 * time.Millisecond
)

func ratio(what string, value, bar float64) measure.Figure {
	f := measure.Figure{What: what, Value: fmt.Sprintf("%.2f×", value)}
	if bar > 0 {
		f.Bar, f.Pass = fmt.Sprintf("≤ %.3g×", bar), value <= bar
	}
	return f
}

func within(what string, value, bar time.Duration) measure.Figure {
	f := measure.Figure{What: what, Value: fmt.Sprint(value.Round(100 * time.Microsecond))}
	if bar > 0 {
		f.Bar, f.Pass = "≤ "+fmt.Sprint(bar), value <= bar
	}
	return f
}

func size(what string, value, bar int64) measure.Figure {
	return measure.Figure{What: what, Bar: fmt.Sprintf("≤ %d MB", bar>>20), Value: fmt.Sprintf("%d MB", value>>20), Pass: value <= bar}
}

// figures are those that every large erasure has.
func (o *outcome) figures(head string) []measure.Figure {
	return []measure.Figure{
		within(head+fmt.Sprintf("99 of 100 batches (%d)", len(o.Batches)), o.percentile(99), barBatch),
		{What: head + "rows a second", Value: count(int64(float64(o.Rows) / o.Took.Seconds()))},
	}
}
