package verify

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// chunk is some lines of a text, one after the other.
type chunk struct {
	lines [][]byte // without their newline; nil: a line that was too long
	first int64    // the number of the first one, from 1
	text  []byte
}

const (
	chunkSize  = 256 << 10
	chunkLines = 4096
)

// lineReader cuts a text into chunks. No line is longer than it was made for:
// longer ones are skipped, however long they are.
type lineReader struct {
	r    *bufio.Reader
	most int
	next int64
}

func newLineReader(r io.Reader, most int) *lineReader {
	return &lineReader{r: bufio.NewReaderSize(r, chunkSize), most: most, next: 1}
}

// read gives the next lines, about chunkSize bytes of them, or io.EOF.
func (l *lineReader) read() (*chunk, error) {
	c := &chunk{first: l.next}
	var ends []int // of lines in c.text; -1: too long
	for len(c.text) < chunkSize && len(ends) < chunkLines {
		start := len(c.text)
		err := l.line(c)
		if errors.Is(err, io.EOF) && len(c.text) == start {
			break
		}
		switch {
		case errors.Is(err, errTooLong):
			c.text = c.text[:start]
			ends = append(ends, -1)
		case err == nil || errors.Is(err, io.EOF):
			ends = append(ends, len(c.text))
		default:
			return nil, fmt.Errorf("read line %d: %w", l.next, err)
		}
		l.next++
	}
	if len(ends) == 0 {
		return nil, io.EOF
	}
	c.cut(ends)
	return c, nil
}

func (c *chunk) cut(ends []int) {
	c.lines = make([][]byte, len(ends))
	start := 0
	for i, end := range ends {
		if end >= 0 {
			c.lines[i] = bytes.TrimSuffix(c.text[start:end:end], []byte("\n"))
			start = end
		}
	}
}

var errTooLong = errors.New("the line is too long")

// line appends one line with its newline. io.EOF: the text ended.
func (l *lineReader) line(c *chunk) error {
	start, long := len(c.text), false
	for {
		part, err := l.r.ReadSlice('\n')
		switch {
		case long:
		case len(c.text)+len(part)-start > l.most:
			long, c.text = true, c.text[:start]
		default:
			c.text = append(c.text, part...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if long && (err == nil || errors.Is(err, io.EOF)) {
			return errTooLong
		}
		return err
	}
}
