package archive

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// maxFrame bounds what a damaged spool can make us allocate.
const maxFrame = 1 << 20

type memorySpool struct{ bytes.Buffer }

func newMemorySpool() (Spool, error) { return &memorySpool{}, nil }

func (s *memorySpool) Rewind() (io.Reader, error) { return bytes.NewReader(s.Bytes()), nil }

func (s *memorySpool) Close() error {
	s.Buffer = bytes.Buffer{}
	return nil
}

// frames is a spool of length-prefixed byte strings. It makes its spool at the
// first write, so that what is never used costs nothing.
type frames struct {
	open  func() (Spool, error)
	spool Spool
	w     *bufio.Writer
	count int64
}

func (f *frames) writer() (*bufio.Writer, error) {
	if f.w != nil {
		return f.w, nil
	}
	spool, err := f.open()
	if err != nil {
		return nil, fmt.Errorf("opening a spool: %w", err)
	}
	f.spool, f.w = spool, bufio.NewWriterSize(spool, 64<<10)
	return f.w, nil
}

func (f *frames) add(frame []byte) error {
	w, err := f.writer()
	if err != nil {
		return err
	}
	var length [binary.MaxVarintLen64]byte
	if _, err := w.Write(binary.AppendUvarint(length[:0], uint64(len(frame)))); err != nil {
		return fmt.Errorf("writing a spool: %w", err)
	}
	if _, err := w.Write(frame); err != nil {
		return fmt.Errorf("writing a spool: %w", err)
	}
	f.count++
	return nil
}

// rewind ends writing and gives what was written.
func (f *frames) rewind() (*bufio.Reader, error) {
	if f.w == nil {
		return bufio.NewReader(bytes.NewReader(nil)), nil
	}
	if err := f.w.Flush(); err != nil {
		return nil, fmt.Errorf("writing a spool: %w", err)
	}
	r, err := f.spool.Rewind()
	if err != nil {
		return nil, fmt.Errorf("rewinding a spool: %w", err)
	}
	return bufio.NewReaderSize(r, 64<<10), nil
}

// each ends writing and calls do with every frame in order; a frame is valid
// during the call.
func (f *frames) each(do func(frame []byte) error) error {
	r, err := f.rewind()
	if err != nil {
		return err
	}
	var frame []byte
	for range f.count {
		if frame, err = readFrame(r, frame); err != nil {
			return fmt.Errorf("reading a spool: %w", err)
		}
		if err := do(frame); err != nil {
			return err
		}
	}
	return nil
}

func readFrame(r *bufio.Reader, buffer []byte) ([]byte, error) {
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return buffer, err
	}
	if n > maxFrame {
		return buffer, fmt.Errorf("a frame of %d bytes", n)
	}
	if uint64(cap(buffer)) < n {
		buffer = make([]byte, n)
	}
	buffer = buffer[:n]
	_, err = io.ReadFull(r, buffer)
	return buffer, err
}

func (f *frames) close() {
	if f.spool != nil {
		_ = f.spool.Close()
	}
	f.spool, f.w = nil, nil
}
