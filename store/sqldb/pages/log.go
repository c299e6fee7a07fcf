package pages

import (
	"errors"
	"io"

	"github.com/ncruces/go-sqlite3/vfs"
)

// frameHeader is the size of what precedes each page in a write-ahead log. It
// makes pages lie across sectors there.
const frameHeader = 24

// log is a database's write-ahead log. SQLite writes the header of a frame and
// then the page; at the end of the log they are written together, so that
// between two frames nothing is held back.
type log struct {
	*file
	end  int64  // of what was written
	held []byte // a header, which comes at end; empty: none
}

// ReadAt implements io.ReaderAt.
func (l *log) ReadAt(p []byte, off int64) (int, error) {
	if err := l.flush(); err != nil {
		return 0, err
	}
	return l.file.ReadAt(p, off)
}

// WriteAt implements io.WriterAt.
func (l *log) WriteAt(p []byte, off int64) (int, error) {
	if l.cipher == nil {
		return l.File.WriteAt(p, off)
	}
	if len(l.held) > 0 && off == l.end+frameHeader {
		whole := append(l.held, p...) //nolint:gocritic // held is let go
		l.held = whole[:0]
		if err := l.write(whole, l.end); err != nil {
			return 0, err
		}
		return len(p), nil
	}
	if err := l.flush(); err != nil {
		return 0, err
	}
	if len(p) == frameHeader && off == l.end && off > 0 {
		l.held = append(l.held[:0], p...)
		return len(p), nil
	}
	if err := l.write(p, off); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (l *log) flush() error {
	if len(l.held) == 0 {
		return nil
	}
	held := l.held
	l.held = held[:0]
	return l.write(held, l.end)
}

// write writes bytes wherever they lie. What else is in their first and last
// sectors stays; what is not there yet becomes zeros.
func (l *log) write(p []byte, off int64) error {
	room, from := l.sectors(len(p), off)
	to, last := off+int64(len(p)), len(room)-sector
	if off > from {
		if err := l.readSector(room[:sector], from); err != nil {
			return err
		}
	}
	if to < from+int64(len(room)) && (last > 0 || off == from) {
		if err := l.readSector(room[last:], from+int64(last)); err != nil {
			return err
		}
	}
	copy(room[off-from:], p)
	l.encrypt(room, from)
	if _, err := l.base.WriteAt(room, from); err != nil {
		return err
	}
	if off == 0 { // the log begins anew
		l.end = 0
	}
	l.end = max(l.end, to)
	return nil
}

// readSector reads one sector; what is beyond the end, or cut short, is zeros.
func (l *log) readSector(s []byte, at int64) error {
	n, err := l.base.ReadAt(s, at)
	if n == sector {
		l.decrypt(s, at)
		return nil
	}
	clear(s)
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// Truncate implements vfs.File.
func (l *log) Truncate(size int64) error {
	if err := l.flush(); err != nil {
		return err
	}
	l.end = min(l.end, size)
	return l.File.Truncate(size)
}

// Sync implements vfs.File.
func (l *log) Sync(flags vfs.SyncFlag) error {
	if err := l.flush(); err != nil {
		return err
	}
	return l.File.Sync(flags)
}

// Size implements vfs.File.
func (l *log) Size() (int64, error) {
	if err := l.flush(); err != nil {
		return 0, err
	}
	return l.File.Size()
}

// Close implements vfs.File.
func (l *log) Close() error { return errors.Join(l.flush(), l.File.Close()) }
