package archive

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/privacyd/privacyd"
)

// CSVWriter writes data/<name>.csv: RFC 4180, UTF-8 without a byte order mark.
// Nothing is an empty cell, an empty text is "". Cells that a spreadsheet would
// take for a formula begin with an apostrophe.
type CSVWriter struct {
	w      *Writer
	entry  *entry
	info   *CollectionInfo
	header []string
	place  map[string]int
	cells  []json.RawMessage
	line   []byte
	closed bool
}

// CSV begins data/<name>.csv with its header, the names of the record fields
// that become cells.
func (w *Writer) CSV(name string, header []string) (*CSVWriter, error) {
	if len(header) == 0 {
		return nil, privacyd.Errorf(privacyd.ClassInternal, "archive_csv_header", "The CSV of %s has no columns. Name at least one.", name)
	}
	info := &CollectionInfo{Name: name, Path: dataFolder + name + ".csv", Format: "csv"}
	place := map[string]int{}
	for i, field := range header {
		if _, twice := place[field]; twice {
			return nil, privacyd.Errorf(privacyd.ClassInternal, "archive_csv_header", "The CSV of %s has the column %s twice.", name, field)
		}
		place[field] = i
		info.Fields = append(info.Fields, FieldInfo{Name: field})
	}
	e, err := w.begin(info)
	if err != nil {
		return nil, err
	}
	c := &CSVWriter{w: w, entry: e, info: info, header: header, place: place, cells: make([]json.RawMessage, len(header))}
	return c, w.fail(c.writeHeader())
}

func (c *CSVWriter) writeHeader() error {
	c.line = c.line[:0]
	for i, field := range c.header {
		c.separate(i)
		c.text(field)
	}
	return c.end()
}

// Record adds one JSON object as a line. Fields that the header does not name
// are left out; nested values become JSON text.
func (c *CSVWriter) Record(object []byte) error {
	if err := c.usable(); err != nil {
		return err
	}
	if err := c.pick(object); err != nil {
		return c.w.fail(privacyd.Errorf(privacyd.ClassInternal, "archive_record_invalid",
			"A record of %s is not a JSON object: %w", c.info.Name, err))
	}
	c.line = c.line[:0]
	for i, value := range c.cells {
		c.separate(i)
		if err := c.cell(value); err != nil {
			return c.w.fail(err)
		}
	}
	c.info.Records++
	return c.w.fail(c.end())
}

func (c *CSVWriter) usable() error {
	if c.closed {
		return privacyd.Errorf(privacyd.ClassInternal, "archive_closed", "The collection %s is already closed.", c.info.Name)
	}
	return c.w.usable()
}

// pick finds the header's fields in the object. The cells point into it.
func (c *CSVWriter) pick(object []byte) error {
	clear(c.cells)
	return eachMember(object, func(name, value []byte) {
		if i, ok := c.place[string(name)]; ok {
			c.cells[i] = value
		}
	})
}

func (c *CSVWriter) separate(i int) {
	if i > 0 {
		c.line = append(c.line, ',')
	}
}

// cell writes one JSON value.
func (c *CSVWriter) cell(value json.RawMessage) error {
	switch {
	case len(value) == 0 || value[0] == 'n':
		if len(c.header) == 1 {
			c.line = append(c.line, '"', '"') // a line of nothing would not be a record
		}
	case value[0] == '"':
		var s string
		if err := json.Unmarshal(value, &s); err != nil {
			return fmt.Errorf("reading a record of %s: %w", c.info.Name, err)
		}
		c.text(s)
	case value[0] == '{' || value[0] == '[':
		var compact bytes.Buffer
		if err := json.Compact(&compact, value); err != nil {
			return fmt.Errorf("reading a record of %s: %w", c.info.Name, err)
		}
		c.quoted(compact.String())
	default:
		c.line = append(c.line, value...) // a number keeps its sign; true and false are harmless
	}
	return nil
}

// text writes a text cell, made harmless and quoted where needed.
func (c *CSVWriter) text(s string) {
	if formula(s) {
		s = "'" + s
	}
	if s == "" || strings.ContainsAny(s, ",;\"\r\n\t") || s[0] == ' ' || s[len(s)-1] == ' ' {
		c.quoted(s)
		return
	}
	c.line = append(c.line, s...)
}

func (c *CSVWriter) quoted(s string) {
	c.line = append(c.line, '"')
	c.line = append(c.line, strings.ReplaceAll(s, `"`, `""`)...)
	c.line = append(c.line, '"')
}

// formula tells whether a spreadsheet would compute the cell. The wide forms are
// what East Asian versions accept as well.
func formula(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return s != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", r)
}

func (c *CSVWriter) end() error {
	c.line = append(c.line, '\r', '\n')
	_, err := c.entry.Write(c.line)
	return err
}

// Close ends the file. A second call does nothing.
func (c *CSVWriter) Close() error {
	if c.closed {
		return nil
	}
	c.closed = true
	if err := c.w.usable(); err != nil {
		return err
	}
	return c.w.endCollection(c.entry, c.info)
}
