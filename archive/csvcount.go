package archive

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

var errNotCSV = errors.New("it is not CSV as RFC 4180 has it")

// countCSV counts the records after the header line. Every record must have as
// many cells as the header.
func countCSV(in io.Reader) (int64, error) {
	c := csvCounter{r: bufio.NewReaderSize(in, 64<<10)}
	width, err := c.record()
	if errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("%w: it has no header", errNotCSV)
	}
	for records := int64(0); ; records++ {
		if err != nil {
			return records, err
		}
		cells := 0
		cells, err = c.record()
		if errors.Is(err, io.EOF) {
			return records, nil
		}
		if err == nil && cells != width {
			err = fmt.Errorf("%w: record %d has %d cells, the header %d", errNotCSV, records+1, cells, width)
		}
	}
}

type csvCounter struct{ r *bufio.Reader }

// record reads one record and counts its cells; io.EOF before its first byte.
func (c *csvCounter) record() (int, error) {
	if _, err := c.r.Peek(1); err != nil {
		return 0, err
	}
	for cells := 1; ; cells++ {
		last, err := c.cell()
		if err != nil || last {
			return cells, err
		}
	}
}

// cell reads one cell and what ends it, and tells whether the record ends too.
func (c *csvCounter) cell() (last bool, err error) {
	b, err := c.next()
	if err != nil {
		return false, err
	}
	if b == '"' {
		if b, err = c.quoted(); err != nil {
			return false, err
		}
		if b != ',' && b != '\r' {
			return false, fmt.Errorf("%w: something follows a closing quote", errNotCSV)
		}
	}
	for b != ',' && b != '\r' {
		if b == '"' || b == '\n' {
			return false, fmt.Errorf("%w: a quote or line break stands in a bare cell", errNotCSV)
		}
		if b, err = c.next(); err != nil {
			return false, err
		}
	}
	if b == ',' {
		return false, nil
	}
	if b, err = c.next(); err == nil && b != '\n' {
		err = fmt.Errorf("%w: a carriage return without a line feed", errNotCSV)
	}
	return true, err
}

// quoted reads to the closing quote and gives the byte behind it.
func (c *csvCounter) quoted() (byte, error) {
	for {
		b, err := c.next()
		if err != nil {
			return 0, err
		}
		if b != '"' {
			continue
		}
		if b, err = c.next(); err != nil || b != '"' {
			return b, err
		}
	}
}

func (c *csvCounter) next() (byte, error) {
	b, err := c.r.ReadByte()
	if errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("%w: it ends within a record", errNotCSV)
	}
	return b, err
}
