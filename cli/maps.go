package cli

import (
	"fmt"
	"strings"
)

// CheckOptions say which maps to compare with which databases.
type CheckOptions struct {
	Folder        // whose configuration names the maps, where nothing else does
	Target string // a database's address or file, or a map's file
	Map    string // a map's file; empty: the target is one
}

// MapReport is what one comparison found.
type MapReport struct {
	Dataset  string       `json:"dataset"`
	Findings []MapFinding `json:"findings"`
	Verdict  string       `json:"-"` // said when nothing was found
}

// MapFinding is one difference between map and database.
type MapFinding struct {
	Code    string `json:"code"`
	Where   string `json:"where"`
	Message string `json:"message"`
	Remedy  string `json:"remedy"`
	Fatal   bool   `json:"fatal"`
}

type mapCmd struct {
	Check mapCheckCmd `cmd:"" help:"Compare a data map with a live database; for the product's own CI."`
}

type mapCheckCmd struct {
	Folder `embed:""`
	Target string `arg:"" optional:"" help:"A PostgreSQL address or SQLite file to compare --map with; or a map's file, to check it alone; without it every dataset of --config."`
	Map    string `help:"The map's file." placeholder:"FILE"`
	JSON   bool   `help:"Print one JSON object."`
}

func (c *mapCheckCmd) Run(t *terminal) error {
	reports, err := t.Host.CheckMap(t.ctx, CheckOptions{Folder: c.Folder, Target: c.Target, Map: c.Map})
	if err != nil {
		return err
	}
	if c.JSON {
		err = t.printJSON(map[string]any{"datasets": reports})
	} else {
		t.printFindings(reports)
	}
	for _, r := range reports {
		if err == nil && len(r.Findings) > 0 {
			return exit(ExitFound)
		}
	}
	return err
}

func (t *terminal) printFindings(reports []MapReport) {
	for _, r := range reports {
		for _, f := range r.Findings {
			fmt.Fprintf(t.Stdout, "%s: %s: %s\n    %s\n", f.Where, f.Code, f.Message, strings.ReplaceAll(f.Remedy, "\n", "\n    "))
		}
		if len(r.Findings) == 0 {
			t.say("Dataset %s: %s", r.Dataset, r.Verdict)
		}
	}
}
