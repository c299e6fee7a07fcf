package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/client"
)

type auditCmd struct {
	List auditListCmd `cmd:"" help:"List audit entries, newest first."`
}

type auditListCmd struct {
	Folder    `embed:""`
	Workspace string `help:"Workspace, by slug or id; without it the instance's own log."`
	Limit     int    `help:"At most so many." default:"50"`
	JSON      bool   `help:"Print one JSON object." xor:"form"`
	CSV       bool   `help:"Print the whole log of the workspace as CSV." name:"csv" xor:"form"`
}

func (c *auditListCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		if c.CSV {
			if c.Workspace == "" {
				return privacyd.Errorf(privacyd.ClassInvalid, "workspace_missing", "Name the workspace with --workspace.")
			}
			return api.ExportAudit(t.ctx, c.Workspace, "csv", t.Stdout)
		}
		entries, err := upTo(c.Limit, func(cursor string, n int) ([]privacyd.AuditEntry, string, error) {
			return api.AuditEntries(t.ctx, c.Workspace, cursor, n)
		})
		if err != nil {
			return err
		}
		if c.JSON {
			return t.printJSON(list(entries))
		}
		w := tabwriter.NewWriter(t.Stdout, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "TIME\tACTOR\tACTION\tOUTCOME\tTARGET\tIP")
		for _, e := range entries {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", e.At.Format(time.RFC3339), actor(e), e.Action,
				strings.TrimSpace(string(e.Outcome)+" "+e.Code), target(e), e.IP)
		}
		return w.Flush()
	})
}

// actor says who acted; what was erased has left only its kind.
// target says what an action was done to, and whom that is about.
func target(e privacyd.AuditEntry) string {
	text := strings.TrimSpace(e.TargetType + " " + e.TargetID)
	if e.Subject != "" && !strings.HasSuffix(e.Subject, ":"+e.TargetID) {
		text += ", " + strings.Replace(e.Subject, ":", " ", 1)
	}
	return text
}

func actor(e privacyd.AuditEntry) string {
	if e.ActorEmail != "" && e.Operator != "" {
		return e.ActorEmail + " (by operator " + e.Operator + ")"
	}
	if e.ActorEmail != "" {
		return e.ActorEmail
	}
	return strings.TrimSpace(string(e.ActorKind) + " " + e.Actor)
}

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
