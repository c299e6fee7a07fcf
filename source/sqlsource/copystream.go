package sqlsource

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// errNotCopy is a stream that is not what COPY … (FORMAT binary) sends.
var errNotCopy = errors.New("the stream is not in the binary form of COPY")

const copySignature = "PGCOPY\n\xff\r\n\x00"

// copyStream cuts the output of COPY … (FORMAT binary), which comes in pieces
// of any size, into rows. The server sends a row a piece, so that the bytes
// need no copy.
type copyStream struct {
	values [][]byte // of the row at hand; nil: NULL
	row    func() error
	held   []byte // what came of a row that is not yet whole
	begun  bool
	ended  bool
	failed error // the first error: of the stream, or of row
	unread int   // bytes that came after it
}

// skipped is how much is let pass after an error: a write that fails costs the
// connection, which the end of a short answer is not worth.
const skipped = 1 << 20

// Write implements io.Writer.
func (s *copyStream) Write(p []byte) (int, error) {
	if s.failed == nil {
		s.failed = s.take(p)
		return len(p), nil
	}
	if s.unread += len(p); s.unread > skipped {
		return 0, s.failed
	}
	return len(p), nil
}

func (s *copyStream) take(p []byte) error {
	data := p
	if len(s.held) > 0 {
		s.held = append(s.held, p...)
		data = s.held
	}
	used, err := s.rows(data)
	if err != nil {
		return err
	}
	s.held = append(s.held[:0], data[used:]...)
	return nil
}

// rows gives out every whole row and says how many bytes those took.
func (s *copyStream) rows(data []byte) (used int, err error) {
	if !s.begun {
		if used = header(data); used <= 0 {
			return 0, headerError(used)
		}
		s.begun = true
	}
	for len(data)-used >= 2 {
		if s.ended {
			return used, fmt.Errorf("%w: bytes follow its end", errNotCopy)
		}
		n := int16(binary.BigEndian.Uint16(data[used:])) //nolint:gosec // two's complement
		if n == -1 {
			s.ended = true
			used += 2
			continue
		}
		if int(n) != len(s.values) {
			return used, fmt.Errorf("%w: a row has %d columns, not %d", errNotCopy, n, len(s.values))
		}
		size, err := s.cut(data[used+2:])
		if err != nil || size < 0 {
			return used, err
		}
		if err := s.row(); err != nil {
			return used, err
		}
		used += 2 + size
	}
	return used, nil
}

// cut sets values; -1: the row is not whole yet.
func (s *copyStream) cut(data []byte) (size int, err error) {
	for i := range s.values {
		if len(data)-size < 4 {
			return -1, nil
		}
		n := int(int32(binary.BigEndian.Uint32(data[size:]))) //nolint:gosec // two's complement
		size += 4
		if n == -1 {
			s.values[i] = nil
			continue
		}
		if n < 0 {
			return 0, fmt.Errorf("%w: a length is %d", errNotCopy, n)
		}
		if n > len(data)-size {
			return -1, nil
		}
		s.values[i] = data[size : size+n : size+n]
		size += n
	}
	return size, nil
}

// header gives the length of the stream's head; 0: not whole yet, -1: wrong.
func header(data []byte) int {
	const fixedPart = len(copySignature) + 8
	n := min(len(data), len(copySignature))
	if !bytes.Equal(data[:n], []byte(copySignature)[:n]) {
		return -1
	}
	if len(data) < fixedPart {
		return 0
	}
	extension := binary.BigEndian.Uint32(data[fixedPart-4:])
	if extension > 1<<16 {
		return -1
	}
	if len(data) < fixedPart+int(extension) {
		return 0
	}
	return fixedPart + int(extension)
}

func headerError(used int) error {
	if used < 0 {
		return fmt.Errorf("%w: it begins otherwise", errNotCopy)
	}
	return nil
}

// finish tells whether the stream was whole and every row taken.
func (s *copyStream) finish() error {
	if s.failed != nil {
		return s.failed
	}
	if !s.ended || len(s.held) > 0 {
		return fmt.Errorf("%w: it ends in the middle", errNotCopy)
	}
	return nil
}
