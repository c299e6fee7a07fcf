package cli

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/client"
)

type importCmd struct {
	Folder    `embed:""`
	Workspace string `help:"Workspace, by slug or id." required:""`
	File      string `arg:"" help:"FILE.ndjson, or the ARCHIVE.zip of an export." type:"existingfile"`
	JSON      bool   `help:"Print one JSON object."`
}

// Help says more than one line can.
func (c *importCmd) Help() string {
	return "Everything is checked before anything is written. The same import run again changes nothing. " +
		"The format is in docs/import-format.md."
}

func (c *importCmd) Run(t *terminal) error {
	path, err := filepath.Abs(c.File)
	if err != nil {
		return fmt.Errorf("find the file: %w", err)
	}
	return t.with(c.Folder, func(api *client.Client) error {
		bar := t.spin("importing")
		done, err := c.send(t, api, path)
		_ = bar.Finish() // it is only shown
		if err != nil {
			return err
		}
		if c.JSON {
			err = t.printJSON(done)
		} else {
			t.printImported(done)
		}
		if err != nil {
			return err
		}
		return c.partly(t, done)
	})
}

// partly says what was left out.
func (c *importCmd) partly(t *terminal, done client.Imported) error {
	var erased int64
	for _, n := range done.Erased {
		erased += n
	}
	if erased > 0 {
		t.say("%s left out, for whom they belong to was erased here: %s.", count(erased, "record"), parts(done.Erased))
	}
	if done.Missing > 0 {
		t.say("%s came without their content: the archive says that they were missing.", count(done.Missing, "attachment"))
	}
	if erased+done.Missing > 0 {
		return exit(ExitPartly)
	}
	return nil
}

func parts(counts map[string]int64) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		list = append(list, fmt.Sprintf("%d %s", counts[name], name))
	}
	return strings.Join(list, ", ")
}

// send lets the server read the file, with the files beside it that it names;
// an account's import is sent, for only the operator may have files read.
func (c *importCmd) send(t *terminal, api *client.Client, path string) (client.Imported, error) {
	if c.As == "" {
		return api.ImportFile(t.ctx, c.Workspace, path)
	}
	f, err := os.Open(path)
	if err != nil {
		return client.Imported{}, privacyd.Errorf(privacyd.ClassInvalid, "import_unreadable", "The import file cannot be read: %w.", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	kind := "application/x-ndjson"
	if strings.EqualFold(filepath.Ext(path), ".zip") {
		kind = "application/zip"
	}
	return api.Import(t.ctx, c.Workspace, kind, f)
}

func (t *terminal) printImported(done client.Imported) {
	for _, name := range slices.Sorted(maps.Keys(done.Records)) {
		if n := done.Records[name]; n > 0 {
			t.say("%10d %s", n, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(done.Skipped)) {
		t.say("%10d %s left out: imports do not write them", done.Skipped[name], name)
	}
}
