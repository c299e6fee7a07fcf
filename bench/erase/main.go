// Command erase measures erasures, as ratios to hand-written SQL that deletes
// children before parents in one transaction, on the same tables in the same
// run: one contact with few and with many messages, with and without indexes on
// the links; conversations as a retention policy takes them; a workspace that
// is a fifth of all rows; on PostgreSQL and on the encrypted SQLite file. It
// also says how long batches hold their locks, how large the write-ahead log
// becomes, how much memory it takes, and how long the search for what is left
// lasts.
//
// What is measured is source/sqlsource, step by step as a plan has them,
// without the plan itself, the audit log and the receipt. It must never time
// anything while it prepares something else. Open main.go first, then
// postgres.go and embedded.go.
//
//	go run ./bench/erase -postgres "$DSN" -rows 400000       # two minutes
//	go run ./bench/erase -postgres "$DSN" -rows 10000000     # 11.8 million rows in all
//	go run ./bench/erase -postgres "$DSN" -only retention
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/privacyd/privacyd/bench/measure"
)

func main() {
	var b bench
	flag.StringVar(&b.postgres, "postgres", os.Getenv("PRIVACYD_TEST_POSTGRES"),
		"address of a PostgreSQL database on whose server a database may be made and dropped; empty: not measured")
	flag.StringVar(&b.dir, "dir", os.TempDir(), "where files are made: about 300 bytes a message")
	flag.IntVar(&b.rows, "rows", 400_000, "messages in all; there are a fifth as many other rows")
	flag.IntVar(&b.rounds, "rounds", 5, "how often the erasure of a contact is measured; the fastest counts")
	flag.StringVar(&b.figures, "figures", "", "a file to append the figures to; empty: they are printed")
	flag.StringVar(&b.only, "only", "", "measure these alone, of contact, retention, search, workspace, unindexed; with commas")
	embedded := flag.Bool("embedded", true, "measure the embedded store")
	child := flag.String("child", "", "erase this workspace and say what that took, as JSON; for the program itself")
	flag.Parse()
	ctx := context.Background()
	var err error
	if *child != "" {
		err = eraseHere(ctx, b.postgres, b.dir, *child)
	} else {
		err = b.run(ctx, *embedded)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "erase:", err)
		os.Exit(1)
	}
}

// bench is one run of everything.
type bench struct {
	postgres, dir, figures string
	only                   string // what is measured; empty: everything
	rows, rounds           int
}

// part is something that is measured.
type part struct {
	name    string
	measure func(context.Context) error
}

// wants tells whether something is measured.
func (b *bench) wants(name string) bool {
	return b.only == "" || slices.Contains(strings.Split(b.only, ","), name)
}

// each measures what is wanted, in turn.
func (b *bench) each(ctx context.Context, parts ...part) error {
	for _, p := range parts {
		if !b.wants(p.name) {
			continue
		}
		if err := p.measure(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) run(ctx context.Context, embedded bool) (err error) {
	if b.dir, err = os.MkdirTemp(b.dir, "privacyd-erase-*"); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(b.dir) //nolint:errcheck // it is temporary
	if b.postgres != "" {
		if err := b.onPostgres(ctx); err != nil {
			return fmt.Errorf("measure PostgreSQL: %w", err)
		}
	}
	if embedded {
		if err := b.onEmbedded(ctx); err != nil {
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

func say(format string, args ...any) { fmt.Fprintf(os.Stderr, "erase: "+format+"\n", args...) }

func count(n int64) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
