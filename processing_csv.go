package privacyd

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"time"
)

// WriteCSV writes the record as RFC 4180: of a workspace a line for each
// activity, of the instance a line for each controller. A cell that a
// spreadsheet would take for a formula gets an apostrophe in front.
func (r ProcessingRecord) WriteCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	c.UseCRLF = true
	rows := r.activityRows()
	if len(r.Controllers) > 0 || r.Workspace == "" {
		rows = r.controllerRows()
	}
	for n, row := range rows {
		for i := range row {
			if n > 0 {
				row[i] = harmless(row[i])
			}
		}
		if err := c.Write(row); err != nil {
			return fmt.Errorf("write the record of processing activities: %w", err)
		}
	}
	c.Flush()
	if err := c.Error(); err != nil {
		return fmt.Errorf("write the record of processing activities: %w", err)
	}
	return nil
}

const between = "; "

func (r ProcessingRecord) activityRows() [][]string {
	rows := [][]string{{
		"Record", "As of", "Controller", "Controller contact", "Data protection officer", "Processor", "Processor contact", "Purpose", "Legal basis",
		"Dataset", "Collections", "Data subjects", "Data categories", "Special categories", "Recipients", "Transfers", "Erasure", "Measures",
	}}
	for _, a := range r.Activities {
		var all, special []string
		for _, c := range a.Categories {
			all = append(all, c.Code)
			if c.Special {
				special = append(special, c.Code)
			}
		}
		name := r.Controller.Contact.Name
		if name == "" {
			name = r.Workspace
		}
		rows = append(rows, []string{
			r.Article, r.At.UTC().Format(time.RFC3339), name, r.Controller.Contact.reach(), r.Controller.Officer.line(),
			r.Processor.Contact.Name, r.Processor.Contact.reach(), a.Name, strings.Join(a.Bases, between), a.Dataset, strings.Join(a.Collections, between),
			strings.Join(a.Subjects, between), strings.Join(all, between), strings.Join(special, between), r.recipients(), r.transfers(),
			strings.Join(a.Limits, " "), strings.Join(r.Measures, " "),
		})
	}
	return rows
}

func (r ProcessingRecord) controllerRows() [][]string {
	rows := [][]string{{
		"Record", "As of", "Processor", "Processor contact", "Processor's data protection officer", "Workspace", "Controller", "Controller contact",
		"Controller's data protection officer", "Categories of processing", "Recipients", "Transfers", "Measures",
	}}
	for _, c := range r.Controllers {
		name := c.Party.Contact.Name
		if name == "" {
			name = c.Workspace
		}
		rows = append(rows, []string{
			r.Article, r.At.UTC().Format(time.RFC3339), r.Processor.Contact.Name, r.Processor.Contact.reach(), r.Processor.Officer.line(), c.Workspace,
			name, c.Party.Contact.reach(), c.Party.Officer.line(), strings.Join(c.Activities, between), r.recipients(), r.transfers(), strings.Join(r.Measures, " "),
		})
	}
	return rows
}

func (r ProcessingRecord) recipients() string {
	list := make([]string, len(r.Recipients))
	for n, one := range r.Recipients {
		list[n] = one.Name + " (" + strings.Trim(one.Role+", "+one.Country, ", ") + ")"
	}
	return strings.Join(list, between)
}

func (r ProcessingRecord) transfers() string {
	list := make([]string, len(r.Transfers))
	for n, one := range r.Transfers {
		list[n] = one.To + " (" + strings.Trim(one.Country+", "+one.Basis, ", ") + ")"
	}
	return strings.Join(list, between)
}

// reach is how to reach a contact, on one line.
func (c Contact) reach() string {
	return strings.Trim(c.Email+", "+strings.ReplaceAll(c.Address, "\n", ", "), ", ")
}

// line is a contact on one line.
func (c Contact) line() string { return strings.Trim(c.Name+", "+c.reach(), ", ") }

func harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r＝＋－＠", []rune(cell)[0]) {
		return "'" + cell
	}
	return cell
}
