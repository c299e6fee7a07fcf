// Command export measures whole-workspace exports by the real binary, as
// ratios to what the same machine takes, in the same run, for the same rows:
// PostgreSQL's own COPY, a plain Go loop, sqlite3's own JSON; and a workspace
// against one of ten times its size. It prints what each took, and the table
// of figures and bars.
//
// The source tables are filled outside the timed part, by COPY and direct
// inserts; what is timed is `privacyd export`, from the start of its job to
// the finished archive, compressed, hashed and encrypted on disk. It must
// never time anything while it prepares something else. Open main.go first,
// then size.go; postgres.go and embedded.go hold the two stores.
//
//	go run ./bench/export -binary bin/privacyd -postgres "$DSN" -rows 2000000
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/privacyd/privacyd/bench/dialogues"
	"github.com/privacyd/privacyd/bench/measure"
)

func main() {
	var b bench
	flag.StringVar(&b.binary, "binary", "bin/privacyd", "the privacyd binary")
	flag.StringVar(&b.postgres, "postgres", os.Getenv("PRIVACYD_TEST_POSTGRES"),
		"address of a PostgreSQL database on whose server databases may be made and dropped; empty: not measured")
	flag.StringVar(&b.dir, "dir", os.TempDir(), "where files are made: about 2 KB a message, 6 KB an attachment")
	flag.IntVar(&b.rows, "rows", 2_000_000, "messages of the larger workspace; the smaller one has a tenth")
	flag.IntVar(&b.files, "attachments", -1, "attachments of the third workspace; -1: half as many as messages, at most a million; 0: not measured")
	flag.IntVar(&b.rounds, "rounds", 3, "how often each measurement is taken, in turn with the others; the fastest counts")
	flag.StringVar(&b.figures, "figures", "", "a file to append the figures to; empty: they are printed")
	embedded := flag.Bool("embedded", true, "measure the embedded store")
	flag.Parse()
	if err := b.run(context.Background(), *embedded, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "export:", err)
		os.Exit(1)
	}
}

const (
	factor    = 10        // between the two sizes
	mostFiles = 1_000_000 // what the bar is for
)

// bench is one run of everything.
type bench struct {
	binary, postgres, dir, figures string
	rows, files, rounds            int
	text                           text
}

func (b *bench) run(ctx context.Context, embedded bool, inputs string) (err error) {
	if b.files < 0 {
		b.files = min(b.rows/2, mostFiles)
	}
	if b.dir, err = os.MkdirTemp(b.dir, "privacyd-export-*"); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(b.dir) //nolint:errcheck // it is temporary
	if b.text, err = readText(dialogues.File(inputs)); err != nil {
		return err
	}
	if b.postgres != "" {
		if err := b.both(ctx, "PostgreSQL", b.newPostgres); err != nil {
			return fmt.Errorf("measure PostgreSQL: %w", err)
		}
	}
	if embedded {
		if err := b.both(ctx, "embedded", b.newEmbedded); err != nil {
			return fmt.Errorf("measure the embedded store: %w", err)
		}
	}
	if b.files > 0 {
		if err := b.attachments(ctx); err != nil {
			return fmt.Errorf("measure attachments: %w", err)
		}
	}
	return nil
}

// both measures a store at the two sizes and compares them.
func (b *bench) both(ctx context.Context, name string, open func(context.Context, string, int) (store, error)) error {
	var at [2]*results
	for i, rows := range []int{b.rows / factor, b.rows} {
		r, err := b.size(ctx, name, rows, open)
		if err != nil {
			return err
		}
		at[i] = r
		if err := b.report(r.figures()...); err != nil {
			return err
		}
	}
	return b.report(grown(at[0], at[1])...)
}

func (b *bench) size(ctx context.Context, name string, rows int, open func(context.Context, string, int) (store, error)) (*results, error) {
	s, err := open(ctx, filepath.Join(b.dir, fmt.Sprintf("%s-%d", name, rows)), rows)
	if err != nil {
		return nil, err
	}
	r := &results{store: name, rows: rows}
	err = r.take(ctx, s, b.rounds)
	if closing := s.close(ctx); err == nil {
		err = closing
	}
	return r, err
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

func say(format string, args ...any) { fmt.Fprintf(os.Stderr, "export: "+format+"\n", args...) }
