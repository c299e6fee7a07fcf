package verify

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// Records of a ZIP file (APPNOTE 6.3.10).
const (
	zipLocal     = 0x04034b50
	zipCentral   = 0x02014b50
	zipEnd       = 0x06054b50
	zip64End     = 0x06064b50
	zip64Locator = 0x07064b50

	zipLocalSize   = 30
	zipCentralSize = 46
	zipEndSize     = 22
	zip64EndSize   = 56
	zip64Extra     = 1
	zipStored      = 0
	zipDeflated    = 8
)

var errZip = errors.New("the ZIP file is damaged")

// openMember finds one file of an archive. It keeps nothing of the directory,
// which may name a million others. ErrUnknown: there is no such file.
func openMember(r io.ReaderAt, size int64, name string) (io.Reader, error) {
	at, err := zipDirectory(r, size)
	if err != nil {
		return nil, err
	}
	directory := bufio.NewReaderSize(io.NewSectionReader(r, at, size-at), 1<<16)
	for {
		m, found, err := readCentral(directory, name)
		if err != nil {
			return nil, err
		}
		if m == nil {
			return nil, fmt.Errorf("%w: the archive has no %s", ErrUnknown, name)
		}
		if found {
			return m.open(r, size)
		}
	}
}

// zipDirectory finds where the directory begins.
func zipDirectory(r io.ReaderAt, size int64) (int64, error) {
	tail := make([]byte, min(size, zipEndSize+math.MaxUint16))
	if _, err := r.ReadAt(tail, size-int64(len(tail))); err != nil {
		return 0, fmt.Errorf("read the end of a ZIP file: %w", err)
	}
	i := endRecord(tail)
	if i < 0 {
		return 0, errZip
	}
	at := int64(binary.LittleEndian.Uint32(tail[i+16:]))
	end := size - int64(len(tail)) + int64(i)
	if at == math.MaxUint32 {
		var err error
		if at, err = zip64Directory(r, end); err != nil {
			return 0, err
		}
	}
	if at < 0 || at > end {
		return 0, errZip
	}
	return at, nil
}

// endRecord finds the last record, whose comment goes on to the end; -1: there
// is none.
func endRecord(tail []byte) int {
	mark := binary.LittleEndian.AppendUint32(nil, zipEnd)
	for i := bytes.LastIndex(tail, mark); i >= 0; i = bytes.LastIndex(tail[:i], mark) {
		if rest := tail[i:]; len(rest) >= zipEndSize && int(binary.LittleEndian.Uint16(rest[20:])) == len(rest)-zipEndSize {
			return i
		}
	}
	return -1
}

func zip64Directory(r io.ReaderAt, end int64) (int64, error) {
	locator := make([]byte, 20)
	if end < 20 {
		return 0, errZip
	}
	if _, err := r.ReadAt(locator, end-20); err != nil {
		return 0, fmt.Errorf("read the end of a ZIP file: %w", err)
	}
	at := int64(binary.LittleEndian.Uint64(locator[8:])) //nolint:gosec // negative is refused
	if binary.LittleEndian.Uint32(locator) != zip64Locator || at < 0 || at > end-zip64EndSize {
		return 0, errZip
	}
	record := make([]byte, zip64EndSize)
	if _, err := r.ReadAt(record, at); err != nil {
		return 0, fmt.Errorf("read the end of a ZIP file: %w", err)
	}
	if binary.LittleEndian.Uint32(record) != zip64End {
		return 0, errZip
	}
	return int64(binary.LittleEndian.Uint64(record[48:])), nil //nolint:gosec // negative is refused
}

// member is a file of an archive.
type member struct {
	method     uint16
	compressed int64
	at         int64
}

// readCentral reads the next record of the directory; nil: there is none.
func readCentral(r *bufio.Reader, name string) (m *member, found bool, err error) {
	fixed := make([]byte, zipCentralSize)
	if _, err := io.ReadFull(r, fixed[:4]); err != nil {
		return nil, false, fmt.Errorf("read the directory of a ZIP file: %w", err)
	}
	if binary.LittleEndian.Uint32(fixed) != zipCentral {
		return nil, false, nil
	}
	if _, err := io.ReadFull(r, fixed[4:]); err != nil {
		return nil, false, fmt.Errorf("read the directory of a ZIP file: %w", err)
	}
	names, extra, comment := binary.LittleEndian.Uint16(fixed[28:]), binary.LittleEndian.Uint16(fixed[30:]), binary.LittleEndian.Uint16(fixed[32:])
	rest := make([]byte, int(names)+int(extra)+int(comment))
	if _, err := io.ReadFull(r, rest); err != nil {
		return nil, false, fmt.Errorf("read the directory of a ZIP file: %w", err)
	}
	m = &member{
		method:     binary.LittleEndian.Uint16(fixed[10:]),
		compressed: int64(binary.LittleEndian.Uint32(fixed[20:])),
		at:         int64(binary.LittleEndian.Uint32(fixed[42:])),
	}
	m.zip64(binary.LittleEndian.Uint32(fixed[24:]), rest[names:int(names)+int(extra)])
	return m, string(rest[:names]) == name, nil
}

// zip64 takes the sizes that do not fit into a record from its extra field,
// which has those alone, in this order.
func (m *member) zip64(size uint32, extra []byte) {
	for len(extra) >= 4 {
		kind, n := binary.LittleEndian.Uint16(extra), int(binary.LittleEndian.Uint16(extra[2:]))
		extra = extra[4:]
		if n > len(extra) {
			return
		}
		if kind != zip64Extra {
			extra = extra[n:]
			continue
		}
		field := extra[:n]
		take := func(into *int64) {
			if len(field) >= 8 {
				*into, field = int64(binary.LittleEndian.Uint64(field)), field[8:] //nolint:gosec // negative is refused
			}
		}
		if size == math.MaxUint32 {
			var ignored int64
			take(&ignored)
		}
		if m.compressed == math.MaxUint32 {
			take(&m.compressed)
		}
		if m.at == math.MaxUint32 {
			take(&m.at)
		}
		return
	}
}

func (m *member) open(r io.ReaderAt, size int64) (io.Reader, error) {
	fixed := make([]byte, zipLocalSize)
	if m.at < 0 || m.at > size-zipLocalSize {
		return nil, errZip
	}
	if _, err := r.ReadAt(fixed, m.at); err != nil {
		return nil, fmt.Errorf("read a file of a ZIP file: %w", err)
	}
	at := m.at + zipLocalSize + int64(binary.LittleEndian.Uint16(fixed[26:])) + int64(binary.LittleEndian.Uint16(fixed[28:]))
	if binary.LittleEndian.Uint32(fixed) != zipLocal || m.compressed < 0 || at > size-m.compressed {
		return nil, errZip
	}
	content := io.NewSectionReader(r, at, m.compressed)
	switch m.method {
	case zipStored:
		return content, nil
	case zipDeflated:
		return flate.NewReader(bufio.NewReaderSize(content, 1<<16)), nil
	}
	return nil, errZip
}
