// Command pages measures the pages: how long the server takes for each, and
// how many bytes go over the wire, in a workspace of two million messages; and
// what plain queries for the same rows take on the same database. It prints
// what each page took, and the table of figures and bars.
//
// It drives the built binary over HTTP, one request at a time, and fills the
// tables by plain inserts, which are not timed. It must never measure a page
// that did not answer with what was asked for. Open main.go first, then visit.go.
//
//	go run ./bench/pages -binary bin/privacyd -postgres "$DSN"
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/privacyd/privacyd/bench/measure"
)

func main() {
	var b bench
	flag.StringVar(&b.binary, "binary", "bin/privacyd", "the binary to measure")
	flag.StringVar(&b.postgres, "postgres", os.Getenv("PRIVACYD_TEST_POSTGRES"),
		"address of a PostgreSQL server of this machine on which databases may be made and dropped; empty: not measured")
	flag.StringVar(&b.dir, "dir", os.TempDir(), "where files are made: about 600 bytes a message")
	flag.IntVar(&b.rows, "rows", 2_000_000, "messages of the workspace; there are a tenth as many other rows")
	flag.IntVar(&b.entries, "entries", 20_000, "entries of its audit log")
	flag.IntVar(&b.rounds, "rounds", 20, "how often each page is asked for")
	flag.StringVar(&b.keep, "keep", "", "a folder to keep the embedded store in, filled once and measured again; empty: it is removed")
	flag.StringVar(&b.only, "only", "", "ask only for pages whose name has this text")
	flag.StringVar(&b.figures, "figures", "", "a file to append the figures to; empty: they are printed")
	embedded := flag.Bool("embedded", true, "measure the embedded store")
	flag.Parse()
	if err := b.run(context.Background(), *embedded); err != nil {
		fmt.Fprintln(os.Stderr, "pages:", err)
		os.Exit(1)
	}
}

// bench is one run of everything.
type bench struct {
	binary, postgres, dir, keep, only, figures string
	rows, entries, rounds                      int
}

func (b *bench) run(ctx context.Context, embedded bool) (err error) {
	if b.dir, err = os.MkdirTemp(b.dir, "privacyd-pages-*"); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(b.dir) //nolint:errcheck // it is temporary
	if b.postgres != "" {
		if err := b.measure(ctx, "PostgreSQL", b.onPostgres); err != nil {
			return fmt.Errorf("measure PostgreSQL: %w", err)
		}
	}
	if embedded {
		if err := b.measure(ctx, "embedded", b.onEmbedded); err != nil {
			return fmt.Errorf("measure the embedded store: %w", err)
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

func say(format string, args ...any) { fmt.Fprintf(os.Stderr, "pages: "+format+"\n", args...) }
