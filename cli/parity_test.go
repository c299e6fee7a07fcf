package cli

import (
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/privacyd/privacyd"
)

// apart are the commands that are compared with no other door, and why.
var apart = map[string]string{
	"version":                 "it only says something",
	"serve":                   "it is the server itself",
	"mcp":                     "it is a door of its own: what it takes to tools is compared",
	"migrate":                 "it needs the database's owner, whom no other door has",
	"restore replay":          "it runs before anything is served",
	"export":                  "it is job create, job show and a download: testdata/script/archives.txtar",
	"account export":          "it asks, waits and downloads: testdata/script/account_export.txtar",
	"archive verify":          "it reads a file, offline",
	"audit export":            "it only reads",
	"audit prove":             "it only reads",
	"audit verify":            "it reads a file, offline",
	"audit forget":            "it is done in all workspaces: testdata/script/audit_actions.txtar",
	"audit key":               "it only reads",
	"receipt show":            "it only reads",
	"receipt verify":          "it reads a file, offline",
	"map check":               "it only reads",
	"doctor":                  "it only reads",
	"key list":                "it only reads",
	"key rotate":              "it is the whole instance's: testdata/script/key_rotation.txtar",
	"workspace list":          "it only reads",
	"workspace places":        "it only reads",
	"workspace sync":          "it adopts what all workspaces of a product are: testdata/script/maps.txtar",
	"subprocessor list":       "it only reads",
	"subprocessor objections": "it only reads",
	"legal list":              "it only reads",
	"agreement template":      "it only reads",
	"agreement show":          "it only reads",
	"agreement acceptances":   "it only reads",
	"processing export":       "it only reads",
	"processing link":         "it makes a link and leaves nothing: testdata/script/legal.txtar",
	"job preview":             "it shows the plan that job confirm takes",
}

// TestEveryCommandIsInTheTable holds the commands against the table of what all
// doors do alike.
func TestEveryCommandIsInTheTable(t *testing.T) {
	compared := map[string]bool{}
	for _, op := range privacyd.Operations() {
		compared[op.CLI] = true
	}
	var verbs commands
	parser, err := kong.New(&verbs, kong.Name("privacyd"))
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{"": true}
	for _, leaf := range parser.Model.Leaves(false) {
		name, _, _ := strings.Cut(leaf.Path(), " <")
		name = strings.TrimPrefix(name, "privacyd ")
		there[name] = true
		switch why := apart[name]; {
		case !compared[name] && why == "":
			t.Errorf("%s is not in the table of operations (doors.go): add it, or say here why it is compared with no other door", name)
		case compared[name] && why != "":
			t.Errorf("%s is compared with other doors, though it is said why not: %s", name, why)
		}
	}
	for name := range compared {
		if !there[name] {
			t.Errorf("the table of operations has the command %q, which there is not", name)
		}
	}
	for name := range apart {
		if !there[name] {
			t.Errorf("there is no command %q", name)
		}
	}
}
