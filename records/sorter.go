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

const (
	// sortMemory is how much a sorter keeps in memory, in bytes, before it
	// writes a sorted run to a spool.
	sortMemory = 8 << 20
	// maxRuns is how many runs of a level are merged to one of the next: it
	// bounds the files that are open.
	maxRuns = 32
)

// sorter sorts any number of byte strings in bounded memory.
type sorter struct {
	spool  func() (Spool, error)
	memory int
	data   []byte
	items  []item
	levels [][]Spool // sorted runs; those of one level are about equally long
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
	run, err := s.write(func(fn func(b []byte) error) error {
		for _, i := range s.items {
			if err := fn(s.bytes(i)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.data, s.items = s.data[:0], s.items[:0]
	return s.push(0, run)
}

// write writes a run of what each gives.
func (s *sorter) write(each func(fn func(b []byte) error) error) (Spool, error) {
	run, err := s.spool()
	if err != nil {
		return nil, fmt.Errorf("open a temporary file: %w", err)
	}
	w := newFrames(run)
	if err := errors.Join(each(w.write), w.flush()); err != nil {
		return nil, errors.Join(err, run.Close())
	}
	return run, nil
}

// push adds a run to a level, and merges the level when it is full.
func (s *sorter) push(level int, run Spool) error {
	if level == len(s.levels) {
		s.levels = append(s.levels, nil)
	}
	s.levels[level] = append(s.levels[level], run)
	if len(s.levels[level]) < maxRuns {
		return nil
	}
	merged, err := s.write(func(fn func(b []byte) error) error { return mergeRuns(s.levels[level], fn) })
	if err != nil {
		return err
	}
	closeRuns(s.levels[level])
	s.levels[level] = nil
	return s.push(level+1, merged)
}

func closeRuns(runs []Spool) {
	for _, run := range runs {
		_ = run.Close()
	}
}

// each calls fn with each byte string in order; it is valid until the next.
func (s *sorter) each(fn func(b []byte) error) error {
	if len(s.levels) == 0 {
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
	return mergeRuns(slices.Concat(s.levels...), fn)
}

func mergeRuns(runs []Spool, fn func(b []byte) error) error {
	var m merge
	for _, run := range runs {
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
	closeRuns(slices.Concat(s.levels...))
	s.levels, s.data, s.items = nil, nil, nil
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
