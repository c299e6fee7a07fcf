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

// checkMap compares a map with a live database, or checks a map alone, or
// compares all that the configuration names.
func checkMap(ctx context.Context, o cli.CheckOptions) ([]cli.MapReport, error) {
	switch {
	case o.Target == "" && o.Map == "":
		return checkConfigured(ctx, o.Folder)
	case o.Target == "":
		return checkFile(ctx, o.Map, "")
	case o.Map == "":
		return checkFile(ctx, o.Target, "")
	}
	return checkFile(ctx, o.Map, o.Target)
}

func checkConfigured(ctx context.Context, o cli.Folder) ([]cli.MapReport, error) {
	cfg, err := readConfig(o)
	if err != nil {
		return nil, err
	}
	if len(cfg.Datasets) == 0 {
		return nil, privacyd.Errorf(privacyd.ClassInvalid, "nothing_to_check",
			"Name a database and its map (privacyd map check DSN --map FILE), or a configuration with datasets (--config FILE).")
	}
	var reports []cli.MapReport
	for _, d := range cfg.Datasets {
		r, err := checkFile(ctx, d.Map, d.Database)
		if err != nil {
			return nil, err
		}
		reports = append(reports, r...)
	}
	return reports, nil
}

// checkFile compares the map in a file with a database; with none, it checks
// the map alone.
func checkFile(ctx context.Context, file, target string) ([]cli.MapReport, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, privacyd.Errorf(privacyd.ClassInvalid, "map_unreadable",
			"The map's file cannot be read: %w. Compare a database with its map by: privacyd map check DSN --map FILE.", err)
	}
	g, err := compile(file, string(text))
	if err != nil {
		return nil, err
	}
	report := cli.MapReport{Dataset: g.Map.Dataset, Findings: []cli.MapFinding{}, Verdict: "the map is sound; give a database too to compare it with."}
	if target == "" {
		return []cli.MapReport{report}, nil
	}
	report.Verdict = "the map and the database agree."
	found, err := compare(ctx, g, target)
	if err != nil {
		return nil, err
	}
	for _, f := range found {
		report.Findings = append(report.Findings, finding(f))
	}
	return []cli.MapReport{report}, nil
}

func finding(f datamap.Finding) cli.MapFinding {
	where := f.Table
	if f.Column != "" {
		where += "." + f.Column
	}
	if f.Table == "" {
		where = f.Collection
	}
	return cli.MapFinding{
		Code: string(f.Code), Where: where, Message: f.Message, Remedy: strings.TrimSpace(f.Remedy), Fatal: f.Fatal,
	}
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
