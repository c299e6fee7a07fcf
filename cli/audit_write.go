package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/client"
)

const (
	actionsAtOnce   = 1000 // what one request takes
	actionBytes     = 4 << 20
	longestActionAt = 1 << 20
)

type auditWriteCmd struct {
	Folder    `embed:""`
	Workspace string `help:"Workspace, by slug or id." required:""`
	File      string `arg:"" help:"File with one entry a line, as JSON; - is standard input." type:"existingfile"`
	JSON      bool   `help:"Print one JSON object with the entries' ids, in the order of the lines."`
}

// Help says more than one line can.
func (c *auditWriteCmd) Help() string {
	return `An entry is {"action": "invoice.send", "actor": {"kind": "account", "id": "u-7"}}, and may have key, occurred_at, outcome, subject, target, ` +
		"changes and dataset: docs/rest-api.md. It is kept as app.invoice.send. Up to 1,000 entries at a time are written, all of them or none; one with a key is " +
		"written once, however often the file is."
}

func (c *auditWriteCmd) Run(t *terminal) error {
	in := t.Stdin
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return fmt.Errorf("read the entries: %w", err)
		}
		defer f.Close() //nolint:errcheck // it was only read
		in = f
	}
	return t.with(c.Folder, func(api *client.Client) error {
		w := actionWriter{t: t, api: api, workspace: c.Workspace, keep: c.JSON, recorded: []client.Recorded{}}
		err := w.writeAll(in)
		if err != nil {
			if w.written > 0 {
				t.say("%s written before that.", countEntries(w.written))
			}
			return err
		}
		if c.JSON {
			return t.printJSON(list(w.recorded))
		}
		t.say("Wrote %s; %d had been written before.", countEntries(w.written), w.existing)
		return nil
	})
}

// actionWriter sends a product's actions in batches.
type actionWriter struct {
	t         *terminal
	api       *client.Client
	workspace string
	keep      bool // the ids are wanted
	batch     []client.Action
	size      int
	first     int // the line of the first of the batch
	last      int
	written   int64
	existing  int64
	recorded  []client.Recorded
}

func (w *actionWriter) writeAll(in io.Reader) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 0, 1<<16), longestActionAt)
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		a, err := readAction(lines.Bytes(), n)
		if err != nil {
			return err
		}
		if len(w.batch) == actionsAtOnce || w.size+len(lines.Bytes()) > actionBytes {
			if err := w.send(); err != nil {
				return err
			}
		}
		if len(w.batch) == 0 {
			w.first = n
		}
		w.batch, w.size, w.last = append(w.batch, a), w.size+len(lines.Bytes()), n
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read the entries: %w", err)
	}
	return w.send()
}

// readAction reads one line. Code entries_malformed.
func readAction(line []byte, n int) (a client.Action, err error) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err = d.Decode(&a); err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("something follows the entry")
		}
	}
	if err != nil {
		return a, privacyd.Errorf(privacyd.ClassInvalid, "entries_malformed",
			"Line %d is not an entry as JSON. Each line is one: privacyd audit write --help shows its form.", n)
	}
	return a, nil
}

// send sends the batch.
func (w *actionWriter) send() error {
	if len(w.batch) == 0 {
		return nil
	}
	done, err := w.api.WriteActions(w.t.ctx, w.workspace, "", w.batch)
	if err != nil {
		return fmt.Errorf("lines %d to %d: %w", w.first, w.last, err)
	}
	for _, r := range done {
		if r.Existing {
			w.existing++
		} else {
			w.written++
		}
	}
	if w.keep {
		w.recorded = append(w.recorded, done...)
	}
	w.batch, w.size = nil, 0
	return nil
}
