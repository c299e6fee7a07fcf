package records

import (
	"bufio"
	"bytes"
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// sortMemory is how much a sorter keeps in memory, in bytes, before it writes
// a sorted run to a spool.
const sortMemory = 16 << 20

// sorter sorts any number of byte strings in bounded memory.
type sorter struct {
	spool  func() (Spool, error)
	memory int
	data   []byte
	items  []item
	runs   []Spool
}

type item struct {
	prefix     uint64 // the first eight bytes: most comparisons end there
	start, end uint32
}

func newSorter(spool func() (Spool, error)) *sorter { return &sorter{spool: spool, memory: sortMemory} }

func (s *sorter) add(b []byte) error {
	if len(s.data) > 0 && len(s.data)+24*len(s.items)+len(b) > s.memory {
		if err := s.spill(); err != nil {
			return err
		}
	}
	var first [8]byte
	copy(first[:], b)
	start := uint32(len(s.data)) //nolint:gosec // bounded by memory and the size of one record
	s.data = append(s.data, b...)
	s.items = append(s.items, item{binary.BigEndian.Uint64(first[:]), start, uint32(len(s.data))}) //nolint:gosec // likewise
	return nil
}

func (s *sorter) bytes(i item) []byte { return s.data[i.start:i.end] }

func (s *sorter) sort() {
	slices.SortFunc(s.items, func(a, b item) int {
		switch {
		case a.prefix < b.prefix:
			return -1
		case a.prefix > b.prefix:
			return 1
		}
		return bytes.Compare(s.bytes(a), s.bytes(b))
	})
}

func (s *sorter) spill() error {
	s.sort()
	run, err := s.spool()
	if err != nil {
		return fmt.Errorf("open a temporary file: %w", err)
	}
	s.runs = append(s.runs, run)
	w := newFrames(run)
	for _, i := range s.items {
		if err := w.write(s.bytes(i)); err != nil {
			return err
		}
	}
	s.data, s.items = s.data[:0], s.items[:0]
	return w.flush()
}

// each calls fn with each byte string in order; it is valid until the next.
func (s *sorter) each(fn func(b []byte) error) error {
	if len(s.runs) == 0 {
		s.sort()
		for _, i := range s.items {
			if err := fn(s.bytes(i)); err != nil {
				return err
			}
		}
		return nil
	}
	if err := s.spill(); err != nil {
		return err
	}
	s.data, s.items = nil, nil
	return s.merge(fn)
}

func (s *sorter) merge(fn func(b []byte) error) error {
	var m merge
	for _, run := range s.runs {
		f, err := readFrames(run)
		if err != nil {
			return err
		}
		if err := f.next(); err == nil {
			m = append(m, f)
		} else if !errors.Is(err, io.EOF) {
			return err
		}
	}
	heap.Init(&m)
	for len(m) > 0 {
		if err := fn(m[0].frame); err != nil {
			return err
		}
		switch err := m[0].next(); {
		case err == nil:
			heap.Fix(&m, 0)
		case errors.Is(err, io.EOF):
			heap.Pop(&m)
		default:
			return err
		}
	}
	return nil
}

func (s *sorter) close() {
	for _, run := range s.runs {
		_ = run.Close()
	}
	s.runs, s.data, s.items = nil, nil, nil
}

type merge []*frames

func (m merge) Len() int           { return len(m) }
func (m merge) Less(i, j int) bool { return bytes.Compare(m[i].frame, m[j].frame) < 0 }
func (m merge) Swap(i, j int)      { m[i], m[j] = m[j], m[i] }
func (m *merge) Push(any)          {}
func (m *merge) Pop() any {
	last := (*m)[len(*m)-1]
	*m = (*m)[:len(*m)-1]
	return last
}

const bufferSize = 64 << 10

// frameWriter writes byte strings, each with its length before it.
type frameWriter struct{ w *bufio.Writer }

func newFrames(w io.Writer) frameWriter { return frameWriter{bufio.NewWriterSize(w, bufferSize)} }

func (f frameWriter) write(b []byte) error {
	var length [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(length[:], uint64(len(b)))
	if _, err := f.w.Write(length[:n]); err != nil {
		return fmt.Errorf("write a temporary file: %w", err)
	}
	if _, err := f.w.Write(b); err != nil {
		return fmt.Errorf("write a temporary file: %w", err)
	}
	return nil
}

func (f frameWriter) flush() error {
	if err := f.w.Flush(); err != nil {
		return fmt.Errorf("write a temporary file: %w", err)
	}
	return nil
}

// frames reads what frameWriter wrote.
type frames struct {
	r     *bufio.Reader
	frame []byte // valid until next
}

func readFrames(s Spool) (*frames, error) {
	r, err := s.Rewind()
	if err != nil {
		return nil, fmt.Errorf("read a temporary file: %w", err)
	}
	return &frames{r: bufio.NewReaderSize(r, bufferSize)}, nil
}

// next reads one byte string; io.EOF after the last.
func (f *frames) next() error {
	n, err := binary.ReadUvarint(f.r)
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	if err != nil {
		return fmt.Errorf("read a temporary file: %w", err)
	}
	f.frame = slices.Grow(f.frame[:0], int(n))[:n] //nolint:gosec // what was written fitted
	if _, err := io.ReadFull(f.r, f.frame); err != nil {
		return fmt.Errorf("read a temporary file: %w", errors.Join(err, io.ErrUnexpectedEOF))
	}
	return nil
}
