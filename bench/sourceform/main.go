// Command sourceform measures the ways in which rows can become JSON: made by
// the database (row_to_json, json_object) or decoded from what the database
// holds, as source/sqlsource does; and which form of table SQLite imports and
// exports faster. It prints times and their ratios to the database's own dump,
// all taken in one run on made-up messages.
//
// It must never touch a table that it did not make. Open main.go first;
// postgres.go and sqlite.go hold the measurements.
//
//	go run ./bench/sourceform -rows 2000000 -postgres "$DSN"
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/source/sqlsource"
)

func main() {
	rows := flag.Int("rows", 2_000_000, "messages to make, at most 20 million")
	postgres := flag.String("postgres", os.Getenv("PRIVACYD_TEST_POSTGRES"),
		"a PostgreSQL database to make the table sourceform_messages in; empty: not measured")
	dir := flag.String("dir", os.TempDir(), "where the SQLite files are made, about 1 KB a message")
	flag.Parse()
	if err := run(context.Background(), min(*rows, 20_000_000), *postgres, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "sourceform:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, rows int, postgres, dir string) error {
	if postgres != "" {
		if err := measurePostgres(ctx, postgres, rows); err != nil {
			return fmt.Errorf("measure postgres: %w", err)
		}
	}
	if err := measureSQLite(ctx, dir, rows); err != nil {
		return fmt.Errorf("measure sqlite: %w", err)
	}
	return nil
}

// report prints a line and keeps the first time as the measure of the others.
type report struct{ base time.Duration }

func (r *report) line(what string, took time.Duration) {
	if r.base == 0 {
		r.base = took
	}
	fmt.Printf("  %-62s %8.2f s  %5.2f×\n", what, took.Seconds(), took.Seconds()/r.base.Seconds())
}

// best is the shortest of three runs.
func best(run func() error) (time.Duration, error) {
	shortest := time.Duration(0)
	for range 3 {
		start := time.Now()
		if err := run(); err != nil {
			return 0, err
		}
		if took := time.Since(start); shortest == 0 || took < shortest {
			shortest = took
		}
	}
	return shortest, nil
}

// read reads every message through a source.
func read(ctx context.Context, s *sqlsource.Source, table string) error {
	snapshot, err := s.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer snapshot.Close() //nolint:errcheck // nothing was written
	bytes := 0
	return snapshot.Read(ctx, messages(table), func(r datamap.Row) error {
		bytes += len(r.JSON)
		return nil
	})
}

func messages(table string) datamap.Selection {
	c := &datamap.Collection{Name: "messages", Table: table, Key: []string{"workspace_id", "id"}}
	for _, name := range exported {
		f := &datamap.Field{Column: name, Name: name}
		switch name {
		case "ai_metadata":
			f.Format = datamap.FormatJSON
		case "created_at":
			f.Format = datamap.FormatUnixMicros
		}
		c.Fields = append(c.Fields, f)
	}
	own := datamap.Path{Column: "workspace_id", Value: workspace}
	return datamap.Selection{Collection: c, Table: table, Fields: c.Fields, All: []datamap.Condition{{Any: []datamap.Path{own}}}}
}
