package verify

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
)

// chunk is some lines of a text, one after the other.
type chunk struct {
	lines [][]byte // without their newline; nil: a line that was too long
	first int64    // the number of the first one, from 1
	text  []byte
	from  *lineReader
}

const (
	chunkSize  = 256 << 10
	chunkLines = 4096
)

// lineReader cuts a text into chunks. No line is longer than it was made for:
// longer ones are skipped, however long they are.
type lineReader struct {
	r     io.Reader
	most  int
	next  int64
	rest  []byte // what was read beyond the last chunk
	ended bool
	used  sync.Pool // of chunks
}

func newLineReader(r io.Reader, most int) *lineReader {
	l := &lineReader{r: r, most: most, next: 1}
	l.used.New = func() any { return &chunk{text: make([]byte, 0, chunkSize+chunkSize/4), from: l} }
	return l
}

// release gives the memory of a chunk back; nothing may refer to its lines any
// more.
func (c *chunk) release() { c.from.used.Put(c) }

// read gives the next lines, about chunkSize bytes of them, or io.EOF.
func (l *lineReader) read() (*chunk, error) {
	c := l.used.Get().(*chunk) //nolint:forcetypeassert // nothing else is put in
	c.first, c.lines, c.text = l.next, c.lines[:0], append(c.text[:0], l.rest...)
	end := bytes.LastIndexByte(c.text, '\n') + 1
	for !l.ended && end == 0 || !l.ended && len(c.text) < chunkSize && len(l.rest) < chunkSize {
		if end == 0 && len(c.text) > l.most {
			return l.tooLong(c)
		}
		start := len(c.text)
		if err := l.more(c); err != nil {
			return nil, err
		}
		if n := bytes.LastIndexByte(c.text[start:], '\n'); n >= 0 {
			end = start + n + 1
		}
	}
	if end == 0 {
		end = len(c.text) // the last line has no newline
	}
	if end == 0 {
		return nil, io.EOF
	}
	l.cut(c, end)
	return c, nil
}

// more reads some more of the text.
func (l *lineReader) more(c *chunk) error {
	if len(c.text) == cap(c.text) {
		c.text = append(c.text, 0)[:len(c.text)]
	}
	n, err := l.r.Read(c.text[len(c.text):cap(c.text)])
	c.text = c.text[:len(c.text)+n]
	if errors.Is(err, io.EOF) {
		l.ended, err = true, nil
	}
	if err != nil {
		return fmt.Errorf("read line %d: %w", l.next, err)
	}
	return nil
}

// cut cuts the beginning of a text into lines and keeps the rest for the next
// chunk.
func (l *lineReader) cut(c *chunk, end int) {
	at := 0
	for at < end && len(c.lines) < chunkLines {
		line, _, found := bytes.Cut(c.text[at:end], []byte("\n"))
		at += len(line)
		if found {
			at++
		}
		if len(line) > l.most {
			line = nil
		}
		c.lines = append(c.lines, line)
	}
	l.next += int64(len(c.lines))
	l.rest = append(l.rest[:0], c.text[at:]...)
}

// tooLong skips a line that has begun, and gives a chunk that says so.
func (l *lineReader) tooLong(c *chunk) (*chunk, error) {
	l.rest = l.rest[:0]
	for !l.ended {
		c.text = c.text[:0]
		if err := l.more(c); err != nil {
			return nil, err
		}
		if _, after, found := bytes.Cut(c.text, []byte("\n")); found {
			l.rest = append(l.rest, after...)
			break
		}
	}
	c.lines = append(c.lines, nil)
	l.next++
	return c, nil
}
