package auditlog

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
)

const (
	erasedCell  = "(erased)"
	damagedCell = "(damaged)"
)

// CSVHeader is the first line of a CSV export.
func CSVHeader() []string {
	return []string{"Timestamp", "Actor", "Action", "Target type", "Target id", "IP", "Changes"}
}

// WriteCSV writes entries as RFC 4180, one a line, in the order in which they
// come. Times are ISO 8601 in UTC. A cell that a spreadsheet would take for a
// formula gets an apostrophe in front. An entry that fails its check is a line
// that says so and has its id alone. Of o it takes Tolerate.
func WriteCSV(w io.Writer, entries iter.Seq2[Opened, error], o Export) (written Written, err error) {
	c := csv.NewWriter(w)
	c.UseCRLF = true
	if err := c.Write(CSVHeader()); err != nil {
		return written, fmt.Errorf("write the audit log as CSV: %w", err)
	}
	for e, err := range entries {
		if err != nil && (e.ID == "" || !o.tells(err)) {
			return written, err
		}
		cells := e.cells()
		if err != nil {
			written.Damaged++
			cells = damagedCells(e.ID)
		}
		if err := c.Write(cells); err != nil {
			return written, fmt.Errorf("write the audit log as CSV: %w", err)
		}
		written.Entries++
	}
	c.Flush()
	if err := c.Error(); err != nil {
		return written, fmt.Errorf("write the audit log as CSV: %w", err)
	}
	return written, nil
}

// damagedCells is the line of an entry that fails its check: nothing that it
// says can be believed.
func damagedCells(id string) []string {
	return []string{"", damagedCell, damagedCell, "", "", "", "entry " + id + " fails its check: verify the log"}
}

func (o Opened) cells() []string {
	cells := []string{
		formatTime(o.At), o.actor(), o.Action, o.TargetType,
		o.target(), o.cell(ClaimIP), o.changes(),
	}
	for i, c := range cells {
		cells[i] = neutral(c)
	}
	return cells
}

// actor is the name and e-mail of who acted, or what kind of caller it was.
func (o Opened) actor() string {
	name, email := o.cell(ClaimActor), o.cell(ClaimActorEmail)
	switch {
	case name == erasedCell || email == erasedCell:
		return erasedCell
	case name != "" && email != "":
		return name + " <" + email + ">"
	case name != "" || email != "":
		return name + email
	}
	kind, _ := o.Public[PublicActorKind].(string)
	return kind
}

// target is the target's id, and whom it is about where that is not the same.
func (o Opened) target() string {
	id, subject := o.cell(ClaimTargetID), o.cell(ClaimSubject)
	if subject == "" || subject == erasedCell || strings.HasSuffix(subject, ":"+id) {
		return id
	}
	return strings.TrimSpace(id + " " + subject)
}

// changes is the changes, and what came of the action where it was not simply
// done: a refused act must not read like one that happened.
func (o Opened) changes() string {
	changes := o.cell(ClaimChanges)
	if o.Outcome == "" || o.Outcome == "done" {
		return changes
	}
	fields := map[string]any{"outcome": o.Outcome}
	if code, ok := o.Public["code"]; ok {
		fields["code"] = code
	}
	if changes != "" {
		fields["changes"] = json.RawMessage(changes)
	}
	text, err := json.Marshal(fields)
	if err != nil { // the changes were erased
		return o.Outcome + " " + changes
	}
	return string(text)
}

// cell is a claim as text: strings as they are, everything else as JSON.
func (o Opened) cell(claim string) string {
	value, ok := o.Private[claim]
	if !ok {
		if slices.Contains(o.Erased, claim) {
			return erasedCell
		}
		return ""
	}
	var s string
	if json.Unmarshal(value, &s) == nil {
		return s
	}
	var b bytes.Buffer
	if json.Compact(&b, value) != nil {
		return ""
	}
	return b.String()
}

func neutral(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r＝＋－＠", []rune(cell)[0]) {
		return "'" + cell
	}
	return cell
}
