// Command audit measures what the audit log costs and how fast it is: an
// action with an audit entry against the same action with a plain audit row, on
// both databases; what sequencing takes of the processor; how long an entry
// waits for its signed checkpoint; verification; and the erasure of persons.
// It prints what each took, and the table of figures and bars.
//
// Everything that is compared is taken in one run, in turns, and wired as the
// binary wires it. It must never time one thing while it prepares another.
// Open main.go first, then way.go and turn.go.
//
//	go run ./bench/audit -postgres "$DSN"
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"time"

	"github.com/privacyd/privacyd/bench/measure"
)

// serverHeap is what a server that rests keeps in memory (GODEBUG=gctrace=1 of
// privacyd serve says 6 to 8 MB), which decides how often memory is collected.
const serverHeap = 7 << 20

func main() {
	var b bench
	flag.StringVar(&b.postgres, "postgres", os.Getenv("PRIVACYD_TEST_POSTGRES"),
		"address of a PostgreSQL server of this machine on which databases may be made and dropped; empty: not measured")
	flag.StringVar(&b.dir, "dir", os.TempDir(), "where files are made: about 2 GB")
	flag.DurationVar(&b.turn, "turn", 2*time.Second, "how long each way is measured before it is the next one's turn")
	flag.IntVar(&b.rounds, "rounds", 5, "how many turns each way has")
	flag.IntVar(&b.entries, "entries", 200_000, "entries of the log that is verified; 0: not measured")
	flag.IntVar(&b.persons, "persons", 3000, "persons who are erased; 0: not measured")
	flag.StringVar(&b.profile, "cpuprofile", "", "a file to write a processor profile to, in which what the sequencer does has the label part=sequencer")
	flag.StringVar(&b.figures, "figures", "", "a file to append the figures to; empty: they are printed")
	embedded := flag.Bool("embedded", true, "measure SQLite")
	flag.Parse()
	server := make([]byte, serverHeap)
	defer runtime.KeepAlive(server)
	if err := b.profiled(func() error { return b.run(context.Background(), *embedded) }); err != nil {
		fmt.Fprintln(os.Stderr, "audit:", err)
		os.Exit(1)
	}
}

// bench is one run of everything.
type bench struct {
	postgres, dir, figures, profile string
	turn                            time.Duration
	rounds, entries, persons        int
}

// profiled runs fn and writes a profile of it, if one is wanted.
func (b *bench) profiled(fn func() error) (err error) {
	if b.profile == "" {
		return fn()
	}
	f, err := os.Create(b.profile)
	if err != nil {
		return fmt.Errorf("write a profile: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := pprof.StartCPUProfile(f); err != nil {
		return fmt.Errorf("write a profile: %w", err)
	}
	defer pprof.StopCPUProfile()
	return fn()
}

func (b *bench) run(ctx context.Context, embedded bool) (err error) {
	if b.dir, err = os.MkdirTemp(b.dir, "privacyd-audit-*"); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(b.dir) //nolint:errcheck // it is temporary
	var steps []func(context.Context) error
	if b.postgres != "" {
		steps = append(steps, func(ctx context.Context) error { return b.speed(ctx, postgresSite) })
	}
	if embedded {
		steps = append(steps, func(ctx context.Context) error { return b.speed(ctx, sqliteSite) })
	}
	if b.entries > 0 {
		steps = append(steps, b.verification)
	}
	if b.persons > 0 {
		steps = append(steps, b.erasure)
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// report prints figures, or keeps them for bench/run to print.
func (b *bench) report(figures ...measure.Figure) error {
	for _, f := range figures {
		if b.figures == "" {
			fmt.Println(f)
		}
		if err := measure.AppendFigure(b.figures, f); err != nil {
			return err
		}
	}
	return nil
}

func say(format string, args ...any) { fmt.Fprintf(os.Stderr, "audit: "+format+"\n", args...) }
