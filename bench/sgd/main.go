// Command sgd proves on real data that nothing is lost or changed on the way
// through privacyd: it turns the dialogues of the SGD data set into an import,
// loads it with the real binary into the embedded store and into PostgreSQL,
// exports both, has the archives verified, imports one archive again and
// exports that, and compares every record and file of each archive with the
// source. It exits with status 1 and says what differs, if anything does.
//
// It must never read an archive with the code that wrote it: archive/zip of
// the standard library does. Open main.go first, then compare.go.
//
//	go run ./bench/sgd -binary bin/privacyd -postgres "$DSN" [-dialogues 500] [FOLDER]
//
// FOLDER holds sgd/sgd-turns.jsonl.gz; without it the folder is that of
// PRIVACYD_INPUTS, or ../shared/inputs.
package main

import (
	"context"
	"flag"
	"fmt"
	"iter"
	"os"

	"github.com/privacyd/privacyd/bench/dialogues"
	"github.com/privacyd/privacyd/bench/measure"
)

func main() {
	binary := flag.String("binary", "bin/privacyd", "the privacyd binary")
	postgres := flag.String("postgres", os.Getenv("PRIVACYD_TEST_POSTGRES"),
		"address of an empty PostgreSQL database; empty: the embedded store only")
	limit := flag.Int("dialogues", 0, "how many dialogues; 0: all")
	figures := flag.String("figures", "", "a file to append the result to, as a line of the table of bench/run")
	flag.Parse()
	file := dialogues.File(flag.Arg(0))
	r := run{binary: *binary, postgres: *postgres, source: dialogues.Read(file, *limit), say: say}
	found, err := r.do(context.Background())
	if err == nil {
		err = measure.AppendFigure(*figures, r.figure(found))
	}
	if err != nil {
		say("sgd: %v", err)
		os.Exit(1)
	}
	if found.total > 0 {
		for _, d := range found.shown {
			say("sgd: %s", d)
		}
		say("sgd: %d differences", found.total)
		os.Exit(1)
	}
	say("sgd: no difference")
}

func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// run is one proof.
type run struct {
	binary   string
	postgres string
	source   iter.Seq2[[]dialogues.Turn, error]
	say      func(format string, args ...any)
	records  int // of the source
}

func (r *run) figure(found differences) measure.Figure {
	return measure.Figure{
		What: fmt.Sprintf("real dialogues: %d records and files compared on the way through import and export", r.records),
		Bar:  "0 differ", Value: fmt.Sprintf("%d differ", found.total), Pass: found.total == 0,
	}
}
