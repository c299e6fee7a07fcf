package archive

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"strings"

	"github.com/klauspost/compress/flate"
)

var (
	errNoZip     = errors.New("it is not a ZIP file")
	errTruncated = errors.New("it breaks off: the end of a ZIP file is missing")
	errDirectory = errors.New("the directory of the ZIP file is damaged")
	errDamaged   = errors.New("the compressed content is damaged")
)

// maxEntries keeps a made-up directory from filling the memory.
const maxEntries = 20_000_000

// directory is where the list of a ZIP file's entries lies.
type directory struct {
	r       io.ReaderAt
	start   int64
	size    int64
	entries int64
	end     int64 // of the end record, so of what belongs to the ZIP file
	comment string
}

// findDirectory reads the end of a ZIP file. It takes any sound ZIP file, also
// one that another program packed.
func findDirectory(r io.ReaderAt, size int64) (directory, error) {
	tail := make([]byte, min(size, endSize+math.MaxUint16))
	if _, err := r.ReadAt(tail, size-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return directory{}, err
	}
	at := findEnd(tail)
	if at < 0 {
		return directory{}, noEnd(r)
	}
	end := tail[at:]
	where := size - int64(len(tail)) + int64(at)
	comment := int(binary.LittleEndian.Uint16(end[20:]))
	d := directory{
		r: r, entries: int64(binary.LittleEndian.Uint16(end[10:])),
		size: int64(binary.LittleEndian.Uint32(end[12:])), start: int64(binary.LittleEndian.Uint32(end[16:])),
		end: where + endSize + int64(comment), comment: string(end[endSize : endSize+comment]),
	}
	limit, err := d.widen(where)
	if err != nil {
		return d, err
	}
	if d.start < 0 || d.size < 0 || d.start > limit || d.size != limit-d.start || d.entries < 0 || d.entries > d.size/centralSize || d.entries > maxEntries {
		return d, errDirectory
	}
	return d, nil
}

// findEnd finds the last end record whose comment is wholly there.
func findEnd(tail []byte) int {
	signature := binary.LittleEndian.AppendUint32(nil, endSignature)
	for upTo := len(tail); ; {
		at := bytes.LastIndex(tail[:upTo], signature)
		if at < 0 {
			return -1
		}
		if len(tail)-at >= endSize && at+endSize+int(binary.LittleEndian.Uint16(tail[at+20:])) <= len(tail) {
			return at
		}
		upTo = at + len(signature) - 1
	}
}

func noEnd(r io.ReaderAt) error {
	var head [4]byte
	if _, err := r.ReadAt(head[:], 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if binary.LittleEndian.Uint32(head[:]) == localSignature {
		return errTruncated
	}
	return errNoZip
}

// widen reads the 64-bit end records, if they are there, and tells where the
// directory must end.
func (d *directory) widen(end int64) (int64, error) {
	at := end - locatorSize - end64Size
	if at < 0 {
		return end, nil
	}
	b := make([]byte, end64Size+locatorSize)
	if _, err := d.r.ReadAt(b, at); err != nil {
		return 0, err
	}
	locator := b[end64Size:]
	if binary.LittleEndian.Uint32(locator) != locatorSignature {
		return end, nil
	}
	if binary.LittleEndian.Uint32(b) != end64Signature || binary.LittleEndian.Uint64(locator[8:]) != uint64(at) {
		return 0, errDirectory
	}
	d.entries = int64(binary.LittleEndian.Uint64(b[32:]))
	d.size = int64(binary.LittleEndian.Uint64(b[40:]))
	d.start = int64(binary.LittleEndian.Uint64(b[48:]))
	return at, nil
}

// found is an entry as the directory has it.
type found struct {
	header
	flags uint16
	at    int64 // of its record in the directory
	exact bool  // the record is to the byte what our writer makes of it
}

// each calls do with every entry in order.
func (d directory) each(do func(found) error) error {
	r := bufio.NewReaderSize(io.NewSectionReader(d.r, d.start, d.size), 64<<10)
	at := d.start
	for range d.entries {
		f, n, err := readCentral(r)
		if err != nil {
			return err
		}
		f.at = at
		at += n
		if err := do(f); err != nil {
			return err
		}
	}
	if at != d.start+d.size {
		return errDirectory
	}
	return nil
}

// entryAt reads the one record at that place.
func (d directory) entryAt(at int64) (found, error) {
	f, _, err := readCentral(bufio.NewReaderSize(io.NewSectionReader(d.r, at, d.start+d.size-at), 512))
	f.at = at
	return f, err
}

func readCentral(r *bufio.Reader) (found, int64, error) {
	fixed := make([]byte, centralSize, centralSize+128)
	if _, err := io.ReadFull(r, fixed); err != nil {
		return found{}, 0, broken(err, errDirectory)
	}
	if binary.LittleEndian.Uint32(fixed) != centralSignature {
		return found{}, 0, errDirectory
	}
	name := int(binary.LittleEndian.Uint16(fixed[28:]))
	extra := int(binary.LittleEndian.Uint16(fixed[30:]))
	comment := int(binary.LittleEndian.Uint16(fixed[32:]))
	raw := append(fixed, make([]byte, name+extra+comment)...)
	if _, err := io.ReadFull(r, raw[centralSize:]); err != nil {
		return found{}, 0, broken(err, errDirectory)
	}
	f, err := parseCentral(raw, name, extra)
	f.exact = err == nil && bytes.Equal(raw, f.appendCentral(nil))
	return f, int64(len(raw)), err
}

// broken keeps an error of the medium apart from an end that comes too soon.
func broken(err, meaning error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return meaning
	}
	return err
}

func parseCentral(raw []byte, name, extra int) (found, error) {
	f := found{
		flags: binary.LittleEndian.Uint16(raw[8:]),
		header: header{
			name:   string(raw[centralSize : centralSize+name]),
			method: binary.LittleEndian.Uint16(raw[10:]),
			crc:    binary.LittleEndian.Uint32(raw[16:]),
			packed: int64(binary.LittleEndian.Uint32(raw[20:])),
			plain:  int64(binary.LittleEndian.Uint32(raw[24:])),
			offset: int64(binary.LittleEndian.Uint32(raw[42:])),
		},
	}
	f.streamed = f.flags&flagDescriptor != 0
	if err := f.extras(raw[centralSize+name:][:extra]); err != nil {
		return f, err
	}
	if f.packed < 0 || f.plain < 0 || f.offset < 0 || f.packed > math.MaxInt64/2 || f.offset > math.MaxInt64/2 {
		return f, errDirectory
	}
	return f, nil
}

func (f *found) extras(b []byte) error {
	for len(b) >= 4 {
		id, n := binary.LittleEndian.Uint16(b), int(binary.LittleEndian.Uint16(b[2:]))
		if len(b) < 4+n {
			return errDirectory
		}
		field := b[4 : 4+n]
		b = b[4+n:]
		switch {
		case id == extra64:
			for _, v := range []*int64{&f.plain, &f.packed, &f.offset} {
				if *v != math.MaxUint32 {
					continue
				}
				if len(field) < 8 {
					return errDirectory
				}
				*v = int64(binary.LittleEndian.Uint64(field))
				field = field[8:]
			}
		case id == extraTime && n >= 5 && field[0]&1 != 0:
			f.modified = int64(int32(binary.LittleEndian.Uint32(field[1:])))
		}
	}
	return nil
}

// folder tells whether the entry is only a folder.
func (f *found) folder() bool { return strings.HasSuffix(f.name, "/") && f.plain == 0 }

// size is how many bytes of the archive our writer needs for the entry.
func (f *found) span() int64 {
	n := int64(len(f.appendLocal(nil))) + f.packed
	if f.streamed {
		n += descriptorSize
	}
	return n
}

// content opens the entry's plain bytes. The reader gives no more than the
// directory promises and ends with an error if the content is not exactly that.
func (d directory) content(f found) (*content, error) {
	if f.flags&1 != 0 || (f.method != methodStore && f.method != methodDeflate) {
		return nil, fmt.Errorf("%w: it is encrypted or packed in a way that archives never are", errDamaged)
	}
	var local [localSize]byte
	if _, err := d.r.ReadAt(local[:], f.offset); err != nil {
		return nil, broken(err, errDamaged)
	}
	if binary.LittleEndian.Uint32(local[:]) != localSignature {
		return nil, fmt.Errorf("%w: it does not begin where the directory says", errDamaged)
	}
	start := f.offset + localSize + int64(binary.LittleEndian.Uint16(local[26:])) + int64(binary.LittleEndian.Uint16(local[28:]))
	if start+f.packed > d.start {
		return nil, fmt.Errorf("%w: it runs into the directory", errDamaged)
	}
	c := &content{packed: io.NewSectionReader(d.r, start, f.packed), want: f}
	c.r = c.packed
	if f.method == methodDeflate {
		c.inflated = bufio.NewReaderSize(c.packed, 32<<10)
		c.r = flate.NewReader(c.inflated)
	}
	return c, nil
}

type content struct {
	packed   *io.SectionReader
	inflated *bufio.Reader
	r        io.Reader
	want     found
	n        int64
	crc      uint32
}

// Read implements io.Reader.
func (c *content) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if c.n > c.want.plain {
		return 0, fmt.Errorf("%w: it is longer than the directory says", errDamaged)
	}
	c.crc = crc32.Update(c.crc, crc32.IEEETable, p[:n])
	switch {
	case errors.Is(err, io.EOF):
		return n, c.finish()
	case err != nil:
		return n, damage(err)
	}
	return n, nil
}

func damage(err error) error {
	var corrupt flate.CorruptInputError
	if errors.As(err, &corrupt) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	return err
}

// finish checks everything that is known about the content.
func (c *content) finish() error {
	left, _ := c.packed.Seek(0, io.SeekCurrent)
	if c.inflated != nil {
		left -= int64(c.inflated.Buffered())
	}
	switch {
	case c.n != c.want.plain:
		return fmt.Errorf("%w: it is shorter than the directory says", errDamaged)
	case c.crc != c.want.crc:
		return fmt.Errorf("%w: its CRC-32 is wrong", errDamaged)
	case left != c.want.packed:
		return fmt.Errorf("%w: something is hidden behind it", errDamaged)
	}
	return io.EOF
}

// Close implements io.Closer.
func (c *content) Close() error { return nil }
