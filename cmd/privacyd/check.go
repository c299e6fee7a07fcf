package main

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/cli"
	"github.com/privacyd/privacyd/datamap"
)

// checkMap compares a map with a live database, or checks a map alone.
func checkMap(ctx context.Context, o cli.CheckOptions) ([]cli.MapReport, error) {
	file := o.Map
	if file == "" {
		file = o.Target
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, privacyd.Errorf(privacyd.ClassInvalid, "map_unreadable",
			"The map's file cannot be read. Compare a database with its map by: privacyd map check DSN --map FILE.")
	}
	g, err := compile(file, string(text))
	if err != nil {
		return nil, err
	}
	report := cli.MapReport{Dataset: g.Map.Dataset, Findings: []cli.MapFinding{}, Verdict: "the map is sound; give a database too to compare it with."}
	if o.Map == "" {
		return []cli.MapReport{report}, nil
	}
	report.Verdict = "the map and the database agree."
	found, err := compare(ctx, g, o.Target)
	if err != nil {
		return nil, err
	}
	for _, f := range found {
		where := f.Table
		if f.Column != "" {
			where += "." + f.Column
		}
		if f.Table == "" {
			where = f.Collection
		}
		report.Findings = append(report.Findings, cli.MapFinding{
			Code: string(f.Code), Where: where, Message: f.Message, Remedy: strings.TrimSpace(f.Remedy), Fatal: f.Fatal,
		})
	}
	return []cli.MapReport{report}, nil
}

func compare(ctx context.Context, g *datamap.Graph, target string) ([]datamap.Finding, error) {
	s, err := openSource(ctx, target)
	if err != nil {
		return nil, err
	}
	catalog, err := s.Catalog(ctx)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return datamap.Check(g, catalog), s.Close()
}
